//! Files on the controller: where they are found, and their bytes, read and hashed once for all hosts.

use super::ModuleError;
use crate::vault::{Vault, VaultError, is_vaulted};
use bytes::Bytes;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::SystemTime;

/// A file's bytes and what is known about them.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The bytes.
    pub(super) bytes: Bytes,
    /// Lower-case hex SHA-1.
    pub(super) sha1: String,
    /// Lower-case hex SHA-256.
    pub(super) sha256: String,
}

impl Loaded {
    /// Hashes `bytes`.
    pub(super) fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            sha1: hex(&Sha1::digest(&bytes)),
            sha256: hex(&Sha256::digest(&bytes)),
            bytes,
        }
    }
}

/// Bytes in lower-case hex.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file as it was at one time: another size or time means another content.
type Key = (PathBuf, Option<SystemTime>, u64);

/// What is being sent just now. Nothing is kept once no host needs it any more.
static CACHE: LazyLock<Mutex<HashMap<Key, Weak<Loaded>>>> = LazyLock::new(Mutex::default);

/// Reads and hashes the file at `path`, unless another host is sending the same one at this moment. With a vault, a file
/// that is encrypted as a whole is opened, and its lines are secrets.
pub(super) async fn load(path: &Path, vault: Option<&Vault>) -> Result<Arc<Loaded>, ModuleError> {
    let shown = path.display().to_string();
    let path = path.to_owned();
    let failed = |error: &dyn std::fmt::Display| {
        ModuleError::failed(format!("cannot read {shown}: {error}"))
    };
    let loaded = tokio::task::spawn_blocking(move || load_blocking(path))
        .await
        .map_err(|error| ModuleError::failed(error.to_string()))?
        .map_err(|error| failed(&error))?;
    match vault {
        Some(vault) if is_vaulted(&loaded.bytes) => {
            let opened = open(loaded.bytes.to_vec(), vault).map_err(|error| failed(&error))?;
            Ok(Arc::new(Loaded::new(opened)))
        }
        _ => Ok(loaded),
    }
}

/// The content of a file for a host, opened where it is vaulted; then it is a secret, line by line.
pub(super) fn open(content: Vec<u8>, vault: &Vault) -> Result<Vec<u8>, VaultError> {
    if !is_vaulted(&content) {
        return Ok(content);
    }
    let opened = vault.file(content)?;
    if let Ok(text) = std::str::from_utf8(&opened) {
        vault.secrets().learn(text);
        vault.secrets().learn_likely(text);
    }
    Ok(opened)
}

fn load_blocking(path: PathBuf) -> std::io::Result<Arc<Loaded>> {
    let facts = std::fs::metadata(&path)?;
    let key = (path, facts.modified().ok(), facts.len());
    let cached = |key: &Key| {
        let cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(key).and_then(Weak::upgrade)
    };
    if let Some(loaded) = cached(&key) {
        return Ok(loaded);
    }
    let loaded = Arc::new(Loaded::new(std::fs::read(&key.0)?));
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    cache.retain(|_, kept| kept.strong_count() > 0);
    cache.insert(key, Arc::downgrade(&loaded));
    Ok(loaded)
}

/// The file or folder `name`: an absolute path as it is, else under `kind` (such as `files`) or beside it in the
/// folders of `search`, the first one that exists.
pub(super) fn find(search: &[PathBuf], kind: &str, name: &str) -> Result<PathBuf, ModuleError> {
    let plain = Path::new(name);
    let candidates: Vec<PathBuf> = if plain.is_absolute() {
        vec![plain.to_owned()]
    } else if let Some(rest) = name.strip_prefix("~/") {
        std::env::var_os("HOME")
            .map(|home| Path::new(&home).join(rest))
            .into_iter()
            .collect()
    } else {
        search
            .iter()
            .flat_map(|folder| [folder.join(kind).join(plain), folder.join(plain)])
            .collect()
    };
    candidates
        .iter()
        .find(|path| path.exists())
        .cloned()
        .ok_or_else(|| {
            let tried: Vec<_> = candidates
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            ModuleError::failed(format!(
                "could not find `{name}` on the controller; tried {}",
                tried.join(", ")
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_folder_comes_first() {
        let root = tempfile::tempdir().unwrap();
        let search = [root.path().join("role"), root.path().to_owned()];
        std::fs::create_dir_all(root.path().join("role/files")).unwrap();
        std::fs::write(root.path().join("a"), "outer").unwrap();
        let error = find(&search, "files", "b").unwrap_err().to_string();
        assert!(error.contains("role/files/b"), "{error}");
        assert_eq!(find(&search, "files", "a").unwrap(), root.path().join("a"));
        std::fs::write(root.path().join("role/files/a"), "inner").unwrap();
        assert_eq!(
            find(&search, "files", "a").unwrap(),
            root.path().join("role/files/a")
        );
    }

    #[test]
    fn the_same_bytes_are_shared() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        std::fs::write(&path, "abc").unwrap();
        let first = load_blocking(path.clone()).unwrap();
        let second = load_blocking(path.clone()).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(first.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        std::fs::write(&path, "abcd").unwrap();
        assert_eq!(load_blocking(path).unwrap().bytes, "abcd");
    }
}
