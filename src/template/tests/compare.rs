//! Comparisons as tests: `is eq(1)`, `selectattr('n', '>', 2)`, `is in list`. Undefined values are errors in them.

use crate::template::arguments::{Arguments, defined, fail};
use crate::template::python;
use minijinja::Error;
use minijinja::value::{Value, ValueKind};
use std::cmp::Ordering;

type Result = std::result::Result<bool, Error>;

fn other(args: &Arguments) -> std::result::Result<&Value, Error> {
    let other = args
        .positional
        .first()
        .ok_or_else(|| fail("the test needs a value to compare with"))?;
    defined(other)?;
    Ok(other)
}

pub(super) fn eq(value: &Value, args: &Arguments) -> Result {
    Ok(value == other(args)?)
}

pub(super) fn ne(value: &Value, args: &Arguments) -> Result {
    Ok(value != other(args)?)
}

/// Python orders numbers among themselves, texts among themselves, and lists; all else is an error.
fn order(value: &Value, args: &Arguments) -> std::result::Result<Ordering, Error> {
    let other = other(args)?;
    let class = |value: &Value| match value.kind() {
        ValueKind::Bool | ValueKind::Number => Some(0),
        ValueKind::String => Some(1),
        ValueKind::Seq => Some(2),
        _ => None,
    };
    let comparable = class(value).is_some() && class(value) == class(other);
    value
        .partial_cmp(other)
        .filter(|_| comparable)
        .ok_or_else(|| {
            fail(format!(
                "{} and {} cannot be ordered",
                python::type_name(value),
                python::type_name(other)
            ))
        })
}

pub(super) fn lt(value: &Value, args: &Arguments) -> Result {
    Ok(order(value, args)?.is_lt())
}

pub(super) fn le(value: &Value, args: &Arguments) -> Result {
    Ok(order(value, args)?.is_le())
}

pub(super) fn gt(value: &Value, args: &Arguments) -> Result {
    Ok(order(value, args)?.is_gt())
}

pub(super) fn ge(value: &Value, args: &Arguments) -> Result {
    Ok(order(value, args)?.is_ge())
}

/// `value is in container`: an item, a key, or a part of a text.
pub(super) fn within(value: &Value, args: &Arguments) -> Result {
    let container = other(args)?;
    if let (Some(text), Some(part)) = (container.as_str(), value.as_str()) {
        return Ok(text.contains(part));
    }
    for item in container.try_iter()?.checked() {
        if item? == *value {
            return Ok(true);
        }
    }
    Ok(false)
}
