//! A run in short, by its journal: what it ran, how it ended, how it left each host.

use super::{RunId, Store, StoreError};
use crate::event::{Counts, Event, HostState, Kind};
use indexmap::IndexMap;

/// A run in short.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Whether it got as far as to say what it is; one that did not has touched nothing.
    pub begun: bool,
    /// The playbook's path.
    pub playbook: String,
    /// The inventory sources as they were given.
    pub inventory: Vec<String>,
    /// Whether nothing was to be changed.
    pub check: bool,
    /// The run that it went on with.
    pub resumes: Option<String>,
    /// The run that it took back (`windlass rollback`).
    pub rollback_of: Option<String>,
    /// The exit code; none for a run that was killed.
    pub exit_code: Option<u8>,
    /// How it left each host, as far as it said; hosts that it did not get to are among them as pending.
    pub hosts: IndexMap<String, HostState>,
}

impl Outcome {
    /// The run in short.
    pub fn of(run: &RunId, events: &[Event]) -> Self {
        let mut outcome = Self::default();
        for event in events {
            outcome.take(run, &event.kind);
        }
        outcome
    }

    /// Reads a run's journal for it. Of a run that was killed before its first event, what it was asked tells the rest.
    pub fn read(store: &Store, run: &RunId) -> Result<Self, StoreError> {
        let mut outcome = Self::of(run, &store.events(run)?);
        if !outcome.begun
            && let Some(request) = store.request(run)?
        {
            outcome.begun = true;
            outcome.inventory = request.inventory;
            outcome.check = request.check;
            outcome.resumes = request.resumes;
        }
        Ok(outcome)
    }

    /// Whether there is nothing left to be done.
    pub fn is_done(&self) -> bool {
        self.exit_code == Some(0)
    }

    fn take(&mut self, id: &RunId, kind: &Kind) {
        match kind {
            Kind::RunStarted {
                run,
                playbook,
                inventory,
                check,
                resumes,
                ..
            } => {
                self.begun = true;
                self.playbook.clone_from(playbook);
                self.inventory.clone_from(inventory);
                self.check = *check;
                self.resumes.clone_from(resumes);
                // A rollback keeps a journal of its own, and writes to the undo logs of the run that it takes back.
                self.rollback_of = (run != id.as_str()).then(|| run.clone());
            }
            Kind::PlayStarted { hosts, .. } => {
                for host in hosts {
                    self.hosts.entry(host.clone()).or_insert(HostState::Pending);
                }
            }
            Kind::RollbackFinished { host, state, .. } => {
                self.hosts.insert(host.clone(), *state);
            }
            Kind::Stopped { pending, .. } => {
                for host in pending {
                    self.hosts.entry(host.clone()).or_insert(HostState::Pending);
                }
            }
            Kind::RunFinished {
                recap, exit_code, ..
            } => {
                self.exit_code = Some(*exit_code);
                // Who is not in it had nothing to do.
                for state in self.hosts.values_mut() {
                    *state = HostState::Done;
                }
                for Counts { host, state, .. } in recap {
                    self.hosts.insert(host.clone(), *state);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Request;
    use std::time::Duration;

    fn started(run: &str) -> Event {
        Event::now(Kind::RunStarted {
            run: run.to_owned(),
            version: 2,
            playbook: "site.yml".to_owned(),
            inventory: vec!["hosts".to_owned()],
            check: false,
            user: "ann".to_owned(),
            controller: "desk".to_owned(),
            resumes: None,
        })
    }

    fn play(hosts: &[&str]) -> Event {
        Event::now(Kind::PlayStarted {
            name: "all".to_owned(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            rollback: true,
            key: "site.yml:1".to_owned(),
        })
    }

    #[test]
    fn a_killed_run_left_its_hosts_pending_and_one_that_ended_says_how() {
        let run = RunId::parse("a").unwrap();
        let mut events = vec![started("a"), play(&["h1", "h2", "h3"])];
        let killed = Outcome::of(&run, &events);
        assert_eq!(killed.exit_code, None);
        assert_eq!(killed.hosts["h1"], HostState::Pending);
        assert!(killed.begun && killed.rollback_of.is_none() && !killed.is_done());
        events.push(Event::now(Kind::RunFinished {
            recap: vec![Counts {
                host: "h2".to_owned(),
                state: HostState::RolledBack,
                ..Counts::default()
            }],
            exit_code: 2,
            took: Duration::ZERO,
        }));
        let ended = Outcome::of(&run, &events);
        assert_eq!(ended.exit_code, Some(2));
        assert_eq!(ended.hosts["h1"], HostState::Done);
        assert_eq!(ended.hosts["h2"], HostState::RolledBack);
    }

    #[test]
    fn a_run_that_was_killed_before_its_first_event_is_told_by_what_it_was_asked() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = RunId::parse("b").unwrap();
        store.create(&run).unwrap().close();
        assert!(!Outcome::read(&store, &run).unwrap().begun);
        let request = Request {
            resumes: Some("a".to_owned()),
            ..Request::default()
        };
        store.write_request(&run, &request).unwrap();
        let outcome = Outcome::read(&store, &run).unwrap();
        assert!(outcome.begun && !outcome.is_done());
        assert_eq!(outcome.resumes.as_deref(), Some("a"));
    }

    #[test]
    fn a_rollback_is_told_by_the_run_that_it_names() {
        let run = RunId::parse("b").unwrap();
        let outcome = Outcome::of(&run, &[started("a")]);
        assert_eq!(outcome.rollback_of.as_deref(), Some("a"));
    }
}
