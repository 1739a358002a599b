//! Tests on plain values.
#![expect(clippy::unnecessary_wraps, reason = "all tests share one signature")]

use crate::template::arguments::{Arguments, fail, items};
use crate::template::filters::{compile, failed};
use crate::template::python;
use minijinja::Error;
use minijinja::value::{Value, ValueKind};

type Result<T = bool> = std::result::Result<T, Error>;

pub(super) fn none(value: &Value, _: &Arguments) -> Result {
    Ok(value.is_none())
}

/// Text, lists and mappings are sequences in Jinja.
pub(super) fn sequence(value: &Value, _: &Arguments) -> Result {
    Ok(matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Map | ValueKind::String
    ))
}

pub(super) fn nan(value: &Value, _: &Arguments) -> Result {
    Ok(f64::try_from(value.clone()).is_ok_and(f64::is_nan))
}

pub(super) fn all(value: &Value, _: &Arguments) -> Result {
    Ok(items(value)?.iter().all(Value::is_true))
}

pub(super) fn any(value: &Value, _: &Arguments) -> Result {
    Ok(items(value)?.iter().any(Value::is_true))
}

pub(super) fn contains(value: &Value, args: &Arguments) -> Result {
    let wanted = args.require(0, "value")?;
    match value.as_str() {
        Some(text) => Ok(text.contains(&python::text(wanted)?)),
        None => Ok(items(value)?.contains(wanted)),
    }
}

pub(super) fn subset(value: &Value, args: &Arguments) -> Result {
    let other = items(args.require(0, "b")?)?;
    Ok(items(value)?.iter().all(|item| other.contains(item)))
}

pub(super) fn superset(value: &Value, args: &Arguments) -> Result {
    let list = items(value)?;
    Ok(items(args.require(0, "b")?)?
        .iter()
        .all(|item| list.contains(item)))
}

/// `truthy(convert_bool=False)`: with conversion `'no'` and `'false'` count as false.
pub(super) fn truthy(value: &Value, args: &Arguments) -> Result {
    if args.flag(0, "convert_bool", false)? {
        let text = python::text(value)?.to_lowercase();
        match text.as_str() {
            "y" | "yes" | "on" | "1" | "true" | "t" => return Ok(true),
            "n" | "no" | "off" | "0" | "false" | "f" => return Ok(false),
            _ => {}
        }
    }
    Ok(value.is_true())
}

pub(super) fn falsy(value: &Value, args: &Arguments) -> Result {
    Ok(!truthy(value, args)?)
}

pub(super) fn vault_encrypted(value: &Value, _: &Arguments) -> Result {
    Ok(value
        .as_str()
        .is_some_and(|text| text.starts_with("$ANSIBLE_VAULT;")))
}

fn find(value: &Value, args: &Arguments, prefix: bool) -> Result {
    let text = python::text(value)?;
    let pattern = args.text(0, "pattern", "")?;
    let flag = |place, name| args.flag(place, name, false);
    let pattern = if prefix {
        format!(r"\A(?:{pattern})")
    } else {
        pattern
    };
    compile(&pattern, flag(1, "ignorecase")?, flag(2, "multiline")?)?
        .is_match(text.as_str())
        .map_err(|error| failed(&error))
}

/// At the start of the text.
pub(super) fn matches(value: &Value, args: &Arguments) -> Result {
    find(value, args, true)
}

/// Anywhere in the text.
pub(super) fn search(value: &Value, args: &Arguments) -> Result {
    find(value, args, false)
}

/// `regex(pattern, ignorecase, multiline, match_type='search')`.
pub(super) fn regex(value: &Value, args: &Arguments) -> Result {
    match args.text(3, "match_type", "search")?.as_str() {
        "search" => find(value, args, false),
        "match" => find(value, args, true),
        "fullmatch" => {
            let text = python::text(value)?;
            let pattern = format!(r"\A(?:{})\z", args.text(0, "pattern", "")?);
            let flag = |place, name| args.flag(place, name, false);
            compile(&pattern, flag(1, "ignorecase")?, flag(2, "multiline")?)?
                .is_match(text.as_str())
                .map_err(|error| failed(&error))
        }
        other => Err(fail(format!("the match type `{other}` is not known"))),
    }
}
