//! Pods: how they are made, started, ended, and what becomes of them when their node is lost.

use super::defaults;
use super::object;
use super::resource::Resource;
use super::state::State;
use super::status::Refusal;
use super::store::{Key, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;

/// Fills in what a real server fills into a new pod; refuses one without containers.
pub(super) fn admit(pod: &mut Value) -> Result<(), Refusal> {
    let name = object::name(pod).to_owned();
    if pod["spec"]["containers"]
        .as_array()
        .is_none_or(Vec::is_empty)
    {
        return Err(Refusal::invalid(
            Resource::Pods,
            &name,
            "spec.containers",
            "Required value",
        ));
    }
    defaults::pod(&mut pod["spec"]);
    pod["status"] = json!({ "phase": "Pending", "qosClass": "BestEffort" });
    Ok(())
}

/// A new pod of a controller, from its template.
pub(super) fn build(owner: &Value, node: Option<&str>) -> Value {
    let name = object::name(owner);
    let mut pod = json!({ "metadata": owner["spec"]["template"]["metadata"], "spec": owner["spec"]["template"]["spec"] });
    pod["metadata"]["name"] = json!(format!("{name}-{}", object::suffix(5)));
    pod["metadata"]["generateName"] = json!(format!("{name}-"));
    pod["metadata"]["namespace"] = owner["metadata"]["namespace"].clone();
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1",
        "kind": owner["kind"],
        "name": name,
        "uid": object::uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    }]);
    pod["status"] = json!({ "phase": "Pending", "qosClass": "BestEffort" });
    if let Some(node) = node {
        assign(&mut pod, node);
    }
    pod
}

/// Gives a pod to a node.
pub(super) fn assign(pod: &mut Value, node: &str) {
    pod["spec"]["nodeName"] = json!(node);
    set_condition(pod, "PodScheduled", "True", "", Timestamp::now());
}

/// Notes that no node takes the pod.
pub(super) fn unschedulable(pod: &mut Value, nodes: usize) {
    set_condition(
        pod,
        "PodScheduled",
        "False",
        "Unschedulable",
        Timestamp::now(),
    );
    let message = format!("0/{nodes} nodes are available.");
    if let Some(conditions) = pod["status"]["conditions"].as_array_mut() {
        conditions[0]["message"] = json!(message);
    }
}

/// What a kubelet writes once all containers run.
pub(super) fn run(pod: &mut Value) {
    let now = Timestamp::now();
    let time = object::seconds(now);
    pod["status"]["phase"] = json!("Running");
    if pod["status"].get("startTime").is_none() {
        pod["status"]["startTime"] = json!(time);
    }
    for kind in ["Initialized", "Ready", "ContainersReady"] {
        set_condition(pod, kind, "True", "", now);
    }
    let containers = pod["spec"]["containers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let statuses: Vec<Value> = containers
        .iter()
        .map(|container| {
            json!({
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": true,
                "started": true,
                "restartCount": 0,
                "state": { "running": { "startedAt": time } },
            })
        })
        .collect();
    pod["status"]["containerStatuses"] = Value::Array(statuses);
}

fn set_condition(pod: &mut Value, kind: &str, status: &str, reason: &str, now: Timestamp) {
    let mut new = json!({ "type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": object::seconds(now) });
    if !reason.is_empty() {
        new["reason"] = json!(reason);
    }
    if !pod["status"]["conditions"].is_array() {
        pod["status"]["conditions"] = json!([]);
    }
    let Some(conditions) = pod["status"]["conditions"].as_array_mut() else {
        return;
    };
    match conditions
        .iter_mut()
        .find(|condition| condition["type"] == kind)
    {
        Some(condition) if condition["status"] == status => {}
        Some(condition) => *condition = new,
        None => conditions.push(new),
    }
}

/// Whether the pod has come to its end and only its record is left.
pub(super) fn finished(pod: &Value) -> bool {
    matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether something still holds the pod although its containers are gone.
pub(super) fn held(pod: &Value) -> bool {
    pod["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|finalizers| !finalizers.is_empty())
}

/// Deletes a pod as a client asks for it: at once without a node or with a grace of 0, else it is Terminating from now.
pub(super) fn terminate(
    state: &mut State,
    key: &Key,
    grace: Option<i64>,
) -> Result<Arc<Value>, Refusal> {
    let before = state.store.find(key)?;
    let grace = grace.unwrap_or_else(|| {
        before["spec"]["terminationGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(30)
    });
    let now = object::text(&before, "/spec/nodeName").is_empty() || finished(&before) || grace <= 0;
    if now && !held(&before) {
        return Ok(state.store.remove(key).unwrap_or(before));
    }
    if object::terminating(&before) {
        return Ok(before);
    }
    let mut pod = before.as_ref().clone();
    let end = Timestamp::now() + SignedDuration::from_secs(grace.max(0));
    pod["metadata"]["deletionTimestamp"] = json!(object::seconds(end));
    pod["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    Ok(state.store.update(key, pod))
}

/// The pods of a node.
pub(super) fn on_node(store: &Store, node: &str) -> Vec<Arc<Value>> {
    let pods = store.list(Resource::Pods, None);
    pods.filter(|pod| object::text(pod, "/spec/nodeName") == node)
        .cloned()
        .collect()
}

/// The pods of a node that is given up are no longer Ready; they are again when it comes back.
pub(super) fn node_lost(state: &mut State, node: &str, lost: bool, now: Timestamp) {
    for before in on_node(&state.store, node) {
        if object::text(&before, "/status/phase") != "Running" {
            continue;
        }
        let mut pod = before.as_ref().clone();
        let (status, reason) = if lost {
            ("False", "NodeNotReady")
        } else {
            ("True", "")
        };
        set_condition(&mut pod, "Ready", status, reason, now);
        state.store.update(&Key::of(Resource::Pods, &before), pod);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_without_containers_is_refused_and_others_get_their_defaults() {
        let mut pod = json!({ "metadata": { "name": "x" }, "spec": {} });
        assert_eq!(admit(&mut pod).unwrap_err().code, 422);
        let mut pod = json!({ "metadata": { "name": "x" }, "spec": { "containers": [{ "name": "a", "image": "b" }] } });
        admit(&mut pod).unwrap();
        assert_eq!(pod["spec"]["terminationGracePeriodSeconds"], 30);
        assert!(!object::ready(&pod));
        assign(&mut pod, "w1");
        run(&mut pod);
        assert!(object::ready(&pod));
        assert_eq!(pod["status"]["phase"], "Running");
    }
}
