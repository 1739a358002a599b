//! The events themselves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// One thing that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: Kind,
}

impl Event {
    /// `kind`, now.
    pub fn now(kind: Kind) -> Self {
        Self {
            at: Timestamp::now(),
            kind,
        }
    }
}

/// What happened. Host and task names are as the user wrote them, templates rendered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Kind {
    /// The first event of a run.
    RunStarted {
        /// The run's id.
        run: String,
        /// The format's version.
        version: u32,
        /// The playbook's path.
        playbook: String,
        /// The inventory sources.
        inventory: Vec<String>,
        /// Whether nothing is to be changed.
        check: bool,
    },
    /// A play starts.
    PlayStarted {
        /// Its name, or its host pattern.
        name: String,
        /// Its hosts, in order; empty when the pattern matched none.
        hosts: Vec<String>,
        /// Whether its hosts go back when they fail.
        rollback: bool,
    },
    /// A batch of a play starts.
    BatchStarted {
        /// Number of the batch, from 1.
        number: usize,
        /// How many batches there are.
        of: usize,
        /// Its hosts.
        hosts: Vec<String>,
    },
    /// A host's connection is there.
    HostConnected {
        /// The host.
        host: String,
        /// What it took.
        took: Duration,
    },
    /// A connection was lost and made again.
    HostReconnected {
        /// The host.
        host: String,
        /// Why it was lost.
        reason: String,
    },
    /// A task starts on a batch.
    TaskStarted {
        /// Counts the tasks of the run, from 1; results refer to it.
        task: usize,
        /// Its name, with `role : ` before it where it is in one.
        name: String,
        /// `file:line` of the task.
        path: String,
        /// The module or action.
        action: String,
        /// Whether this is a handler.
        handler: bool,
        /// The hosts it starts on.
        hosts: Vec<String>,
    },
    /// A long action says where it is, such as a drain.
    TaskProgress {
        /// The task.
        task: usize,
        /// The host.
        host: String,
        /// One short line.
        message: String,
    },
    /// One item of a loop is done on a host.
    ItemFinished {
        /// The task.
        task: usize,
        /// The host.
        host: String,
        /// The item's label.
        label: String,
        /// What came of it.
        result: TaskResult,
    },
    /// A try of `until` did not suffice.
    TaskRetried {
        /// The task.
        task: usize,
        /// The host.
        host: String,
        /// How many tries remain.
        left: u32,
    },
    /// A task is done on a host.
    TaskFinished {
        /// The task.
        task: usize,
        /// The host.
        host: String,
        /// What came of it.
        result: TaskResult,
    },
    /// A task file was included at run time.
    Included {
        /// The file or role.
        what: String,
        /// For these hosts.
        hosts: Vec<String>,
    },
    /// The inverse of a step was written to the host before the step.
    UndoRecorded {
        /// The host.
        host: String,
        /// The step's number on that host.
        step: u32,
        /// What the step changes, in words.
        what: String,
    },
    /// A host passed the play; its changes stay.
    HostCommitted {
        /// The host.
        host: String,
    },
    /// A failed host starts to go back.
    RollbackStarted {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// The way back says where it is.
    RollbackProgress {
        /// The host.
        host: String,
        /// One short line.
        message: String,
    },
    /// A host's way back ended.
    RollbackFinished {
        /// The host.
        host: String,
        /// How it stands now.
        state: HostState,
        /// What was undone, in order, in words.
        undone: Vec<String>,
        /// The exact commands a person must run when the way back is incomplete.
        remaining: Vec<String>,
        /// Why it is incomplete, or what a person should know.
        message: Option<String>,
    },
    /// A batch that changed something is watched before the next one starts.
    Soaking {
        /// Its hosts.
        hosts: Vec<String>,
        /// How long.
        length: Duration,
    },
    /// The run will not go on to the next batch or play.
    Stopped {
        /// The rule that stopped it, in words.
        reason: String,
        /// The hosts that were not started.
        pending: Vec<String>,
    },
    /// Something the user should know that is no failure.
    Warning {
        /// The host, where there is one.
        host: Option<String>,
        /// A sentence fragment.
        message: String,
    },
    /// The last event of a run.
    RunFinished {
        /// Counts by host, in inventory order.
        recap: Vec<Counts>,
        /// The process's exit code.
        exit_code: u8,
        /// What the whole run took.
        took: Duration,
    },
}

/// How a task ended on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing to change.
    Ok,
    /// Something changed.
    Changed,
    /// Not run.
    Skipped,
    /// Failed.
    Failed,
    /// Failed, and the play goes on all the same.
    Ignored,
    /// The host could not be reached.
    Unreachable,
    /// The connection was lost after the command was sent, and a second look did not settle what became of it.
    Unknown,
    /// Dropped because another host of the batch failed.
    Aborted,
}

/// What a task left behind on a host. Secrets were taken out already.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskResult {
    /// How it ended.
    pub status: Status,
    /// What it took.
    pub took: Duration,
    /// The result as Ansible's modules return it (`changed`, `rc`, `stdout`, `msg`, ...).
    pub result: Value,
    /// Differences, each as unified text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<String>,
    /// The host that the task was delegated to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegated_to: Option<String>,
    /// From this `-v` level on the result is shown even when nothing is wrong; `debug` has 0.
    #[serde(default = "quiet")]
    pub verbosity: u8,
}

fn quiet() -> u8 {
    1
}

/// How a host stands when the run leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// Went through its plays, or had none.
    #[default]
    Done,
    /// Failed, and nothing was to be undone or no rollback was asked for.
    Failed,
    /// Is as it was before the run.
    RolledBack,
    /// The way back is incomplete: a person is needed.
    RollbackIncomplete,
    /// Passed a point of no return and is held as it is.
    Held,
    /// Could not be reached.
    Unreachable,
    /// Was not started.
    Pending,
    /// Was dropped in mid-play because of another host.
    Aborted,
}

/// One line of the recap.
#[derive(Debug, Clone, Serialize, Deserialize, Default)]
pub struct Counts {
    /// The host.
    pub host: String,
    /// Tasks that ran and did not fail, changed ones included.
    pub ok: u32,
    /// Tasks that changed something.
    pub changed: u32,
    /// Times the host could not be reached.
    pub unreachable: u32,
    /// Failures that nothing caught.
    pub failed: u32,
    /// Tasks not run.
    pub skipped: u32,
    /// Failures that a `rescue` caught.
    pub rescued: u32,
    /// Failures that were ignored.
    pub ignored: u32,
    /// How the host stands.
    pub state: HostState,
    /// The task that failed and why, in one line.
    pub reason: Option<String>,
}

/// In which part of the way back an inverse runs (all of one part before the next).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Files, links, modes; last change first.
    Restore,
    /// Services; first change first, each once.
    Settle,
    /// What lets work back in; last.
    Release,
}
