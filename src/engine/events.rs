//! Where the engine's events go: the journal and whoever listens.

use super::secrets::redact;
use crate::event::{Event, Kind};
use crate::journal::{Journal, JournalError};
use crate::secrecy::Secrets;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// The one way out for what the engine has to say. Secrets are taken out here.
#[derive(Debug, Clone)]
pub struct Events {
    journal: Option<Journal>,
    listener: UnboundedSender<Event>,
    pub(super) secrets: Arc<Secrets>,
}

impl Events {
    /// Events go to `journal` where there is one, and then to `listener`.
    pub fn new(journal: Option<Journal>, listener: UnboundedSender<Event>) -> Self {
        Self {
            journal,
            listener,
            secrets: Arc::default(),
        }
    }

    /// What is masked is what `secrets` knows; it may have learned something before the run.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<Secrets>) -> Self {
        self.secrets = secrets;
        self
    }

    /// Says that something happened.
    pub(super) fn emit(&self, kind: Kind) {
        let event = Event::now(redact(&self.secrets, kind));
        let listener = self.listener.clone();
        match &self.journal {
            Some(journal) => journal.append_heard(event, listener),
            // A listener that is gone has seen what it wanted to see.
            None => drop(listener.send(event)),
        }
    }

    /// Says what must be on the disk before the change that it announces is made, and returns when it is there.
    ///
    /// A broken journal takes nothing of this kind: the change is not made, so nobody hears of it.
    pub(super) async fn emit_durable(&self, kind: Kind) -> Result<(), JournalError> {
        if let Some(why) = self.broken() {
            return Err(JournalError::Broken(why));
        }
        let event = Event::now(redact(&self.secrets, kind));
        let listener = self.listener.clone();
        let Some(journal) = &self.journal else {
            let _heard = listener.send(event);
            return Ok(());
        };
        journal.append_durable(event, listener).await
    }

    /// Says what has happened already, and returns when that is on the disk, or is known not to get there.
    ///
    /// It happened all the same, so there is no error here; `broken` keeps the run from beginning anything more.
    pub(super) async fn emit_done(&self, kind: Kind) {
        self.emit(kind);
        let _on_disk = self.flush().await;
    }

    /// Returns when all that was said before is on the disk.
    pub(super) async fn flush(&self) -> Result<(), JournalError> {
        match &self.journal {
            Some(journal) => journal.flush().await,
            None => Ok(()),
        }
    }

    /// Why what is said does not reach the disk any more, if it does not.
    pub(super) fn broken(&self) -> Option<String> {
        self.journal.as_ref().and_then(Journal::broken)
    }
}
