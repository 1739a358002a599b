//! All objects of a cluster, their versions, and the log of changes that watches read.
//!
//! The store gives out uids and versions and knows conflicts. It does not know what objects mean.

use super::object;
use super::persist::{Journal, Objects};
use super::resource::Resource;
use super::status::Refusal;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// How many changes a watch can look back.
const LOG: usize = 8_192;

/// What names an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) resource: Resource,
    /// Empty for objects outside of namespaces.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self {
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The key of an object of this resource.
    pub(super) fn of(resource: Resource, object: &Value) -> Self {
        Self::new(resource, object::namespace(object), object::name(object))
    }
}

/// One change of one object.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) key: Key,
    /// The object before, if it was there.
    pub(super) before: Option<Arc<Value>>,
    /// The object after, or as it was last if it is gone.
    pub(super) object: Arc<Value>,
    pub(super) deleted: bool,
}

/// The objects of one cluster.
#[derive(Debug)]
pub(super) struct Store {
    objects: Objects,
    revision: u64,
    changes: VecDeque<Change>,
    /// Changes up to this revision are no longer in the log.
    forgotten: u64,
    /// Nothing is kept of what is done now.
    rehearsal: bool,
    journal: Journal,
}

impl Store {
    /// Opens the state file. Watches cannot look back before this moment.
    pub(super) fn open(state_file: &Path) -> io::Result<Self> {
        let (journal, revision, objects) = Journal::open(state_file)?;
        Ok(Self {
            objects,
            revision,
            changes: VecDeque::new(),
            forgotten: revision,
            rehearsal: false,
            journal,
        })
    }

    /// The version of the newest change.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(key).cloned()
    }

    /// The object, or the 404 that a client gets.
    pub(super) fn find(&self, key: &Key) -> Result<Arc<Value>, Refusal> {
        self.get(key)
            .ok_or_else(|| Refusal::not_found(key.resource, &key.name))
    }

    /// All objects of a resource, of one namespace if it is given, in the order of their names.
    pub(super) fn list<'a>(
        &'a self,
        resource: Resource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        let first = Key::new(resource, namespace.unwrap_or_default(), "");
        self.objects
            .range(first..)
            .take_while(move |(key, _)| {
                key.resource == resource
                    && namespace.is_none_or(|namespace| key.namespace == namespace)
            })
            .map(|(_, object)| object)
    }

    /// Adds an object; it gets a uid, a version and a time.
    pub(super) fn create(
        &mut self,
        resource: Resource,
        mut object: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let key = Key::of(resource, &object);
        if self.objects.contains_key(&key) {
            return Err(Refusal::already_exists(resource, &key.name));
        }
        object["apiVersion"] = json!(resource.api_version());
        object["kind"] = json!(resource.kind());
        let metadata = &mut object["metadata"];
        metadata["uid"] = json!(object::new_uid());
        metadata["creationTimestamp"] = json!(object::seconds(Timestamp::now()));
        if resource.counts_generations() {
            metadata["generation"] = json!(1);
        }
        Ok(self.put(key, object))
    }

    /// Replaces an object that is there. Nothing happens if nothing differs, as on a real server.
    pub(super) fn update(&mut self, key: &Key, mut object: Value) -> Arc<Value> {
        let before = self.objects.get(key).cloned();
        if let Some(before) = before {
            object["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
            if *before == object {
                return before;
            }
            if key.resource.counts_generations() && before["spec"] != object["spec"] {
                object["metadata"]["generation"] =
                    json!(object::number(&before, "/metadata/generation") + 1);
            }
        }
        self.put(key.clone(), object)
    }

    /// From now on (or no longer) nothing is kept of what is done, and the answers are as if it were (`dryRun=All`).
    pub(super) fn rehearse(&mut self, on: bool) {
        self.rehearsal = on;
    }

    /// Puts an object there just as it is, but for its version and what every object has.
    pub(super) fn place(&mut self, resource: Resource, mut object: Value) -> Arc<Value> {
        let key = Key::of(resource, &object);
        let before = self.objects.get(&key);
        object["apiVersion"] = json!(resource.api_version());
        object["kind"] = json!(resource.kind());
        let metadata = &mut object["metadata"];
        for (field, fresh) in [
            ("uid", object::new_uid()),
            ("creationTimestamp", object::seconds(Timestamp::now())),
        ] {
            let kept = before.and_then(|before| before["metadata"].get(field));
            if metadata.get(field).is_none() {
                metadata[field] = kept.cloned().unwrap_or_else(|| json!(fresh));
            }
        }
        if resource.counts_generations() && metadata.get("generation").is_none() {
            let last = before.map_or(0, |before| object::number(before, "/metadata/generation"));
            metadata["generation"] = json!(last + 1);
        }
        self.put(key, object)
    }

    fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        if self.rehearsal {
            return Arc::new(object);
        }
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        self.journal.put(self.revision, &object);
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), object.clone());
        self.note(Change {
            revision: self.revision,
            key,
            before,
            object: object.clone(),
            deleted: false,
        });
        object
    }

    /// Replaces an object without a new version or a watch event: for times that only move on.
    pub(super) fn touch(&mut self, key: &Key, object: Value) {
        self.objects.insert(key.clone(), Arc::new(object));
    }

    /// Removes an object.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        if self.rehearsal {
            return self.get(key);
        }
        let before = self.objects.remove(key)?;
        self.revision += 1;
        let mut last = before.as_ref().clone();
        last["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let object = Arc::new(last);
        self.journal.delete(self.revision, key);
        self.note(Change {
            revision: self.revision,
            key: key.clone(),
            before: Some(before),
            object: object.clone(),
            deleted: true,
        });
        Some(object)
    }

    fn note(&mut self, change: Change) {
        if self.changes.len() == LOG {
            self.forgotten = self
                .changes
                .pop_front()
                .map_or(self.forgotten, |oldest| oldest.revision);
        }
        self.changes.push_back(change);
        if self.journal.wants_folding(self.objects.len()) {
            // A failed fold leaves the log as it is, which is whole, and is tried again at the next change.
            let _ = self.journal.fold(self.revision, &self.objects);
        }
    }

    /// The changes of a resource after `revision`, or the 410 where the log does not reach back so far.
    pub(super) fn changes_since(
        &self,
        resource: Resource,
        revision: u64,
    ) -> Result<Vec<Change>, Refusal> {
        if revision < self.forgotten {
            return Err(Refusal::expired(revision, self.forgotten));
        }
        let start = self
            .changes
            .partition_point(|change| change.revision <= revision);
        Ok(self
            .changes
            .range(start..)
            .filter(|change| change.key.resource == resource)
            .cloned()
            .collect())
    }

    /// The refusal for a change that could not be saved.
    pub(super) fn saved(&mut self) -> Result<(), Refusal> {
        match self.journal.failure() {
            None => Ok(()),
            Some(error) => Err(Refusal::internal(format!(
                "the state of the lab cannot be saved: {error}"
            ))),
        }
    }

    /// Writes the whole state as one snapshot.
    pub(super) fn fold(&mut self) -> io::Result<()> {
        self.journal.fold(self.revision, &self.objects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(name: &str) -> Value {
        json!({ "metadata": { "namespace": "default", "name": name } })
    }

    fn version(object: &Value) -> u64 {
        object::text(object, "/metadata/resourceVersion")
            .parse()
            .unwrap()
    }

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(&folder.path().join("state.json")).unwrap()
    }

    #[test]
    fn versions_grow_and_an_update_without_a_difference_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(&folder);
        let made = store.create(Resource::ConfigMaps, map("a")).unwrap();
        assert_eq!(version(&made), 1);
        let key = Key::new(Resource::ConfigMaps, "default", "a");
        let same = store.update(&key, made.as_ref().clone());
        assert_eq!(version(&same), 1);
        let mut other = made.as_ref().clone();
        other["data"] = json!({ "k": "v" });
        assert_eq!(version(&store.update(&key, other)), 2);
        assert_eq!(
            store
                .create(Resource::ConfigMaps, map("a"))
                .unwrap_err()
                .code,
            409
        );
        assert_eq!(version(&store.remove(&key).unwrap()), 3);
        let seen: Vec<(u64, bool)> = store
            .changes_since(Resource::ConfigMaps, 1)
            .unwrap()
            .iter()
            .map(|change| (change.revision, change.deleted))
            .collect();
        assert_eq!(seen, [(2, false), (3, true)]);
        assert!(store.changes_since(Resource::Nodes, 0).unwrap().is_empty());
    }

    #[test]
    fn changes_of_an_earlier_life_are_expired() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = store(&folder);
        first.create(Resource::ConfigMaps, map("a")).unwrap();
        first.create(Resource::ConfigMaps, map("b")).unwrap();
        drop(first);
        let second = store(&folder);
        assert_eq!(second.revision(), 2);
        assert_eq!(
            second
                .changes_since(Resource::ConfigMaps, 1)
                .unwrap_err()
                .code,
            410
        );
        assert!(
            second
                .changes_since(Resource::ConfigMaps, 2)
                .unwrap()
                .is_empty()
        );
    }
}
