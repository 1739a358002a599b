//! The controllers of ReplicaSets, DaemonSets and Deployments: the right number of pods, and the status that tells so.

use super::object;
use super::pods;
use super::resource::Resource;
use super::state::State;
use super::store::Key;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The pods of each controller, by its uid.
type Owned = HashMap<String, Vec<Arc<Value>>>;

/// Makes missing pods, ends surplus ones, and writes the status of each controller.
pub(super) fn pass(state: &mut State) {
    let mut owned = Owned::new();
    for pod in state.store.list(Resource::Pods, None) {
        if let Some(owner) = object::controller_uid(pod)
            && !object::terminating(pod)
            && !pods::finished(pod)
        {
            owned.entry(owner.to_owned()).or_default().push(pod.clone());
        }
    }
    let list = |state: &State, resource| {
        state
            .store
            .list(resource, None)
            .cloned()
            .collect::<Vec<Arc<Value>>>()
    };
    for set in list(state, Resource::ReplicaSets) {
        replicas(
            state,
            &set,
            owned.get(object::uid(&set)).map_or(&[], Vec::as_slice),
        );
    }
    for set in list(state, Resource::DaemonSets) {
        daemons(
            state,
            &set,
            owned.get(object::uid(&set)).map_or(&[], Vec::as_slice),
        );
    }
    let sets = list(state, Resource::ReplicaSets);
    for deployment in list(state, Resource::Deployments) {
        let set = sets
            .iter()
            .find(|set| object::controller_uid(set) == Some(object::uid(&deployment)));
        deployed(state, &deployment, set.map(Arc::as_ref));
    }
}

fn replicas(state: &mut State, set: &Value, pods: &[Arc<Value>]) {
    let wanted = usize::try_from(object::number(set, "/spec/replicas")).unwrap_or_default();
    for _ in pods.len()..wanted {
        // A random name that is taken is tried again at the next pass.
        let _ = state.store.create(Resource::Pods, pods::build(set, None));
    }
    for pod in pods.iter().skip(wanted) {
        let _ = pods::terminate(state, &Key::of(Resource::Pods, pod), None);
    }
    let ready = pods
        .iter()
        .take(wanted)
        .filter(|pod| object::ready(pod))
        .count();
    status(
        state,
        Resource::ReplicaSets,
        set,
        json!({
            "replicas": wanted,
            "fullyLabeledReplicas": wanted,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "observedGeneration": set["metadata"]["generation"],
        }),
    );
}

fn daemons(state: &mut State, set: &Value, pods: &[Arc<Value>]) {
    let nodes: Vec<String> = state
        .store
        .list(Resource::Nodes, None)
        .map(|node| object::name(node).to_owned())
        .collect();
    let mut served: HashSet<&str> = HashSet::new();
    for pod in pods {
        served.insert(object::text(pod, "/spec/nodeName"));
    }
    for node in nodes.iter().filter(|node| !served.contains(node.as_str())) {
        let _ = state
            .store
            .create(Resource::Pods, pods::build(set, Some(node)));
    }
    let ready = pods.iter().filter(|pod| object::ready(pod)).count();
    status(
        state,
        Resource::DaemonSets,
        set,
        json!({
            "currentNumberScheduled": nodes.len(),
            "desiredNumberScheduled": nodes.len(),
            "updatedNumberScheduled": nodes.len(),
            "numberMisscheduled": 0,
            "numberReady": ready,
            "numberAvailable": ready,
            "numberUnavailable": nodes.len().saturating_sub(ready),
            "observedGeneration": set["metadata"]["generation"],
        }),
    );
}

fn deployed(state: &mut State, deployment: &Value, set: Option<&Value>) {
    let wanted = object::number(deployment, "/spec/replicas");
    let ready = set.map_or(0, |set| object::number(set, "/status/readyReplicas"));
    // The default strategy lets a quarter be unavailable, cut off.
    let available = if ready >= wanted - wanted / 4 {
        "True"
    } else {
        "False"
    };
    let reason = if available == "True" {
        "MinimumReplicasAvailable"
    } else {
        "MinimumReplicasUnavailable"
    };
    status(
        state,
        Resource::Deployments,
        deployment,
        json!({
            "replicas": wanted,
            "updatedReplicas": wanted,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": wanted - ready,
            "observedGeneration": deployment["metadata"]["generation"],
            "conditions": [{ "type": "Available", "status": available, "reason": reason }],
        }),
    );
}

fn status(state: &mut State, resource: Resource, before: &Value, status: Value) {
    let mut object = before.clone();
    object["status"] = status;
    state.store.update(&Key::of(resource, before), object);
}
