//! Reading a journal while it is written: each call gives the events that came since the last one.

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
    /// Lines read, for errors.
    line: usize,
    /// The begin of a line whose end is not written yet.
    begun: Vec<u8>,
}

impl Store {
    /// Opens the journal of a run that may be under way.
    pub fn follow(&self, run: &RunId) -> Result<Follow, StoreError> {
        let path = self.run_folder(run).join("events.jsonl");
        match File::open(&path) {
            Ok(file) => Ok(Follow {
                path,
                file,
                line: 0,
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
    /// Hands the events that came since the last call to `take`, in order. Those before a damaged line are handed over, too.
    pub fn more(&mut self, mut take: impl FnMut(Event)) -> Result<(), StoreError> {
        let mut bytes = std::mem::take(&mut self.begun);
        self.file
            .read_to_end(&mut bytes)
            .map_err(|source| StoreError::Io {
                path: self.path.clone(),
                source,
            })?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        self.begun = bytes.split_off(whole);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line += 1;
            let event = serde_json::from_slice(line).map_err(|error| StoreError::Corrupt {
                path: self.path.clone(),
                line: self.line,
                message: error.to_string(),
            })?;
            take(event);
        }
        Ok(())
    }

    /// Whether a line is begun whose end is missing: the run is about to write it, or was killed while it did.
    pub fn is_torn(&self) -> bool {
        !self.begun.is_empty()
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
    fn events_come_as_they_are_written_and_up_to_a_damaged_line() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = RunId::new();
        store.create(&run).unwrap().close();
        let path = store.run_folder(&run).join("events.jsonl");
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        let mut follow = store.follow(&run).unwrap();
        let mut seen = 0;
        let second = line("b");
        let (begin, end) = second.split_at(10);
        for (text, expected, torn) in [
            ("", 0, false),
            (&*line("a"), 1, false),
            (begin, 1, true),
            (end, 2, false),
        ] {
            file.write_all(text.as_bytes()).unwrap();
            follow.more(|_| seen += 1).unwrap();
            assert_eq!((seen, follow.is_torn()), (expected, torn), "{text}");
        }
        write!(file, "{}no event\n{}", line("c"), line("d")).unwrap();
        let error = follow.more(|_| seen += 1).unwrap_err().to_string();
        assert_eq!(seen, 3);
        assert!(error.contains("events.jsonl:4: not an event"), "{error}");
    }
}
