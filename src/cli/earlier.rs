//! Earlier runs as a user means them: the one to go on with, the last one of an inventory.

use super::{CliError, state};
use crate::event::HostState;
use crate::journal::{Fate, Outcome, Request, RunId, Store};
use std::collections::HashSet;

fn runs(store: &Store) -> Result<Vec<RunId>, CliError> {
    Ok(store.runs().map_err(anyhow::Error::from)?)
}

/// The newest run that did not end well and that no later one went on with to a good end.
pub(super) fn unfinished(store: &Store) -> Result<Option<RunId>, CliError> {
    let mut done: HashSet<String> = HashSet::new();
    let mut running = None;
    for run in runs(store)?.into_iter().rev() {
        // A journal that cannot be read is nothing to go on with.
        let Ok(outcome) = Outcome::read(store, &run) else {
            continue;
        };
        if outcome.is_done() || done.contains(run.as_str()) {
            done.extend(outcome.resumes);
        } else if !outcome.begun || outcome.check || outcome.rollback_of.is_some() {
            // Nothing to go on with.
        } else if store.fate(&run) == Fate::Running {
            running.get_or_insert(run);
        } else {
            return Ok(Some(run));
        }
    }
    Ok(running)
}

/// The last of the runs that went on with `run`, one after the other; `run` itself where none did.
pub(super) fn last_link(store: &Store, run: RunId) -> Result<RunId, CliError> {
    let mut last = run;
    for later in runs(store)? {
        if later <= last {
            continue;
        }
        let resumes = Outcome::read(store, &later).ok().and_then(|it| it.resumes);
        if resumes.is_some_and(|resumes| resumes == last.as_str()) {
            last = later;
        }
    }
    Ok(last)
}

/// The newest run that was asked for the same as `request`, and whether it is done.
pub(super) fn same(store: &Store, request: &Request) -> Result<Option<(RunId, bool)>, CliError> {
    for run in runs(store)?.into_iter().rev() {
        let Ok(Some(other)) = store.request(&run) else {
            continue;
        };
        if other.check || !is_same(request, &other) {
            continue;
        }
        let done = Outcome::read(store, &run).is_ok_and(|outcome| outcome.is_done());
        return Ok(Some((run, done)));
    }
    Ok(None)
}

fn is_same(one: &Request, other: &Request) -> bool {
    one.playbooks == other.playbooks
        && state::inventory_key(&one.inventory) == state::inventory_key(&other.inventory)
        && one.tags == other.tags
        && one.skip_tags == other.skip_tags
        && one.hosts == other.hosts
}

/// Hosts of the last run of an inventory: those that `--limit @failed` and its kind mean.
pub(super) fn hosts(
    store: &Store,
    sources: &[String],
    name: &str,
) -> Result<(RunId, Vec<String>), CliError> {
    let wanted = state::inventory_key(sources);
    for run in runs(store)?.into_iter().rev() {
        let Ok(outcome) = Outcome::read(store, &run) else {
            continue;
        };
        let request = store.request(&run).ok().flatten();
        let inventory = request
            .as_ref()
            .map_or(&outcome.inventory, |request| &request.inventory);
        if outcome.check
            || outcome.rollback_of.is_some()
            || state::inventory_key(inventory) != wanted
        {
            continue;
        }
        let left = |state: &HostState| match name {
            "failed" => !matches!(
                state,
                HostState::Done | HostState::Pending | HostState::Aborted
            ),
            "pending" => *state != HostState::Done,
            _ => true,
        };
        let chosen = outcome.hosts.iter().filter(|(_, state)| left(state));
        let hosts = chosen.map(|(host, _)| host.clone()).collect();
        return Ok((run, hosts));
    }
    Err(CliError::usage(
        format!("--limit @{name}: no run of this inventory is recorded"),
        format!("a file called `{name}` is meant by `@./{name}`"),
    ))
}

#[cfg(test)]
#[path = "earlier_tests.rs"]
mod tests;
