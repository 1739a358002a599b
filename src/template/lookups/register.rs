//! The table of lookups.

use super::{files, items, sequence, variables};
use crate::source::did_you_mean;
use crate::template::arguments::fail;
use crate::template::lazy::Context;
use minijinja::Error;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a lookup is asked.
pub(in crate::template) struct Request {
    /// What to look up.
    pub(in crate::template) terms: Vec<Value>,
    /// Its named options.
    pub(in crate::template) options: Map<String, Value>,
    /// What it stands on.
    pub(in crate::template) context: Arc<Context>,
}

impl Request {
    /// The terms as text.
    pub(super) fn texts(&self) -> Result<Vec<String>, Error> {
        self.terms
            .iter()
            .map(|term| match term {
                Value::String(text) => Ok(text.clone()),
                Value::Number(number) => Ok(number.to_string()),
                _ => Err(fail("the lookup needs text")),
            })
            .collect()
    }

    /// Refuses options that are not in `names`.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Error> {
        match self
            .options
            .keys()
            .find(|name| !names.contains(&name.as_str()))
        {
            Some(name) => Err(fail(format!("unknown lookup option `{name}`"))),
            None => Ok(()),
        }
    }

    /// The truth of an option.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        match self.options.get(name) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => {
                matches!(text.to_lowercase().as_str(), "yes" | "true" | "on" | "1")
            }
            _ => default,
        }
    }
}

type Lookup = fn(&Request) -> Result<Vec<Value>, Error>;

const LOOKUPS: &[(&str, Lookup)] = &[
    ("dict", items::dict),
    ("env", variables::env),
    ("file", files::file),
    ("fileglob", files::fileglob),
    ("first_found", files::first_found),
    ("flattened", items::flattened),
    ("indexed_items", items::indexed_items),
    ("inventory_hostnames", variables::inventory_hostnames),
    ("items", items::items),
    ("lines", files::lines),
    ("list", items::list),
    ("nested", items::nested),
    ("pipe", files::pipe),
    ("random_choice", items::random_choice),
    ("sequence", sequence::sequence),
    ("subelements", items::subelements),
    ("template", files::template),
    ("together", items::together),
    ("varnames", variables::varnames),
    ("vars", variables::vars),
];

/// Runs the lookup called `name`.
pub(in crate::template) fn run(name: &str, request: &Request) -> Result<Vec<Value>, Error> {
    let short = name
        .strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name);
    if let Some((_, lookup)) = LOOKUPS.iter().find(|(each, _)| *each == short) {
        return lookup(request);
    }
    let near = did_you_mean(short, LOOKUPS.iter().map(|(each, _)| *each));
    let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Err(fail(format!("unknown lookup `{name}`{near}")))
}
