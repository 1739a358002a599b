//! The state file: a snapshot, and beside it a log of the changes since.
//!
//! Each change is one `write` before the request is answered, so it outlives a killed process (not a crashed machine:
//! nothing is synced, since this is a lab). The snapshot is replaced atomically. This file knows objects only as JSON.

use super::object;
use super::resource::Resource;
use super::store::Key;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The objects of a cluster.
pub(super) type Objects = BTreeMap<Key, Arc<Value>>;

/// The format of both files.
const FORMAT: u64 = 1;
/// The log is folded into the snapshot when it holds more lines than this and than there are objects.
const LOG_LINES: usize = 2_000;

/// The two files of a cluster, open for writing.
#[derive(Debug)]
pub(super) struct Journal {
    snapshot: PathBuf,
    log: File,
    lines: usize,
    failure: Option<io::Error>,
}

impl Journal {
    /// Opens both files and reads what was saved: the newest revision and the objects.
    pub(super) fn open(snapshot: &Path) -> io::Result<(Self, u64, Objects)> {
        if let Some(folder) = snapshot.parent() {
            fs::create_dir_all(folder)?;
        }
        let (mut revision, mut objects) = read_snapshot(snapshot)?;
        let log_path = beside(snapshot, "log");
        let lines = replay(&log_path, &mut revision, &mut objects)?;
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&log_path)?;
        let mut journal = Self {
            snapshot: snapshot.to_owned(),
            log,
            lines,
            failure: None,
        };
        if lines > 0 {
            journal.fold(revision, &objects)?;
        }
        Ok((journal, revision, objects))
    }

    /// Notes a new or changed object.
    pub(super) fn put(&mut self, revision: u64, object: &Value) {
        self.append(&json!({ "revision": revision, "put": object }));
    }

    /// Notes that an object is gone.
    pub(super) fn delete(&mut self, revision: u64, key: &Key) {
        self.append(&json!({ "revision": revision, "delete": [key.resource.kind(), key.namespace, key.name] }));
    }

    fn append(&mut self, line: &Value) {
        let text = format!("{line}\n");
        match self.log.write_all(text.as_bytes()) {
            Ok(()) => self.lines += 1,
            Err(error) => self.failure = Some(error),
        }
    }

    /// The error of a write since the last call, if there was one.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Whether the log has become long.
    pub(super) fn wants_folding(&self, objects: usize) -> bool {
        self.lines > LOG_LINES.max(objects)
    }

    /// Writes a new snapshot and empties the log. Killed in between, the next start skips log lines that the snapshot has.
    pub(super) fn fold(&mut self, revision: u64, objects: &Objects) -> io::Result<()> {
        let objects: Vec<&Value> = objects.values().map(Arc::as_ref).collect();
        let text =
            json!({ "version": FORMAT, "revision": revision, "objects": objects }).to_string();
        replace(&self.snapshot, text.as_bytes())?;
        self.log.set_len(0)?;
        self.lines = 0;
        Ok(())
    }
}

/// `path` with another ending, such as `state.json.log`.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// Replaces a file in one step. Only its owner may read it.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = beside(path, "new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(content)?;
    drop(file);
    fs::rename(&temporary, path)
}

fn read_snapshot(path: &Path) -> io::Result<(u64, Objects)> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, Objects::new())),
        Err(error) => return Err(error),
    };
    let saved: Value =
        serde_json::from_slice(&text).map_err(|error| damaged(path, &error.to_string()))?;
    if saved["version"] != FORMAT {
        return Err(damaged(path, "written by another version of the program"));
    }
    let mut objects = Objects::new();
    for object in saved["objects"].as_array().into_iter().flatten() {
        let key = key_of(object).ok_or_else(|| damaged(path, "an object of unknown kind"))?;
        objects.insert(key, Arc::new(object.clone()));
    }
    Ok((saved["revision"].as_u64().unwrap_or_default(), objects))
}

/// Applies the log. A last line without its end was cut off by a kill and was never answered, so it is left out.
fn replay(path: &Path, revision: &mut u64, objects: &mut Objects) -> io::Result<usize> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    for line in whole.lines() {
        let change: Value =
            serde_json::from_str(line).map_err(|error| damaged(path, &error.to_string()))?;
        let at = change["revision"].as_u64().unwrap_or_default();
        if at <= *revision {
            continue;
        }
        *revision = at;
        if let Some(key) = key_of(&change["put"]) {
            objects.insert(key, Arc::new(change["put"].clone()));
        } else if let Some(key) = deleted_key(&change["delete"]) {
            objects.remove(&key);
        } else {
            return Err(damaged(path, "a change of unknown kind"));
        }
    }
    Ok(whole.lines().count() + usize::from(whole.len() < text.len()))
}

fn key_of(object: &Value) -> Option<Key> {
    let kind = object["kind"].as_str()?;
    let resource = Resource::of_kind(kind)?;
    Some(Key::new(
        resource,
        object::namespace(object),
        object::name(object),
    ))
}

fn deleted_key(parts: &Value) -> Option<Key> {
    let part = |index: usize| parts.get(index)?.as_str();
    let kind = part(0)?;
    let resource = Resource::of_kind(kind)?;
    Some(Key::new(resource, part(1)?, part(2)?))
}

fn damaged(path: &Path, problem: &str) -> io::Error {
    let text = format!(
        "{} cannot be read as the state of a lab cluster: {problem}",
        path.display()
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(name: &str, value: &str) -> Value {
        json!({ "kind": "ConfigMap", "metadata": { "namespace": "default", "name": name }, "data": { "k": value } })
    }

    #[test]
    fn a_change_is_on_disk_as_soon_as_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let (mut journal, revision, objects) = Journal::open(&path).unwrap();
        assert_eq!((revision, objects.len()), (0, 0));
        journal.put(1, &map("a", "1"));
        journal.put(2, &map("b", "1"));
        journal.put(3, &map("a", "2"));
        journal.delete(4, &Key::new(Resource::ConfigMaps, "default", "b"));
        // The journal is not dropped here: this is what a killed process leaves behind.
        let (_second, revision, objects) = Journal::open(&path).unwrap();
        assert_eq!(revision, 4);
        let left: Vec<&Value> = objects.values().map(Arc::as_ref).collect();
        assert_eq!(left, [&map("a", "2")]);
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_a_torn_middle_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let whole = json!({ "revision": 1, "put": map("a", "1") }).to_string();
        fs::write(
            beside(&path, "log"),
            format!("{whole}\n{{\"revision\":2,\"pu"),
        )
        .unwrap();
        let (_journal, revision, objects) = Journal::open(&path).unwrap();
        assert_eq!((revision, objects.len()), (1, 1));

        fs::write(
            beside(&path, "log"),
            format!("{{\"revision\":2,\"pu\n{whole}\n"),
        )
        .unwrap();
        let error = Journal::open(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
