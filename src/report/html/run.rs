//! A run as the page tells it: plays with their batches, tasks with the time they took, hosts, and how it ended.
//! Must not know how it is shown; events become this in [`super::fold`].

use super::host::{Host, Place};
use super::standing::{self, Standing};
use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// A batch of a play, in milliseconds since the start of the run.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// From 1.
    pub(super) number: usize,
    pub(super) hosts: IndexSet<String>,
    pub(super) from: i64,
    /// When its last host was through.
    pub(super) until: i64,
    /// When it began to be watched, and until when.
    pub(super) soak: Option<(i64, i64)>,
}

/// A play that had hosts.
#[derive(Debug, Clone)]
pub(super) struct Play {
    pub(super) name: String,
    pub(super) hosts: Vec<String>,
    /// How many batches there were to be.
    pub(super) of: usize,
    /// Those that started. A play in one go has one.
    pub(super) batches: Vec<Batch>,
    /// Whether its batches were announced, or it went in one go.
    pub(super) batched: bool,
}

/// A task, wherever and however often it ran.
#[derive(Debug, Clone, Default)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) path: String,
    /// Over all hosts.
    pub(super) total: Duration,
    pub(super) runs: u32,
    pub(super) longest: Duration,
    pub(super) slowest_host: String,
}

/// A task that started: its place in the list, and its action.
#[derive(Debug, Clone)]
pub(super) struct Started {
    pub(super) task: usize,
    pub(super) action: String,
}

/// What happened to the whole run at one moment.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) at: i64,
    pub(super) text: String,
    /// Whether the run went no further because of it.
    pub(super) stop: bool,
}

/// How the run ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) exit_code: u8,
    pub(super) took: Duration,
}

/// A whole run.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The name of its journal.
    pub(super) id: String,
    /// The run that it takes back, where it is a rollback.
    pub(super) takes_back: Option<String>,
    /// The run that it goes on with.
    pub(super) resumes: Option<String>,
    /// Who started it, and where; empty where the record does not say.
    pub(super) by: String,
    pub(super) playbook: String,
    pub(super) inventory: Vec<String>,
    pub(super) check: bool,
    /// The first and the last event.
    pub(super) times: Option<(Timestamp, Timestamp)>,
    pub(super) plays: Vec<Play>,
    /// By name and path, so that a task of many batches is one.
    pub(super) tasks: IndexMap<(String, String), Task>,
    /// By their number in the events.
    pub(super) started: HashMap<usize, Started>,
    pub(super) hosts: IndexMap<String, Host>,
    pub(super) marks: Vec<Mark>,
    /// Each with the hosts that it was about; none when it was about the run.
    pub(super) warnings: IndexMap<String, IndexSet<String>>,
    /// The rules that stopped it, in words.
    pub(super) stops: Vec<String>,
    /// Hosts that no batch was started for.
    pub(super) pending: IndexSet<String>,
    pub(super) end: Option<End>,
    /// Since when the last batch is being watched, and until when it is to be.
    pub(super) soaking: Option<(i64, i64)>,
}

impl Run {
    /// A run of which nothing is known but the name of its journal; where that is empty, its events tell.
    pub(super) fn new(journal: &str) -> Self {
        Self {
            id: journal.to_owned(),
            ..Self::default()
        }
    }

    /// When it started.
    pub(super) fn start(&self) -> Timestamp {
        self.times.map_or(Timestamp::UNIX_EPOCH, |times| times.0)
    }

    /// The last that is known of it.
    pub(super) fn last(&self) -> Timestamp {
        self.times.map_or(Timestamp::UNIX_EPOCH, |times| times.1)
    }

    /// What it took, as far as is known.
    pub(super) fn took(&self) -> Duration {
        let known = self.last().duration_since(self.start());
        self.end.map_or_else(
            || Duration::try_from(known).unwrap_or_default(),
            |end| end.took,
        )
    }

    /// Its length in milliseconds, at least one.
    pub(super) fn length(&self) -> i64 {
        super::host::millis(self.start(), self.last()).max(1)
    }

    /// How many hosts stand how; those that there are.
    pub(super) fn standings(&self) -> Vec<(Standing, usize)> {
        let mut counts: HashMap<Standing, usize> = HashMap::new();
        for host in self.hosts.values() {
            *counts.entry(host.standing()).or_default() += 1;
        }
        standing::ALL
            .into_iter()
            .filter_map(|standing| Some((standing, *counts.get(&standing)?)))
            .collect()
    }

    /// How many hosts stand so.
    pub(super) fn count(&self, standing: Standing) -> usize {
        self.hosts
            .values()
            .filter(|host| host.standing() == standing)
            .count()
    }

    /// The hosts in the order in which they are listed: by the batch that they are at home in, those without one last.
    pub(super) fn listed(&self) -> Vec<&Host> {
        let mut hosts: Vec<&Host> = self.hosts.values().collect();
        hosts.sort_by_key(|host| self.list_place(host).unwrap_or((usize::MAX, usize::MAX)));
        hosts
    }

    /// The batch that a host is listed under; one that waits for its turn is under none.
    pub(super) fn list_place(&self, host: &Host) -> Option<Place> {
        if host.standing() == Standing::Pending {
            return None;
        }
        host.home(|play| self.plays.get(play).is_some_and(|play| play.batched))
    }

    /// The batch at a place.
    pub(super) fn batch(&self, place: Place) -> Option<(&Play, &Batch)> {
        let play = self.plays.get(place.0)?;
        Some((play, play.batches.get(place.1)?))
    }
}
