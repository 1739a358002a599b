//! Events as lines. Knows what was said before, so that a heading stands above what belongs under it and nothing is said twice.
//!
//! In the short wording there are no headings of tasks: each line names its task, and only what matters is said. It is what scrolls
//! by above the live view.

use super::recap::Recap;
use super::result::{Line, Wording, own_report};
use super::rollback;
use crate::event::{Event, Kind, Status, TaskResult};
use crate::report::Options;
use crate::report::colors::Tone;
use crate::report::tasks::{Task, Tasks};
use crate::report::text::{duration, one_line, starred};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// A host that says where it is may say so once in so many seconds.
const PROGRESS_SECONDS: i64 = 2;

/// The plain output of a run so far.
pub(in crate::report) struct Transcript {
    options: Options,
    wording: Wording,
    tasks: Tasks,
    /// The task whose heading stands above.
    current: Option<usize>,
    /// What each host said last of where it is, and when.
    progress: HashMap<String, (Timestamp, String)>,
    remaining: BTreeMap<String, Vec<String>>,
    /// Hosts that the next play passes over.
    passed_over: usize,
    check: bool,
    /// Whether the recap is a line for all hosts, and one for each that is not done.
    brief: bool,
}

impl Transcript {
    pub(in crate::report) fn new(options: Options, wording: Wording) -> Self {
        Self {
            options,
            wording,
            tasks: Tasks::default(),
            current: None,
            progress: HashMap::new(),
            remaining: BTreeMap::new(),
            passed_over: 0,
            check: false,
            brief: false,
        }
    }

    /// Only what matters, and a recap of one line.
    pub(super) fn brief(options: Options) -> Self {
        Self {
            brief: true,
            ..Self::new(options, Wording::Short)
        }
    }

    /// Headings fill so many columns from now on.
    pub(in crate::report) fn resize(&mut self, width: u16) {
        self.options.width = width;
    }

    /// The lines that `event` adds; often none.
    pub(in crate::report) fn say(&mut self, event: &Event) -> String {
        match &event.kind {
            Kind::TaskStarted { .. }
            | Kind::TaskProgress { .. }
            | Kind::RollbackProgress { .. }
            | Kind::ItemFinished { .. }
            | Kind::TaskRetried { .. }
            | Kind::TaskFinished { .. } => self.of_task(event),
            Kind::RunStarted { .. }
            | Kind::PlayStarted { .. }
            | Kind::PassedOver { .. }
            | Kind::BatchStarted { .. } => self.of_play(&event.kind),
            _ => self.of_host(&event.kind),
        }
    }

    fn of_play(&mut self, kind: &Kind) -> String {
        self.current = None;
        match kind {
            Kind::RunStarted {
                run,
                playbook,
                check,
                resumes,
                ..
            } => {
                self.check = *check;
                let mut text = match resumes {
                    None => self.note(1, &format!("run {run} of {playbook}")),
                    Some(before) => self.note(0, &format!("run {run} goes on with {before}")),
                };
                if *check {
                    text.push_str(&self.heading(&format!("CHECK MODE [{playbook}]")));
                }
                text
            }
            Kind::PlayStarted { name, hosts, .. } => {
                let mut text = self.heading(&format!("PLAY [{name}]"));
                let passed_over = std::mem::take(&mut self.passed_over);
                if passed_over > 0 {
                    text.push_str(&self.note(0, &done_before(passed_over, hosts.len())));
                } else if hosts.is_empty() {
                    let none = "skipping: no hosts matched";
                    text.push_str(&self.options.colors().paint(Tone::Skipped, none));
                    text.push('\n');
                }
                text
            }
            Kind::PassedOver { hosts, .. } => {
                self.passed_over = hosts.len();
                String::new()
            }
            Kind::BatchStarted { number, of, hosts } if *of > 1 => {
                self.heading(&format!("BATCH [{number}/{of}: {}]", hosts.join(", ")))
            }
            _ => String::new(),
        }
    }

    fn of_task(&mut self, event: &Event) -> String {
        match &event.kind {
            Kind::TaskStarted {
                task,
                name,
                path,
                action,
                handler,
                ..
            } => {
                let started = Task {
                    name: name.clone(),
                    path: path.clone(),
                    action: action.clone(),
                    handler: *handler,
                };
                self.tasks.start(*task, started);
                // Words to the engine itself get a heading only when something comes of them, as in Ansible.
                if action.starts_with("meta") {
                    return String::new();
                }
                self.under_heading(*task)
            }
            Kind::TaskProgress { host, message, .. } | Kind::RollbackProgress { host, message } => {
                self.progress(event.at, host, message)
            }
            Kind::ItemFinished {
                task,
                host,
                label,
                result,
            } => {
                self.tasks.item(*task, host);
                self.result(*task, host, Some(label), result, false)
            }
            Kind::TaskRetried { task, host, left } => self.retried(*task, host, *left),
            Kind::TaskFinished { task, host, result } => {
                let items_shown = self.tasks.end(*task, host);
                self.progress.remove(host);
                if items_shown && !closes_a_loop(result.status) {
                    return String::new();
                }
                self.result(*task, host, None, result, items_shown)
            }
            _ => String::new(),
        }
    }

    fn of_host(&mut self, kind: &Kind) -> String {
        let options = self.options;
        match kind {
            Kind::HostConnected { host, took } => {
                self.note(3, &format!("<{host}> connected in {}", duration(*took)))
            }
            Kind::HostReconnected { host, reason } => self.note(
                0,
                &format!("  [{host}] connected again: {}", one_line(reason)),
            ),
            Kind::Included { what, hosts } => {
                if self.wording == Wording::Short && options.verbosity == 0 {
                    return String::new();
                }
                let text = format!("included: {what} for {}", hosts.join(", "));
                options.colors().paint(Tone::Skipped, &text) + "\n"
            }
            Kind::UndoRecorded { host, step, what } => {
                self.note(2, &format!("  [{host}] undo {step}: {}", one_line(what)))
            }
            Kind::HostPassed { host, .. } => self.note(2, &format!("  [{host}] passed the play")),
            Kind::HostCommitted { host } => self.note(1, &format!("  [{host}] committed")),
            Kind::DeadmanArmed { host, limit } => self.note(
                1,
                &format!(
                    "  [{host}] goes back by itself unless it is committed within {}",
                    duration(*limit)
                ),
            ),
            Kind::ProbeChanged {
                probe,
                state,
                answer,
                bad,
            } => rollback::probe(options, probe, *state, answer, *bad),
            Kind::WentBack {
                host,
                run,
                since,
                complete,
            } => rollback::went_back(options, host, run, since, *complete),
            Kind::TakenBack { host, run, undone } => {
                rollback::taken_back(options, host, run, undone)
            }
            Kind::RollbackStarted { host, reason } => {
                self.current = None;
                rollback::started(options, host, reason)
            }
            Kind::RollbackFinished {
                host,
                state,
                undone,
                remaining,
                message,
                instead,
            } => {
                self.remaining.insert(host.clone(), remaining.clone());
                let way = rollback::Finished {
                    host,
                    state: *state,
                    undone,
                    remaining,
                    message: message.as_deref(),
                    instead,
                };
                rollback::finished(options, &way)
            }
            Kind::Soaking { hosts, length } => self.note(
                0,
                &format!("  watching {} for {}", hosts.join(", "), duration(*length)),
            ),
            Kind::Stopped { reason, pending } => {
                self.current = None;
                rollback::stopped(options, reason, pending)
            }
            Kind::Interrupted { now } => rollback::interrupted(options, *now),
            Kind::Warning { host, message } => rollback::warning(options, host.as_deref(), message),
            Kind::RunFinished {
                recap,
                exit_code,
                took,
            } => {
                let recap = Recap {
                    counts: recap,
                    exit_code: *exit_code,
                    took: *took,
                    check: self.check,
                    fit: self.wording == Wording::Short,
                    remaining: &self.remaining,
                };
                if self.brief {
                    recap.brief(options)
                } else {
                    recap.text(options)
                }
            }
            _ => String::new(),
        }
    }

    fn result(
        &mut self,
        number: usize,
        host: &str,
        item: Option<&str>,
        result: &TaskResult,
        items_shown: bool,
    ) -> String {
        if self.wording == Wording::Short && !self.matters(result) {
            return String::new();
        }
        let heading = self.under_heading(number);
        let line = Line {
            task: &self.tasks.get(number),
            host,
            item,
            result,
            items_shown,
            wording: self.wording,
        };
        heading + &line.text(self.options)
    }

    /// Whether a result is said where only what matters is.
    fn matters(&self, result: &TaskResult) -> bool {
        match result.status {
            Status::Ok | Status::Skipped => {
                result.verbosity <= self.options.verbosity || own_report(result).is_some()
            }
            _ => true,
        }
    }

    fn retried(&mut self, number: usize, host: &str, left: u32) -> String {
        if self.wording == Wording::Short && self.options.verbosity == 0 {
            return String::new();
        }
        let heading = self.under_heading(number);
        let name = self.tasks.get(number).name;
        let text = format!("FAILED - RETRYING: [{host}]: {name} ({left} retries left).");
        heading + &self.options.colors().paint(Tone::Dim, &text) + "\n"
    }

    /// The heading of a task, unless it stands above already.
    fn under_heading(&mut self, number: usize) -> String {
        if self.wording == Wording::Short || self.current == Some(number) {
            return String::new();
        }
        self.current = Some(number);
        let task = self.tasks.get(number);
        let word = if task.handler {
            "RUNNING HANDLER"
        } else {
            "TASK"
        };
        let mut text = self.heading(&format!("{word} [{}]", task.name));
        if !task.path.is_empty() {
            text.push_str(&self.note(2, &format!("task path: {}", task.path)));
        }
        text
    }

    fn progress(&mut self, at: Timestamp, host: &str, message: &str) -> String {
        if self.wording == Wording::Short {
            return String::new();
        }
        let message = one_line(message);
        if let Some((last, said)) = self.progress.get(host) {
            let soon = at.duration_since(*last).as_secs() < PROGRESS_SECONDS;
            if *said == message || soon && self.options.verbosity == 0 {
                return String::new();
            }
        }
        let text = self.note(0, &format!("  [{host}] {message}"));
        self.progress.insert(host.to_owned(), (at, message));
        text
    }

    fn heading(&self, title: &str) -> String {
        let heading = starred(title, self.options.width);
        format!(
            "\n{}\n",
            self.options.colors().paint(Tone::Heading, &heading)
        )
    }

    /// A line of our own, from so many `-v` on.
    fn note(&self, verbosity: u8, text: &str) -> String {
        if self.options.verbosity < verbosity {
            return String::new();
        }
        self.options.colors().paint(Tone::Note, text) + "\n"
    }
}

/// How many hosts a play passes over.
fn done_before(count: usize, left: usize) -> String {
    let hosts = if count == 1 { "host" } else { "hosts" };
    let all = if left == 0 { "; nobody is left" } else { "" };
    format!("passing over {count} {hosts} that did this before{all}")
}

/// Whether the end of a loop is said after its items.
fn closes_a_loop(status: Status) -> bool {
    matches!(
        status,
        Status::Failed | Status::Ignored | Status::Unreachable | Status::Unknown | Status::Aborted
    )
}
