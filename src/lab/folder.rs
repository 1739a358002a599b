//! The folder of a lab: where everything is, who may use it, and how it is emptied.
//!
//! ```text
//! lock             held by the process that runs the lab
//! lab.json         the hosts of the last run; also the mark of a lab folder
//! client-key       the key that opens every host
//! host-key-seed    what the hosts' own keys are made of
//! known_hosts      the hosts' keys and ports of this run
//! control          a pipe on which stand-ins and other processes tell the running lab something
//! stand-ins/       systemctl, sudo, ... for all hosts
//! hosts/NAME/      one folder per host
//! ```
//!
//! This file must not know SSH or what is in a host's folder.

use super::error::LabError;
use super::host::{HostFolder, LabHostConfig};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Mode of a file that only its owner may read.
pub(in crate::lab) const PRIVATE: u32 = 0o600;
/// Mode of an ordinary file.
pub(in crate::lab) const PLAIN: u32 = 0o644;
/// Mode of a program.
pub(in crate::lab) const PROGRAM: u32 = 0o755;

/// Writes a file so that it is there whole or not at all, whenever the process ends.
pub(in crate::lab) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    // A file that a killed process left may have another mode.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    file.write_all(bytes)?;
    std::fs::rename(new, path)
}

/// A lab folder that is this process's own until it is dropped.
#[derive(Debug)]
pub(in crate::lab) struct Taken {
    lock: File,
}

impl Drop for Taken {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is about to start holds a copy until it becomes its program.
        let _released = self.lock.unlock();
    }
}

/// The paths of one lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lab) struct LabFolder {
    root: PathBuf,
}

impl LabFolder {
    /// The lab in this folder; nothing is made or read yet.
    pub(in crate::lab) fn new(root: &Path) -> Result<Self, LabError> {
        // Commands run with other working directories, so every path of a lab is absolute.
        let what = || format!("cannot find the lab folder {}", root.display());
        let root = std::path::absolute(root).map_err(LabError::io(what()))?;
        Ok(Self { root })
    }

    /// The folder itself.
    pub(in crate::lab) fn root(&self) -> &Path {
        &self.root
    }

    /// The key that opens every host.
    pub(in crate::lab) fn client_key(&self) -> PathBuf {
        self.root.join("client-key")
    }

    /// The seed of the host keys.
    pub(in crate::lab) fn host_key_seed(&self) -> PathBuf {
        self.root.join("host-key-seed")
    }

    /// The keys and ports of the hosts, in OpenSSH's format.
    pub(in crate::lab) fn known_hosts(&self) -> PathBuf {
        self.root.join("known_hosts")
    }

    /// The pipe to the running lab.
    pub(in crate::lab) fn control(&self) -> PathBuf {
        self.root.join("control")
    }

    /// The stand-ins of all hosts.
    pub(in crate::lab) fn standins(&self) -> PathBuf {
        self.root.join("stand-ins")
    }

    /// The folder of one host.
    pub(in crate::lab) fn host(&self, name: &str) -> HostFolder {
        HostFolder::new(self.root.join("hosts").join(name))
    }

    fn record(&self) -> PathBuf {
        self.root.join("lab.json")
    }

    /// Makes the folder if it is not there, and takes it for this process.
    pub(in crate::lab) fn take(&self) -> Result<Taken, LabError> {
        let what = || format!("cannot use the lab folder {}", self.root.display());
        let is_new = match std::fs::read_dir(&self.root) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(LabError::io(what())(error)),
        };
        if !is_new && !self.is_lab() {
            return Err(LabError::NotALab(self.root.clone()));
        }
        std::fs::create_dir_all(self.root.join("hosts")).map_err(LabError::io(what()))?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.root.join("lock"))
            .map_err(LabError::io(what()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Taken { lock }),
            Err(TryLockError::WouldBlock) => Err(LabError::Busy(self.root.clone())),
            Err(TryLockError::Error(error)) => Err(LabError::io(what())(error)),
        }
    }

    /// Whether a lab was here, even one that was killed while it was made.
    fn is_lab(&self) -> bool {
        self.record().exists() || self.root.join("lock").exists()
    }

    /// Notes which hosts the lab has.
    pub(in crate::lab) fn write_record(&self, hosts: &[LabHostConfig]) -> Result<(), LabError> {
        let path = self.record();
        let what = || format!("cannot write {}", path.display());
        let text =
            serde_json::to_vec_pretty(hosts).map_err(|error| LabError::io(what())(error.into()))?;
        write(&path, &text, PLAIN).map_err(LabError::io(what()))
    }

    /// The hosts of the last run; none where no lab ever ran.
    pub(in crate::lab) fn read_record(&self) -> Result<Vec<LabHostConfig>, LabError> {
        let path = self.record();
        let what = || format!("cannot read {}", path.display());
        match std::fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| LabError::io(what())(error.into()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(LabError::io(what())(error)),
        }
    }

    /// The folder of a host that the lab has.
    pub(in crate::lab) fn existing_host(&self, name: &str) -> Result<HostFolder, LabError> {
        if self.read_record()?.iter().any(|host| host.name == name) {
            Ok(self.host(name))
        } else {
            Err(LabError::UnknownHost(name.to_owned()))
        }
    }
}

/// Removes everything that the lab in `folder` keeps, so that the next run starts with fresh hosts.
///
/// A lab that runs and a folder that is no lab's are refused; a folder that is not there is fine.
pub fn reset(folder: &Path) -> Result<(), LabError> {
    let folder = LabFolder::new(folder)?;
    if !folder.root.exists() {
        return Ok(());
    }
    let _lock = folder.take()?;
    let what = |path: &Path| format!("cannot remove {}", path.display());
    let entries = std::fs::read_dir(&folder.root).map_err(LabError::io(what(&folder.root)))?;
    for entry in entries {
        let entry = entry.map_err(LabError::io(what(&folder.root)))?;
        // The lock stays: a process that waits for it must not lock a file that nobody else can find.
        if entry.file_name() == "lock" {
            continue;
        }
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if is_folder {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        removed.map_err(LabError::io(what(&path)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_belongs_to_one_process_and_can_be_emptied() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lab");
        let folder = LabFolder::new(&path).unwrap();
        let lock = folder.take().unwrap();
        // As a child has it that another thread is just starting.
        let _copy = lock.lock.try_clone().unwrap();
        folder.write_record(&[]).unwrap();
        assert!(matches!(folder.take(), Err(LabError::Busy(_))));
        assert!(matches!(reset(&path), Err(LabError::Busy(_))));
        drop(lock);
        reset(&path).unwrap();
        let left: Vec<_> = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["lock"]);
        folder.take().unwrap();
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("thesis.txt"), "years of work").unwrap();
        assert!(matches!(reset(place.path()), Err(LabError::NotALab(_))));
        let folder = LabFolder::new(place.path()).unwrap();
        assert!(matches!(folder.take(), Err(LabError::NotALab(_))));
        assert!(place.path().join("thesis.txt").exists());
        reset(&place.path().join("nothing")).unwrap();
    }

    #[test]
    fn files_are_replaced_whole_with_their_mode() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        std::fs::write(place.path().join("file.new"), "left by a killed process").unwrap();
        write(&path, b"one", PRIVATE).unwrap();
        write(&path, b"two", PROGRAM).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        // The umask may take group and other bits away.
        assert_eq!(mode & 0o700, 0o700);
    }
}
