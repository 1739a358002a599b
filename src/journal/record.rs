//! An open journal, as everybody but its writer has it.

use super::ballast::Ballast;
use super::medium::{Medium, new_file, sync_folder};
use super::writer::{Health, JournalError, Line, Listener, Writer};
use crate::event::Event;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The file with the events, in the folder of a run.
pub(super) const EVENTS: &str = "events.jsonl";

/// The file that holds room for the end.
pub(super) const BALLAST: &str = "ballast";

/// An open journal. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Journal {
    lines: Arc<Mutex<Option<Sender<Line>>>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    health: Health,
}

impl Journal {
    /// Starts the journal of a run in its folder, with room for its end.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let ballast = Ballast::take_room(&folder.join(BALLAST))?;
        let path = folder.join(EVENTS);
        let started = new_file(&path).and_then(|file| {
            // A power cut must not take the file's name with it.
            sync_folder(folder)?;
            Self::start(file, Some(ballast))
        });
        if started.is_err() {
            // Nothing was recorded in them.
            let _removed = fs::remove_file(&path);
            let _removed = fs::remove_file(folder.join(BALLAST));
        }
        started
    }

    fn start(medium: impl Medium, ballast: Option<Ballast>) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let health = Health::default();
        let writer = Writer::new(medium, ballast, health.clone());
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.serve(&receiver))?;
        Ok(Self {
            lines: Arc::new(Mutex::new(Some(sender))),
            thread: Arc::new(Mutex::new(Some(thread))),
            health,
        })
    }

    fn send(&self, line: Line) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = lines.as_ref() {
            // The writer lives until `close`; after that there is nobody left to tell.
            let _sent = lines.send(line);
        }
    }

    /// Hands over an event; it reaches the disk with the next durable one, at the latest at the end.
    ///
    /// On a broken journal it is kept until the disk takes it.
    pub fn append(&self, event: Event) {
        self.send(Line {
            event: Some(event),
            ..Line::default()
        });
    }

    /// Like [`append`](Self::append); `listener` hears of the event once it is written, in the journal's order.
    pub fn append_heard(&self, event: Event, listener: Listener) {
        self.send(Line {
            event: Some(event),
            listener: Some(listener),
            ..Line::default()
        });
    }

    /// Returns when the event, and all before it, are on the disk; `listener` has heard of it by then. A broken journal
    /// does not take it.
    pub async fn append_durable(
        &self,
        event: Event,
        listener: Listener,
    ) -> Result<(), JournalError> {
        self.wait(Line {
            event: Some(event),
            listener: Some(listener),
            ..Line::default()
        })
        .await
    }

    /// Returns when all that was handed over before is on the disk.
    pub async fn flush(&self) -> Result<(), JournalError> {
        self.wait(Line::default()).await
    }

    async fn wait(&self, line: Line) -> Result<(), JournalError> {
        if let Some(why) = self.broken() {
            return Err(JournalError::Broken(why));
        }
        let (sender, receiver) = oneshot::channel();
        self.send(Line {
            waiting: Some(sender),
            ..line
        });
        receiver.await.unwrap_or(Err(JournalError::Closed))
    }

    /// Why events do not reach the disk any more. What is broken once stays so.
    pub fn broken(&self) -> Option<String> {
        self.health.broken()
    }

    /// How many events are in memory only; after `close`, how many are lost.
    pub fn unwritten(&self) -> usize {
        self.health.unwritten()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;
    use tokio::sync::mpsc::unbounded_channel;

    fn committed() -> Event {
        Event::now(Kind::HostCommitted {
            host: "a".to_owned(),
        })
    }

    #[tokio::test]
    async fn what_is_durable_is_on_the_disk_and_a_closed_journal_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path()).unwrap();
        assert!(folder.path().join(BALLAST).exists());
        let lines = || {
            let text = fs::read_to_string(folder.path().join(EVENTS)).unwrap();
            text.lines().count()
        };
        let (listener, mut hears) = unbounded_channel();
        journal.append(committed());
        journal.append_heard(committed(), listener.clone());
        hears.recv().await.unwrap();
        assert_eq!(lines(), 2, "it was heard before it was written");
        let durable = journal.append_durable(committed(), listener.clone());
        durable.await.unwrap();
        hears.try_recv().expect("it is heard by then");
        journal.append(committed());
        journal.flush().await.unwrap();
        assert_eq!(lines(), 4);
        journal.close();
        assert!(!folder.path().join(BALLAST).exists());
        let late = journal.append_durable(committed(), listener).await;
        let error = late.unwrap_err();
        assert_eq!(error, JournalError::Closed);
    }

    #[test]
    fn a_second_journal_in_one_folder_is_refused_and_the_first_stays() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path()).unwrap();
        assert!(Journal::create(folder.path()).is_err());
        assert!(folder.path().join(EVENTS).exists());
        journal.close();
    }
}
