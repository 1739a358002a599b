//! The line that a task's result is worth on a host. Must not know how it is shown.

use super::host::Step;
use super::output;
use crate::event::{Status, TaskResult};
use crate::report::failure;
use crate::report::text::one_line;
use serde_json::Value;
use std::time::Duration;

/// A step that changed nothing is told only when it took at least so long.
const SLOW: Duration = Duration::from_secs(1);
/// A note is cut after so many letters.
const NOTE: usize = 300;

/// The line that a result is worth, if it is worth one.
pub(super) fn step(
    at: i64,
    task: usize,
    result: &TaskResult,
    undo: Option<String>,
) -> Option<Step> {
    let (note, outputs) = match result.status {
        Status::Skipped => return None,
        Status::Ok if result.took < SLOW => return None,
        Status::Ok | Status::Aborted => (String::new(), Vec::new()),
        Status::Changed => (change(result, undo), Vec::new()),
        Status::Failed | Status::Ignored | Status::Unreachable | Status::Unknown => {
            (failure::message(result), output::of(result))
        }
    };
    Some(Step {
        task,
        status: result.status,
        until: at,
        took: result.took,
        note: shortened(&note),
        outputs,
    })
}

/// What a step changed, in a few words: by the undo log, else by what the result names.
fn change(result: &TaskResult, undo: Option<String>) -> String {
    if let Some(undo) = undo {
        // It begins with the task's name, which is told already.
        return undo.rsplit(": ").next().unwrap_or(&undo).to_owned();
    }
    let entries = &result.result;
    let text = |key: &str| {
        let text = entries.get(key).and_then(Value::as_str).map(one_line);
        text.filter(|text| !text.is_empty())
    };
    let many = |key: &str| entries.get(key).and_then(Value::as_array).map(Vec::len);
    if let Some(pods) = many("pods") {
        let deleted = many("deleted").unwrap_or(0);
        return match deleted {
            0 => format!("{pods} pods evicted"),
            _ => format!("{pods} pods evicted, {deleted} deleted"),
        };
    }
    if let Some(items) = many("results") {
        return format!("{items} items");
    }
    if let (Some(name), Some(state)) = (text("name"), text("state")) {
        return format!("{name} {state}");
    }
    let delegated = result.delegated_to.as_ref();
    let what = text("dest")
        .or_else(|| text("path"))
        .or_else(|| text("msg"));
    match (what, delegated) {
        (Some(what), Some(other)) => format!("{what} (on {other})"),
        (None, Some(other)) => format!("on {other}"),
        (what, None) => what.unwrap_or_default(),
    }
}

fn shortened(note: &str) -> String {
    let note = one_line(note);
    match note.char_indices().nth(NOTE) {
        None => note,
        Some((at, _)) => format!("{}…", &note[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::result;
    use serde_json::json;

    #[test]
    fn a_change_is_told_in_a_few_words() {
        let undo = Some("binary : Put k3s in place: replace /usr/local/bin/k3s".to_owned());
        let cases = [
            (json!({"dest": "/a"}), undo, "replace /usr/local/bin/k3s"),
            (
                json!({"pods": ["a", "b"], "deleted": []}),
                None,
                "2 pods evicted",
            ),
            (
                json!({"name": "k3s", "state": "started"}),
                None,
                "k3s started",
            ),
            (
                json!({"results": [1, 2, 3], "msg": "All items completed"}),
                None,
                "3 items",
            ),
            (json!({"dest": "/etc/x"}), None, "/etc/x"),
            (json!({"rc": 0}), None, ""),
        ];
        for (value, undo, expected) in cases {
            assert_eq!(change(&result(Status::Changed, value), undo), expected);
        }
        assert_eq!(shortened(&"ö".repeat(NOTE + 1)).chars().count(), NOTE + 1);
    }
}
