//! Where runs are kept: `<state>/runs/<run-id>/events.jsonl`.

use super::medium::{sync_folder, words};
use super::reader::{Reader, Record};
use super::record::{BALLAST, EVENTS};
use super::{Fate, Journal, RunId};
use crate::event::{Event, VERSION};
use std::fs::{self, File};
use std::io::{self, BufReader};
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
    /// The journal of a new run cannot be written, so there is no run.
    #[error("the run cannot be recorded, so nothing was touched: {}: {}", path.display(), words(error))]
    Create {
        /// The run's folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A journal has a format that only a newer windlass can read.
    #[error(
        "{} was written by a newer windlass: its format is {version}, and this one reads up to {VERSION}",
        path.display()
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its format.
        version: u32,
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

    /// Opens the journal of a new run, or says why the run must not start.
    pub fn create(&self, run: &RunId) -> Result<Journal, StoreError> {
        self.drop_idle_ballast();
        let folder = self.run_folder(run);
        self.make(&folder).map_err(|error| {
            // An empty folder would look like a run.
            let _removed = fs::remove_dir(&folder);
            StoreError::Create {
                path: folder.clone(),
                error,
            }
        })
    }

    /// Gives the room back that runs held which were killed.
    fn drop_idle_ballast(&self) {
        let runs = self.runs().unwrap_or_default();
        let held = |run: &RunId| self.run_folder(run).join(BALLAST);
        for run in runs.iter().filter(|run| held(run).exists()) {
            if self.fate(run) == Fate::Gone {
                // What stays is in nobody's way.
                let _removed = fs::remove_file(held(run));
            }
        }
    }

    fn make(&self, folder: &Path) -> io::Result<Journal> {
        private_folder(folder)?;
        let journal = Journal::create(folder)?;
        for above in [self.root.join("runs"), self.root.clone()] {
            sync_folder(&above)?;
        }
        Ok(journal)
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

    /// The events of a run, one after the other.
    pub fn reader(&self, run: &RunId) -> Result<Reader<BufReader<File>>, StoreError> {
        let path = self.run_folder(run).join(EVENTS);
        match File::open(&path) {
            Ok(file) => Ok(Reader::new(BufReader::new(file), &path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NoSuchRun(run.clone()))
            }
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }

    /// All that a run's journal holds, with what is wrong with it.
    pub fn record(&self, run: &RunId) -> Result<Record, StoreError> {
        self.reader(run)?.record()
    }

    /// The events of a run. A torn end, as a crash leaves it, is left out, and so is what is damaged.
    pub fn events(&self, run: &RunId) -> Result<Vec<Event>, StoreError> {
        Ok(self.record(run)?.events)
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
    use crate::holder::Holder;
    use crate::journal::Lock;
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
        journal.append(committed("b"));
        journal.flush().await.unwrap();
        journal.close();
        let path = store.run_folder(&run).join("events.jsonl");
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"{\"at\":\"2026-11").unwrap();
        assert_eq!(store.events(&run).unwrap().len(), 2);
        assert_eq!(store.runs().unwrap(), [run]);
    }

    #[test]
    fn a_run_that_cannot_be_recorded_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("runs"), "a file").unwrap();
        let run = RunId::parse("r1").unwrap();
        let error = Store::new(folder.path()).create(&run).unwrap_err();
        let path = folder.path().join("runs/r1");
        let expected = format!(
            "the run cannot be recorded, so nothing was touched: {}: ",
            path.display()
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
        fs::remove_file(folder.path().join("runs")).unwrap();
        fs::create_dir_all(path.join("ballast")).unwrap();
        let store = Store::new(folder.path());
        assert!(store.create(&run).is_err());
        assert!(!path.join(EVENTS).exists());
    }

    #[test]
    fn an_unknown_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunId::parse("nope").unwrap();
        let error = Store::new(folder.path()).events(&run).unwrap_err();
        assert_eq!(error.to_string(), "there is no run `nope`");
    }

    #[test]
    fn the_room_that_a_killed_run_held_is_given_back_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let ids = [
            "20261121-070312-00aaaa",
            "20261121-070312-01aaaa",
            "20261121-070312-02aaaa",
        ];
        let [killed, running, next] = ids.map(|id| RunId::parse(id).unwrap());
        let ballast = |run: &RunId| store.run_folder(run).join(BALLAST);
        // Journals that are not closed are all that a killed run leaves.
        let _open = [&killed, &running].map(|run| store.create(run).unwrap());
        fs::write(ballast(&killed), "room").unwrap();
        let holder = Holder::new(running.as_str(), "ann", "laptop");
        let _lock = Lock::take(&folder.path().join("locks/a.lock"), &holder).unwrap();
        let journal = store.create(&next).unwrap();
        assert!(!ballast(&killed).exists());
        assert!(ballast(&running).exists() && ballast(&next).exists());
        journal.close();
    }
}
