//! The writer of a journal: takes what waits, writes whole lines, syncs once for all who wait, and knows what to do when
//! the disk takes no more.
//!
//! After the first error the journal is broken, and stays so: whoever asks for a record to be durable hears it at once,
//! and the engine begins nothing more. What was written before stays readable, as a half-written line is cut off again.
//! What still comes is kept in memory, in order, and written as soon as the disk takes it; the ballast goes first.

use super::ballast::Ballast;
use super::medium::{Medium, words};
use crate::event::Event;
use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// Why a record is not on the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The disk does not take it, in the system's words.
    #[error("{0}")]
    Broken(String),
    /// The run is over.
    #[error("the journal is closed")]
    Closed,
}

/// Who waits for a record, and all before it, to be on the disk.
pub(super) type Waiting = oneshot::Sender<Result<(), JournalError>>;

/// Who hears of an event once it is written.
pub(super) type Listener = UnboundedSender<Event>;

/// What is handed to the writer: an event with who hears of it, somebody who waits, or both.
#[derive(Default)]
pub(super) struct Line {
    pub(super) event: Option<Event>,
    pub(super) listener: Option<Listener>,
    pub(super) waiting: Option<Waiting>,
}

/// How a journal stands, for those who do not write it.
#[derive(Debug, Default, Clone)]
pub(super) struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    broken: Option<String>,
    unwritten: usize,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing is recorded any more.
    pub(super) fn broken(&self) -> Option<String> {
        self.state().broken.clone()
    }

    /// Events that are in memory only.
    pub(super) fn unwritten(&self) -> usize {
        self.state().unwritten
    }

    /// The first reason stays.
    fn breaks(&self, error: &io::Error) {
        self.state().broken.get_or_insert_with(|| words(error));
    }
}

/// The writer itself; it lives on a thread of its own.
pub(super) struct Writer<M> {
    medium: M,
    ballast: Option<Ballast>,
    health: Health,
    /// Whole lines that are not written yet.
    kept: VecDeque<Vec<u8>>,
    /// Where the last whole line ends, in bytes.
    good: u64,
    /// Whether something was written since the last sync.
    unsynced: bool,
    /// A half line could not be cut off: nothing may be written after it.
    stuck: bool,
}

impl<M: Medium> Writer<M> {
    /// Writes to an empty medium.
    pub(super) fn new(medium: M, ballast: Option<Ballast>, health: Health) -> Self {
        Self {
            medium,
            ballast,
            health,
            kept: VecDeque::new(),
            good: 0,
            unsynced: false,
            stuck: false,
        }
    }

    /// Writes until nobody can hand over anything any more.
    pub(super) fn serve(mut self, lines: &Receiver<Line>) {
        while let Ok(first) = lines.recv() {
            self.take(std::iter::once(first).chain(lines.try_iter()));
        }
        self.end();
    }

    /// Writes all that waits, tells those who listen, and syncs once when somebody waits for it.
    ///
    /// A process that is killed has said nothing that its journal does not have. Where the disk takes no more, what
    /// happens is said all the same.
    fn take(&mut self, lines: impl Iterator<Item = Line>) {
        let mut waiting = Vec::new();
        let mut heard = Vec::new();
        for line in lines {
            if let Some(event) = line.event {
                self.keep(&event);
                heard.extend(line.listener.map(|listener| (listener, event)));
            }
            waiting.extend(line.waiting);
        }
        let written = self.write();
        for (listener, event) in heard {
            // A listener that is gone has seen what it wanted to see.
            let _sent = listener.send(event);
        }
        if written.is_ok() && !waiting.is_empty() {
            self.sync();
        }
        self.health.state().unwritten = self.kept.len();
        let answer = match self.health.broken() {
            Some(why) => Err(JournalError::Broken(why)),
            None => Ok(()),
        };
        for each in waiting {
            // One who waits no longer has been stopped, and records nothing more.
            let _heard = each.send(answer.clone());
        }
    }

    fn keep(&mut self, event: &Event) {
        match serde_json::to_vec(event) {
            Ok(mut line) => {
                line.push(b'\n');
                self.kept.push_back(line);
            }
            Err(error) => self.health.breaks(&error.into()),
        }
    }

    /// Writes what is kept: all of it at once or, where that cannot be, as many whole lines as there is room for.
    fn write(&mut self) -> io::Result<()> {
        if self.kept.is_empty() {
            return Ok(());
        }
        let all: Vec<u8> = self.kept.iter().flatten().copied().collect();
        let Err(first) = self.append(&all) else {
            self.kept.clear();
            return Ok(());
        };
        self.health.breaks(&first);
        if let Some(ballast) = self.ballast.take() {
            // Where it does not go, the lines show it.
            let _removed = ballast.drop_it();
        }
        while let Some(line) = self.kept.pop_front() {
            if let Err(error) = self.append(&line) {
                self.kept.push_front(line);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Adds whole lines, or nothing.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.stuck {
            return Err(io::Error::other("a half-written line cannot be cut off"));
        }
        if let Err(error) = self.medium.append(lines) {
            self.stuck = self.medium.cut(self.good).is_err();
            return Err(error);
        }
        self.good += lines.len() as u64;
        self.unsynced = true;
        Ok(())
    }

    fn sync(&mut self) {
        if !self.unsynced {
            return;
        }
        match self.medium.sync() {
            Ok(()) => self.unsynced = false,
            // The system may have thrown away what it could not write, so trying again would prove nothing.
            Err(error) => self.health.breaks(&error),
        }
    }

    /// What is left goes to the disk, and the ballast goes.
    fn end(&mut self) {
        // A broken journal has been reported by then.
        let _written = self.write();
        self.sync();
        self.health.state().unwritten = self.kept.len();
        if let Some(ballast) = self.ballast.take() {
            // It is in nobody's way.
            let _removed = ballast.drop_it();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;
    use crate::journal::reader::Reader;
    use std::path::Path;
    use tokio::sync::mpsc::unbounded_channel;

    /// A disk with so many bytes of room; it writes what fits, then fails.
    #[derive(Debug, Default, Clone)]
    struct Disk(Arc<Mutex<Content>>);

    #[derive(Debug, Default)]
    struct Content {
        bytes: Vec<u8>,
        room: usize,
        synced: usize,
        cannot_cut: bool,
        cannot_sync: bool,
    }

    impl Disk {
        fn with_room(room: usize) -> Self {
            let disk = Self::default();
            disk.content().room = room;
            disk
        }

        fn content(&self) -> MutexGuard<'_, Content> {
            self.0.lock().unwrap()
        }

        fn is_synced(&self) -> bool {
            let content = self.content();
            content.synced == content.bytes.len()
        }

        fn events(&self) -> Vec<String> {
            let bytes = self.content().bytes.clone();
            let mut reader = Reader::new(bytes.as_slice(), Path::new("events.jsonl"));
            let events = reader.by_ref().map(|event| name(&event.unwrap())).collect();
            assert!(reader.damage().is_empty(), "{:?}", reader.damage());
            events
        }
    }

    impl Medium for Disk {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let mut content = self.content();
            let left = content.room - content.bytes.len();
            content.bytes.extend(&bytes[..left.min(bytes.len())]);
            if bytes.len() > left {
                return Err(io::Error::from_raw_os_error(28));
            }
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            let mut content = self.content();
            if content.cannot_sync {
                return Err(io::Error::from_raw_os_error(5));
            }
            content.synced = content.bytes.len();
            Ok(())
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            let mut content = self.content();
            if content.cannot_cut {
                return Err(io::Error::from_raw_os_error(5));
            }
            content.bytes.truncate(usize::try_from(length).unwrap());
            Ok(())
        }
    }

    /// Always at the same time, so that each is as long as the other.
    fn committed(host: &str) -> Event {
        Event {
            at: jiff::Timestamp::UNIX_EPOCH,
            kind: Kind::HostCommitted {
                host: host.to_owned(),
            },
        }
    }

    fn name(event: &Event) -> String {
        match &event.kind {
            Kind::HostCommitted { host } => host.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Hands over one event, durable or not; gives the answer.
    fn hand(
        writer: &mut Writer<Disk>,
        host: &str,
        durable: bool,
    ) -> Option<Result<(), JournalError>> {
        let (sender, mut receiver) = oneshot::channel();
        let line = Line {
            event: Some(committed(host)),
            waiting: durable.then_some(sender),
            ..Line::default()
        };
        writer.take(std::iter::once(line));
        durable.then(|| receiver.try_recv().unwrap())
    }

    fn full() -> Result<(), JournalError> {
        let words = "No space left on device".to_owned();
        Err(JournalError::Broken(words))
    }

    #[test]
    fn a_disk_that_is_full_at_any_byte_keeps_all_that_was_recorded() {
        let whole = Disk::with_room(usize::MAX);
        let mut writer = Writer::new(whole.clone(), None, Health::default());
        for host in ["a", "b", "c"] {
            assert_eq!(hand(&mut writer, host, true), Some(Ok(())));
        }
        let length = whole.content().bytes.len();
        for room in 0..length {
            let disk = Disk::with_room(room);
            let health = Health::default();
            let mut writer = Writer::new(disk.clone(), None, health.clone());
            let mut recorded = Vec::new();
            for host in ["a", "b", "c"] {
                let answer = hand(&mut writer, host, true);
                if answer == Some(Ok(())) {
                    assert!(disk.is_synced());
                    recorded.push(host.to_owned());
                } else {
                    assert_eq!(answer, Some(full()), "room for {room} bytes");
                }
            }
            assert_eq!(disk.events(), recorded, "room for {room} bytes");
            assert_eq!(health.unwritten(), 3 - recorded.len());
            assert_eq!(health.broken().unwrap(), "No space left on device");
        }
    }

    #[test]
    fn what_could_not_be_written_is_written_in_order_when_there_is_room_again() {
        let disk = Disk::with_room(100);
        let health = Health::default();
        let mut writer = Writer::new(disk.clone(), None, health.clone());
        for host in ["a", "b", "c", "d"] {
            hand(&mut writer, host, false);
        }
        assert_eq!(disk.events(), ["a"]);
        disk.content().room = usize::MAX;
        // It stays broken all the same: nothing more is to be begun.
        assert_eq!(hand(&mut writer, "e", true), Some(full()));
        assert_eq!(disk.events(), ["a", "b", "c", "d", "e"]);
        assert_eq!(health.unwritten(), 0);
        writer.end();
        assert!(disk.is_synced());
    }

    #[test]
    fn of_many_lines_at_once_those_that_fit_are_written() {
        let disk = Disk::with_room(200);
        let health = Health::default();
        let mut writer = Writer::new(disk.clone(), None, health.clone());
        let lines = ["a", "b", "c", "d"].map(|host| Line {
            event: Some(committed(host)),
            ..Line::default()
        });
        writer.take(lines.into_iter());
        assert_eq!(disk.events(), ["a", "b"]);
        assert_eq!(health.unwritten(), 2);
    }

    #[test]
    fn a_listener_hears_what_is_written_in_its_order_and_hears_it_from_a_full_disk_too() {
        let disk = Disk::with_room(200);
        let mut writer = Writer::new(disk.clone(), None, Health::default());
        let (listener, mut ears) = unbounded_channel();
        for hosts in [&["a", "b"][..], &["c"]] {
            let lines = hosts.iter().map(|host| Line {
                event: Some(committed(host)),
                listener: Some(listener.clone()),
                waiting: None,
            });
            writer.take(lines);
            let heard: Vec<String> = std::iter::from_fn(|| ears.try_recv().ok())
                .map(|event| name(&event))
                .collect();
            assert_eq!(heard, hosts);
            assert_eq!(disk.events(), ["a", "b"]);
        }
    }

    #[test]
    fn the_ballast_goes_when_the_disk_is_full_and_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ballast");
        let disk = Disk::with_room(100);
        let ballast = Ballast::take_room(&path).unwrap();
        let mut writer = Writer::new(disk.clone(), Some(ballast), Health::default());
        assert_eq!(hand(&mut writer, "a", true), Some(Ok(())));
        assert!(path.exists());
        assert_eq!(hand(&mut writer, "b", true), Some(full()));
        assert!(!path.exists());

        let ballast = Ballast::take_room(&path).unwrap();
        let disk = Disk::with_room(usize::MAX);
        Writer::new(disk, Some(ballast), Health::default()).end();
        assert!(!path.exists());
    }

    #[test]
    fn nothing_is_written_after_a_half_line_that_cannot_be_cut_off() {
        let disk = Disk::with_room(100);
        disk.content().cannot_cut = true;
        let health = Health::default();
        let mut writer = Writer::new(disk.clone(), None, health.clone());
        hand(&mut writer, "a", false);
        hand(&mut writer, "b", false);
        disk.content().room = usize::MAX;
        hand(&mut writer, "c", false);
        assert_eq!(disk.content().bytes.len(), 100);
        assert_eq!(disk.events(), ["a"]);
        assert_eq!(health.unwritten(), 2);
    }

    #[test]
    fn a_disk_that_does_not_sync_breaks_the_journal() {
        let disk = Disk::with_room(usize::MAX);
        disk.content().cannot_sync = true;
        let mut writer = Writer::new(disk, None, Health::default());
        assert_eq!(hand(&mut writer, "a", false), None);
        let words = "Input/output error".to_owned();
        let expected = Some(Err(JournalError::Broken(words)));
        assert_eq!(hand(&mut writer, "b", true), expected);
    }
}
