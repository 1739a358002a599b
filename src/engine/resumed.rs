//! A run that goes on with earlier ones: which hosts are done with a play, and what is still to be run on the others.
//!
//! Journals tell which hosts passed. Where a host's own undo logs say otherwise, they are right: a controller may be
//! killed between the host's commit and its own note of it, and a host may be taken back by hand. It must not know how
//! the earlier runs are found; it is handed their history.

use super::batch::{Batch, active};
use super::host::Host;
use super::keywords::{KeywordError, text};
use super::lineage::Lineage;
use super::pending;
use super::rollback::open;
use super::run::Run;
use super::shared::Shared;
use crate::connection::{Command, ConnectionError};
use crate::event::Kind;
use crate::journal::{History, RunId};
use crate::playbook::{Play, Playbook};
use crate::template::Scope;
use crate::undo::{Standing, UndoLog};
use indexmap::IndexSet;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many lost changes are named.
const NAMED: usize = 5;

/// What a run goes on with.
#[derive(Debug)]
pub struct Before {
    /// What the earlier runs did.
    pub history: History,
    /// Whether hosts may ask for each other's variables: then plays that only look run on all hosts again, as what they
    /// find out is not kept.
    pub shares_variables: bool,
}

/// What a run goes on with, together with its playbook.
pub(super) struct Resumed {
    pub(super) history: History,
    shares_variables: bool,
    plays: Vec<Arc<Play>>,
    /// As whom the undo log of each host is opened in plays that keep none: as in the first play that does.
    lineages: HashMap<String, Lineage>,
}

/// What is known of a host from before this run.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// How the earlier runs stand there, once it was asked.
    standings: Option<Vec<Standing>>,
    /// Where it keeps its undo logs.
    folder: String,
    /// Runs of which all that was open was taken back.
    pub(super) taken_back: Vec<String>,
    /// What they left open was settled.
    pub(super) settled: bool,
    /// Handlers that were still to be run, until a task that notifies them has passed.
    pub(super) owed: IndexSet<String>,
}

impl Resumed {
    /// As whom `host`'s undo log is opened in a play that keeps none.
    pub(super) fn lineage(&self, host: &str) -> Option<&Lineage> {
        self.lineages.get(host)
    }

    /// Whether `run` is one of those that this one goes on with, and what it left open on `host` goes back.
    pub(super) fn takes_back(&self, host: &str, run: &str) -> bool {
        let known = self
            .history
            .runs()
            .iter()
            .find(|known| known.as_str() == run);
        known.is_some_and(|run| self.history.goes_back(host, run))
    }

    /// Whether a host passed a play, by the journals and by its own word.
    fn passed(&self, host: &Host, key: &str, name: &str) -> bool {
        let journal = self.history.passed(&host.name, key, name);
        let state = host.state();
        let standings = state.earlier.standings.as_deref().unwrap_or_default();
        let was_undone = |run: &RunId| {
            standings
                .iter()
                .any(|each| each.run == run.as_str() && each.taken_back)
        };
        if journal.is_some_and(|run| !was_undone(run)) {
            return true;
        }
        let own =
            |each: &Standing| !each.taken_back && each.passed.iter().any(|known| known == key);
        self.history.is_named(key, name) && standings.iter().any(own)
    }

    /// Why a host cannot be started on: its log of changes that are neither committed nor taken back is gone.
    pub(super) fn lost_log(&self, host: &Host) -> Option<String> {
        let state = host.state();
        let standings = state.earlier.standings.as_deref().unwrap_or_default();
        standings.iter().filter(|each| each.gone).find_map(|each| {
            let run = RunId::parse(&each.run)?;
            let lost = self.history.left_open(&host.name, &run);
            if lost.is_empty() {
                return None;
            }
            let named: Vec<&str> = lost.iter().take(NAMED).copied().collect();
            let more = match lost.len() - named.len() {
                0 => String::new(),
                count => format!("; and {count} more"),
            };
            Some(format!(
                "its undo log of run {run} is gone ({}/runs/{run}), so what that run changed here cannot be taken back: {}{more}; \
                 put the host right by hand, then run the playbook on it anew",
                state.earlier.folder,
                named.join("; ")
            ))
        })
    }
}

impl Run {
    /// Goes on with earlier runs: call it before anything else.
    #[must_use]
    pub fn resume(mut self, before: Before) -> Self {
        self.before = Some(before);
        self
    }

    /// Readies what is known of earlier runs for the plays of `playbook`; the run that is resumed, if any.
    pub(super) fn recall(&mut self, playbook: &Playbook) -> Option<String> {
        let Before {
            history,
            shares_variables,
        } = self.before.take()?;
        let run = history.last().map(ToString::to_string);
        let mut lineages = HashMap::new();
        for play in playbook.plays.iter().filter(|play| play.rollback.is_some()) {
            let scope = self.play_scope(play);
            // A pattern may need what is not known yet; such hosts are settled when their play comes.
            for host in self.hosts_quietly(play, &scope).unwrap_or_default() {
                lineages.entry(host).or_insert_with(|| Lineage::play(play));
            }
        }
        self.shared().set_resumed(Resumed {
            history,
            shares_variables,
            plays: playbook.plays.clone(),
            lineages,
        });
        run
    }

    /// The hosts that a play still has to take; says who is passed over.
    pub(super) async fn still_to_do(
        &self,
        play: &Arc<Play>,
        key: &str,
        name: &str,
        hosts: Vec<String>,
    ) -> Vec<String> {
        let shared = self.shared();
        let Some(resumed) = shared.resumed() else {
            return hosts;
        };
        let known = |name: &String| shared.known(name).cloned();
        if play.rollback.is_some() {
            let all: Vec<Arc<Host>> = hosts.iter().filter_map(known).collect();
            ask(shared, resumed, &Lineage::play(play), &all).await;
        }
        let done = |host: &String| {
            let host = known(host);
            host.is_some_and(|host| resumed.passed(&host, key, name))
        };
        let (over, left): (Vec<String>, Vec<String>) = if play.rollback.is_some() {
            hosts.into_iter().partition(done)
        } else {
            self.idle(resumed, play, done, hosts)
        };
        if over.is_empty() {
            return left;
        }
        for host in &over {
            if resumed.history.passed(host, key, name).is_none() {
                // The host knew, the journals did not: from now on they do.
                shared.events.emit(Kind::HostPassed {
                    host: host.clone(),
                    play: key.to_owned(),
                });
            }
        }
        shared.events.emit(Kind::PassedOver {
            play: key.to_owned(),
            hosts: over,
        });
        left
    }

    /// Parts the hosts of a play that only looks into those that are done with all that comes, and the others.
    fn idle(
        &self,
        resumed: &Resumed,
        play: &Arc<Play>,
        done: impl Fn(&String) -> bool,
        hosts: Vec<String>,
    ) -> (Vec<String>, Vec<String>) {
        let (over, left): (Vec<String>, Vec<String>) = hosts
            .iter()
            .cloned()
            .partition(|host| done(host) && self.has_nothing_to_do(resumed, play, host));
        if resumed.shares_variables && !left.is_empty() {
            return (Vec::new(), hosts);
        }
        (over, left)
    }

    /// Whether a host passed all plays after `play` that take it. Rounds of loops that are to come are not known yet.
    fn has_nothing_to_do(&self, resumed: &Resumed, play: &Arc<Play>, host: &String) -> bool {
        let Some(here) = self.shared().known(host) else {
            return true;
        };
        let at = resumed.plays.iter().position(|it| Arc::ptr_eq(it, play));
        let (Some(at), true) = (at, play.loops.is_empty()) else {
            return false;
        };
        resumed.plays[at + 1..].iter().all(|later| {
            let scope = self.play_scope(later);
            match self.hosts_quietly(later, &scope) {
                Ok(hosts) if !hosts.contains(host) => true,
                Ok(_) if later.loops.is_empty() => self
                    .name_of(later, &scope)
                    .is_ok_and(|name| resumed.passed(here, &self.keys.key(later), &name)),
                _ => false,
            }
        })
    }

    /// A play's name as it is shown.
    pub(super) fn name_of(&self, play: &Play, scope: &Scope) -> Result<String, KeywordError> {
        let templar = &self.shared().templar;
        let node = play.name.as_ref().unwrap_or(&play.hosts);
        Ok(text(&templar.render(node, scope)?))
    }

    /// Whether an earlier run took this host through this play.
    pub(super) fn passed_before(&self, play: &Arc<Play>, host: &str) -> bool {
        let shared = self.shared();
        let (Some(resumed), Some(host)) = (shared.resumed(), shared.known(host)) else {
            return false;
        };
        let name = self.name_of(play, &self.play_scope(play));
        name.is_ok_and(|name| resumed.passed(host, &self.keys.key(play), &name))
    }
}

/// Asks hosts how earlier runs stand there, each once. One that cannot be reached says nothing: the journals decide.
async fn ask(shared: &Arc<Shared>, resumed: &Resumed, lineage: &Lineage, hosts: &[Arc<Host>]) {
    let slots = Semaphore::new(shared.settings.forks.max(1));
    let asking = hosts.iter().map(|host| async {
        // The semaphore is never closed.
        let _slot = slots.acquire().await;
        let runs: Vec<&str> = resumed
            .history
            .touched(&host.name)
            .map(RunId::as_str)
            .collect();
        let known = host.state().earlier.standings.is_some();
        if known || runs.is_empty() || shared.is_implicit(host) {
            return;
        }
        if let Ok((folder, standings)) = standings(shared, lineage, host, &runs).await {
            let mut state = host.state();
            state.earlier.folder = folder;
            state.earlier.standings = Some(standings);
        }
    });
    futures::future::join_all(asking).await;
}

async fn standings(
    shared: &Arc<Shared>,
    lineage: &Lineage,
    host: &Arc<Host>,
    runs: &[&str],
) -> Result<(String, Vec<Standing>), ConnectionError> {
    let opened = open(shared, lineage, host).await?;
    let mut command = Command::new(opened.log.look_at(runs.iter().copied()));
    command.become_user = opened.become_user;
    let output = opened.connection.run(command).await?;
    let folder = opened.log.root().to_owned();
    Ok((folder, UndoLog::parse_standings(&output.stdout_text())))
}

impl Batch {
    /// Hosts remember what was still to be run on them in this play.
    pub(super) fn recall_handlers(&self) {
        let Some(resumed) = self.shared.resumed() else {
            return;
        };
        let history = &resumed.history;
        if !history.is_named(&self.play.key, &self.play.name) {
            return;
        }
        for host in active(&self.play.batch) {
            let Some(owed) = history.owed(&host.name, &self.play.key) else {
                continue;
            };
            let mut state = host.state();
            let taken_back = state
                .earlier
                .taken_back
                .iter()
                .any(|run| run == owed.run.as_str());
            if taken_back && !owed.stays {
                continue;
            }
            state.earlier.owed.extend(owed.handlers.iter().cloned());
            // The journals of the earlier runs have it already.
            state.told_pending.clone_from(&owed.handlers);
        }
    }

    /// Handlers that no task notified again run at the end of the play.
    pub(super) fn notify_what_is_owed(&self) {
        for host in active(&self.play.batch) {
            let mut state = host.state();
            let owed = std::mem::take(&mut state.earlier.owed);
            state.notified.extend(owed);
            drop(state);
            pending::say(&self.shared, &self.play.key, &host);
        }
    }
}
