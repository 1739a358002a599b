//! Evaluates scalars and whole nodes.

use super::FileOptions;
use super::chains::Guarded;
use super::engine;
use super::error::TemplateError;
use super::lazy::{Context, Root};
use super::native::{Form, form};
use super::place::Place;
use super::undefined;
use super::value::{from_json, to_json};
use crate::yaml::{Node, NodeKind, Text};
use minijinja::{Error, ErrorKind, Value};
use serde_json::Value as Json;
use std::sync::Arc;

/// The value of a scalar node; containers go through [`node`].
pub(super) fn scalar(node: &Node, context: &Arc<Context>) -> Result<Value, TemplateError> {
    match &node.kind {
        NodeKind::String(text) if text.literal => Ok(Value::from(text.text.as_str())),
        NodeKind::String(text) => string(node, text, context),
        // What comes out is never a template, as in Ansible.
        NodeKind::Vault(envelope) => opened(node, envelope, context).map(Value::from),
        _ => Ok(from_json(&node.to_value())),
    }
}

/// The text of a vaulted value.
fn opened(node: &Node, envelope: &str, context: &Context) -> Result<String, TemplateError> {
    context
        .vault
        .value(envelope)
        .map_err(|error| TemplateError {
            span: Some(node.span.clone()),
            ..TemplateError::new(error.to_string())
        })
}

fn string(node: &Node, text: &Text, context: &Arc<Context>) -> Result<Value, TemplateError> {
    let place = Place::new(node, text);
    match form(&text.text) {
        Form::Plain => Ok(Value::from(text.text.as_str())),
        Form::Expression { inner, rest } => {
            let place = place.inside(inner.start);
            let value = expression(&text.text[inner], context, &place, true)?;
            match value.as_str() {
                Some(value) if rest < text.text.len() => {
                    Ok(Value::from(format!("{value}{}", &text.text[rest..])))
                }
                _ => Ok(value),
            }
        }
        Form::Template => {
            let text = template(&text.text, &FileOptions::default(), context, &place, true)?;
            // Ansible 2.18 takes these two texts, and only as a template's whole output, for booleans.
            Ok(match text.as_str() {
                "True" => Value::from(true),
                "False" => Value::from(false),
                _ => Value::from(text),
            })
        }
    }
}

/// The plain value of a node; `None` when it is `omit`.
pub(super) fn node(node: &Node, context: &Arc<Context>) -> Result<Option<Json>, TemplateError> {
    match &node.kind {
        NodeKind::Sequence(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                list.extend(self::node(item, context)?);
            }
            Ok(Some(Json::Array(list)))
        }
        NodeKind::Mapping(mapping) => {
            let mut map = serde_json::Map::with_capacity(mapping.len());
            for (key, value) in mapping {
                if let Some(value) = self::node(value, context)? {
                    map.insert(key.key_text(), value);
                }
            }
            Ok(Some(Json::Object(map)))
        }
        NodeKind::String(text) if !text.literal && form(&text.text) != Form::Plain => {
            let value = string(node, text, context)?;
            finish(&value, context).map_err(|mut error| {
                if error.undefined
                    && error.span.is_none()
                    && let Form::Expression { inner, .. } = form(&text.text)
                {
                    let place = Place::new(node, text).inside(inner.start);
                    let inner = &text.text[inner];
                    if let Some(found) = undefined::diagnose(inner, context, &place) {
                        return found;
                    }
                }
                error.span.get_or_insert_with(|| node.span.clone());
                error
            })
        }
        NodeKind::Vault(envelope) => {
            opened(node, envelope, context).map(|text| Some(Json::from(text)))
        }
        _ => Ok(Some(node.to_value())),
    }
}

/// A value for the rest of the program.
pub(super) fn finish(value: &Value, context: &Context) -> Result<Option<Json>, TemplateError> {
    to_json(value).map_err(|error| {
        TemplateError::uncarried(&error).unwrap_or_else(|| {
            let undefined = error.kind() == ErrorKind::UndefinedError;
            match context.hint() {
                Some(hint) if undefined => hint,
                _ => TemplateError {
                    undefined,
                    ..TemplateError::new(plain_message(&error))
                },
            }
        })
    })
}

/// Evaluates a bare expression; see [`Guarded::expression`] for `literal`.
pub(super) fn expression(
    text: &str,
    context: &Arc<Context>,
    place: &Place,
    literal: bool,
) -> Result<Value, TemplateError> {
    let compiled = engine::expression(text, literal)
        .map_err(|(error, guarded)| explain(&error, text, &guarded, context, place))?;
    let root = Value::from_object(Root(context.clone()));
    let result = engine::searching(&context.scope.search, || compiled.expression.eval(root));
    match result {
        // `a if b` without `else` is an empty text in Ansible when `b` does not hold.
        Err(error) if undefined::nameless(&error) && undefined::lacks_else(text) => {
            undefined::diagnose(text, context, place).map_or(Ok(Value::from("")), Err)
        }
        result => result.map_err(|error| explain(&error, text, &compiled.guarded, context, place)),
    }
}

/// Renders a template to text; see [`Guarded::template`] for `literal`.
pub(super) fn template(
    text: &str,
    options: &FileOptions,
    context: &Arc<Context>,
    place: &Place,
    literal: bool,
) -> Result<String, TemplateError> {
    let guarded = engine::guarded(text, literal);
    let root = Value::from_object(Root(context.clone()));
    let mut result = engine::searching(&context.scope.search, || {
        engine::template(&guarded, options)?.render(root)
    })
    .map_err(|error| explain(&error, text, &guarded, context, place))?;
    // Ansible gives back the newlines at the end that Jinja took away.
    let newlines = |text: &str| text.len() - text.trim_end_matches('\n').len();
    let missing = newlines(text).saturating_sub(newlines(&result));
    result.push_str(&"\n".repeat(missing));
    Ok(result)
}

/// minijinja's error in the user's terms, with its place.
pub(super) fn explain(
    error: &Error,
    text: &str,
    guarded: &Guarded,
    context: &Arc<Context>,
    place: &Place,
) -> TemplateError {
    if let Some(carried) = TemplateError::uncarried(error) {
        return carried;
    }
    if let Some(inner) = included_error(error) {
        return match inner.name().and_then(engine::included_file) {
            Some(file) => {
                let (path, text) = (&file.0, &file.1);
                let place = Place::synthetic(&path.to_string_lossy(), text);
                explain(inner, text, &engine::guarded(text, false), context, &place)
            }
            None => explain(inner, text, guarded, context, place),
        };
    }
    let own = error
        .name()
        .is_none_or(|name| name == "<expression>" || name == guarded.text);
    let range = error.range().filter(|_| own).map(|range| {
        guarded.original(range.start).min(text.len())..guarded.original(range.end).min(text.len())
    });
    let undefined = error.kind() == ErrorKind::UndefinedError
        || error
            .detail()
            .is_some_and(|detail| detail.contains("` is undefined"));
    if undefined {
        let within = range.clone().unwrap_or(0..text.len());
        if let Some(found) = undefined::why(error, text, guarded, context, place, &within) {
            return found;
        }
    }
    if error.kind() == ErrorKind::UnknownFunction
        && let Some(found) = undefined::diagnose(text, context, place)
    {
        return found;
    }
    TemplateError {
        message: plain_message(error),
        span: Some(match range {
            Some(range) => place.span(range),
            None => place.whole(),
        }),
        undefined: undefined || error.kind() == ErrorKind::UnknownMethod,
    }
}

/// The error inside an included file.
fn included_error(error: &Error) -> Option<&Error> {
    if error.kind() != ErrorKind::BadInclude {
        return None;
    }
    std::error::Error::source(error)?.downcast_ref()
}

/// minijinja's words without the guards and the names that only this room uses.
fn plain_message(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::SyntaxError, Some(detail)) => format!("template syntax error: {detail}"),
        (ErrorKind::OutOfFuel, _) => "the template does not come to an end".to_owned(),
        (ErrorKind::TemplateNotFound, Some(detail)) => {
            let name = detail.split(['"', '\'']).nth(1).unwrap_or_default();
            let name = name.trim_start_matches("\\0");
            format!("the template `{name}` was not found")
        }
        (ErrorKind::InvalidOperation | ErrorKind::UndefinedError, Some(detail)) => {
            detail.to_owned()
        }
        (ErrorKind::UnknownMethod, Some(detail)) => undefined::method(detail),
        (ErrorKind::UndefinedError, None) => "the value is undefined".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}
