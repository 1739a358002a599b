//! What a failed task said, in full as far as a page can hold it. Must not know where it is shown.

use crate::event::TaskResult;
use crate::report::text::clean;
use serde_json::{Map, Value};

/// So many of the last lines of a text are kept.
const LINES: usize = 200;
/// So many of the last bytes of a text are kept.
const BYTES: usize = 16 * 1024;
/// So many failed items of a loop are kept.
const ITEMS: usize = 20;
/// Told elsewhere, the same again in another shape, or what went in.
const TOLD: [&str; 18] = [
    "changed",
    "failed",
    "skipped",
    "unreachable",
    "msg",
    "rc",
    "stdout",
    "stderr",
    "stdout_lines",
    "stderr_lines",
    "invocation",
    "diff",
    "exception",
    "results",
    "start",
    "end",
    "delta",
    "ansible_loop_var",
];

/// One text of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    /// What it is: `stderr`, `message`, an item's label.
    pub(super) name: String,
    /// The text, or its end.
    pub(super) text: String,
    /// How many of its first lines were left out.
    pub(super) left_out: usize,
}

/// All that a failed result says beyond its message.
pub(super) fn of(result: &TaskResult) -> Vec<Output> {
    let Some(entries) = result.result.as_object() else {
        return Vec::new();
    };
    let items = entries.get("results").and_then(Value::as_array);
    let failed = items
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter(|item| item.get("failed").and_then(Value::as_bool) == Some(true));
    let mut outputs = texts(entries, "");
    for item in failed.take(ITEMS) {
        outputs.extend(texts(item, &label(item)));
    }
    outputs
}

/// The texts of a result, each under its name, behind the label of the item where it is one.
fn texts(entries: &Map<String, Value>, label: &str) -> Vec<Output> {
    let named = |name: &str| match label {
        "" => name.to_owned(),
        label => format!("{label}: {name}"),
    };
    let mut outputs = Vec::new();
    for name in ["msg", "stderr", "stdout"] {
        let Some(text) = entries.get(name).and_then(Value::as_str) else {
            continue;
        };
        // A short message is told above the outputs already.
        let told = name == "msg" && label.is_empty() && text.trim().lines().count() < 2;
        if !text.trim().is_empty() && !told {
            let name = if name == "msg" { "message" } else { name };
            outputs.push(cut(named(name), text));
        }
    }
    let rest: Map<String, Value> = entries
        .iter()
        .filter(|(key, value)| {
            !TOLD.contains(&key.as_str()) && !key.starts_with("_ansible") && !is_empty(value)
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !rest.is_empty() {
        let text = serde_yaml::to_string(&rest).unwrap_or_default();
        outputs.push(cut(named("result"), &text));
    }
    outputs
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn label(item: &Map<String, Value>) -> String {
    let label = item.get("_ansible_item_label").or_else(|| item.get("item"));
    match label {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "item".to_owned(),
    }
}

/// The end of a text.
fn cut(name: String, text: &str) -> Output {
    let text = clean(text.trim_matches('\n'));
    let lines: Vec<&str> = text.lines().collect();
    let mut first = lines.len().saturating_sub(LINES);
    let mut size: usize = lines[first..].iter().map(|line| line.len() + 1).sum();
    while size > BYTES && first + 1 < lines.len() {
        size -= lines[first].len() + 1;
        first += 1;
    }
    let mut kept = lines[first..].join("\n");
    if kept.len() > BYTES {
        // One line alone is too long.
        let from = kept.ceil_char_boundary(kept.len() - BYTES);
        kept.replace_range(..from, "…");
    }
    Output {
        name,
        text: kept,
        left_out: first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Status;
    use crate::report::sample::result;
    use serde_json::json;

    fn names(value: Value) -> Vec<String> {
        let outputs = of(&result(Status::Failed, value));
        outputs.into_iter().map(|output| output.name).collect()
    }

    #[test]
    fn a_result_is_told_once() {
        assert_eq!(
            names(json!({"msg": "short", "rc": 1, "stdout": "", "stderr_lines": ["a"]})),
            [""; 0]
        );
        assert_eq!(
            names(
                json!({"msg": "a\nb", "stderr": "c", "stdout": "d", "cmd": ["x"], "_ansible_no_log": false})
            ),
            ["message", "stderr", "stdout", "result"]
        );
    }

    #[test]
    fn failed_items_are_told_by_their_labels() {
        let items = json!({"msg": "one or more items failed", "results": [
            {"failed": true, "msg": "no such file", "_ansible_item_label": "b.conf", "item": {"name": "b.conf"}},
            {"failed": false, "msg": "fine", "item": "c"},
        ]});
        assert_eq!(names(items), ["b.conf: message", "b.conf: result"]);
    }

    #[test]
    fn long_texts_lose_their_beginning() {
        let long: String = (1..=1000).map(|line| format!("line {line}\n")).collect();
        let output = cut("stdout".to_owned(), &long);
        assert_eq!(output.left_out, 800);
        assert!(output.text.starts_with("line 801\n") && output.text.ends_with("line 1000"));
        let wide = cut("stdout".to_owned(), &"é".repeat(BYTES));
        assert!(
            wide.text.len() <= BYTES + 8 && wide.text.starts_with('…'),
            "{}",
            wide.text.len()
        );
        let block = format!("{}\n", "x".repeat(1000)).repeat(100);
        let output = cut("stdout".to_owned(), &block);
        assert!(
            output.text.len() <= BYTES && output.left_out == 84,
            "{}",
            output.left_out
        );
    }
}
