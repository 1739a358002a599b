//! The hosts whose locks are asked for, and all it takes to reach them.

use crate::cli::args::{ConnectionArgs, LockArgs};
use crate::cli::{CliError, input, labs, run, state, vault};
use crate::engine::{Events, Parts, Run, Settings};
use crate::inventory::Inventory;
use crate::journal::{RunId, Store};
use crate::lab::Fleet;
use crate::module::Modules;
use crate::playbook::{LoadOptions, Loader};
use crate::template::{Templar, Variables};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The hosts that are asked, and all it takes to reach them.
pub(super) struct Asked {
    pub(super) engine: Run,
    pub(super) store: Store,
    pub(super) hosts: Vec<String>,
    /// The lab, where hosts are its own; it ends with this.
    _fleet: Option<Fleet>,
}

impl Asked {
    pub(super) async fn open(
        args: &LockArgs,
        connection: &ConnectionArgs,
        state: &Path,
    ) -> Result<Self, CliError> {
        let mut inventory = input::inventory(&args.sources, None)?;
        let limit = input::limit(&args.limit, &inventory, &args.sources)?;
        let hosts = limit.unwrap_or_else(|| inventory.hosts.keys().cloned().collect());
        let templar = Arc::new(Templar::with_vault(vault::opened()));
        let fleet = labs::start(&mut inventory, &templar, state, &args.sources.inventory).await?;
        let settings = run::settings(connection, Variables::new())?;
        Ok(Self {
            engine: engine(inventory, templar, settings, state),
            store: state::store(state),
            hosts,
            _fleet: fleet,
        })
    }
}

/// An engine that runs no play.
fn engine(inventory: Inventory, templar: Arc<Templar>, settings: Settings, state: &Path) -> Run {
    let (events, _) = mpsc::unbounded_channel();
    Run::new(Parts {
        run: RunId::new(),
        inventory: Arc::new(inventory),
        templar,
        loader: Arc::new(Loader::new(Arc::new(Modules), LoadOptions::default())),
        settings,
        events: Events::new(None, events),
        interrupted: Arc::default(),
        store: state::store(state),
    })
}
