//! Where the engine's events go: the journal and whoever listens.

use super::secrets::redact;
use crate::event::{Event, Kind};
use crate::journal::Journal;
use crate::secrecy::Secrets;
use std::io;
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
    /// Events go to `listener`, and to `journal` where there is one.
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
        if let Some(journal) = &self.journal {
            journal.append(event.clone());
        }
        // A listener that is gone has seen what it wanted to see.
        let _heard = self.listener.send(event);
    }

    /// Says it, and returns when it is on the disk.
    pub(super) async fn emit_durable(&self, kind: Kind) -> io::Result<()> {
        let event = Event::now(redact(&self.secrets, kind));
        let _heard = self.listener.send(event.clone());
        match &self.journal {
            Some(journal) => journal
                .append_durable(event)
                .await
                .map_err(io::Error::other),
            None => Ok(()),
        }
    }
}
