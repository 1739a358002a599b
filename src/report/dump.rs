//! A task's result as JSON, laid out as Ansible's default output does: keys sorted, `", "` and `": "` between, four spaces where
//! it is spread over lines. Must not know which line it stands on.

use crate::event::TaskResult;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use serde_json::{Map, Value};
use std::io::{self, Write};

/// Says nothing that the line itself does not say.
const TOLD_BY_THE_LINE: [&str; 2] = ["failed", "skipped"];
/// Left out below `-vvv`: the same again in another shape, or what went in.
const NOISE: [&str; 5] = [
    "invocation",
    "stdout_lines",
    "stderr_lines",
    "diff",
    "exception",
];
/// What `debug` returns beside the one thing it was asked for.
const NOT_ASKED_OF_DEBUG: [&str; 5] = ["changed", "failed", "skipped", "skip_reason", "invocation"];

/// Which result is shown, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dump {
    /// Number of `-v`.
    pub(super) verbosity: u8,
    /// Whether it is a result of `debug`.
    pub(super) debug: bool,
    /// Whether the items of the loop were shown already.
    pub(super) items_shown: bool,
}

impl Dump {
    /// The JSON text, without a line break at its end.
    pub(super) fn text(self, result: &TaskResult) -> String {
        let value = match &result.result {
            Value::Object(entries) => Value::Object(self.kept(entries)),
            other => other.clone(),
        };
        if result.verbosity == 0 || self.verbosity > 2 {
            written(&value, PrettyFormatter::with_indent(b"    "))
        } else {
            written(&value, Spaced)
        }
    }

    fn kept(self, entries: &Map<String, Value>) -> Map<String, Value> {
        let mut kept: Vec<(&String, &Value)> = entries
            .iter()
            .filter(|(key, _)| self.keeps(key, entries))
            .collect();
        kept.sort_by_key(|(key, _)| key.as_str());
        kept.into_iter()
            .map(|(key, value)| (key.clone(), sorted(value)))
            .collect()
    }

    fn keeps(self, key: &str, entries: &Map<String, Value>) -> bool {
        if key.starts_with("_ansible") || TOLD_BY_THE_LINE.contains(&key) {
            return false;
        }
        if self.verbosity < 3 && NOISE.contains(&key) || self.items_shown && key == "results" {
            return false;
        }
        if !self.debug {
            return true;
        }
        if entries.contains_key("msg") {
            matches!(key, "msg" | "warnings" | "deprecations")
        } else {
            !NOT_ASKED_OF_DEBUG.contains(&key)
        }
    }
}

/// The same value with sorted keys and without what is only for the machinery.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries
                .iter()
                .filter(|(key, _)| !key.starts_with("_ansible"))
                .collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn written(value: &Value, formatter: impl Formatter) -> String {
    let mut text = Vec::new();
    // A `Value` has only string keys and no user-written serialiser, so it can always be written to memory.
    let _written = value.serialize(&mut Serializer::with_formatter(&mut text, formatter));
    String::from_utf8_lossy(&text).into_owned()
}

/// One line, with a space after each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Status;
    use serde_json::json;
    use std::time::Duration;

    fn dump(verbosity: u8, debug: bool, result: Value, shown_from: u8) -> String {
        let dump = Dump {
            verbosity,
            debug,
            items_shown: true,
        };
        dump.text(&TaskResult {
            status: Status::Ok,
            took: Duration::ZERO,
            result,
            diff: Vec::new(),
            delegated_to: None,
            verbosity: shown_from,
        })
    }

    #[test]
    fn keys_are_sorted_and_noise_is_left_out() {
        let result = json!({
            "stdout": "é", "rc": 0, "changed": true, "failed": false, "_ansible_no_log": false, "results": [1],
            "stdout_lines": ["é"], "invocation": {}, "nested": {"b": [1, 2], "a": {}},
        });
        assert_eq!(
            dump(1, false, result, 1),
            r#"{"changed": true, "nested": {"a": {}, "b": [1, 2]}, "rc": 0, "stdout": "é"}"#
        );
    }

    #[test]
    fn debug_shows_only_what_it_was_asked_for() {
        let cases = [
            (
                json!({"msg": "hi", "changed": false, "item": 1}),
                "{\n    \"msg\": \"hi\"\n}",
            ),
            (
                json!({"x": [1], "changed": false}),
                "{\n    \"x\": [\n        1\n    ]\n}",
            ),
        ];
        for (result, expected) in cases {
            assert_eq!(dump(0, true, result, 0), expected);
        }
    }

    #[test]
    fn three_v_show_everything_on_lines_of_its_own() {
        assert_eq!(
            dump(3, false, json!({"stdout_lines": [], "_ansible_x": 1}), 1),
            "{\n    \"stdout_lines\": []\n}"
        );
    }
}
