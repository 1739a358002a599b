//! A run from its lock to its last event, whatever verb asked for it.

use super::{
    CliError, confidential, labs, output, parting, reporters, signals, state, vault, window,
};
use crate::engine::{Events, Parts, Run, Settings, Summary, exit_code};
use crate::inventory::Inventory;
use crate::journal::{Request, RunId};
use crate::playbook::Loader;
use crate::template::Templar;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// How long a run that is to stop at once may take to give its locks back.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a verb has read and checked before anything starts.
pub(super) struct Conduct {
    /// The run whose undo logs are written, or taken back.
    pub(super) run: RunId,
    /// The run under whose name the journal is kept.
    pub(super) journal: RunId,
    /// What is run, for those who wait for its lock.
    pub(super) what: String,
    /// The inventory sources.
    pub(super) sources: Vec<String>,
    pub(super) inventory: Arc<Inventory>,
    pub(super) loader: Arc<Loader>,
    pub(super) settings: Settings,
    /// The state folder.
    pub(super) state: PathBuf,
    pub(super) style: reporters::Style,
    /// What the run is asked, to be written down before anything else.
    pub(super) request: Option<Request>,
    /// The command that goes on when work is left.
    pub(super) again: Option<String>,
}

impl Conduct {
    /// Takes the lock, opens the journal, starts the lab where hosts ask for it, and lets `work` loose.
    pub(super) fn run<W>(self, work: W) -> Result<u8, CliError>
    where
        W: AsyncFnOnce(Run) -> Summary,
    {
        if let Some(code) = window::outside(&self.settings, &self.style)? {
            return Ok(code);
        }
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
        signals::survive_limits()?;
        let templar = Arc::new(Templar::with_vault(vault::opened()));
        let holder = state::holder(&self.journal, &self.what, &self.sources);
        let lock = state::lock(&self.state, &self.sources, &holder)?;
        let inventory = Arc::make_mut(&mut self.inventory);
        let fleet = labs::start(inventory, &templar, &self.state, &self.sources).await?;
        let store = state::store(&self.state);
        let journal = store.create(&self.journal).map_err(anyhow::Error::from)?;
        if let Some(request) = &self.request {
            let written = store.write_request(&self.journal, request);
            written.map_err(anyhow::Error::from)?;
        }
        let record = store.run_folder(&self.journal);
        let (events, reporter) = mpsc::unbounded_channel();
        let interrupted = Arc::new(AtomicBool::new(false));
        let now = Arc::new(Notify::new());
        let weak = events.downgrade();
        signals::watch(interrupted.clone(), now.clone(), journal.clone(), weak)?;
        let run = self.run.clone();
        let engine = Run::new(Parts {
            run: self.run,
            inventory: self.inventory,
            templar,
            loader: self.loader,
            settings: self.settings,
            events: Events::new(Some(journal.clone()), events)
                .with_secrets(confidential::secrets().clone()),
            interrupted,
            store: store.clone(),
        })
        .holding(holder);
        let (children, locks) = (engine.children(), engine.locks());
        let shown = reporters::events(reporter, self.style.clone(), self.journal.clone());
        let showing = tokio::spawn(shown);
        let ended = tokio::select! {
            summary = work(engine) => Some((summary.exit_code, summary.is_idle())),
            () = now.notified() => None,
        };
        if ended.is_none() {
            // Nobody waits for what runs on the hosts any more, so it must not go on; and whoever comes next should not find
            // them locked.
            children.end().await;
            let _in_time = tokio::time::timeout(LAST_WORDS, locks.give_back()).await;
        }
        drop((children, locks));
        // The engine is gone, and with it the last sender of events.
        let afterwards = showing.await.map_err(anyhow::Error::from)?;
        if let Some(line) = self
            .style
            .last_line(&record, ended.is_some_and(|(_, idle)| idle))
        {
            output::line(line)?;
        }
        journal.close();
        drop((fleet, lock));
        // Who is told does not keep the next run waiting.
        tokio::task::block_in_place(|| afterwards.finish());
        if ended.is_none() {
            parting::stopped(&store, &run, &self.journal, &self.sources);
        }
        parting::unrecorded(&journal);
        let code = match ended {
            None => exit_code::INTERRUPTED,
            Some((exit_code::DONE, _)) if journal.broken().is_some() => exit_code::FAILED,
            Some((code, _)) => code,
        };
        if let Some(again) = self.again.filter(|_| leaves_work(code)) {
            parting::go_on(&again);
        }
        Ok(code)
    }
}

/// Whether a run that ended with this code can be gone on with.
fn leaves_work(code: u8) -> bool {
    matches!(
        code,
        exit_code::FAILED
            | exit_code::ROLLBACK_INCOMPLETE
            | exit_code::UNREACHABLE
            | exit_code::WINDOW_CLOSED
            | exit_code::INTERRUPTED
    )
}
