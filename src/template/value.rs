//! Values between JSON, as the rest of the program holds them, and minijinja.

use super::lazy::Omit;
use super::python;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use minijinja::{Error, ErrorKind};
use serde_json::{Map, Number, Value as Json};
use std::sync::Arc;

/// Containers with at most this many entries are converted at once; larger ones lazily.
const EAGER: usize = 8;

/// A literal value for templates.
pub(super) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => from_number(number),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<_>>()),
        Json::Object(entries) => Value::from_pairs(
            entries
                .iter()
                .map(|(key, value)| (Value::from(key.as_str()), from_json(value))),
        ),
    }
}

fn from_number(number: &Number) -> Value {
    if let Some(value) = number.as_i64() {
        Value::from(value)
    } else if let Some(value) = number.as_u64() {
        Value::from(value)
    } else {
        Value::from(number.as_f64().unwrap_or(f64::NAN))
    }
}

/// Shared literal data; a large container is only looked into where a template does.
pub(super) fn from_shared(json: &Arc<Json>) -> Value {
    shared(json, Vec::new(), json)
}

fn shared(root: &Arc<Json>, path: Vec<Step>, json: &Json) -> Value {
    let large = match json {
        Json::Object(entries) => {
            entries.len() > EAGER
                || entries
                    .values()
                    .any(|each| each.is_object() || each.is_array())
        }
        Json::Array(items) => {
            items.len() > EAGER || items.iter().any(|each| each.is_object() || each.is_array())
        }
        _ => false,
    };
    if large {
        Value::from_object(Shared {
            root: root.clone(),
            path,
        })
    } else {
        from_json(json)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

/// A container somewhere in shared data.
#[derive(Debug)]
struct Shared {
    root: Arc<Json>,
    path: Vec<Step>,
}

impl Shared {
    fn json(&self) -> &Json {
        static NULL: Json = Json::Null;
        self.path
            .iter()
            .try_fold(&*self.root, |json, step| match step {
                Step::Key(key) => json.get(key),
                Step::Index(index) => json.get(index),
            })
            .unwrap_or(&NULL)
    }

    fn child(&self, step: Step, json: &Json) -> Value {
        let mut path = self.path.clone();
        path.push(step);
        shared(&self.root, path, json)
    }
}

impl Object for Shared {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.json().is_array() {
            ObjectRepr::Seq
        } else {
            ObjectRepr::Map
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match self.json() {
            Json::Object(entries) => {
                let key = key.as_str()?;
                let json = entries.get(key)?;
                Some(self.child(Step::Key(key.to_owned()), json))
            }
            Json::Array(items) => {
                let index = key.as_usize()?;
                Some(self.child(Step::Index(index), items.get(index)?))
            }
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.json() {
            Json::Object(entries) => Enumerator::Values(
                entries
                    .keys()
                    .map(|key| Value::from(key.as_str()))
                    .collect(),
            ),
            Json::Array(items) => Enumerator::Seq(items.len()),
            _ => Enumerator::NonEnumerable,
        }
    }
}

/// The plain value of `value`; `None` when it is `omit`. Entries that are `omit` are left out.
pub(super) fn to_json(value: &Value) -> Result<Option<Json>, Error> {
    Ok(Some(match value.kind() {
        ValueKind::Undefined => {
            return Err(value
                .get_attr("")
                .err()
                .unwrap_or_else(|| Error::from(ErrorKind::UndefinedError)));
        }
        ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => number(value),
        ValueKind::String => Json::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Bytes => Json::String(value.to_string()),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::with_capacity(value.len().unwrap_or(0));
            for item in value.try_iter()?.checked() {
                items.extend(to_json(&item?)?);
            }
            Json::Array(items)
        }
        ValueKind::Map => {
            let mut entries = Map::new();
            for key in value.try_iter()?.checked() {
                let key = key?;
                if let Some(json) = to_json(&entry(value, &key)?)? {
                    entries.insert(python::text(&key)?, json);
                }
            }
            Json::Object(entries)
        }
        ValueKind::Invalid => return Err(invalid(value)),
        _ if value.downcast_object_ref::<Omit>().is_some() => return Ok(None),
        _ => Json::String(value.to_string()),
    }))
}

/// The value under `key`, an error where it cannot be had.
pub(super) fn entry(value: &Value, key: &Value) -> Result<Value, Error> {
    let found = value.get_item(key)?;
    if found.kind() == ValueKind::Invalid {
        return Err(invalid(&found));
    }
    Ok(found)
}

/// The error inside a value that stands for one.
pub(super) fn invalid(value: &Value) -> Error {
    let list = Value::from(vec![value.clone()]);
    let error = list
        .try_iter()
        .ok()
        .and_then(|items| items.checked().find_map(Result::err));
    error.unwrap_or_else(|| Error::new(ErrorKind::InvalidOperation, value.to_string()))
}

fn number(value: &Value) -> Json {
    if value.is_integer() {
        if let Some(number) = value.as_i64() {
            return Json::from(number);
        }
        if let Ok(number) = u64::try_from(value.clone()) {
            return Json::from(number);
        }
    }
    f64::try_from(value.clone()).map_or(Json::Null, Json::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_goes_there_and_back() {
        let json = json!({
            "a": [1, 2.5, "x", null, true],
            "m": {"n": {"o": [1, {"p": -3}]}},
            "big": u64::MAX,
        });
        assert_eq!(to_json(&from_json(&json)).unwrap(), Some(json.clone()));
        assert_eq!(
            to_json(&from_shared(&Arc::new(json.clone()))).unwrap(),
            Some(json)
        );
    }
}
