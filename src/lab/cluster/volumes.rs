//! Volumes of pods: attached to the node when a pod takes them there, detached some time after its last pod has gone.
//!
//! An attachment whose volume is not an object here is nobody's: it stays until it is deleted, like one whose driver died.

use super::object::{self, text};
use super::pods;
use super::resource::Resource;
use super::state::State;
use super::store::Key;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How long a volume takes to detach. A cloud's takes seconds.
const DETACH: SignedDuration = SignedDuration::from_millis(200);

/// One round. Says whether a volume waits to be detached.
pub(super) fn pass(state: &mut State, now: Timestamp) -> bool {
    let used = used(state);
    let there: Vec<(Key, String, String)> = state
        .store
        .list(Resource::VolumeAttachments, None)
        .map(|attachment| {
            let volume = text(attachment, "/spec/source/persistentVolumeName").to_owned();
            let node = text(attachment, "/spec/nodeName").to_owned();
            (
                Key::of(Resource::VolumeAttachments, attachment),
                volume,
                node,
            )
        })
        .collect();
    for (volume, node) in &used {
        if !there.iter().any(|(_, v, n)| (v, n) == (volume, node)) {
            attach(state, volume, node);
        }
    }
    let mut waiting = false;
    for (key, volume, node) in there {
        let known = state
            .store
            .get(&Key::new(Resource::PersistentVolumes, "", &volume))
            .is_some();
        if !known || used.contains(&(volume, node)) {
            state.detaching.remove(&key.name);
            continue;
        }
        let since = *state.detaching.entry(key.name.clone()).or_insert(now);
        if now.duration_since(since) < DETACH {
            waiting = true;
            continue;
        }
        state.detaching.remove(&key.name);
        state.store.remove(&key);
    }
    waiting
}

/// The volumes that pods hold, with the nodes they hold them on.
fn used(state: &State) -> BTreeSet<(String, String)> {
    let mut used = BTreeSet::new();
    for pod in state.store.list(Resource::Pods, None) {
        let node = text(pod, "/spec/nodeName");
        if node.is_empty() || pods::finished(pod) {
            continue;
        }
        for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
            let claim = text(volume, "/persistentVolumeClaim/claimName");
            let key = Key::new(
                Resource::PersistentVolumeClaims,
                object::namespace(pod),
                claim,
            );
            let name = state
                .store
                .get(&key)
                .map(|claim| text(&claim, "/spec/volumeName").to_owned());
            if let Some(name) = name.filter(|name| attachable(state, name)) {
                used.insert((name, node.to_owned()));
            }
        }
    }
    used
}

/// Whether a volume is one that has to be attached: a driver's, and not a folder of a node.
fn attachable(state: &State, name: &str) -> bool {
    let volume = state
        .store
        .get(&Key::new(Resource::PersistentVolumes, "", name));
    volume.is_some_and(|volume| volume["spec"]["csi"].is_object())
}

fn attach(state: &mut State, volume: &str, node: &str) {
    let key = Key::new(Resource::PersistentVolumes, "", volume);
    let driver = state
        .store
        .get(&key)
        .map(|volume| volume["spec"]["csi"]["driver"].clone());
    let attachment = json!({
        "metadata": { "name": format!("csi-{}", object::suffix(12)) },
        "spec": {
            "attacher": driver.unwrap_or(Value::Null),
            "nodeName": node,
            "source": { "persistentVolumeName": volume },
        },
        "status": { "attached": true },
    });
    // A random name that is taken is tried again at the next pass.
    let _ = state.store.create(Resource::VolumeAttachments, attachment);
}
