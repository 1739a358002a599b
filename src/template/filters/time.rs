//! Dates.

use crate::template::arguments::{Arguments, fail};
use crate::template::python;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::value::{Object, ObjectRepr, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use std::fmt;
use std::sync::Arc;

/// A point of time in Python's format.
fn strftime(at: &Zoned, format: &str) -> Result<String, Error> {
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

/// `now(utc=False, fmt=None)`: a point of time, or its text.
pub(in crate::template) fn now(args: &Arguments) -> Result<Value, Error> {
    args.check_names(&["utc", "fmt"])?;
    let zone = if args.flag(0, "utc", false)? {
        TimeZone::UTC
    } else {
        TimeZone::system()
    };
    let now = Zoned::now().with_time_zone(zone);
    match args.get(1, "fmt").filter(|format| format.is_true()) {
        Some(format) => strftime(&now, &python::text(format)?).map(Value::from),
        None => Ok(Value::from_object(Moment(now))),
    }
}

/// What `now()` gives: Python's `datetime` without a zone.
#[derive(Debug)]
struct Moment(Zoned);

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(Value::from(match key.as_str()? {
            "year" => i64::from(self.0.year()),
            "month" => i64::from(self.0.month()),
            "day" => i64::from(self.0.day()),
            "hour" => i64::from(self.0.hour()),
            "minute" => i64::from(self.0.minute()),
            "second" => i64::from(self.0.second()),
            "microsecond" => i64::from(self.0.subsec_nanosecond()) / 1000,
            _ => return None,
        }))
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "strftime" => {
                let (format,): (&str,) = from_args(args)?;
                strftime(&self.0, format).map(Value::from)
            }
            "isoformat" => {
                let () = from_args(args)?;
                strftime(&self.0, "%Y-%m-%dT%H:%M:%S.%6f").map(Value::from)
            }
            "timestamp" => {
                let () = from_args(args)?;
                Ok(Value::from(self.0.timestamp().as_duration().as_secs_f64()))
            }
            _ => Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("'datetime.datetime object' has no attribute '{method}'"),
            )),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&strftime(&self.0, "%Y-%m-%d %H:%M:%S.%6f").map_err(|_| fmt::Error)?)
    }
}
