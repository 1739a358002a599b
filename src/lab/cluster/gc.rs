//! What goes because something else has gone: objects of deleted owners, and all that a deleted namespace holds.

use super::object;
use super::pods;
use super::resource::Resource;
use super::state::State;
use super::store::Key;
use serde_json::Value;
use std::collections::HashSet;

/// The owners that are looked after; what others own stays.
const OWNERS: [Resource; 5] = [
    Resource::Deployments,
    Resource::ReplicaSets,
    Resource::StatefulSets,
    Resource::DaemonSets,
    Resource::Jobs,
];

/// One round.
pub(super) fn pass(state: &mut State) {
    let mut owners: HashSet<String> = HashSet::new();
    for resource in OWNERS {
        let list = state.store.list(resource, None);
        owners.extend(list.map(|owner| object::uid(owner).to_owned()));
    }
    let mut gone: Vec<Key> = Vec::new();
    for resource in [Resource::ReplicaSets, Resource::Pods] {
        let list = state.store.list(resource, None);
        let orphans = list.filter(|object| orphan(object, &owners));
        gone.extend(orphans.map(|object| Key::of(resource, object)));
    }
    for key in gone {
        end(state, &key);
    }
    let ending: Vec<String> = state
        .store
        .list(Resource::Namespaces, None)
        .filter(|namespace| object::terminating(namespace))
        .map(|namespace| object::name(namespace).to_owned())
        .collect();
    for namespace in ending {
        empty(state, &namespace);
    }
}

fn orphan(object: &Value, owners: &HashSet<String>) -> bool {
    let references = object["metadata"]["ownerReferences"].as_array();
    let Some(owner) = references
        .into_iter()
        .flatten()
        .find(|owner| owner["controller"] == true)
    else {
        return false;
    };
    let known = owner["kind"].as_str().and_then(Resource::of_kind);
    known.is_some_and(|kind| OWNERS.contains(&kind))
        && !owners.contains(owner["uid"].as_str().unwrap_or_default())
}

/// Pods end as they do for a client; all else is gone at once, unless something holds it.
fn end(state: &mut State, key: &Key) {
    if key.resource == Resource::Pods {
        // It was there a moment ago, under the same lock.
        let _ = pods::terminate(state, key, None);
    } else if state
        .store
        .get(key)
        .is_some_and(|object| !pods::held(&object))
    {
        state.store.remove(key);
    }
}

fn empty(state: &mut State, namespace: &str) {
    let mut inside: Vec<Key> = Vec::new();
    for resource in Resource::ALL.into_iter().filter(|kind| kind.namespaced()) {
        let list = state.store.list(resource, Some(namespace));
        inside.extend(list.map(|object| Key::of(resource, object)));
    }
    if inside.is_empty() {
        state
            .store
            .remove(&Key::new(Resource::Namespaces, "", namespace));
    }
    for key in inside {
        end(state, &key);
    }
}
