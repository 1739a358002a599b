//! Why a task failed, in words a person can read: one line, and the output that has more lines than one.

use super::text::{clean, indented, one_line};
use crate::event::TaskResult;
use serde_json::Value;

/// So many of the last lines of an output are shown; all of it is in the JSON of the plain output and in the journal.
const LAST_LINES: usize = 20;

/// The message of a failure on one line.
pub(super) fn message(result: &TaskResult) -> String {
    let text = |key: &str| {
        result
            .result
            .get(key)
            .and_then(Value::as_str)
            .map(one_line)
            .filter(|text| !text.is_empty())
    };
    let other = || match result.result.get("msg") {
        Some(Value::Null | Value::String(_)) | None => None,
        Some(value) => Some(one_line(&value.to_string())),
    };
    let message = text("msg")
        .or_else(other)
        .or_else(|| text("stderr"))
        .unwrap_or_else(|| "no message".to_owned());
    match result.result.get("rc").and_then(Value::as_i64) {
        Some(rc) if rc != 0 => format!("{message} (rc {rc})"),
        _ => message,
    }
}

/// The message and outputs that have more than one line, each under its name.
pub(super) fn blocks(result: &TaskResult) -> String {
    ["msg", "stderr", "stdout"]
        .into_iter()
        .filter_map(|name| {
            let text = result.result.get(name)?.as_str()?.trim_matches('\n');
            (text.lines().count() > 1).then(|| block(name, text))
        })
        .collect()
}

fn block(name: &str, text: &str) -> String {
    let text = clean(text);
    let lines: Vec<&str> = text.lines().collect();
    let left_out = lines.len().saturating_sub(LAST_LINES);
    let title = if left_out == 0 {
        format!("    {name}:\n")
    } else {
        format!(
            "    {name} (the last {LAST_LINES} of {} lines):\n",
            lines.len()
        )
    };
    title + &indented(&lines[left_out..].join("\n"), "      ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Status;
    use serde_json::json;
    use std::time::Duration;

    fn failed(result: Value) -> TaskResult {
        TaskResult {
            status: Status::Failed,
            took: Duration::ZERO,
            result,
            diff: Vec::new(),
            delegated_to: None,
            verbosity: 1,
        }
    }

    #[test]
    fn the_message_is_one_line() {
        let cases = [
            (
                json!({"msg": "non-zero return code", "rc": 2}),
                "non-zero return code (rc 2)",
            ),
            (json!({"msg": "a\nb"}), "a b"),
            (json!({"msg": ["a", 1]}), r#"["a",1]"#),
            (
                json!({"msg": "", "stderr": "no such file\n"}),
                "no such file",
            ),
            (json!({}), "no message"),
        ];
        for (result, expected) in cases {
            assert_eq!(message(&failed(result)), expected);
        }
    }

    #[test]
    fn only_texts_of_several_lines_are_shown_again_and_only_their_end() {
        let long: String = (1..=30).map(|line| format!("line {line}\n")).collect();
        let shown = blocks(&failed(
            json!({"msg": "one", "stderr": "a\nb\n", "stdout": long}),
        ));
        assert!(shown.starts_with("    stderr:\n      a\n      b\n    stdout (the last 20 of 30 lines):\n      line 11\n"), "{shown}");
        assert!(shown.ends_with("      line 30\n"));
    }
}
