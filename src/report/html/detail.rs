//! One host as data for the page's script: its bars, the steps that are worth a line, and its way back.

use super::bar::Bar;
use super::data::Shared;
use super::host::{Host, Rollback, Span};
use super::run::Run;
use crate::event::Status;
use serde_json::{Map, Value, json};

/// So many steps without a failure are listed in the whole page.
pub(super) const STEPS: usize = 80_000;
/// A host with more bars than this loses those that are too short to see.
const BARS: usize = 60;
/// What is too short to see, as a part of the run's length.
const UNSEEN: i64 = 5_000;

/// A host; keys that say nothing are left out.
pub(super) fn host(run: &Run, host: &Host, shared: &mut Shared) -> Value {
    let mut out = Map::new();
    out.insert("name".to_owned(), json!(host.name));
    out.insert("is".to_owned(), json!(host.standing() as usize));
    if let Some((play, batch)) = run.list_place(host) {
        out.insert("at".to_owned(), json!([play, batch]));
    }
    let counts = &host.counts;
    out.insert(
        "counts".to_owned(),
        json!([
            counts.ok,
            counts.changed,
            counts.skipped,
            counts.failed,
            counts.rescued,
            counts.ignored
        ]),
    );
    let mut put = |key: &str, values: Vec<Value>| {
        if !values.is_empty() {
            out.insert(key.to_owned(), Value::Array(values));
        }
    };
    put("bars", bars(run, &host.spans));
    let (steps, left_out) = steps(host, shared);
    put("steps", steps);
    let notes = host.notes.iter().map(|(at, note)| json!([at, note]));
    put("notes", notes.collect());
    if left_out > 0 {
        out.insert("more".to_owned(), json!(left_out));
    }
    if let Some(rollback) = &host.rollback {
        out.insert("back".to_owned(), back(rollback, shared));
    }
    Value::Object(out)
}

/// Kind, start and length of each bar, in a row.
fn bars(run: &Run, spans: &[Span]) -> Vec<Value> {
    let unseen = if spans.len() > BARS {
        run.length() / UNSEEN
    } else {
        -1
    };
    spans
        .iter()
        .filter(|span| span.until - span.from > unseen || span.bar == Bar::Rollback)
        .flat_map(|span| {
            [
                json!(span.bar as usize),
                json!(span.from),
                json!(span.until - span.from),
            ]
        })
        .collect()
}

/// Task, status, end, length, note and outputs of each step, in a row; and how many steps did not fit.
fn steps(host: &Host, shared: &mut Shared) -> (Vec<Value>, usize) {
    let mut values = Vec::new();
    let mut left_out = 0;
    for step in &host.steps {
        if matches!(step.status, Status::Ok | Status::Changed) {
            let Some(rest) = shared.steps.checked_sub(1) else {
                left_out += 1;
                continue;
            };
            shared.steps = rest;
        }
        values.extend([
            json!(step.task),
            json!(step.status as usize),
            json!(step.until),
            json!(u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX)),
            json!(shared.text(&step.note)),
            json!(shared.outputs(&step.outputs)),
        ]);
    }
    (values, left_out)
}

fn back(rollback: &Rollback, shared: &mut Shared) -> Value {
    let mut texts =
        |lines: &[String]| -> Vec<i64> { lines.iter().map(|line| shared.text(line)).collect() };
    let undone = texts(&rollback.undone);
    let remaining = texts(&rollback.remaining);
    let instead = texts(&rollback.instead);
    let message = rollback.message.as_deref().map_or(-1, |it| shared.text(it));
    json!([
        rollback.from,
        rollback.until,
        undone,
        remaining,
        instead,
        message
    ])
}
