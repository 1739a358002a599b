//! Where runs are kept: `<state>/runs/<run-id>/events.jsonl`.

use super::{Journal, RunId};
use crate::event::Event;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// The user's state directory.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// Why a run could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such run.
    #[error("there is no run `{0}`")]
    NoSuchRun(RunId),
    /// A line in the middle of a journal is not an event.
    #[error("{}:{line}: not an event: {message}", path.display())]
    Corrupt {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        message: String,
    },
}

impl Store {
    /// The store under `root`; nothing is made yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a run.
    pub fn run_folder(&self, run: &RunId) -> PathBuf {
        self.root.join("runs").join(run.as_str())
    }

    /// Opens the journal of a new run.
    pub fn create(&self, run: &RunId) -> Result<Journal, StoreError> {
        let folder = self.run_folder(run);
        let at = |source| StoreError::Io {
            path: folder.clone(),
            source,
        };
        private_folder(&folder).map_err(at)?;
        Journal::create(&folder.join("events.jsonl")).map_err(at)
    }

    /// The runs, oldest first.
    pub fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        let path = self.root.join("runs");
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        let mut runs: Vec<RunId> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| RunId::parse(entry.file_name().to_str()?))
            .collect();
        runs.sort();
        Ok(runs)
    }

    /// The events of a run. A torn last line, as a crash leaves it, is left out.
    pub fn events(&self, run: &RunId) -> Result<Vec<Event>, StoreError> {
        let path = self.run_folder(run).join("events.jsonl");
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NoSuchRun(run.clone()));
            }
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        let mut events = Vec::new();
        // A bad line is forgiven only when no line follows it.
        let mut bad: Option<(usize, String)> = None;
        for (at, line) in BufReader::new(file).lines().enumerate() {
            if let Some((line, message)) = bad {
                return Err(StoreError::Corrupt {
                    path,
                    line,
                    message,
                });
            }
            let line = line.map_err(|source| StoreError::Io {
                path: path.clone(),
                source,
            })?;
            match serde_json::from_str(&line) {
                Ok(event) => events.push(event),
                Err(error) => bad = Some((at + 1, error.to_string())),
            }
        }
        Ok(events)
    }
}

/// Makes a folder that only its owner may enter.
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;
    use std::io::Write;

    fn committed(host: &str) -> Event {
        Event::now(Kind::HostCommitted {
            host: host.to_owned(),
        })
    }

    #[tokio::test]
    async fn events_come_back_and_a_torn_last_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = RunId::new();
        let journal = store.create(&run).unwrap();
        journal.append(committed("a"));
        journal.append_durable(committed("b")).await.unwrap();
        journal.close();
        let path = store.run_folder(&run).join("events.jsonl");
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"{\"at\":\"2026-11").unwrap();
        assert_eq!(store.events(&run).unwrap().len(), 2);
        assert_eq!(store.runs().unwrap(), [run]);
    }

    #[test]
    fn an_unknown_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunId::parse("nope").unwrap();
        let error = Store::new(folder.path()).events(&run).unwrap_err();
        assert_eq!(error.to_string(), "there is no run `nope`");
    }
}
