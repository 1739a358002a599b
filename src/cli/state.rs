//! Where windlass keeps what must outlive a run.

use super::CliError;
use crate::holder::Holder;
use crate::journal::{Lock, LockError, Operator, RunId, Store};
use crate::shell::quote;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The state folder: as given, else the user's own (XDG).
pub(super) fn folder(given: Option<&Path>) -> Result<PathBuf, CliError> {
    if let Some(path) = given {
        return Ok(std::path::absolute(path)?);
    }
    let dirs = directories::ProjectDirs::from("", "", "windlass").ok_or_else(|| {
        CliError::usage(
            "there is no home folder to keep runs in",
            "name a folder with --state-dir or WINDLASS_STATE_DIR",
        )
    })?;
    Ok(dirs
        .state_dir()
        .unwrap_or_else(|| dirs.data_local_dir())
        .to_owned())
}

/// ` --state-dir FOLDER`, where a command must say it to find what is kept in `folder`; else nothing.
pub(super) fn option(folder: &Path) -> String {
    let usual = self::folder(None).ok();
    if usual.as_deref() == Some(folder) {
        String::new()
    } else {
        format!(" --state-dir {}", quote(&folder.display().to_string()))
    }
}

/// The store of runs.
pub(super) fn store(folder: &Path) -> Store {
    Store::new(folder)
}

/// A short name for an inventory, for locks and labs: by its real path.
pub(super) fn inventory_key(sources: &[String]) -> String {
    let mut hash = Sha256::new();
    for source in sources {
        let path = std::fs::canonicalize(source).unwrap_or_else(|_| PathBuf::from(source));
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// This process as the holder of the locks of a run.
pub(super) fn holder(run: &RunId, what: &str, sources: &[String]) -> Holder {
    let Operator { user, controller } = Operator::here();
    let mut holder = Holder::new(run.as_str(), &user, &controller);
    what.clone_into(&mut holder.what);
    holder.inventory = sources.join(",");
    holder
}

/// The lock of an inventory: one run at a time.
pub(super) fn lock(folder: &Path, sources: &[String], holder: &Holder) -> Result<Lock, CliError> {
    let path = folder
        .join("locks")
        .join(format!("{}.lock", inventory_key(sources)));
    Lock::take(&path, holder).map_err(|error| match error {
        LockError::Held(_) => CliError::Locked(error),
        LockError::Io { .. } => CliError::Other(error.into()),
    })
}
