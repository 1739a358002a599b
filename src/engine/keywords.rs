//! Keywords of a task after rendering.

use super::lineage::Lineage;
use crate::playbook::{Keywords, parse_duration};
use crate::source::Span;
use crate::template::{Scope, Templar};
use crate::yaml::{self, Node};
use serde_json::Value;
use std::time::Duration;

/// A keyword that does not render, or is of the wrong type.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(super) struct KeywordError {
    pub(super) message: String,
    pub(super) span: Option<Span>,
}

impl From<crate::template::TemplateError> for KeywordError {
    fn from(error: crate::template::TemplateError) -> Self {
        Self {
            message: error.message,
            span: error.span,
        }
    }
}

/// A value as text, as `str()` gives it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Ansible's booleans, or `None` when it is none.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::Number(number) => match number.as_i64() {
            Some(1) => Some(true),
            Some(0) => Some(false),
            _ => None,
        },
        Value::String(text) => yaml::truth(text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Renders keywords of one task on one host.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) templar: &'a Templar,
    pub(super) lineage: &'a Lineage,
    pub(super) scope: &'a Scope,
}

impl Words<'_> {
    /// A boolean keyword of the innermost level that has it.
    pub(super) fn flag(
        &self,
        name: &str,
        pick: fn(&Keywords) -> Option<&Node>,
    ) -> Result<Option<bool>, KeywordError> {
        let Some(node) = self.lineage.innermost(pick) else {
            return Ok(None);
        };
        flag(self.templar, name, node, self.scope)
    }

    /// A keyword that is text, of the innermost level that has it; nothing when it is `omit` or empty.
    pub(super) fn text(
        &self,
        pick: fn(&Keywords) -> Option<&Node>,
    ) -> Result<Option<String>, KeywordError> {
        let Some(node) = self.lineage.innermost(pick) else {
            return Ok(None);
        };
        let value = self.templar.render_or_omit(node, self.scope)?;
        Ok(value.as_ref().map(text).filter(|text| !text.is_empty()))
    }

    /// `timeout`; 0 is none.
    pub(super) fn timeout(&self) -> Result<Option<Duration>, KeywordError> {
        let Some(node) = self.lineage.innermost(|keywords| keywords.timeout.as_ref()) else {
            return Ok(None);
        };
        let seconds = number(self.templar, "timeout", node, self.scope)?;
        Ok((seconds > 0.0).then(|| Duration::from_secs_f64(seconds)))
    }

    /// `environment` of all levels, inner ones over outer ones.
    pub(super) fn environment(&self) -> Result<Vec<(String, String)>, KeywordError> {
        let mut merged = indexmap::IndexMap::new();
        for node in self
            .lineage
            .keywords()
            .filter_map(|keywords| keywords.environment.as_ref())
        {
            let value = self.templar.render(node, self.scope)?;
            let layers = match value {
                Value::Array(items) => items,
                Value::Null => Vec::new(),
                other => vec![other],
            };
            for layer in layers {
                let Value::Object(entries) = layer else {
                    return Err(wrong("environment", "a mapping", &layer, node));
                };
                for (name, value) in entries {
                    if !is_variable_name(&name) {
                        return Err(wrong(
                            "environment",
                            "names of variables",
                            &Value::from(name),
                            node,
                        ));
                    }
                    merged.insert(name, text(&value));
                }
            }
        }
        Ok(merged.into_iter().collect())
    }

    /// The first condition of any level that does not hold, as it is written.
    pub(super) fn unmet_condition(&self) -> Result<Option<String>, KeywordError> {
        for condition in self.lineage.keywords().flat_map(|keywords| &keywords.when) {
            if !self.templar.test(condition, self.scope)? {
                return Ok(Some(condition.span.text().to_owned()));
            }
        }
        Ok(None)
    }
}

fn is_variable_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|each| each.is_ascii_alphanumeric() || each == '_')
}

/// A boolean keyword.
pub(super) fn flag(
    templar: &Templar,
    name: &str,
    node: &Node,
    scope: &Scope,
) -> Result<Option<bool>, KeywordError> {
    let Some(value) = templar.render_or_omit(node, scope)? else {
        return Ok(None);
    };
    if value.is_null() {
        return Ok(None);
    }
    match truth(&value) {
        Some(on) => Ok(Some(on)),
        None => Err(wrong(name, "a boolean", &value, node)),
    }
}

/// A keyword that is a number.
pub(super) fn number(
    templar: &Templar,
    name: &str,
    node: &Node,
    scope: &Scope,
) -> Result<f64, KeywordError> {
    let value = templar.render(node, scope)?;
    let number = match &value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().trim_end_matches('%').parse().ok(),
        Value::Null => Some(0.0),
        _ => None,
    };
    number.ok_or_else(|| wrong(name, "a number", &value, node))
}

/// A keyword that is a count.
pub(super) fn count(
    templar: &Templar,
    name: &str,
    node: &Node,
    scope: &Scope,
) -> Result<u32, KeywordError> {
    let number = number(templar, name, node, scope)?;
    format!("{number:.0}")
        .parse()
        .map_err(|_| wrong(name, "a count", &Value::from(number), node))
}

/// A keyword that is a length of time; seconds, or with a unit.
pub(super) fn duration(
    templar: &Templar,
    name: &str,
    node: &Node,
    scope: &Scope,
) -> Result<Duration, KeywordError> {
    let value = templar.render(node, scope)?;
    match &value {
        Value::Null => Some(Duration::ZERO),
        Value::Number(_) => parse_duration(&value.to_string()),
        Value::String(text) if text.trim().is_empty() => Some(Duration::ZERO),
        Value::String(text) => parse_duration(text),
        _ => None,
    }
    .ok_or_else(|| {
        let expected = "seconds, or a time such as 30s, 5m or 1h";
        wrong(name, expected, &value, node)
    })
}

fn wrong(name: &str, expected: &str, value: &Value, node: &Node) -> KeywordError {
    KeywordError {
        message: format!("`{name}` must be {expected}, not {value}"),
        span: Some(node.span.clone()),
    }
}
