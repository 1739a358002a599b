//! What a run said: its events, from its output or from its journal, and what tests ask of them.

use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::process::Output;

/// A run that ended, or was killed.
pub(crate) struct Ended {
    /// The exit code; `None` for a run that was killed, and for what is read from a journal.
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) errors: String,
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            events: parse(&String::from_utf8_lossy(&output.stdout)),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The events that a journal holds.
    pub(crate) fn read(journal: &Path) -> Self {
        Self {
            code: None,
            events: parse(&std::fs::read_to_string(journal).unwrap()),
            errors: String::new(),
        }
    }

    /// The kinds of all events, in order.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Value> {
        self.events.iter().map(|event| &event["kind"])
    }

    /// The events of one kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.kinds()
            .filter(|event| event["event"] == kind)
            .collect()
    }

    /// The run's id.
    pub(crate) fn id(&self) -> String {
        let started = self.of_kind("run_started");
        started[0]["run"].as_str().unwrap().to_owned()
    }

    /// The recap's line of a host.
    pub(crate) fn recap(&self, host: &str) -> Value {
        let finished = self.of_kind("run_finished");
        let recap = finished
            .first()
            .unwrap_or_else(|| panic!("the run did not end: {}", self.errors))["recap"]
            .clone();
        recap
            .as_array()
            .unwrap()
            .iter()
            .find(|counts| counts["host"] == host)
            .unwrap_or_else(|| panic!("{host} is not in the recap {recap}"))
            .clone()
    }

    /// Asserts how the run ended; else says why it ended otherwise.
    pub(crate) fn assert_code(&self, code: i32) {
        let reasons: Vec<&Value> = self
            .of_kind("run_finished")
            .into_iter()
            .flat_map(|finished| finished["recap"].as_array().unwrap())
            .map(|counts| &counts["reason"])
            .filter(|reason| !reason.is_null())
            .collect();
        assert_eq!(self.code, Some(code), "{}{reasons:?}", self.errors);
    }

    /// Why a host failed, in the recap's words; empty when it did not.
    pub(crate) fn reason(&self, host: &str) -> String {
        let recap = self.recap(host);
        recap["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Hosts on which a task of this action changed something.
    pub(crate) fn changed_by(&self, action: &str) -> Vec<String> {
        let tasks: Vec<&Value> = self
            .of_kind("task_started")
            .into_iter()
            .filter(|task| task["action"] == action)
            .map(|task| &task["task"])
            .collect();
        self.of_kind("task_finished")
            .into_iter()
            .filter(|done| tasks.contains(&&done["task"]) && done["result"]["status"] == "changed")
            .map(|done| done["host"].as_str().unwrap().to_owned())
            .collect()
    }

    /// How the tasks whose name has these words ended on a host, in order, skipped ones left out.
    pub(crate) fn statuses(&self, words: &str, host: &str) -> Vec<String> {
        self.results(words, host)
            .into_iter()
            .map(|done| done["result"]["status"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Asserts that a task with these words in its name ran on a host.
    pub(crate) fn assert_ran(&self, words: &str, host: &str) {
        let ran = !self.statuses(words, host).is_empty();
        assert!(ran, "no task {words:?} ran on {host}: {}", self.errors);
    }

    /// Asserts that no task with these words in its name ran on a host.
    pub(crate) fn assert_never_ran(&self, words: &str, host: &str) {
        let found = self.results(words, host);
        assert!(found.is_empty(), "{words:?} ran on {host}: {found:?}");
    }

    /// Asserts that no task changed a node or a service anywhere: no cordon, no drain, no restart, no undo log.
    pub(crate) fn assert_nobody_disturbed(&self) {
        for action in [
            "windlass.cordon",
            "windlass.drain",
            "systemd",
            "ansible.builtin.systemd",
        ] {
            assert_eq!(self.changed_by(action), Vec::<String>::new(), "{action}");
        }
    }

    /// Asserts that each step of a host stands in the journal before the task that makes it is done, and that there are
    /// such steps.
    pub(crate) fn assert_intent_before_done(&self, host: &str) {
        let names = self.names();
        let mut open: Vec<String> = Vec::new();
        let mut steps = 0;
        for event in self.kinds().filter(|event| event["host"] == host) {
            match event["event"].as_str() {
                Some("undo_recorded") => {
                    steps += 1;
                    assert_eq!(event["step"], steps, "steps are counted: {event}");
                    open.push(event["what"].as_str().unwrap().to_owned());
                }
                Some("task_finished") => {
                    let name = &names[&event["task"].as_u64()];
                    // What a task recorded begins with the task's name.
                    open.retain(|what| !what.starts_with(&format!("{name}: ")));
                }
                Some("rollback_started" | "rollback_finished") => open.clear(),
                _ => {}
            }
        }
        assert!(steps > 0, "no step was recorded for {host}");
        assert!(
            open.is_empty(),
            "recorded for {host} and never done: {open:?}"
        );
    }

    /// The names of the tasks by their numbers.
    fn names(&self) -> HashMap<Option<u64>, &str> {
        self.of_kind("task_started")
            .into_iter()
            .map(|task| (task["task"].as_u64(), task["name"].as_str().unwrap()))
            .collect()
    }

    fn results(&self, words: &str, host: &str) -> Vec<&Value> {
        let names = self.names();
        self.of_kind("task_finished")
            .into_iter()
            .filter(|done| done["host"] == host && done["result"]["status"] != "skipped")
            .filter(|done| {
                names
                    .get(&done["task"].as_u64())
                    .is_some_and(|name| name.contains(words))
            })
            .collect()
    }
}

/// The events of a text with one per line; a last line that is torn is left out.
fn parse(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Whether an event is the start of a task with these words in its name; for `Lab::killed_at`.
pub(crate) fn task_starts(words: &'static str) -> impl Fn(&Value) -> bool {
    move |kind| {
        let name = kind["name"].as_str().unwrap_or_default();
        kind["event"] == "task_started" && name.contains(words)
    }
}

/// Whether an event is the end of a step: its undo is recorded, and the change follows; for `Lab::killed_at`.
pub(crate) fn undo_recorded(words: &'static str) -> impl Fn(&Value) -> bool {
    move |kind| {
        let what = kind["what"].as_str().unwrap_or_default();
        kind["event"] == "undo_recorded" && what.contains(words)
    }
}
