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
        /// The login name of the user who started it; empty in journals of version 1, as the next one.
        #[serde(default)]
        user: String,
        /// The host name of the machine that it runs on.
        #[serde(default)]
        controller: String,
        /// The run that this one goes on with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumes: Option<String>,
    },
    /// The run has the Lease of a cluster: no other run works there until it is over.
    LeaseTaken {
        /// The hosts through which the cluster is reached; empty where the controller reaches it.
        hosts: Vec<String>,
        /// The kubeconfig's path on them.
        kubeconfig: String,
    },
    /// A play starts.
    PlayStarted {
        /// Its name, or its host pattern.
        name: String,
        /// Its hosts, in order; empty when the pattern matched none.
        hosts: Vec<String>,
        /// Whether its hosts go back when they fail.
        rollback: bool,
        /// The same for this play in every run of the playbook: `file:line`, the file relative to the first playbook's
        /// folder, and `/label` for the round of each loop around it, such as `kubernetes.yml:8/v1.34.3`.
        #[serde(default)]
        key: String,
    },
    /// Hosts that did the play that starts next in an earlier run, which this one goes on with, are passed over.
    PassedOver {
        /// The play's key.
        play: String,
        /// The hosts.
        hosts: Vec<String>,
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
    /// A host passed the play so far; its changes stay.
    HostCommitted {
        /// The host.
        host: String,
    },
    /// A host is through with a play and was committed where it had changed. On the disk before the run goes on.
    HostPassed {
        /// The host.
        host: String,
        /// The play's key.
        #[serde(default)]
        play: String,
    },
    /// What is notified on a host changed. On the disk before the change that notifies is made, and before the task counts as done.
    Notified {
        /// The host.
        host: String,
        /// The key of the play whose handlers these are.
        #[serde(default)]
        play: String,
        /// The names and topics whose handlers are still to be run, in the order they were notified.
        #[serde(default)]
        handlers: Vec<String>,
    },
    /// The user asked the run to stop: Ctrl-C or SIGTERM.
    Interrupted {
        /// The second time: the run stops where it is.
        #[serde(default)]
        now: bool,
    },
    /// A host's dead-man timer runs: it goes back by itself unless the run commits it or moves the timer in time.
    DeadmanArmed {
        /// The host.
        host: String,
        /// How long it waits.
        limit: Duration,
    },
    /// A host is known to have gone back by itself, in this run or since an earlier one.
    WentBack {
        /// The host.
        host: String,
        /// The run that it took back.
        run: String,
        /// When it began to, by the host's clock (UTC).
        since: String,
        /// Whether the old state is back.
        complete: bool,
    },
    /// What an earlier run, whose controller is gone, left half done on a host was taken back.
    TakenBack {
        /// The host.
        host: String,
        /// That run.
        run: String,
        /// What was undone, in order, in words.
        undone: Vec<String>,
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
        /// What a person does instead where there is no way back, in words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        instead: Vec<String>,
    },
    /// The user's probe answers otherwise than before.
    ProbeChanged {
        /// What is asked, without secrets.
        probe: String,
        /// How it stands now.
        state: ProbeState,
        /// What it answered.
        answer: String,
        /// Bad answers in a row.
        bad: u32,
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

/// How the user's probe stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeState {
    /// The last answer was good.
    Good,
    /// It was bad, but not often enough in a row to end the run.
    Bad,
    /// It was bad too often in a row: the run ends.
    Breached,
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
    /// Has work left: the run ended before its turn in one of the plays, and what it did before that stays.
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
