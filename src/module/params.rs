//! Rendered parameters: Ansible's coercions, then a typed struct.

use super::ModuleError;
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::yaml;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A module's parameters, coerced to what its `Spec` says, under their canonical names; absent ones are absent.
#[derive(Debug, Clone, Default)]
pub struct Params(pub Map<String, Value>);

impl Params {
    /// The parameters as a struct.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ModuleError> {
        serde_json::from_value(Value::Object(self.0.clone()))
            .map_err(|error| ModuleError::failed(format!("bad parameters: {error}")))
    }
}

/// Checks rendered parameters against `spec` and coerces them as Ansible's `AnsibleModule` does.
///
/// All that is wrong is said in one error.
pub fn coerce(spec: &Spec, given: &Map<String, Value>) -> Result<Params, ModuleError> {
    if spec.free_form == FreeForm::AnyKeys {
        return Ok(Params(given.clone()));
    }
    let mut wrong = Vec::new();
    let mut params = Map::new();
    for (name, value) in given {
        let Some(parameter) = spec.parameter(name) else {
            wrong.push(format!("unsupported parameter `{name}`"));
            continue;
        };
        if value.is_null() {
            continue;
        }
        match convert(parameter.kind, value) {
            Some(value) => {
                check_choice(parameter, &value, &mut wrong);
                params.insert(parameter.name.to_owned(), value);
            }
            None => wrong.push(format!(
                "`{name}` must be {}, not {value}",
                parameter.kind.in_words()
            )),
        }
    }
    for parameter in spec.parameters {
        if parameter.required && !params.contains_key(parameter.name) {
            wrong.push(format!("missing required parameter `{}`", parameter.name));
        }
    }
    if wrong.is_empty() {
        Ok(Params(params))
    } else {
        Err(ModuleError::failed(format!(
            "{}: {}",
            spec.name,
            wrong.join("; ")
        )))
    }
}

fn check_choice(parameter: &Parameter, value: &Value, wrong: &mut Vec<String>) {
    let Some(text) = value.as_str() else { return };
    if !parameter.choices.is_empty() && !parameter.choices.contains(&text) {
        wrong.push(format!(
            "`{}` must be one of {}, not `{text}`",
            parameter.name,
            parameter.choices.join(", ")
        ));
    }
}

/// `value` as `kind`, by the rules of ansible-core's `common/parameters.py` and `common/validation.py`.
fn convert(kind: Kind, value: &Value) -> Option<Value> {
    match (kind, value) {
        (Kind::Raw, _)
        | (Kind::Bool, Value::Bool(_))
        | (Kind::List, Value::Array(_))
        | (Kind::Map, Value::Object(_))
        | (Kind::String | Kind::Path, Value::String(_))
        | (Kind::Float, Value::Number(_)) => Some(value.clone()),
        (Kind::String | Kind::Path, Value::Bool(on)) => {
            Some(Value::from(if *on { "True" } else { "False" }))
        }
        (Kind::String | Kind::Path, Value::Number(number)) => Some(Value::from(number.to_string())),
        (Kind::String, Value::Array(_) | Value::Object(_)) => Some(Value::from(value.to_string())),
        (Kind::Bool, Value::String(text)) => yaml::truth(text).map(Value::Bool),
        (Kind::Bool, Value::Number(number)) => match number.as_f64() {
            Some(0.0) => Some(Value::Bool(false)),
            Some(1.0) => Some(Value::Bool(true)),
            _ => None,
        },
        (Kind::Int, Value::Number(number)) => match number.as_i64() {
            Some(whole) => Some(Value::from(whole)),
            None => number
                .as_f64()
                .filter(|float| float.fract() == 0.0)
                .and_then(|float| format!("{float:.0}").parse::<i64>().ok())
                .map(Value::from),
        },
        (Kind::Int, Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        (Kind::Float, Value::String(text)) => text.trim().parse::<f64>().ok().map(Value::from),
        (Kind::List, Value::String(text)) => {
            Some(text.split(',').map(|part| part.trim().to_owned()).collect())
        }
        (Kind::List, Value::Number(_) | Value::Bool(_)) => {
            Some(Value::Array(vec![convert(Kind::String, value)?]))
        }
        (Kind::Map, Value::String(text)) => map_of(text),
        _ => None,
    }
}

/// A mapping from JSON text or from `key=value` words.
fn map_of(text: &str) -> Option<Value> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).ok().filter(Value::is_object);
    }
    shlex::split(&text.replace(',', " "))?
        .iter()
        .map(|word| word.split_once('='))
        .map(|pair| pair.map(|(key, value)| (key.to_owned(), Value::from(value))))
        .collect::<Option<Map<_, _>>>()
        .map(Value::Object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PARAMETERS: &[Parameter] = &[
        Parameter {
            name: "mode",
            aliases: &[],
            kind: Kind::Raw,
            required: false,
            choices: &[],
            summary: "",
        },
        Parameter {
            name: "path",
            aliases: &["dest"],
            kind: Kind::Path,
            required: true,
            choices: &[],
            summary: "",
        },
        Parameter {
            name: "recurse",
            aliases: &[],
            kind: Kind::Bool,
            required: false,
            choices: &[],
            summary: "",
        },
        Parameter {
            name: "state",
            aliases: &[],
            kind: Kind::String,
            required: false,
            choices: &["file", "absent"],
            summary: "",
        },
    ];
    static SPEC: Spec = Spec {
        name: "demo",
        summary: "",
        parameters: PARAMETERS,
        free_form: FreeForm::No,
    };

    fn given(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn aliases_and_kinds_are_coerced() {
        let params = coerce(&SPEC, &given(&json!({"dest": "/x", "recurse": "yes"}))).unwrap();
        assert_eq!(
            Value::Object(params.0),
            json!({"path": "/x", "recurse": true})
        );
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let error = coerce(
            &SPEC,
            &given(&json!({"state": "gone", "recurse": "maybe", "x": 1})),
        )
        .unwrap_err()
        .to_string();
        assert_eq!(
            error,
            "demo: `state` must be one of file, absent, not `gone`; \
             `recurse` must be a boolean, not \"maybe\"; \
             unsupported parameter `x`; missing required parameter `path`"
        );
    }
}
