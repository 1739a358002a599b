//! One run per inventory: a lock file that the kernel releases when its holder dies.

use crate::holder::{Holder, age};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

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
    #[error("{}", describe(.0.as_deref()))]
    Held(Option<Box<Holder>>),
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
            "{} holds the lock of this inventory since {}, for {}",
            holder.who(),
            holder.since_text(),
            age(holder.held_for())
        ),
        None => "another run holds the lock of this inventory".to_owned(),
    }
}

/// A lock file, and who has it or had it last.
#[derive(Debug, Clone)]
pub struct LockFile {
    /// The file.
    pub path: PathBuf,
    /// Who holds it, or held it last; `None` for a file that cannot be read.
    pub holder: Option<Holder>,
}

impl LockFile {
    /// Reads who wrote into the lock at `path`.
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        Self {
            path: path.to_owned(),
            holder: serde_json::from_str(&text).ok(),
        }
    }

    /// Whether a process holds it at this moment.
    pub fn is_held(&self) -> bool {
        // A shared lock disturbs nobody but a run that starts at this very moment, so it is held no longer than asked.
        File::open(&self.path)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
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
    use jiff::Timestamp;

    fn holder(run: &str) -> Holder {
        let mut holder = Holder::new(run, "ann", "laptop");
        holder.pid = 7;
        holder.what = "upgrade.yml".to_owned();
        holder
    }

    #[test]
    fn the_second_run_is_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/a");
        assert!(!LockFile::read(&path).is_held());
        let mut first = holder("one");
        first.since = Timestamp::UNIX_EPOCH;
        let held = Lock::take(&path, &first).unwrap();
        let error = Lock::take(&path, &holder("two")).unwrap_err().to_string();
        let expected = "run one of ann on laptop (process 7, upgrade.yml) holds the lock of this inventory \
                        since 1970-01-01 00:00:00 UTC, for ";
        assert!(error.starts_with(expected), "{error}");
        let seen = LockFile::read(&path);
        assert_eq!((seen.is_held(), seen.holder), (true, Some(first.clone())));
        // As a child has it that another thread is just starting.
        let _copy = held.file.try_clone().unwrap();
        drop(held);
        let seen = LockFile::read(&path);
        assert_eq!((seen.is_held(), seen.holder), (false, Some(first)));
        Lock::take(&path, &holder("two")).unwrap();
    }
}
