//! `loop` and `with_*`: the rounds of a task.

use super::keywords::{KeywordError, text};
use crate::playbook::{Loop, LoopControl};
use crate::template::{Scope, Templar, Variable, Variables};
use serde_json::{Value, json};

/// One round of a loop.
pub(super) struct Round {
    /// The loop variable's name.
    pub(super) name: String,
    /// Its value.
    pub(super) item: Value,
    /// All variables of the round.
    pub(super) variables: Variables,
}

/// The rounds of a loop.
pub(super) fn rounds(
    templar: &Templar,
    over: &Loop,
    control: &LoopControl,
    scope: &Scope,
) -> Result<Vec<Round>, KeywordError> {
    let value = templar.render(&over.items, scope)?;
    let items = match (&over.lookup, value) {
        (None, Value::Array(items)) => items,
        (None, other) => {
            return Err(KeywordError {
                message: format!(
                    "`loop` needs a list, not {other}; use `dict2items` for a mapping"
                ),
                span: Some(over.items.span.clone()),
            });
        }
        (Some(lookup), value) => {
            let terms = match value {
                Value::Array(items) => items,
                other => vec![other],
            };
            // `with_items` and its kind flatten one level, which the lookup does.
            templar.lookup(lookup, terms, scope)?
        }
    };
    let extended = match &control.extended {
        None => false,
        Some(node) => super::keywords::flag(templar, "extended", node, scope)?.unwrap_or(false),
    };
    let name = control
        .loop_var
        .clone()
        .unwrap_or_else(|| "item".to_owned());
    let all = items.clone();
    Ok(items
        .into_iter()
        .enumerate()
        .map(|(at, item)| {
            let mut variables = Variables::new();
            variables.insert(name.clone(), Variable::from(item.clone()));
            variables.insert("ansible_loop_var".to_owned(), Variable::from(json!(name)));
            if let Some(index) = &control.index_var {
                variables.insert(index.clone(), Variable::from(json!(at)));
                variables.insert("ansible_index_var".to_owned(), Variable::from(json!(index)));
            }
            if extended {
                variables.insert("ansible_loop".to_owned(), Variable::from(details(&all, at)));
            }
            Round {
                name: name.clone(),
                item,
                variables,
            }
        })
        .collect())
}

/// `ansible_loop`.
fn details(all: &[Value], at: usize) -> Value {
    let length = all.len();
    let mut details = json!({
        "allitems": all,
        "index": at + 1,
        "index0": at,
        "revindex": length - at,
        "revindex0": length - at - 1,
        "first": at == 0,
        "last": at + 1 == length,
        "length": length,
    });
    if let Some(previous) = at.checked_sub(1).and_then(|at| all.get(at)) {
        details["previtem"] = previous.clone();
    }
    if let Some(next) = all.get(at + 1) {
        details["nextitem"] = next.clone();
    }
    details
}

/// What is shown of an item.
pub(super) fn label(
    templar: &Templar,
    control: &LoopControl,
    item: &Value,
    scope: &Scope,
) -> String {
    match &control.label {
        None => text(item),
        Some(node) => templar
            .render(node, scope)
            .map_or_else(|_| text(item), |value| text(&value)),
    }
}

/// Whether `break_when` ends the loop here.
pub(super) fn breaks(templar: &Templar, control: &LoopControl, scope: &Scope) -> bool {
    control
        .break_when
        .iter()
        .any(|condition| templar.test(condition, scope).unwrap_or(false))
}
