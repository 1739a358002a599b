//! Evaluates scalars and whole nodes.

use super::FileOptions;
use super::chains::{Chain, Guarded};
use super::engine;
use super::error::TemplateError;
use super::lazy::{Context, Root};
use super::native::{Form, form};
use super::place::Place;
use super::python;
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
        NodeKind::Vault(_) => Err(vaulted(node)),
        _ => Ok(from_json(&node.to_value())),
    }
}

fn vaulted(node: &Node) -> TemplateError {
    TemplateError {
        span: Some(node.span.clone()),
        ..TemplateError::new("vaulted values cannot be read yet")
    }
}

fn string(node: &Node, text: &Text, context: &Arc<Context>) -> Result<Value, TemplateError> {
    let place = Place::new(node, text);
    match form(&text.text) {
        Form::Plain => Ok(Value::from(text.text.as_str())),
        Form::Expression { inner, rest } => {
            let place = place.inside(inner.start);
            let value = expression(&text.text[inner], context, &place)?;
            match value.as_str() {
                Some(value) if rest < text.text.len() => {
                    Ok(Value::from(format!("{value}{}", &text.text[rest..])))
                }
                _ => Ok(value),
            }
        }
        Form::Template => {
            let text = template(&text.text, &FileOptions::default(), context, &place)?;
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
                error.span.get_or_insert_with(|| node.span.clone());
                error
            })
        }
        NodeKind::Vault(_) => Err(vaulted(node)),
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

/// Evaluates a bare expression.
pub(super) fn expression(
    text: &str,
    context: &Arc<Context>,
    place: &Place,
) -> Result<Value, TemplateError> {
    let compiled = engine::expression(text)
        .map_err(|(error, guarded)| explain(&error, text, &guarded, context, place))?;
    let root = Value::from_object(Root(context.clone()));
    engine::searching(&context.scope.search, || compiled.expression.eval(root))
        .map_err(|error| explain(&error, text, &compiled.guarded, context, place))
}

/// Renders a template to text.
pub(super) fn template(
    text: &str,
    options: &FileOptions,
    context: &Arc<Context>,
    place: &Place,
) -> Result<String, TemplateError> {
    let guarded = engine::guarded(text);
    let root = Value::from_object(Root(context.clone()));
    engine::searching(&context.scope.search, || {
        engine::template(&guarded, options)?.render(root)
    })
    .map_err(|error| explain(&error, text, &guarded, context, place))
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
                explain(inner, text, &engine::guarded(text), context, &place)
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
        if let Some(found) = why_undefined(error, text, guarded, context, place, &within) {
            return found;
        }
    }
    TemplateError {
        message: plain_message(error),
        span: Some(match range {
            Some(range) => place.span(range),
            None => place.whole(),
        }),
        undefined,
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
        (ErrorKind::UndefinedError, None) => "the value is undefined".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

/// Which name or attribute was undefined, in Ansible's words.
fn why_undefined(
    error: &Error,
    text: &str,
    guarded: &Guarded,
    context: &Arc<Context>,
    place: &Place,
    within: &std::ops::Range<usize>,
) -> Option<TemplateError> {
    let detail = error.detail().unwrap_or_default();
    let written = detail.split('`').nth(1);
    let touches = |chain: &&Chain| {
        let end = chain.parts.last().map_or(chain.start, |part| part.end);
        chain.start < within.end && end > within.start
    };
    let fits = |chain: &&Chain| match (written, chain.parts.last()) {
        (Some(written), Some(_))
            if !written.starts_with("(...)") && !written.contains(['.', '[']) =>
        {
            chain.parts[0].name.as_deref() == Some(written) && chain.parts.len() == 1
        }
        (Some(written), Some(last)) => last.name.as_ref().is_none_or(|name| {
            written.ends_with(&format!(".{name}"))
                || written.ends_with(&format!("['{name}']"))
                || written.ends_with(&format!("[\"{name}\"]"))
                || written.ends_with(&format!("[{name}]"))
        }),
        _ => true,
    };
    let candidates = guarded.chains.iter().filter(touches);
    let chain = candidates
        .clone()
        .find(fits)
        .or_else(|| guarded.chains.iter().find(fits))?;
    if written.is_none() && candidates.count() != 1 {
        return context.hint();
    }
    Some(chain_error(chain, text, context, place))
}

fn chain_error(chain: &Chain, text: &str, context: &Arc<Context>, place: &Place) -> TemplateError {
    let last = chain.parts.len() - 1;
    let index = (0..last)
        .find(|index| context.missed((chain.start, chain.parts[*index].end)))
        .unwrap_or(last);
    let part = &chain.parts[index];
    let span = Some(place.span(chain.start..part.end));
    let name = part.name.as_deref().unwrap_or(&text[chain.start..part.end]);
    if index == 0 {
        if let Some(Err(inner)) = context.variable(name) {
            return inner;
        }
        return TemplateError {
            message: format!("'{name}' is undefined"),
            span,
            undefined: true,
        };
    }
    let owner = &text[chain.start..chain.parts[index - 1].end];
    let owner = owner_type(chain, owner, context);
    TemplateError {
        message: format!("'{owner} object' has no attribute '{name}'"),
        span,
        undefined: true,
    }
}

/// The Python type of what lacks an attribute; a loop's own variables cannot be asked, they are mostly mappings.
fn owner_type(chain: &Chain, owner: &str, context: &Arc<Context>) -> &'static str {
    let known = chain.parts[0]
        .name
        .as_deref()
        .is_some_and(|name| context.scope.get(name).is_some() || name == "hostvars");
    if !known {
        return "dict";
    }
    engine::expression(owner)
        .ok()
        .and_then(|compiled| {
            let root = Value::from_object(Root(context.clone()));
            compiled.expression.eval(root).ok()
        })
        .map_or("dict", |value| python::type_name(&value))
}
