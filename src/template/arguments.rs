//! The arguments of filters, tests and functions: positional ones, then named ones, as Python binds them.

use super::lazy::{Context, HANDLE, Handle};
use super::python;
use super::value::to_json;
use minijinja::value::{Kwargs, Rest, Value, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State};
use serde_json::Value as Json;
use std::sync::Arc;

/// What minijinja hands to a function that takes anything.
pub(super) type Raw = Rest<ValueOrKwargs>;

/// Arguments by place and by name.
#[derive(Debug)]
pub(super) struct Arguments {
    /// The positional ones, in order.
    pub(super) positional: Vec<Value>,
    named: Vec<(String, Value)>,
}

/// An error of a filter, test or function.
pub(super) fn fail(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

impl Arguments {
    /// Splits what minijinja hands over.
    pub(super) fn new(raw: Raw) -> Result<Self, Error> {
        let mut positional = raw.into_values();
        let mut named = Vec::new();
        if let Some(last) = positional.pop_if(|last| last.is_kwargs()) {
            let given = Kwargs::try_from(last)?;
            let keys: Vec<String> = given.args().map(str::to_owned).collect();
            for name in keys {
                let value = given.get::<Value>(&name)?;
                named.push((name, value));
            }
        }
        Ok(Self { positional, named })
    }

    /// Refuses names that are not in `names`.
    pub(super) fn check_names(&self, names: &[&str]) -> Result<(), Error> {
        match self
            .named
            .iter()
            .find(|(name, _)| !names.contains(&name.as_str()))
        {
            Some((name, _)) => Err(Error::new(
                ErrorKind::TooManyArguments,
                format!("unknown argument `{name}`"),
            )),
            None => Ok(()),
        }
    }

    /// The argument at `place` or called `name`.
    pub(super) fn get(&self, place: usize, name: &str) -> Option<&Value> {
        self.positional.get(place).or_else(|| self.named(name))
    }

    /// All named arguments, in order.
    pub(super) fn all_named(&self) -> &[(String, Value)] {
        &self.named
    }

    /// The argument called `name`.
    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.named
            .iter()
            .find(|(each, _)| each == name)
            .map(|(_, value)| value)
    }

    /// The argument, which must be there.
    pub(super) fn require(&self, place: usize, name: &str) -> Result<&Value, Error> {
        let value = self.get(place, name).ok_or_else(|| {
            Error::new(ErrorKind::MissingArgument, format!("`{name}` is required"))
        })?;
        defined(value)?;
        Ok(value)
    }

    /// The argument as text, as Python prints it.
    pub(super) fn text(&self, place: usize, name: &str, default: &str) -> Result<String, Error> {
        self.get(place, name)
            .map_or_else(|| Ok(default.to_owned()), python::text)
    }

    /// The argument's truth.
    pub(super) fn flag(&self, place: usize, name: &str, default: bool) -> Result<bool, Error> {
        match self.get(place, name) {
            None => Ok(default),
            Some(value) => {
                defined(value)?;
                Ok(value.is_true())
            }
        }
    }

    /// The argument as a whole number.
    pub(super) fn int(&self, place: usize, name: &str, default: i64) -> Result<i64, Error> {
        match self.get(place, name) {
            None => Ok(default),
            Some(value) => value
                .as_i64()
                .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
                .ok_or_else(|| fail(format!("`{name}` must be a whole number"))),
        }
    }

    /// The named arguments as plain values.
    pub(super) fn options(&self) -> Result<serde_json::Map<String, Json>, Error> {
        let mut options = serde_json::Map::new();
        for (name, value) in &self.named {
            if let Some(json) = to_json(value)? {
                options.insert(name.clone(), json);
            }
        }
        Ok(options)
    }
}

/// Refuses an undefined value with the error that names it.
pub(super) fn defined(value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        // minijinja keeps to itself how it makes this error, which remembers where the value came from.
        return Err(value
            .get_attr("")
            .err()
            .unwrap_or_else(|| Error::from(ErrorKind::UndefinedError)));
    }
    Ok(())
}

/// What the evaluation stands on.
pub(super) fn context(state: &State<'_, '_>) -> Result<Arc<Context>, Error> {
    state
        .lookup(HANDLE)
        .and_then(|value| value.downcast_object::<Handle>())
        .map(|handle| handle.0.clone())
        .ok_or_else(|| fail("this needs variables, which an import without context does not have"))
}

/// The items of a list, checked.
pub(super) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    defined(value)?;
    value.try_iter()?.checked().collect()
}
