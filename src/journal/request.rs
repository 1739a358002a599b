//! What a run was asked: enough to ask for the same again, and nothing that is secret.
//!
//! It is written before the first event, as `request.json` beside the journal.

use super::fingerprint::{Fingerprints, hex};
use super::{RunId, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The version of the file; a reader refuses a greater one.
pub const REQUEST_VERSION: u32 = 1;

/// What a run was asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The version of the format.
    pub version: u32,
    /// The working folder.
    pub folder: PathBuf,
    /// The playbooks, as absolute paths.
    pub playbooks: Vec<PathBuf>,
    /// The inventory sources: absolute paths, and lists of hosts as they were given.
    pub inventory: Vec<String>,
    /// `--limit`, as it was given.
    #[serde(default)]
    pub limit: Vec<String>,
    /// The hosts that it came to; none without a limit.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    /// `--tags`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// `--skip-tags`.
    #[serde(default)]
    pub skip_tags: Vec<String>,
    /// `--check`.
    #[serde(default)]
    pub check: bool,
    /// `--diff`.
    #[serde(default)]
    pub diff: bool,
    /// `--forks`.
    #[serde(default)]
    pub forks: Option<u32>,
    /// `--force-handlers`.
    #[serde(default)]
    pub force_handlers: bool,
    /// `--max-failures`.
    #[serde(default)]
    pub max_failures: Option<usize>,
    /// The other options, as they would be typed: how hosts are reached, how playbooks are read, where passwords come from.
    #[serde(default)]
    pub options: Vec<String>,
    /// `-e`, in order.
    #[serde(default)]
    pub extra_vars: Vec<Extra>,
    /// The run that it goes on with; also said by its first event, unless it was killed before that.
    #[serde(default)]
    pub resumes: Option<String>,
    /// What the files were like that the playbook and the inventory were read from.
    #[serde(default)]
    pub files: Fingerprints,
}

/// One variable of the command line, or a file of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// `-e @FILE`, as an absolute path.
    File(PathBuf),
    /// A value that cannot be a secret.
    Known {
        /// The variable.
        name: String,
        /// Its value.
        value: Value,
    },
    /// A value that may be one: it must be given again, and be the same.
    Sealed {
        /// The variable.
        name: String,
        /// What is hashed before the value, so that equal values look different.
        salt: String,
        /// The SHA-256 of salt and value, in hexadecimal.
        sha256: String,
    },
}

impl Extra {
    /// A variable of which nobody can tell the value.
    pub fn sealed(name: &str, value: &Value) -> Self {
        // Two keyed hashes of nothing: 128 bits that differ each time.
        let salt = [0, 1].map(|part: u8| format!("{:016x}", RandomState::new().hash_one(part)));
        let salt = salt.concat();
        Self::Sealed {
            name: name.to_owned(),
            sha256: seal(&salt, value),
            salt,
        }
    }

    /// Whether the variable has this value.
    pub fn is(&self, value: &Value) -> bool {
        match self {
            Self::File(_) => false,
            Self::Known { value: known, .. } => known == value,
            Self::Sealed { salt, sha256, .. } => seal(salt, value) == *sha256,
        }
    }
}

fn seal(salt: &str, value: &Value) -> String {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(value.to_string());
    hex(&hash.finalize())
}

impl Store {
    /// Writes down what a run is asked; returns when that is on the disk. The run's folder must be there.
    pub fn write_request(&self, run: &RunId, request: &Request) -> Result<(), StoreError> {
        let path = self.request_path(run);
        write(&path, request).map_err(|source| StoreError::Io { path, source })
    }

    /// What a run was asked; `None` for one of an older windlass, which did not write it down.
    pub fn request(&self, run: &RunId) -> Result<Option<Request>, StoreError> {
        let path = self.request_path(run);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        let read = serde_json::from_str::<Request>(&text);
        match read {
            Ok(request) if request.version > REQUEST_VERSION => Err(StoreError::Io {
                source: io::Error::other(format!(
                    "written by a newer windlass (format {}; this one reads up to {REQUEST_VERSION})",
                    request.version
                )),
                path,
            }),
            Ok(request) => Ok(Some(request)),
            Err(error) => Err(StoreError::Io {
                source: error.into(),
                path,
            }),
        }
    }

    fn request_path(&self, run: &RunId) -> PathBuf {
        self.run_folder(run).join("request.json")
    }
}

/// Whole or not at all, also when the power fails.
fn write(path: &Path, request: &Request) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let new = path.with_extension("json.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(&serde_json::to_vec_pretty(request)?)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_request_comes_back_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = RunId::parse("a").unwrap();
        store.create(&run).unwrap().close();
        assert_eq!(store.request(&run).unwrap(), None);
        let request = Request {
            version: REQUEST_VERSION,
            playbooks: vec!["/site.yml".into()],
            extra_vars: vec![
                Extra::Known {
                    name: "kube_version".to_owned(),
                    value: json!("v1.35.1"),
                },
                Extra::sealed("token", &json!("hunter22")),
            ],
            ..Request::default()
        };
        store.write_request(&run, &request).unwrap();
        assert_eq!(store.request(&run).unwrap(), Some(request));
        let path = store.request_path(&run);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("hunter22"), "{text}");
        fs::write(&path, text.replace("\"version\": 1", "\"version\": 99")).unwrap();
        let error = store.request(&run).unwrap_err().to_string();
        assert!(error.contains("newer windlass (format 99"), "{error}");
    }

    #[test]
    fn a_sealed_value_is_only_compared() {
        let one = Extra::sealed("token", &json!("hunter22"));
        let other = Extra::sealed("token", &json!("hunter22"));
        assert_ne!(one, other);
        for sealed in [one, other] {
            assert!(sealed.is(&json!("hunter22")));
            assert!(!sealed.is(&json!("hunter23")));
            assert!(!sealed.is(&json!(["hunter22"])));
        }
    }
}
