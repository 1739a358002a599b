//! Dates.

use crate::template::arguments::{Arguments, fail};
use crate::template::python;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};

/// A point of time in Python's format.
pub(in crate::template) fn strftime(at: &Zoned, format: &str) -> Result<String, Error> {
    jiff::fmt::strtime::format(format, at)
        .map_err(|error| fail(format!("bad time format: {error}")))
}

/// `format | strftime(seconds, utc=False)`; without seconds it is now.
pub(super) fn filter(
    _: &mut State<'_, '_>,
    value: &Value,
    args: &Arguments,
) -> Result<Value, Error> {
    let format = python::text(value)?;
    let zone = if args.flag(1, "utc", false)? {
        TimeZone::UTC
    } else {
        TimeZone::system()
    };
    let at = match args.get(0, "second").filter(|given| !given.is_none()) {
        None => Timestamp::now(),
        Some(given) => {
            let seconds = match given.kind() {
                ValueKind::Number => f64::try_from(given.clone())?,
                _ => python::text(given)?
                    .trim()
                    .parse()
                    .map_err(|_| fail("the seconds of strftime must be a number"))?,
            };
            let duration = jiff::SignedDuration::try_from_secs_f64(seconds)
                .map_err(|error| fail(error.to_string()))?;
            Timestamp::from_duration(duration).map_err(|error| fail(error.to_string()))?
        }
    };
    strftime(&at.to_zoned(zone), &format).map(Value::from)
}
