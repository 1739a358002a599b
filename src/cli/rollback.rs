//! `windlass rollback`: takes back what an earlier run changed, host by host.

use super::args::RollbackArgs;
use super::conduct::Conduct;
use super::{CliError, input, output, run, show, state};
use crate::engine::exit_code;
use crate::event::{Event, Kind};
use crate::journal::{RunId, Store};
use crate::module::Modules;
use crate::playbook::{LoadOptions, Loader};
use crate::source::did_you_mean;
use crate::template::Variables;
use std::path::PathBuf;
use std::sync::Arc;

/// Lists the runs, or takes one back.
pub(super) fn main(args: &RollbackArgs) -> Result<u8, CliError> {
    let state = state::folder(args.sources.state_dir.as_deref())?;
    let store = state::store(&state);
    let Some(name) = &args.run else {
        list(&store)?;
        return Ok(exit_code::DONE);
    };
    let taken = read(&store, name)?;
    take_back(args, state, taken)
}

/// A run that is to be taken back.
struct Taken {
    run: RunId,
    /// Hosts on which something was changed that can be taken back, in the order of their first change.
    hosts: Vec<String>,
}

fn read(store: &Store, name: &str) -> Result<Taken, CliError> {
    let known = store.runs().map_err(anyhow::Error::from)?;
    let Some(run) = RunId::parse(name).filter(|run| known.contains(run)) else {
        let near = did_you_mean(name, known.iter().map(RunId::as_str));
        return Err(CliError::Usage {
            message: format!("there is no run `{name}`"),
            hint: Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`windlass rollback` lists the runs".to_owned(),
            }),
        });
    };
    let events = store.events(&run).map_err(anyhow::Error::from)?;
    let mut hosts = indexmap::IndexSet::new();
    for event in events {
        if let Kind::UndoRecorded { host, .. } = event.kind {
            hosts.insert(host);
        }
    }
    Ok(Taken {
        run,
        hosts: hosts.into_iter().collect(),
    })
}

fn list(store: &Store) -> Result<(), CliError> {
    let runs = store.runs().map_err(anyhow::Error::from)?;
    if runs.is_empty() {
        output::line("no run is recorded yet")?;
        return Ok(());
    }
    for run in runs.iter().rev() {
        let events = match store.events(run) {
            Ok(events) => events,
            Err(error) => {
                output::line(format!("{run}  unreadable: {error}"))?;
                continue;
            }
        };
        output::line(format!("{run}  {}", describe(&events)))?;
    }
    Ok(())
}

fn describe(events: &[Event]) -> String {
    let mut playbook = String::new();
    let mut changed = indexmap::IndexSet::new();
    let mut end = "did not end".to_owned();
    for event in events {
        match &event.kind {
            Kind::RunStarted { playbook: name, .. } => playbook.clone_from(name),
            Kind::UndoRecorded { host, .. } => {
                changed.insert(host.clone());
            }
            Kind::RunFinished { exit_code, .. } => end = format!("exit code {exit_code}"),
            _ => {}
        }
    }
    let hosts = match changed.len() {
        0 => "nothing to take back".to_owned(),
        1 => "1 host to take back".to_owned(),
        n => format!("{n} hosts to take back"),
    };
    format!("{playbook}: {end}, {hosts}")
}

fn take_back(args: &RollbackArgs, state: PathBuf, taken: Taken) -> Result<u8, CliError> {
    let inventory = input::inventory(&args.sources, None)?;
    let limit = input::limit(&args.limit, &inventory)?;
    let hosts: Vec<String> = taken
        .hosts
        .into_iter()
        .filter(|host| limit.as_ref().is_none_or(|limit| limit.contains(host)))
        .collect();
    if hosts.is_empty() {
        output::line(format!("run {}: nothing to take back", taken.run))?;
        return Ok(exit_code::DONE);
    }
    let conduct = Conduct {
        what: format!("rollback of {}", taken.run),
        run: taken.run,
        journal: RunId::new(),
        sources: args.sources.inventory.clone(),
        inventory: Arc::new(inventory),
        loader: Arc::new(Loader::new(Arc::new(Modules), LoadOptions::default())),
        settings: run::settings(&args.connection, Variables::new())?,
        state,
        style: show::Style::simple(args.json),
    };
    conduct.run(async |engine| engine.take_back(&hosts).await)
}
