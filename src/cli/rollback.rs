//! `windlass rollback`: takes back what an earlier run changed, host by host.

use super::args::RollbackArgs;
use super::conduct::Conduct;
use super::{CliError, history, input, output, reporters, run, run_name, runs, state};
use crate::engine::{LeaseAt, exit_code};
use crate::event::Kind;
use crate::journal::{RunId, Store};
use crate::module::Modules;
use crate::playbook::{LoadOptions, Loader};
use crate::report::Listed;
use crate::template::Variables;
use std::path::PathBuf;
use std::sync::Arc;

/// Lists the runs, or takes one back.
pub(super) fn main(args: &RollbackArgs) -> Result<u8, CliError> {
    let state = state::folder(args.sources.state_dir.as_deref())?;
    let store = state::store(&state);
    let Some(name) = &args.run else {
        runs::print(&store, &history::newest(&store, None)?, Listed::ToTakeBack)?;
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
    /// The Leases that the run had.
    leases: Vec<LeaseAt>,
}

fn read(store: &Store, name: &str) -> Result<Taken, CliError> {
    let run = run_name::find(store, Some(name))?;
    let record = store.record(&run).map_err(anyhow::Error::from)?;
    for warning in record.warnings() {
        output::complain(&format!("warning: {warning}"));
    }
    let mut hosts = indexmap::IndexSet::new();
    let mut leases = Vec::new();
    for event in record.events {
        match event.kind {
            Kind::UndoRecorded { host, .. } => {
                hosts.insert(host);
            }
            Kind::LeaseTaken { hosts, kubeconfig } => leases.push((hosts, kubeconfig)),
            _ => {}
        }
    }
    Ok(Taken {
        run,
        hosts: hosts.into_iter().collect(),
        leases,
    })
}

fn take_back(args: &RollbackArgs, state: PathBuf, taken: Taken) -> Result<u8, CliError> {
    let inventory = input::inventory(&args.sources, None)?;
    let limit = input::limit(&args.limit, &inventory, &args.sources)?;
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
        style: reporters::Style::simple(args.json),
        request: None,
        again: None,
    };
    conduct.run(async |engine| engine.take_back(&hosts, &taken.leases).await)
}
