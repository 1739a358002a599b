//! The tasks of the run as far as they have started, and which loops have shown their items.

use std::collections::{HashMap, HashSet};

/// What is known of a task since it started.
#[derive(Debug, Clone, Default)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) action: String,
    pub(super) handler: bool,
}

impl Task {
    /// Whether its results are shown as those of `debug`.
    pub(super) fn is_debug(&self) -> bool {
        matches!(
            self.action.as_str(),
            "debug" | "ansible.builtin.debug" | "ansible.legacy.debug"
        )
    }
}

/// The tasks by their number.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    known: HashMap<usize, Task>,
    loops: HashSet<(usize, String)>,
}

impl Tasks {
    pub(super) fn start(&mut self, number: usize, task: Task) {
        self.known.insert(number, task);
    }

    /// A task that never said that it started has no name; its results are shown all the same.
    pub(super) fn get(&self, number: usize) -> Task {
        self.known.get(&number).cloned().unwrap_or_else(|| Task {
            name: format!("task {number}"),
            ..Task::default()
        })
    }

    /// An item of a loop was shown.
    pub(super) fn item(&mut self, number: usize, host: &str) {
        self.loops.insert((number, host.to_owned()));
    }

    /// The task is done on the host; whether its items were shown before.
    pub(super) fn end(&mut self, number: usize, host: &str) -> bool {
        self.loops.remove(&(number, host.to_owned()))
    }
}
