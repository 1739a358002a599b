//! Conditions as Ansible 2.18 reads them: `when`, `until`, `failed_when`, `changed_when`, `that`.

use super::error::TemplateError;
use super::lazy::Context;
use super::native::has_template;
use super::place::Place;
use super::render;
use crate::yaml::{Node, NodeKind, Text};
use minijinja::value::ValueKind;
use std::sync::Arc;

/// Whether a condition holds. Nothing and an empty text hold, as in Ansible.
pub(super) fn holds(condition: &Node, context: &Arc<Context>) -> Result<bool, TemplateError> {
    match &condition.kind {
        NodeKind::Null => Ok(true),
        NodeKind::Bool(value) => Ok(*value),
        NodeKind::Int(value) => Ok(*value != 0),
        NodeKind::Float(value) => Ok(*value != 0.0),
        NodeKind::Sequence(items) => {
            for item in items {
                if !holds(item, context)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        NodeKind::String(text) if text.text.trim().is_empty() => Ok(true),
        NodeKind::String(text) => expression(condition, text, context),
        NodeKind::Vault(_) | NodeKind::Mapping(_) => Err(TemplateError {
            span: Some(condition.span.clone()),
            ..TemplateError::new(format!(
                "a condition is an expression, not {}",
                condition.kind_name()
            ))
        }),
    }
}

fn expression(node: &Node, text: &Text, context: &Arc<Context>) -> Result<bool, TemplateError> {
    let place = Place::new(node, text);
    if !has_template(&text.text) {
        return Ok(render::expression(&text.text, context, &place, false)?.is_true());
    }
    let value = render::scalar(node, context)?;
    match value.kind() {
        ValueKind::String => {
            let rendered = value.as_str().unwrap_or_default();
            if rendered.trim().is_empty() {
                return Ok(false);
            }
            // The rendered text is an expression of its own; it may hold data of a host, so lookups are off.
            let place = Place::synthetic("<condition>", rendered);
            render::expression(rendered, &context.without_lookups(), &place, false)
                .map(|value| value.is_true())
                .map_err(|mut error| {
                    error.span = Some(node.span.clone());
                    error
                })
        }
        _ => Ok(value.is_true()),
    }
}
