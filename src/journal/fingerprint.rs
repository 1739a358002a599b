//! What files were like, so that a later run can tell what changed since.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A larger file is known by its size and its time of change: binaries are too long to be read at the start of each run.
const READ_UP_TO: u64 = 4 << 20;

/// What one file was like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fingerprint {
    /// The SHA-256 of its content, in hexadecimal.
    Sha256(String),
    /// Its size in bytes, and when it changed, in nanoseconds since 1970.
    Large(u64, u64),
    /// It could not be read, or is no file.
    Unreadable,
}

/// What files were like, by their absolute paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprints(BTreeMap<PathBuf, Fingerprint>);

/// How a file differs from what it was like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Its content is another.
    Changed,
    /// It was not there.
    Added,
    /// It is not there any more.
    Gone,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Gone => "gone",
        })
    }
}

impl Fingerprints {
    /// What these files are like now.
    pub fn of(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let all = files.into_iter().map(|path| {
            let path = std::path::absolute(&path).unwrap_or(path);
            let fingerprint = fingerprint(&path).unwrap_or(Fingerprint::Unreadable);
            (path, fingerprint)
        });
        Self(all.collect())
    }

    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// How these files are now, seen from how they were; in the order of their names.
    pub fn changes_since<'a>(&'a self, before: &'a Self) -> Vec<(Difference, &'a Path)> {
        let here = self
            .0
            .iter()
            .filter_map(|(path, now)| match before.0.get(path) {
                None => Some((Difference::Added, path.as_path())),
                Some(then) if then != now => Some((Difference::Changed, path.as_path())),
                Some(_) => None,
            });
        let gone = before.0.keys().filter(|path| !self.0.contains_key(*path));
        let mut all: Vec<_> = here
            .chain(gone.map(|path| (Difference::Gone, path.as_path())))
            .collect();
        all.sort_by_key(|(_, path)| *path);
        all
    }
}

fn fingerprint(path: &Path) -> io::Result<Fingerprint> {
    let known = fs::metadata(path)?;
    if known.len() > READ_UP_TO {
        let changed = known.modified()?.duration_since(UNIX_EPOCH);
        let changed = changed.map_or(0, |since| {
            u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
        });
        return Ok(Fingerprint::Large(known.len(), changed));
    }
    Ok(Fingerprint::Sha256(hex(&Sha256::digest(fs::read(path)?))))
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["same", "edited", "removed"] {
            fs::write(at(name), "one").unwrap();
        }
        let large = fs::File::create(at("large")).unwrap();
        large.set_len(READ_UP_TO + 1).unwrap();
        let all = || ["same", "edited", "large"].map(at);
        let before = Fingerprints::of(all().into_iter().chain([at("removed")]));
        assert!(Fingerprints::of(all()).changes_since(&before).len() == 1);
        fs::write(at("edited"), "two").unwrap();
        large.set_len(READ_UP_TO + 2).unwrap();
        let now = Fingerprints::of(all().into_iter().chain([at("new")]));
        let told: Vec<String> = now
            .changes_since(&before)
            .into_iter()
            .map(|(how, path)| format!("{how} {}", path.file_name().unwrap().display()))
            .collect();
        assert_eq!(
            told,
            [
                "changed edited",
                "changed large",
                "added new",
                "gone removed"
            ]
        );
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprints>(&text).unwrap(), before);
    }
}
