//! Objects of a test's own in a lab's cluster: put into its saved state while the lab does not run.

use crate::inventory::Inventory;
use crate::lab::Lab;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

/// A lab that has been started before, so that all of its nodes are ready.
pub(crate) fn settled(inventory: &Inventory) -> Lab {
    let lab = Lab::with(inventory);
    drop(lab.snapshot());
    let ready = || {
        lab.status()
            .nodes()
            .iter()
            .all(|node| node["ready"] == "True")
    };
    // A kubelet of the lab needs a moment after its start; each look takes longer than that.
    assert!((0..50).any(|_| ready()), "the lab's nodes do not get ready");
    lab
}

/// A change to what a cluster holds.
pub(crate) struct Objects {
    log: PathBuf,
    revision: u64,
    all: Vec<Value>,
}

impl Objects {
    /// What the lab's only cluster holds. The lab is started once, so that it is there.
    pub(crate) fn of(lab: &Lab) -> Self {
        drop(lab.snapshot());
        let mut states: Vec<PathBuf> = fs::read_dir(lab.folder().join("clusters"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .collect();
        assert_eq!(states.len(), 1, "one cluster: {states:?}");
        let state = states.remove(0);
        let saved: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
        let mut found = Self {
            log: state.with_extension("json.log"),
            revision: saved["revision"].as_u64().unwrap(),
            all: saved["objects"].as_array().unwrap().clone(),
        };
        let log = fs::read_to_string(&found.log).unwrap_or_default();
        for line in log.lines() {
            let change: Value = serde_json::from_str(line).unwrap();
            let at = change["revision"].as_u64().unwrap();
            if at <= found.revision {
                continue;
            }
            found.revision = at;
            if change["put"].is_object() {
                found.note(change["put"].clone());
            }
        }
        found
    }

    fn note(&mut self, object: Value) {
        let same = |other: &Value| {
            ["/kind", "/metadata/namespace", "/metadata/name"]
                .iter()
                .all(|part| other.pointer(part) == object.pointer(part))
        };
        self.all.retain(|other| !same(other));
        self.all.push(object);
    }

    /// Saves a new or changed object.
    pub(crate) fn put(&mut self, mut object: Value) {
        self.revision += 1;
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(self.revision.to_string());
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(format!("00000000-0000-4000-8000-{:012}", self.revision));
            metadata["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        let mut log = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.log)
            .unwrap();
        let line = json!({"revision": self.revision, "put": object});
        writeln!(log, "{line}").unwrap();
        self.note(object);
    }

    /// Changes a node.
    pub(crate) fn node(&mut self, name: &str, change: impl Fn(&mut Value)) {
        let found = self
            .all
            .iter()
            .find(|object| object["kind"] == "Node" && object["metadata"]["name"] == name);
        let mut node = found.expect("a node").clone();
        change(&mut node);
        self.put(node);
    }

    /// Cordons a node as a person does.
    pub(crate) fn cordon_by_hand(&mut self, node: &str) {
        self.node(node, |node| node["spec"]["unschedulable"] = json!(true));
    }

    /// Puts a running pod without a controller on a node; its label `app` is its name.
    pub(crate) fn pod(&mut self, node: &str, name: &str, change: impl Fn(&mut Value)) {
        let mut pod = json!({
            "kind": "Pod", "apiVersion": "v1",
            "metadata": {"namespace": "shop", "name": name, "labels": {"app": name}},
            "spec": {
                "nodeName": node,
                "restartPolicy": "Always",
                "terminationGracePeriodSeconds": 30,
                "schedulerName": "default-scheduler",
                "containers": [{"name": "main", "image": "registry.invalid/main:1"}],
            },
            "status": {
                "phase": "Running",
                "conditions": [
                    {"type": "Ready", "status": "True"},
                    {"type": "PodScheduled", "status": "True"},
                ],
            },
        });
        change(&mut pod);
        self.put(pod);
    }

    /// Puts a budget over the pods with this label `app` that never lets one go.
    pub(crate) fn budget(&mut self, name: &str, app: &str) {
        self.put(json!({
            "kind": "PodDisruptionBudget", "apiVersion": "policy/v1",
            "metadata": {"namespace": "shop", "name": name, "generation": 1},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}},
            "status": {},
        }));
    }
}
