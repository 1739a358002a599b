//! Names what was undefined, in Ansible's words: `'x' is undefined`, `'dict object' has no attribute 'x'`.
//!
//! minijinja says where an error happened, and sometimes what was written there; the chains of the original text say
//! which part of it was missing.

use super::chains::{Chain, Guarded};
use super::error::TemplateError;
use super::lazy::{Context, Root};
use super::place::Place;
use super::{engine, python};
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use std::ops::Range;
use std::sync::Arc;

/// Which name or attribute was undefined.
pub(super) fn why(
    error: &Error,
    text: &str,
    guarded: &Guarded,
    context: &Arc<Context>,
    place: &Place,
    within: &Range<usize>,
) -> Option<TemplateError> {
    let detail = error.detail().unwrap_or_default();
    let written = detail.split('`').nth(1);
    let touches = |chain: &&Chain| {
        let end = chain.parts.last().map_or(chain.start, |part| part.end);
        chain.start < within.end && end > within.start
    };
    let candidates = guarded.chains.iter().filter(touches);
    let chain = candidates
        .clone()
        .find(|chain| fits(chain, written))
        .or_else(|| guarded.chains.iter().find(|chain| fits(chain, written)));
    if written.is_none() && candidates.count() != 1 {
        return context.hint().or_else(|| diagnose(text, context, place));
    }
    match chain {
        Some(chain) => Some(chain_error(chain, text, context, place)),
        None => diagnose(text, context, place),
    }
}

/// Whether minijinja's words for what was undefined are those of `chain`.
fn fits(chain: &Chain, written: Option<&str>) -> bool {
    let lookups = chain.lookups();
    let (Some(written), Some(last)) = (written, lookups.last()) else {
        return true;
    };
    if !written.starts_with("(...)") && !written.contains(['.', '[']) {
        return lookups[0].name.as_deref() == Some(written) && lookups.len() == 1;
    }
    last.name.as_ref().is_none_or(|name| {
        written.ends_with(&format!(".{name}"))
            || written.ends_with(&format!("['{name}']"))
            || written.ends_with(&format!("[\"{name}\"]"))
            || written.ends_with(&format!("[{name}]"))
    })
}

fn chain_error(chain: &Chain, text: &str, context: &Arc<Context>, place: &Place) -> TemplateError {
    let parts = chain.lookups();
    let last = parts.len().saturating_sub(1);
    let index = (0..last)
        .find(|index| context.missed((chain.start, parts[*index].end)))
        .unwrap_or(last);
    let part = &parts[index];
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
    let owner = &text[chain.start..parts[index - 1].end];
    if owner == "hostvars" {
        return TemplateError {
            message: format!("\"hostvars['{name}']\" is undefined"),
            span,
            undefined: true,
        };
    }
    let owner = owner_type(chain, owner, context);
    TemplateError {
        message: lacks(owner, name),
        span,
        undefined: true,
    }
}

fn lacks(owner: &str, name: &str) -> String {
    if name.parse::<i64>().is_ok() {
        format!("{owner} object has no element {name}")
    } else {
        format!("'{owner} object' has no attribute '{name}'")
    }
}

/// The Python type of what lacks an attribute; a loop's own variables cannot be asked, they are mostly mappings.
fn owner_type(chain: &Chain, owner: &str, context: &Arc<Context>) -> &'static str {
    if !known(chain, context) {
        return "dict";
    }
    evaluate(owner, context)
        .and_then(Result::ok)
        .map_or("dict", |value| python::type_name(&value))
}

/// Whether the chain starts at a variable, and not at a name that the template itself sets.
fn known(chain: &Chain, context: &Context) -> bool {
    chain.parts[0]
        .name
        .as_deref()
        .is_some_and(|name| context.scope.get(name).is_some() || name == "hostvars")
}

/// The value of a part of a text, without the check that it is defined.
fn evaluate(part: &str, context: &Arc<Context>) -> Option<Result<Value, Error>> {
    let compiled = engine::expression(part, true).ok()?;
    let root = Value::from_object(Root(context.clone()));
    Some(compiled.expression.eval(root))
}

/// Asks each name and lookup of an expression whether it is undefined, where minijinja does not say which was.
/// Nothing is called on the way.
pub(super) fn diagnose(text: &str, context: &Arc<Context>, place: &Place) -> Option<TemplateError> {
    let compiled = engine::expression(text, true);
    let chains = match &compiled {
        Ok(compiled) => &compiled.guarded.chains,
        Err((_, guarded)) => &guarded.chains,
    };
    for chain in chains {
        let parts = chain.lookups();
        let Some(first) = parts.first().and_then(|part| part.name.as_deref()) else {
            continue;
        };
        let end = parts[parts.len() - 1].end;
        let whole = &text[chain.start..end];
        let after = text[end..].trim_start();
        if parts.len() == 1 && after.starts_with('=') && !after.starts_with("==") {
            // The name of an argument.
            continue;
        }
        if guarded_names(first) || whole.contains('(') && context.scope.get(first).is_some() {
            continue;
        }
        if parts.len() > 1 && !known(chain, context) {
            continue;
        }
        let undefined = match evaluate(whole, context) {
            Some(Err(error)) => matches!(
                error.kind(),
                ErrorKind::UndefinedError | ErrorKind::UnknownFunction
            ),
            _ => false,
        };
        if undefined {
            return Some(chain_error(chain, text, context, place));
        }
    }
    let attribute = attribute(text)?;
    Some(TemplateError {
        message: lacks("dict", attribute),
        span: Some(place.span(0..text.len())),
        undefined: true,
    })
}

/// Functions and constants that are no variables.
fn guarded_names(name: &str) -> bool {
    [
        "lookup",
        "query",
        "q",
        "now",
        "undef",
        "range",
        "dict",
        "namespace",
        "omit",
    ]
    .contains(&name)
}

/// The attribute that a filter of the text takes from each item.
fn attribute(text: &str) -> Option<&str> {
    for filter in ["selectattr", "rejectattr"] {
        let at = text.find(filter).map(|at| at + filter.len());
        if let Some(named) = at.and_then(|at| Guarded::literal_argument(text, at, 0)) {
            return Some(&text[named]);
        }
    }
    let rest = text.split_once("attribute")?.1.trim_start();
    let rest = rest.strip_prefix('=')?.trim_start();
    let rest = rest.strip_prefix(['\'', '"'])?;
    rest.split(['\'', '"']).next()
}

/// Whether an error says only that something was undefined.
pub(super) fn nameless(error: &Error) -> bool {
    error.kind() == ErrorKind::UndefinedError
        && error.detail().is_none_or(|detail| !detail.contains('`'))
        && TemplateError::uncarried(error).is_none()
}

/// Whether the text has an `if` without `else`.
pub(super) fn lacks_else(text: &str) -> bool {
    let count = |wanted: &str| {
        text.split_whitespace()
            .filter(|word| *word == wanted)
            .count()
    };
    count("if") > count("else")
}

/// A missing method in Python's words; minijinja says `map has no method named x`.
pub(super) fn method(detail: &str) -> String {
    let Some((kind, name)) = detail.split_once(" has no method named ") else {
        return detail.to_owned();
    };
    let owner = match kind {
        kind if kind == ValueKind::String.to_string() => "str",
        kind if kind == ValueKind::Map.to_string() => "dict",
        kind if kind == ValueKind::Seq.to_string() => "list",
        kind if kind == ValueKind::Bool.to_string() => "bool",
        kind if kind == ValueKind::Number.to_string() => "int",
        other => other,
    };
    lacks(owner, name)
}
