//! The taints that the node lifecycle controller keeps: cordoned, not ready, unreachable. Others are left alone.

use super::object;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Brings the taints of a node in line with its spec and its `Ready` condition.
pub(super) fn sync(node: &mut Value) {
    let ready = object::condition(node, "Ready")
        .and_then(|ready| ready["status"].as_str())
        .unwrap_or("True");
    let wanted = [
        (
            "node.kubernetes.io/unschedulable",
            node["spec"]["unschedulable"] == true,
        ),
        ("node.kubernetes.io/not-ready", ready == "False"),
        ("node.kubernetes.io/unreachable", ready == "Unknown"),
    ];
    if !node["spec"].is_object() {
        node["spec"] = json!({});
    }
    let Some(spec) = node["spec"].as_object_mut() else {
        return;
    };
    // A node that is not cordoned has no such field, whatever was sent.
    if spec
        .get("unschedulable")
        .is_some_and(|value| *value != true)
    {
        spec.shift_remove("unschedulable");
    }
    let mut taints = spec
        .get("taints")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for (key, on) in wanted {
        let there = taints.iter().any(|taint| taint["key"] == key);
        if on && !there {
            let added = object::seconds(Timestamp::now());
            taints.push(json!({ "key": key, "effect": "NoSchedule", "timeAdded": added }));
        } else if !on {
            taints.retain(|taint| taint["key"] != key);
        }
    }
    if taints.is_empty() {
        spec.shift_remove("taints");
    } else {
        spec.insert("taints".to_owned(), Value::Array(taints));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(node: &Value) -> Vec<&str> {
        let taints = node["spec"]["taints"].as_array();
        taints
            .into_iter()
            .flatten()
            .filter_map(|taint| taint["key"].as_str())
            .collect()
    }

    #[test]
    fn taints_follow_the_node_and_leave_others_alone() {
        let mut node = json!({ "spec": { "unschedulable": true, "taints": [{ "key": "mine", "effect": "NoSchedule" }] } });
        sync(&mut node);
        assert_eq!(keys(&node), ["mine", "node.kubernetes.io/unschedulable"]);
        node["spec"]["unschedulable"] = json!(false);
        node["status"] = json!({ "conditions": [{ "type": "Ready", "status": "Unknown" }] });
        sync(&mut node);
        assert_eq!(keys(&node), ["mine", "node.kubernetes.io/unreachable"]);
        assert!(node["spec"].get("unschedulable").is_none());
        node["status"]["conditions"][0]["status"] = json!("True");
        node["spec"]["taints"][0]["key"] = json!("node.kubernetes.io/not-ready");
        sync(&mut node);
        assert!(node["spec"].get("taints").is_none());
    }
}
