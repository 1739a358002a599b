//! What a task left on a host, in the shape that Ansible registers.

use super::action::Called;
use crate::event::Status;
use crate::template::Variables;
use serde_json::{Map, Value, json};

/// What Ansible says of a loop with a failed item.
const ITEMS_FAILED: &str = "One or more items failed";

/// A finished task, or one round of it.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    pub(super) status: Status,
    /// With `changed`, `failed`, `skipped` as Ansible sets them.
    pub(super) result: Map<String, Value>,
    pub(super) diff: Vec<String>,
    /// Facts to keep; one map per round.
    pub(super) facts: Vec<Map<String, Value>>,
    /// Variables from files; one set per round.
    pub(super) variables: Vec<Variables>,
    pub(super) delegated_to: Option<String>,
    pub(super) verbosity: u8,
    /// `changed_when` said that nothing changed.
    denies_change: bool,
}

/// A module's answer as a result.
pub(super) fn finish(called: Called) -> Finished {
    let mut finished = Finished {
        status: Status::Ok,
        result: Map::new(),
        diff: Vec::new(),
        facts: Vec::new(),
        variables: Vec::new(),
        delegated_to: None,
        verbosity: 1,
        denies_change: false,
    };
    match called {
        Called::Done(outcome) => {
            finished.status = match (outcome.skipped, outcome.changed) {
                (true, _) => Status::Skipped,
                (false, true) => Status::Changed,
                (false, false) => Status::Ok,
            };
            finished.result = outcome.result;
            finished
                .result
                .insert("changed".to_owned(), json!(outcome.changed));
            finished.result.entry("failed").or_insert(json!(false));
            if outcome.skipped {
                finished.result.insert("skipped".to_owned(), json!(true));
            }
            if !outcome.facts.is_empty() {
                finished.result.insert(
                    "ansible_facts".to_owned(),
                    Value::Object(outcome.facts.clone()),
                );
                finished.facts.push(outcome.facts);
            }
            if !outcome.variables.is_empty() {
                finished.variables.push(outcome.variables);
            }
            finished.diff = outcome.diff;
            finished.verbosity = outcome.verbosity.unwrap_or(1);
        }
        Called::NotInCheckMode => {
            finished.status = Status::Skipped;
            finished.result = object(json!({
                "changed": false,
                "skipped": true,
                "msg": "the module cannot tell in check mode what it would do",
            }));
        }
        Called::Failed { message, result } => {
            finished.status = Status::Failed;
            finished.result = result;
            let silent = |msg: &Value| msg.is_null() || msg.as_str() == Some("");
            if finished.result.get("msg").is_none_or(silent) {
                finished.result.insert("msg".to_owned(), json!(message));
            }
            finished.result.entry("changed").or_insert(json!(false));
            finished.result.insert("failed".to_owned(), json!(true));
        }
        Called::Unreachable(message) => {
            finished.status = Status::Unreachable;
            finished.result =
                object(json!({"msg": message, "unreachable": true, "changed": false}));
        }
        Called::Unknown(message) => {
            finished.status = Status::Unknown;
            finished.result = object(json!({"msg": message, "failed": true, "changed": true}));
        }
    }
    finished
}

/// Takes out what is only for display, in rounds of a loop too.
fn strip(result: &mut Map<String, Value>) {
    result.retain(|name, _| !name.starts_with("_ansible_"));
    if let Some(Value::Array(rounds)) = result.get_mut("results") {
        for round in rounds {
            if let Value::Object(round) = round {
                strip(round);
            }
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(entries) => entries,
        _ => Map::new(),
    }
}

impl Finished {
    /// Not run, because `condition` does not hold.
    pub(super) fn skipped(condition: &str) -> Self {
        let mut finished = finish(Called::NotInCheckMode);
        finished.result = object(json!({
            "changed": false,
            "skipped": true,
            "skip_reason": "Conditional result was False",
            "false_condition": condition,
        }));
        finished
    }

    /// The message of a failure, in one line where it has several.
    pub(super) fn message(&self) -> String {
        message_of(&self.result)
    }

    /// Notes which item this round was for.
    pub(super) fn note_item(&mut self, name: String, item: Value, label: &str) {
        self.result
            .insert("ansible_loop_var".to_owned(), json!(name));
        self.result.insert(name, item);
        self.result
            .insert("_ansible_item_label".to_owned(), json!(label));
    }

    /// A loop over nothing.
    fn of_no_items() -> Self {
        let mut finished = finish(Called::NotInCheckMode);
        finished.result = object(json!({
            "changed": false,
            "skipped": true,
            "skipped_reason": "No items in the list",
            "results": [],
        }));
        finished
    }

    /// Whether the task changed something, or may have before it failed.
    pub(super) fn may_have_changed(&self) -> bool {
        match self.status {
            Status::Failed | Status::Ignored | Status::Unknown | Status::Unreachable => {
                !self.denies_change
            }
            _ => self.result.get("changed") == Some(&json!(true)),
        }
    }

    /// The result as it is registered: without what is only for display.
    pub(super) fn registered(&self) -> Value {
        let mut result = self.result.clone();
        strip(&mut result);
        Value::Object(result)
    }

    /// The rounds of a loop as one result.
    pub(super) fn of_loop(rounds: Vec<Self>) -> Self {
        if rounds.is_empty() {
            return Self::of_no_items();
        }
        let mut whole = finish(Called::Done(Box::default()));
        let any = |status: Status| rounds.iter().any(|round| round.status == status);
        whole.status = if any(Status::Unreachable) {
            Status::Unreachable
        } else if any(Status::Failed) {
            Status::Failed
        } else if any(Status::Unknown) {
            Status::Unknown
        } else if any(Status::Changed) {
            Status::Changed
        } else if !rounds.is_empty() && rounds.iter().all(|round| round.status == Status::Skipped) {
            Status::Skipped
        } else {
            Status::Ok
        };
        let changed = rounds
            .iter()
            .any(|round| round.result.get("changed") == Some(&json!(true)));
        whole.result = object(json!({"changed": changed}));
        match whole.status {
            Status::Failed | Status::Unknown => {
                whole.result.insert("failed".to_owned(), json!(true));
                whole.result.insert("msg".to_owned(), json!(ITEMS_FAILED));
            }
            Status::Skipped => {
                whole.result.insert("skipped".to_owned(), json!(true));
                whole
                    .result
                    .insert("msg".to_owned(), json!("All items skipped"));
            }
            Status::Unreachable => {
                let message = rounds.last().map(Self::message).unwrap_or_default();
                whole.result.insert("msg".to_owned(), json!(message));
                whole.result.insert("unreachable".to_owned(), json!(true));
            }
            _ => {
                whole
                    .result
                    .insert("msg".to_owned(), json!("All items completed"));
            }
        }
        whole.denies_change = rounds.iter().all(|round| round.denies_change);
        let mut results = Vec::with_capacity(rounds.len());
        for round in rounds {
            whole.facts.extend(round.facts);
            whole.variables.extend(round.variables);
            whole.verbosity = whole.verbosity.min(round.verbosity);
            whole.delegated_to = whole.delegated_to.or(round.delegated_to);
            results.push(Value::Object(round.result));
        }
        whole
            .result
            .insert("results".to_owned(), Value::Array(results));
        whole
    }

    /// What `failed_when` decided.
    pub(super) fn set_failed(&mut self, failed: bool) {
        self.result.insert("failed".to_owned(), json!(failed));
        self.result
            .insert("failed_when_result".to_owned(), json!(failed));
        self.status = match (failed, self.result.get("changed")) {
            (true, _) => Status::Failed,
            (false, Some(Value::Bool(true))) => Status::Changed,
            (false, _) => Status::Ok,
        };
    }

    /// What `changed_when` decided.
    pub(super) fn set_changed(&mut self, changed: bool) {
        self.denies_change = !changed;
        self.result.insert("changed".to_owned(), json!(changed));
        if self.status != Status::Failed {
            self.status = if changed { Status::Changed } else { Status::Ok };
        }
    }

    /// Makes a failure of it, as `called` says; the rest of the result stays.
    pub(super) fn fail_with(&mut self, called: &Called) {
        if let Called::Failed { message, .. } = called {
            self.fail(message);
        }
    }

    /// Makes a failure of it, with this message.
    pub(super) fn fail(&mut self, message: &str) {
        self.status = Status::Failed;
        self.result.insert("msg".to_owned(), json!(message));
        self.result.insert("failed".to_owned(), json!(true));
    }

    /// Makes a failure of it, with this message, unless it is one.
    pub(super) fn fail_if_not_failed(&mut self, message: &str) {
        if self.status != Status::Failed {
            self.status = Status::Failed;
            let silent = |msg: &Value| msg.as_str().is_none_or(str::is_empty);
            if self.result.get("msg").is_none_or(silent) {
                self.result.insert("msg".to_owned(), json!(message));
            }
        }
        self.result.insert("failed".to_owned(), json!(true));
    }
}

/// Why a task failed, in one line.
fn message_of(result: &Map<String, Value>) -> String {
    let source = if result.get("msg").is_none_or(Value::is_null) {
        result.get("stderr")
    } else {
        result.get("msg")
    };
    let message = match source {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    // That some item failed says nothing; the item does.
    if message == ITEMS_FAILED {
        return first_failed_item(result).map_or(message, message_of);
    }
    // A command's own words say more than "non-zero return code".
    match result.get("stderr").and_then(Value::as_str) {
        Some(stderr) if message == "non-zero return code" && !stderr.trim().is_empty() => {
            let last = stderr.trim().lines().last().unwrap_or_default();
            format!("{message}: {last}")
        }
        _ => message,
    }
}

fn first_failed_item(result: &Map<String, Value>) -> Option<&Map<String, Value>> {
    let rounds = result.get("results")?.as_array()?;
    rounds
        .iter()
        .find(|round| round["failed"] == true)?
        .as_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Outcome;

    #[test]
    fn a_loop_is_changed_when_a_round_is_and_failed_when_a_round_is() {
        let round = |changed| {
            finish(Called::Done(Box::new(Outcome {
                changed,
                ..Outcome::default()
            })))
        };
        let whole = Finished::of_loop(vec![round(false), round(true)]);
        assert_eq!(whole.status, Status::Changed);
        assert_eq!(whole.result["results"].as_array().unwrap().len(), 2);
        let whole = Finished::of_loop(vec![round(true), finish(Called::failed("no"))]);
        assert_eq!(whole.status, Status::Failed);
        assert_eq!(whole.result["msg"], "One or more items failed");
        assert_eq!(whole.message(), "no");
        assert_eq!(Finished::of_loop(Vec::new()).status, Status::Skipped);
    }

    #[test]
    fn a_failed_command_is_told_by_its_last_line_of_stderr() {
        let finished = finish(Called::Failed {
            message: "non-zero return code".to_owned(),
            result: object(json!({"rc": 1, "stderr": "first\nno such unit\n"})),
        });
        assert_eq!(finished.message(), "non-zero return code: no such unit");
    }
}
