//! What a run came to, taken from its events: whole, or as far as they go. Must not know how that is shown.

use crate::event::{Counts, Event, HostState, Kind, Status};
use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;
use std::time::Duration;

/// A run in one value.
#[derive(Debug, Clone, Default)]
pub struct Synopsis {
    /// The name of the run's journal.
    pub run: String,
    /// The run that this one takes back, where it is a rollback.
    pub rollback_of: Option<String>,
    /// Its first event's time.
    pub started: Option<Timestamp>,
    /// Its last event's time, as far as the events go.
    pub last: Option<Timestamp>,
    /// What was run.
    pub playbook: String,
    /// The inventory sources.
    pub inventory: Vec<String>,
    /// Whether nothing was to be changed.
    pub check: bool,
    /// The login name of who started it; empty where the journal does not say.
    pub user: String,
    /// The host name of the machine that it ran on; empty where the journal does not say.
    pub controller: String,
    /// The run that this one goes on with.
    pub resumes: Option<String>,
    /// Whether a person or the system told it to stop.
    pub interrupted: bool,
    /// Why it did not go on to the next batch or play.
    pub stopped: Option<String>,
    /// How it ended, if it did.
    pub end: Option<End>,
    hosts: IndexMap<String, HostSoFar>,
    to_take_back: IndexSet<String>,
    taken_back: IndexSet<String>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct End {
    /// The process's exit code.
    pub exit_code: u8,
    /// What the whole run took.
    pub took: Duration,
    /// One line per host.
    pub recap: Vec<Counts>,
}

/// What is known of a host before the recap.
#[derive(Debug, Clone, Copy, Default)]
struct HostSoFar {
    /// Whether anything was done there.
    touched: bool,
    changed: bool,
    state: Option<HostState>,
}

/// Hosts by how the run left them; each is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// All of them.
    pub total: usize,
    /// Done, with changes that stay.
    pub changed: usize,
    /// Failed, held, dropped or out of reach, or with an incomplete way back.
    pub failed: usize,
    /// Back where they were before the run.
    pub went_back: usize,
    /// Not started.
    pub pending: usize,
}

impl Synopsis {
    /// Nothing is known yet but the name of the journal.
    pub fn new(run: impl Into<String>) -> Self {
        Self {
            run: run.into(),
            ..Self::default()
        }
    }

    /// The same, with all these events taken in.
    pub fn of<'a>(run: impl Into<String>, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut synopsis = Self::new(run);
        for event in events {
            synopsis.take(event);
        }
        synopsis
    }

    /// Takes in the next event.
    pub fn take(&mut self, event: &Event) {
        self.started.get_or_insert(event.at);
        self.last = Some(event.at);
        match &event.kind {
            Kind::RunStarted {
                run,
                playbook,
                inventory,
                check,
                user,
                controller,
                resumes,
                ..
            } => {
                self.rollback_of = (*run != self.run).then(|| run.clone());
                self.playbook.clone_from(playbook);
                self.inventory.clone_from(inventory);
                self.check = *check;
                self.user.clone_from(user);
                self.controller.clone_from(controller);
                self.resumes.clone_from(resumes);
            }
            Kind::Interrupted { .. } => self.interrupted = true,
            Kind::PlayStarted { hosts, .. } => {
                for host in hosts {
                    self.host(host);
                }
            }
            Kind::Stopped { reason, pending } => {
                self.stopped = Some(reason.clone());
                for host in pending {
                    self.host(host);
                }
            }
            Kind::RunFinished {
                recap,
                exit_code,
                took,
            } => {
                self.end = Some(End {
                    exit_code: *exit_code,
                    took: *took,
                    recap: recap.clone(),
                });
            }
            other => self.take_host(other),
        }
    }

    fn take_host(&mut self, kind: &Kind) {
        match kind {
            Kind::TaskFinished { host, result, .. } => {
                let so_far = self.host(host);
                so_far.touched = true;
                so_far.changed |= result.status == Status::Changed;
                match result.status {
                    Status::Failed | Status::Unknown => so_far.state = Some(HostState::Failed),
                    Status::Unreachable => so_far.state = Some(HostState::Unreachable),
                    // A host that goes on after a failure was rescued.
                    _ if so_far.state == Some(HostState::Failed) => so_far.state = None,
                    _ => {}
                }
            }
            Kind::UndoRecorded { host, .. } => {
                self.to_take_back.insert(host.clone());
            }
            Kind::HostPassed { host, .. } => self.host(host).touched = true,
            Kind::HostCommitted { host } => self.host(host).state = Some(HostState::Done),
            Kind::RollbackFinished { host, state, .. } => {
                let so_far = self.host(host);
                so_far.touched = true;
                so_far.state = Some(*state);
                if *state == HostState::RolledBack {
                    self.to_take_back.shift_remove(host);
                    self.taken_back.insert(host.clone());
                }
            }
            _ => {}
        }
    }

    fn host(&mut self, name: &str) -> &mut HostSoFar {
        self.hosts.entry(name.to_owned()).or_default()
    }

    /// Hosts with changes of this run that a rollback would take back, in the order of their first change.
    pub fn to_take_back(&self) -> impl Iterator<Item = &str> {
        self.to_take_back.iter().map(String::as_str)
    }

    /// Hosts that this run brought back to where they stood before.
    pub fn taken_back(&self) -> impl Iterator<Item = &str> {
        self.taken_back.iter().map(String::as_str)
    }

    /// Another run took the changes on this host back.
    pub fn forget(&mut self, host: &str) {
        self.to_take_back.shift_remove(host);
    }

    /// What it took, or how long its events go on.
    pub fn took(&self) -> Duration {
        if let Some(end) = &self.end {
            return end.took;
        }
        match (self.started, self.last) {
            (Some(first), Some(last)) => last.duration_since(first).unsigned_abs(),
            _ => Duration::ZERO,
        }
    }

    /// Hosts by how the run left them, or by how far its events say.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        match &self.end {
            Some(end) => {
                for host in &end.recap {
                    tally.count(host.state, host.changed > 0);
                }
            }
            None => {
                for host in self.hosts.values() {
                    let state = match host.state {
                        None if !host.touched => HostState::Pending,
                        other => other.unwrap_or_default(),
                    };
                    tally.count(state, host.changed);
                }
            }
        }
        tally
    }
}

impl Tally {
    fn count(&mut self, state: HostState, changed: bool) {
        self.total += 1;
        match state {
            HostState::Done => self.changed += usize::from(changed),
            HostState::RolledBack => self.went_back += 1,
            HostState::Pending => self.pending += 1,
            HostState::Failed
            | HostState::RollbackIncomplete
            | HostState::Held
            | HostState::Unreachable
            | HostState::Aborted => self.failed += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{at, failed_run};

    #[test]
    fn a_run_is_counted_the_same_with_and_without_its_last_event() {
        let mut synopsis = Synopsis::new("20260102-a1");
        let mut kinds = failed_run();
        let last = kinds.pop().unwrap();
        for kind in kinds {
            synopsis.take(&at(1_000, kind));
        }
        let expected = Tally {
            total: 3,
            changed: 1,
            failed: 0,
            went_back: 1,
            pending: 1,
        };
        assert_eq!(synopsis.tally(), expected);
        assert!(synopsis.end.is_none());
        synopsis.take(&at(5_000, last));
        assert_eq!(synopsis.tally(), expected);
        assert_eq!(synopsis.took(), Duration::from_millis(4_210));
        assert_eq!(synopsis.rollback_of, None);
    }

    #[test]
    fn what_went_back_is_not_to_be_taken_back_again() {
        let undo = |host: &str| Kind::UndoRecorded {
            host: host.to_owned(),
            step: 1,
            what: "a file".to_owned(),
        };
        let mut events = vec![at(0, undo("worker1")), at(0, undo("worker2"))];
        events.extend(failed_run().into_iter().map(|kind| at(0, kind)));
        let mut synopsis = Synopsis::of("another", &events);
        assert_eq!(synopsis.to_take_back().collect::<Vec<_>>(), ["worker1"]);
        assert_eq!(synopsis.taken_back().collect::<Vec<_>>(), ["worker2"]);
        assert_eq!(synopsis.rollback_of.as_deref(), Some("20260102-a1"));
        synopsis.forget("worker1");
        assert_eq!(synopsis.to_take_back().count(), 0);
    }
}
