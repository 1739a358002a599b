//! One run per inventory: a lock file that the kernel releases when its holder dies.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Who holds a lock.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Holder {
    /// The run.
    pub run: String,
    /// The process.
    pub pid: u32,
    /// The user's login name.
    pub user: String,
    /// When it was taken.
    pub since: Timestamp,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is about to start holds a copy until it becomes its program.
        let _released = self.file.unlock();
    }
}

/// Why a lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("{}", describe(.0.as_ref()))]
    Held(Option<Holder>),
    /// The file could not be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn describe(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!(
            "run {} of {} (process {}) holds the lock since {}",
            holder.run,
            holder.user,
            holder.pid,
            holder.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        ),
        None => "another run holds the lock".to_owned(),
    }
}

impl Lock {
    /// Takes the lock at `path`, or says who has it.
    pub fn take(path: &Path, holder: &Holder) -> Result<Self, LockError> {
        let at = |source| LockError::Io {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(at)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(at)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(at)?;
                return Err(LockError::Held(serde_json::from_str(&text).ok()));
            }
            Err(TryLockError::Error(source)) => return Err(at(source)),
        }
        file.set_len(0).map_err(at)?;
        file.rewind().map_err(at)?;
        let text = serde_json::to_string(holder).map_err(|error| at(error.into()))?;
        file.write_all(text.as_bytes()).map_err(at)?;
        Ok(Self { file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(run: &str) -> Holder {
        Holder {
            run: run.to_owned(),
            pid: 7,
            user: "ann".to_owned(),
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_second_run_is_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/a");
        let held = Lock::take(&path, &holder("one")).unwrap();
        let error = Lock::take(&path, &holder("two")).unwrap_err().to_string();
        assert_eq!(
            error,
            "run one of ann (process 7) holds the lock since 1970-01-01 00:00:00 UTC"
        );
        // As a child has it that another thread is just starting.
        let _copy = held.file.try_clone().unwrap();
        drop(held);
        Lock::take(&path, &holder("two")).unwrap();
    }
}
