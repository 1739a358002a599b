//! A run from its lock to its last event, whatever verb asked for it.

use super::{CliError, labs, reporters, signals, state};
use crate::engine::{Events, Parts, Run, Settings, Summary, exit_code};
use crate::inventory::Inventory;
use crate::journal::RunId;
use crate::playbook::Loader;
use crate::template::Templar;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// What a verb has read and checked before anything starts.
pub(super) struct Conduct {
    /// The run whose undo logs are written, or taken back.
    pub(super) run: RunId,
    /// The run under whose name the journal is kept.
    pub(super) journal: RunId,
    /// The inventory sources.
    pub(super) sources: Vec<String>,
    pub(super) inventory: Arc<Inventory>,
    pub(super) loader: Arc<Loader>,
    pub(super) settings: Settings,
    /// The state folder.
    pub(super) state: PathBuf,
    pub(super) style: reporters::Style,
}

impl Conduct {
    /// Takes the lock, opens the journal, starts the lab where hosts ask for it, and lets `work` loose.
    pub(super) fn run<W>(self, work: W) -> Result<u8, CliError>
    where
        W: AsyncFnOnce(Run) -> Summary,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let code = runtime.block_on(self.carry_out(work));
        // A child of a local connection may linger in its own clean-up; the run is over.
        runtime.shutdown_timeout(Duration::from_secs(1));
        code
    }

    async fn carry_out<W>(mut self, work: W) -> Result<u8, CliError>
    where
        W: AsyncFnOnce(Run) -> Summary,
    {
        let templar = Arc::new(Templar::new());
        let lock = state::lock(&self.state, &self.sources, &self.journal)?;
        let inventory = Arc::make_mut(&mut self.inventory);
        let fleet = labs::start(inventory, &templar, &self.state, &self.sources).await?;
        let store = state::store(&self.state);
        let journal = store.create(&self.journal).map_err(anyhow::Error::from)?;
        let (events, reporter) = mpsc::unbounded_channel();
        let interrupted = Arc::new(AtomicBool::new(false));
        let now = Arc::new(Notify::new());
        signals::watch(interrupted.clone(), now.clone(), events.downgrade())?;
        let engine = Run::new(Parts {
            run: self.run,
            inventory: self.inventory,
            templar,
            loader: self.loader,
            settings: self.settings,
            events: Events::new(Some(journal.clone()), events),
            interrupted,
            store,
        });
        let showing = tokio::spawn(reporters::events(reporter, self.style, self.journal));
        let code = tokio::select! {
            summary = work(engine) => summary.exit_code,
            () = now.notified() => exit_code::INTERRUPTED,
        };
        // The engine is gone, and with it the last sender of events.
        let afterwards = showing.await.map_err(anyhow::Error::from)?;
        journal.close();
        drop((fleet, lock));
        // Who is told does not keep the next run waiting.
        tokio::task::block_in_place(|| afterwards.finish());
        Ok(code)
    }
}
