//! The controllers of Deployments, ReplicaSets, StatefulSets and DaemonSets: the right number of pods, and the status
//! that tells so.
//!
//! A template that was changed is not rolled out, and nothing works on Jobs: an upgrade does neither.

use super::object;
use super::pods;
use super::resource::Resource;
use super::state::State;
use super::status::Refusal;
use super::store::{Key, Store};
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
    for set in list(state, Resource::StatefulSets) {
        stateful(
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
        match set {
            None => {
                // A random name that is taken is tried again at the next pass.
                let _ = replica_set(&mut state.store, &deployment);
            }
            Some(set) if set["spec"]["replicas"] != deployment["spec"]["replicas"] => {
                let mut scaled = set.as_ref().clone();
                scaled["spec"]["replicas"] = deployment["spec"]["replicas"].clone();
                state
                    .store
                    .update(&Key::of(Resource::ReplicaSets, set), scaled);
            }
            Some(_) => {}
        }
        deployed(state, &deployment, set.map(Arc::as_ref));
    }
}

/// Makes the ReplicaSet of a Deployment.
pub(super) fn replica_set(store: &mut Store, deployment: &Value) -> Result<Arc<Value>, Refusal> {
    let name = object::name(deployment);
    let hash = object::suffix(9);
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = json!(hash);
    store.create(
        Resource::ReplicaSets,
        json!({
            "metadata": {
                "namespace": object::namespace(deployment),
                "name": format!("{name}-{hash}"),
                "labels": template["metadata"]["labels"],
                "ownerReferences": [{
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": name,
                    "uid": object::uid(deployment),
                    "controller": true,
                    "blockOwnerDeletion": true,
                }],
            },
            "spec": {
                "replicas": deployment["spec"]["replicas"],
                "selector": selector,
                "template": template,
            },
        }),
    )
}

/// Pods with numbers for names: a new one comes only when the old one of its number has gone.
fn stateful(state: &mut State, set: &Value, pods: &[Arc<Value>]) {
    let wanted = object::number(set, "/spec/replicas").max(0);
    for number in 0..wanted {
        let mut pod = pods::build(set, None);
        let name = format!("{}-{number}", object::name(set));
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = json!(number.to_string());
        pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = json!(name);
        // One that is there, even if it is on its way out, keeps its name.
        let _ = state.store.create(Resource::Pods, pod);
    }
    let ready = pods.iter().filter(|pod| object::ready(pod)).count();
    status(
        state,
        Resource::StatefulSets,
        set,
        json!({
            "replicas": pods.len(),
            "currentReplicas": pods.len(),
            "updatedReplicas": pods.len(),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "observedGeneration": set["metadata"]["generation"],
        }),
    );
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
