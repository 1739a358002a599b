//! Mistakes in templates that show without any variable.

use super::chains::Guarded;
use super::engine;
use super::lazy::Context;
use super::native::{Form, form, has_template};
use super::place::Place;
use super::{FileOptions, Scope, filters, render, tests};
use crate::source::{Diagnostic, did_you_mean};
use crate::yaml::{Node, NodeKind};
use std::ops::Range;
use std::sync::Arc;

/// How strings are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As text with templates.
    Template,
    /// As bare expressions.
    Condition,
}

/// Adds the mistakes of all strings of `node`.
pub(super) fn node(node: &Node, reading: Reading, found: &mut Vec<Diagnostic>) {
    match &node.kind {
        NodeKind::Sequence(items) => {
            for item in items {
                self::node(item, reading, found);
            }
        }
        NodeKind::Mapping(mapping) => {
            for (_, value) in mapping {
                self::node(value, reading, found);
            }
        }
        NodeKind::String(text) if !text.literal => {
            let place = Place::new(node, text);
            if reading == Reading::Condition && !has_template(&text.text) {
                if !text.text.trim().is_empty() {
                    expression(&text.text, &place, false, found);
                }
                return;
            }
            match form(&text.text) {
                Form::Plain => {}
                Form::Expression { inner, .. } => {
                    let place = place.inside(inner.start);
                    expression(&text.text[inner], &place, true, found);
                }
                Form::Template => {
                    let options = FileOptions::default();
                    template(&text.text, &place, &options, true, found);
                }
            }
        }
        _ => {}
    }
}

/// Adds the mistakes of a template file.
pub(super) fn file(name: &str, text: &str, found: &mut Vec<Diagnostic>) {
    let text = super::file::newlines(text);
    let place = Place::synthetic(name, &text);
    match super::file::options_of(&text, &FileOptions::default(), &place) {
        Ok((options, start)) => {
            template(&text[start..], &place.inside(start), &options, false, found);
        }
        Err(error) => found.push(error.diagnostic()),
    }
}

fn expression(text: &str, place: &Place, literal: bool, found: &mut Vec<Diagnostic>) {
    match engine::expression(text, literal) {
        Ok(_) => names(text, 0..text.len(), place, found),
        Err((error, guarded)) => syntax(&error, text, &guarded, place, found),
    }
}

fn template(
    text: &str,
    place: &Place,
    options: &FileOptions,
    literal: bool,
    found: &mut Vec<Diagnostic>,
) {
    let guarded: Arc<Guarded> = engine::guarded(text, literal);
    match engine::template(&guarded, options) {
        Ok(_) => {
            for range in Guarded::regions(text) {
                names(text, range, place, found);
            }
        }
        Err(error) => syntax(&error, text, &guarded, place, found),
    }
}

fn syntax(
    error: &minijinja::Error,
    text: &str,
    guarded: &Guarded,
    place: &Place,
    found: &mut Vec<Diagnostic>,
) {
    let context = Context::new(&Scope::default(), &Arc::default());
    let error = render::explain(error, text, guarded, &context, place);
    let diagnostic = Diagnostic::error("template-syntax", error.message);
    found.push(match &error.span {
        Some(span) => diagnostic.at(span, "here"),
        None => diagnostic,
    });
}

/// Filters after `|` and tests after `is` that do not exist, and those named in a string as in `map('upper')`.
fn names(text: &str, range: Range<usize>, place: &Place, found: &mut Vec<Diagnostic>) {
    let mut callables = Guarded::callables(text, range);
    for index in 0..callables.len() {
        let (kind, at) = callables[index].clone();
        let name = &text[at.clone()];
        let (inner, argument) = match name.strip_prefix("ansible.builtin.").unwrap_or(name) {
            "map" => ('|', 0),
            "select" | "reject" => ('i', 0),
            "selectattr" | "rejectattr" => ('i', 1),
            _ => continue,
        };
        if kind == '|'
            && let Some(named) = Guarded::literal_argument(text, at.end, argument)
        {
            callables.push((inner, named));
        }
    }
    for (kind, at) in callables {
        let name = &text[at.clone()];
        let (word, code, known) = match kind {
            '|' => ("filter", "unknown-filter", filters::names()),
            _ => ("test", "unknown-test", tests::names()),
        };
        if name.is_empty() || known.contains(name) {
            continue;
        }
        let mut diagnostic =
            Diagnostic::error(code, format!("unknown {word} `{name}`")).at(&place.span(at), "");
        if let Some(near) = did_you_mean(name, known.iter().map(String::as_str)) {
            diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
        }
        found.push(diagnostic);
    }
}
