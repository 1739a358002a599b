//! What became of an earlier run: whether its controller is gone, is at work, or was never here.

use super::{Holder, RunId, Store};
use std::fs::{self, File, TryLockError};
use std::path::Path;

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was started here, and its process is gone.
    Gone,
    /// It was started here and holds the lock of its inventory.
    Running,
    /// It was started elsewhere: by another user or from another machine.
    Foreign,
}

impl Store {
    /// What became of `run`, by its journal and by the locks of all inventories: a lock is the kernel's and ends with its process.
    pub fn fate(&self, run: &RunId) -> Fate {
        let locks = fs::read_dir(self.root().join("locks"));
        let held = locks
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .any(|lock| is_held_by(&lock.path(), run));
        if held {
            Fate::Running
        } else if self.run_folder(run).is_dir() {
            Fate::Gone
        } else {
            Fate::Foreign
        }
    }
}

fn is_held_by(lock: &Path, run: &RunId) -> bool {
    let holder = fs::read_to_string(lock)
        .ok()
        .and_then(|text| serde_json::from_str::<Holder>(&text).ok());
    if holder.is_none_or(|holder| holder.run != run.as_str()) {
        return false;
    }
    // A shared lock disturbs nobody but a run that starts at this very moment, so it is held no longer than asked.
    File::open(lock)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Lock;
    use jiff::Timestamp;

    #[test]
    fn a_run_is_gone_when_nobody_holds_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = RunId::new();
        assert_eq!(store.fate(&run), Fate::Foreign);
        store.create(&run).unwrap().close();
        assert_eq!(store.fate(&run), Fate::Gone);
        let holder = Holder {
            run: run.to_string(),
            pid: 7,
            user: "ann".to_owned(),
            since: Timestamp::UNIX_EPOCH,
        };
        let lock = Lock::take(&folder.path().join("locks/a.lock"), &holder).unwrap();
        assert_eq!(store.fate(&run), Fate::Running);
        drop(lock);
        assert_eq!(store.fate(&run), Fate::Gone);
    }
}
