//! What the runs that a resumed run goes on with did to each host, by their journals.
//!
//! Which hosts passed which plays, what is still to be run, what was recorded and neither committed nor taken back. A
//! host's own log may know more: whoever asks it decides by that.

use super::outcome::Outcome;
use super::{Record, RunId, Store, StoreError};
use crate::event::{Event, HostState, Kind, Status};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A host, and the key of a play.
type Place = (String, String);

/// Handlers that were notified and have not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The run in which they were notified.
    pub run: RunId,
    /// Names and topics, in order.
    pub handlers: Vec<String>,
    /// The host was committed since: what notified them stays.
    pub stays: bool,
}

/// A step that is neither committed nor taken back, as far as journals tell.
#[derive(Debug, Clone)]
struct OpenStep {
    what: String,
    play: String,
    /// Whether it is known that the host wrote it down: the journal has it before the host does.
    arrived: bool,
}

/// The runs that a resumed run goes on with.
#[derive(Debug, Default)]
pub struct History {
    runs: Vec<RunId>,
    warnings: Vec<String>,
    /// The names of plays, and whether their hosts go back, by their keys.
    plays: HashMap<String, (String, bool)>,
    passed: HashMap<Place, usize>,
    owed: HashMap<Place, Owed>,
    open: HashMap<(String, usize), Vec<OpenStep>>,
    touched: HashMap<String, BTreeSet<usize>>,
}

impl History {
    /// Reads what became of `run`, of the runs that it went on with, and of what later runs took back of them.
    pub fn read(store: &Store, run: &RunId) -> Result<Self, StoreError> {
        let mut runs = vec![run.clone()];
        let mut records = vec![store.record(run)?];
        while let Some(before) = Outcome::read(store, &runs[0])?.resumes {
            // A run that resumes itself cannot be, but a journal is a file that somebody may have changed.
            let Some(before) = RunId::parse(&before).filter(|before| !runs.contains(before)) else {
                break;
            };
            records.insert(0, store.record(&before)?);
            runs.insert(0, before);
        }
        let mut history = Self {
            runs,
            warnings: records.iter().flat_map(Record::warnings).collect(),
            ..Self::default()
        };
        for (at, record) in records.iter().enumerate() {
            history.learn(at, &record.events);
        }
        history.learn_from_others(store)?;
        Ok(history)
    }

    /// Of these runs, the last one.
    pub fn last(&self) -> Option<&RunId> {
        self.runs.last()
    }

    /// All of them, the oldest first.
    pub fn runs(&self) -> &[RunId] {
        &self.runs
    }

    /// What a user must know before relying on it: where journals are damaged, what is not known in them.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The run in which a host passed a play: one of this key, and still of this name.
    pub fn passed(&self, host: &str, key: &str, name: &str) -> Option<&RunId> {
        let at = self.passed.get(&(host.to_owned(), key.to_owned()))?;
        self.runs.get(*at).filter(|_| self.is_named(key, name))
    }

    /// Whether a play of this key was begun under this name.
    pub fn is_named(&self, key: &str, name: &str) -> bool {
        self.plays.get(key).is_some_and(|(known, _)| known == name)
    }

    /// What is still to be run on a host in a play.
    pub fn owed(&self, host: &str, key: &str) -> Option<&Owed> {
        self.owed.get(&(host.to_owned(), key.to_owned()))
    }

    /// The runs that recorded changes of a host.
    pub fn touched(&self, host: &str) -> impl Iterator<Item = &RunId> {
        let at = self.touched.get(host).into_iter().flatten();
        at.filter_map(|at| self.runs.get(*at))
    }

    /// What `run` changed on a host and neither committed nor took back, where the host is known to have it written down.
    pub fn left_open(&self, host: &str, run: &RunId) -> Vec<&str> {
        let steps = self.steps(host, run);
        let sure = steps.iter().filter(|step| step.arrived);
        sure.map(|step| step.what.as_str()).collect()
    }

    /// Whether what `run` left open on a host was changed in plays whose hosts go back when they fail.
    pub fn goes_back(&self, host: &str, run: &RunId) -> bool {
        let wish = |step: &OpenStep| self.plays.get(&step.play).is_none_or(|(_, back)| *back);
        self.steps(host, run).iter().all(wish)
    }

    fn steps(&self, host: &str, run: &RunId) -> &[OpenStep] {
        let at = self.runs.iter().position(|known| known == run);
        at.and_then(|at| self.open.get(&(host.to_owned(), at)))
            .map_or(&[], Vec::as_slice)
    }

    fn learn(&mut self, at: usize, events: &[Event]) {
        let mut play = String::new();
        for event in events {
            match &event.kind {
                Kind::PlayStarted {
                    key,
                    name,
                    rollback,
                    ..
                } => {
                    play.clone_from(key);
                    self.plays.insert(key.clone(), (name.clone(), *rollback));
                }
                Kind::TaskFinished { host, result, .. } if result.status == Status::Changed => {
                    let on = result.delegated_to.as_ref().unwrap_or(host);
                    self.arrived(on, at);
                }
                Kind::DeadmanArmed { host, .. } => self.arrived(host, at),
                Kind::UndoRecorded { host, what, .. } => {
                    // The next step begins when the last one was made.
                    self.arrived(host, at);
                    self.touched.entry(host.clone()).or_default().insert(at);
                    let step = OpenStep {
                        what: what.clone(),
                        play: play.clone(),
                        arrived: false,
                    };
                    self.open.entry((host.clone(), at)).or_default().push(step);
                }
                other => self.learn_about_host(at, &play, other),
            }
        }
    }

    fn learn_about_host(&mut self, at: usize, play: &str, kind: &Kind) {
        let place = |host: &str, play: &str| (host.to_owned(), play.to_owned());
        match kind {
            Kind::HostPassed { host, play } => {
                self.passed.insert(place(host, play), at);
                self.owed.remove(&place(host, play));
                for ((owner, _), steps) in &mut self.open {
                    if owner == host {
                        steps.retain(|step| step.play != *play);
                    }
                }
            }
            Kind::Notified {
                host,
                play,
                handlers,
            } => {
                if handlers.is_empty() {
                    self.owed.remove(&place(host, play));
                } else {
                    let owed = Owed {
                        run: self.runs[at].clone(),
                        handlers: handlers.clone(),
                        stays: false,
                    };
                    self.owed.insert(place(host, play), owed);
                }
            }
            Kind::HostCommitted { host } => {
                self.open.remove(&(host.clone(), at));
                if let Some(owed) = self.owed.get_mut(&place(host, play)) {
                    owed.stays = true;
                }
            }
            Kind::RollbackFinished { host, state, .. } => {
                let whole = matches!(
                    state,
                    HostState::RolledBack | HostState::Pending | HostState::Held
                );
                if whole {
                    self.taken_back(host, at);
                }
            }
            Kind::WentBack {
                host,
                run,
                complete: true,
                ..
            }
            | Kind::TakenBack { host, run, .. } => {
                if let Some(at) = self.index(run) {
                    self.taken_back(host, at);
                }
            }
            _ => {}
        }
    }

    fn arrived(&mut self, host: &str, at: usize) {
        for step in self
            .open
            .get_mut(&(host.to_owned(), at))
            .into_iter()
            .flatten()
        {
            step.arrived = true;
        }
    }

    /// What was open of the run `at` is as it was before.
    fn taken_back(&mut self, host: &str, at: usize) {
        self.open.remove(&(host.to_owned(), at));
        let run = self.runs[at].clone();
        self.owed
            .retain(|(owner, _), owed| owner != host || owed.run != run || owed.stays);
    }

    /// All that the run `at` did on a host is undone, committed or not.
    fn undone(&mut self, host: &str, at: usize) {
        self.open.remove(&(host.to_owned(), at));
        self.passed
            .retain(|(owner, _), passed| owner != host || *passed != at);
        let run = self.runs[at].clone();
        self.owed
            .retain(|(owner, _), owed| owner != host || owed.run != run);
    }

    fn index(&self, run: &str) -> Option<usize> {
        self.runs.iter().position(|known| known.as_str() == run)
    }

    /// Other runs since then took back what these did: `windlass rollback`, or a run that met a host on its way.
    fn learn_from_others(&mut self, store: &Store) -> Result<(), StoreError> {
        let known: HashSet<RunId> = self.runs.iter().cloned().collect();
        let Some(first) = self.runs.first().cloned() else {
            return Ok(());
        };
        for other in store.runs()? {
            if other <= first || known.contains(&other) {
                continue;
            }
            // A journal that cannot be read says nothing; the hosts are asked all the same.
            let Ok(events) = store.events(&other) else {
                continue;
            };
            let of = Outcome::of(&other, &events).rollback_of;
            let of = of.and_then(|run| self.index(&run));
            for event in &events {
                match (&event.kind, of) {
                    (Kind::RollbackFinished { host, .. }, Some(at)) => self.undone(host, at),
                    (
                        Kind::WentBack {
                            host,
                            run,
                            complete: true,
                            ..
                        }
                        | Kind::TakenBack { host, run, .. },
                        None,
                    ) => {
                        if let Some(at) = self.index(run) {
                            self.taken_back(host, at);
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
