//! Tests on the registered results of tasks.

use crate::template::arguments::{Arguments, fail, items};
use crate::template::python;
use minijinja::Error;
use minijinja::value::{Value, ValueKind};

type Result = std::result::Result<bool, Error>;

fn field(value: &Value, name: &str, test: &str) -> std::result::Result<Value, Error> {
    if value.kind() != ValueKind::Map {
        return Err(fail(format!(
            "the `{test}` test needs a task's result, not {}",
            python::type_name(value)
        )));
    }
    value.get_attr(name)
}

fn holds(value: &Value, name: &str, test: &str) -> Result {
    Ok(field(value, name, test)?.is_true())
}

pub(super) fn failed(value: &Value, _: &Arguments) -> Result {
    holds(value, "failed", "failed")
}

pub(super) fn succeeded(value: &Value, args: &Arguments) -> Result {
    Ok(!failed(value, args)?)
}

pub(super) fn skipped(value: &Value, _: &Arguments) -> Result {
    holds(value, "skipped", "skipped")
}

pub(super) fn unreachable(value: &Value, _: &Arguments) -> Result {
    holds(value, "unreachable", "unreachable")
}

pub(super) fn reachable(value: &Value, args: &Arguments) -> Result {
    Ok(!unreachable(value, args)?)
}

pub(super) fn started(value: &Value, _: &Arguments) -> Result {
    holds(value, "started", "started")
}

/// A result that does not say is finished.
pub(super) fn finished(value: &Value, _: &Arguments) -> Result {
    let finished = field(value, "finished", "finished")?;
    Ok(finished.is_undefined() || finished.is_true())
}

pub(super) fn timed_out(value: &Value, _: &Arguments) -> Result {
    let timed_out = field(value, "timedout", "timedout")?;
    Ok(!timed_out.is_undefined() && timed_out.is_true())
}

/// Of a loop, when one of its items changed something.
pub(super) fn changed(value: &Value, _: &Arguments) -> Result {
    let own = field(value, "changed", "changed")?;
    if !own.is_undefined() {
        return Ok(own.is_true());
    }
    let results = value.get_attr("results")?;
    if results.kind() != ValueKind::Seq {
        return Ok(false);
    }
    for item in items(&results)? {
        if item.kind() == ValueKind::Map && item.get_attr("changed")?.is_true() {
            return Ok(true);
        }
    }
    Ok(false)
}
