//! Where the engine's events go: the journal and whoever listens.

use super::secrets::Secrets;
use crate::event::{Event, Kind};
use crate::journal::Journal;
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

    /// Says that something happened.
    pub(super) fn emit(&self, kind: Kind) {
        let event = Event::now(self.secrets.redact(kind));
        if let Some(journal) = &self.journal {
            journal.append(event.clone());
        }
        // A listener that is gone has seen what it wanted to see.
        let _heard = self.listener.send(event);
    }

    /// Says it, and returns when it is on the disk.
    pub(super) async fn emit_durable(&self, kind: Kind) -> io::Result<()> {
        let event = Event::now(self.secrets.redact(kind));
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
