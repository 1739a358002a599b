//! Reading a journal while it is written: each call gives the events that came since the last one.

use super::reader::Reader;
use super::record::EVENTS;
use super::{RunId, Store, StoreError};
use crate::event::Event;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// A journal and how far it was read.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    file: File,
    /// The begin of a line whose end is not written yet.
    begun: Vec<u8>,
}

impl Store {
    /// Opens the journal of a run that may be under way.
    pub fn follow(&self, run: &RunId) -> Result<Follow, StoreError> {
        let path = self.run_folder(run).join(EVENTS);
        match File::open(&path) {
            Ok(file) => Ok(Follow {
                path,
                file,
                begun: Vec::new(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NoSuchRun(run.clone()))
            }
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }
}

impl Follow {
    /// Hands the events that came since the last call to `take`, in order. What is damaged is passed over: whoever needs to
    /// know reads the whole journal with [`Store::record`].
    pub fn more(&mut self, mut take: impl FnMut(Event)) -> Result<(), StoreError> {
        let mut bytes = std::mem::take(&mut self.begun);
        let read = self.file.read_to_end(&mut bytes);
        read.map_err(|source| StoreError::Io {
            path: self.path.clone(),
            source,
        })?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        self.begun = bytes.split_off(whole);
        for event in Reader::new(&bytes[..], &self.path) {
            take(event?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;
    use std::fs::OpenOptions;
    use std::io::Write;

    fn line(host: &str) -> String {
        let event = Event::now(Kind::HostCommitted {
            host: host.to_owned(),
        });
        serde_json::to_string(&event).unwrap() + "\n"
    }

    #[test]
    fn events_come_as_they_are_written_and_a_line_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = RunId::new();
        assert!(store.follow(&run).is_err());
        store.create(&run).unwrap().close();
        let path = store.run_folder(&run).join(EVENTS);
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        let mut follow = store.follow(&run).unwrap();
        let mut seen = 0;
        let second = line("b");
        let (begin, end) = second.split_at(10);
        let damaged = format!("{}no event\n{}", line("c"), line("d"));
        for (text, expected) in [
            ("", 0),
            (&*line("a"), 1),
            (begin, 1),
            (end, 2),
            (&damaged, 4),
        ] {
            file.write_all(text.as_bytes()).unwrap();
            follow.more(|_| seen += 1).unwrap();
            assert_eq!(seen, expected, "{text}");
        }
    }
}
