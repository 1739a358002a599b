//! What became of an earlier run: whether its controller is gone, is at work, or was never here.

use super::{LockFile, RunId, Store};
use crate::holder::Holder;
use std::fs;

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
        let held = self.locks().into_iter().any(|lock| {
            let holds = |holder: &Holder| holder.run == run.as_str();
            lock.holder.as_ref().is_some_and(holds) && lock.is_held()
        });
        if held {
            Fate::Running
        } else if self.run_folder(run).is_dir() {
            Fate::Gone
        } else {
            Fate::Foreign
        }
    }

    /// The locks of all inventories, held or not, in the order of their files.
    pub fn locks(&self) -> Vec<LockFile> {
        let entries = fs::read_dir(self.root().join("locks"));
        let entries = entries.into_iter().flatten().filter_map(Result::ok);
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().map(|path| LockFile::read(path)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Lock;

    #[test]
    fn a_run_is_gone_when_nobody_holds_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = RunId::new();
        assert_eq!(store.fate(&run), Fate::Foreign);
        store.create(&run).unwrap().close();
        assert_eq!(store.fate(&run), Fate::Gone);
        let holder = Holder::new(run.as_str(), "ann", "laptop");
        let lock = Lock::take(&folder.path().join("locks/a.lock"), &holder).unwrap();
        assert_eq!(store.fate(&run), Fate::Running);
        drop(lock);
        assert_eq!(store.fate(&run), Fate::Gone);
    }
}
