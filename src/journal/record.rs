//! Writing events: one thread, one file, one fsync for all who wait.

use crate::event::Event;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

type Written = oneshot::Sender<io::Result<()>>;

/// An event on its way to the writer, and who waits for it to be on the disk.
type Line = (Event, Option<Written>);

/// An open journal. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Journal {
    lines: Arc<Mutex<Option<Sender<Line>>>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Journal {
    /// Starts a journal in a new file, readable by its owner only.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(file, &receiver))?;
        Ok(Self {
            lines: Arc::new(Mutex::new(Some(sender))),
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    fn send(&self, event: Event, written: Option<Written>) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = lines.as_ref() {
            // The writer lives until `close`; after that there is nobody left to tell.
            let _sent = lines.send((event, written));
        }
    }

    /// Hands over an event; it reaches the disk with the next durable one, at the latest at the end.
    pub fn append(&self, event: Event) {
        self.send(event, None);
    }

    /// Returns when the event, and all before it, are on the disk.
    pub async fn append_durable(&self, event: Event) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.send(event, Some(sender));
        receiver
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the journal is closed")))
    }

    /// Writes what is left and ends; later events are dropped.
    pub fn close(&self) {
        drop(
            self.lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic of the writer has been reported by the panic hook already.
            let _ended = thread.join();
        }
    }
}

/// The writer: takes all that waits, writes it, syncs once, answers all.
fn write(mut file: File, lines: &Receiver<Line>) {
    while let Ok(first) = lines.recv() {
        let mut waiting = Vec::new();
        let mut text = Vec::new();
        for (event, written) in std::iter::once(first).chain(lines.try_iter()) {
            if serde_json::to_writer(&mut text, &event).is_ok() {
                text.push(b'\n');
            }
            waiting.extend(written);
        }
        let mut result = file.write_all(&text);
        if result.is_ok() && !waiting.is_empty() {
            result = file.sync_data();
        }
        for each in waiting {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            let _heard = each.send(answer);
        }
    }
    let _synced = file.sync_data();
}
