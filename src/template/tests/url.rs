//! Tests on addresses of the web.

use crate::template::arguments::{Arguments, items};
use crate::template::python;
use minijinja::Error;
use minijinja::value::Value;

type Result = std::result::Result<bool, Error>;

/// The scheme and what follows its colon.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut letters = scheme.chars();
    let starts = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let goes_on = letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (starts && goes_on).then_some((scheme, rest))
}

fn allowed(scheme: &str, args: &Arguments) -> Result {
    match args.get(0, "schemes").filter(|given| !given.is_none()) {
        Some(given) => Ok(items(given)?
            .iter()
            .any(|each| each.as_str() == Some(scheme))),
        None => Ok(true),
    }
}

/// Has a scheme, and a path or a host.
pub(super) fn uri(value: &Value, args: &Arguments) -> Result {
    match scheme(&python::text(value)?) {
        Some((scheme, rest)) => {
            Ok(!rest.trim_start_matches("//").is_empty() && allowed(scheme, args)?)
        }
        None => Ok(false),
    }
}

/// Has a scheme and a host.
pub(super) fn url(value: &Value, args: &Arguments) -> Result {
    match scheme(&python::text(value)?) {
        Some((scheme, rest)) => {
            let host = rest
                .strip_prefix("//")
                .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
            Ok(host && allowed(scheme, args)?)
        }
        None => Ok(false),
    }
}
