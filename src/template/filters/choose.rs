//! `map`, `select` and their kin: filters that take a filter, a test or an attribute by name for each item.
//!
//! An item's undefined attribute stays undefined, as in Jinja, so that `selectattr('x', 'defined')` works on it; a
//! test that needs a value refuses it.

use crate::template::arguments::{Arguments, defined, fail, items};
use crate::template::chains;
use crate::template::python;
use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State};

type Result<T = Value> = std::result::Result<T, Error>;

/// An attribute of an item by its path: `a.b.0`, or a whole number.
pub(super) fn attribute(item: &Value, path: &Value) -> Result {
    let Some(path) = path.as_str() else {
        return item.get_item(path);
    };
    let mut found = item.clone();
    for name in path.split('.') {
        if found.is_undefined() {
            break;
        }
        found = match name.parse::<i64>() {
            Ok(index) if found.kind() != ValueKind::Map => found.get_item(&Value::from(index))?,
            _ => found.get_item(&Value::from(name))?,
        };
    }
    Ok(found)
}

/// Values for a call: the positional ones, then the named ones.
fn call(first: &Value, positional: &[Value], named: &[(String, Value)]) -> Vec<Value> {
    let mut values = vec![first.clone()];
    values.extend(positional.iter().cloned());
    if !named.is_empty() {
        let named = named
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        values.push(Kwargs::from_iter(named).into());
    }
    values
}

fn name<'v>(args: &'v Arguments, place: usize, what: &str) -> Result<Option<&'v str>> {
    match args.positional.get(place) {
        None => Ok(None),
        Some(given) => given
            .as_str()
            .map(Some)
            .ok_or_else(|| fail(format!("a {what} is named by a text"))),
    }
}

/// `list | map('filter', arguments..)` or `list | map(attribute='a.b', default=x)`.
pub(super) fn map(state: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let list = items(value)?;
    let mut result = Vec::with_capacity(list.len());
    if args.positional.is_empty() {
        args.check_names(&["attribute", "default"])?;
        let path = args.require(0, "attribute")?;
        for item in &list {
            let found = attribute(item, path)?;
            result.push(match args.named("default") {
                Some(default) if found.is_undefined() => default.clone(),
                _ => found,
            });
        }
        return Ok(Value::from(result));
    }
    let filter = name(args, 0, "filter")?.unwrap_or_default();
    if !super::names().contains(filter) {
        return Err(Error::new(
            ErrorKind::UnknownFilter,
            format!("filter {filter} is unknown"),
        ));
    }
    for item in &list {
        let values = call(item, &args.positional[1..], args.all_named());
        result.push(state.apply_filter(filter, &values)?);
    }
    Ok(Value::from(result))
}

/// The items for which the test at `place` of the arguments holds, or does not.
fn filtered(
    state: &mut State<'_, '_>,
    value: &Value,
    args: &Arguments,
    path: Option<&Value>,
    wanted: bool,
) -> Result {
    let place = usize::from(path.is_some());
    let test = name(args, place, "test")?;
    if let Some(test) = test.filter(|test| !crate::template::tests::names().contains(*test)) {
        return Err(Error::new(
            ErrorKind::UnknownTest,
            format!("test {test} is unknown"),
        ));
    }
    let mut result = Vec::new();
    for item in items(value)? {
        let asked = match path {
            Some(path) => attribute(&item, path)?,
            None => item.clone(),
        };
        let holds = match test {
            Some(test) => {
                let values = call(&asked, &args.positional[place + 1..], args.all_named());
                state.perform_test(test, &values)?
            }
            None => {
                defined(&asked)?;
                asked.is_true()
            }
        };
        if holds == wanted {
            result.push(item);
        }
    }
    Ok(Value::from(result))
}

pub(super) fn select(state: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    filtered(state, value, args, None, true)
}

pub(super) fn reject(state: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    filtered(state, value, args, None, false)
}

pub(super) fn selectattr(state: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    filtered(
        state,
        value,
        args,
        Some(args.require(0, "attribute")?),
        true,
    )
}

pub(super) fn rejectattr(state: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    filtered(
        state,
        value,
        args,
        Some(args.require(0, "attribute")?),
        false,
    )
}

/// What `%s` prints: Python's text, where minijinja's would differ.
fn printed(value: &Value) -> Result {
    match value.kind() {
        ValueKind::Number | ValueKind::String => Ok(value.clone()),
        _ => python::text(value).map(Value::from),
    }
}

/// `'a %s' | format(x)`.
pub(super) fn format(state: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let mut values = Vec::new();
    for each in &args.positional {
        values.push(printed(each)?);
    }
    let mut named = Vec::new();
    for (name, each) in args.all_named() {
        named.push((name.clone(), printed(each)?));
    }
    formatted(state, value, values, &named)
}

/// `'a %s' % x`: a tuple has a value for each place, a dict is looked into by name.
pub(super) fn percent(state: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let given = args.require(0, chains::PERCENT)?;
    if given.is_tuple() {
        let values = items(given)?.iter().map(printed).collect::<Result<_>>()?;
        return formatted(state, value, values, &[]);
    }
    if given.kind() == ValueKind::Map && value.as_str().is_some_and(|text| text.contains("%(")) {
        let mut named = Vec::new();
        for key in items(given)? {
            named.push((python::text(&key)?, printed(&given.get_item(&key)?)?));
        }
        return formatted(state, value, Vec::new(), &named);
    }
    formatted(state, value, vec![printed(given)?], &[])
}

fn formatted(
    state: &mut State<'_, '_>,
    value: &Value,
    mut values: Vec<Value>,
    named: &[(String, Value)],
) -> Result {
    // minijinja has no `%r`; the values it stands for are written as Python does before.
    let mut text = python::text(value)?;
    let mut place = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('%') {
        let start = at + found;
        let length = text[start + 1..]
            .find(|c: char| c.is_ascii_alphabetic() || c == '%')
            .unwrap_or(0);
        let end = start + 1 + length;
        match text.as_bytes().get(end) {
            Some(b'r') if place < values.len() => {
                let mut repr = String::new();
                python::repr(&values[place], &mut repr)?;
                values[place] = Value::from(repr);
                text.replace_range(end..=end, "s");
                place += 1;
            }
            Some(b'%') | None => {}
            Some(_) => place += 1,
        }
        at = (end + 1).min(text.len());
    }
    if !named.is_empty() {
        let named = named
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        values.push(Kwargs::from_iter(named).into());
    }
    let values: Vec<_> = values.into_iter().map(ValueOrKwargs::from).collect();
    minijinja::filters::format(state, &Value::from(text), Rest(values))
}
