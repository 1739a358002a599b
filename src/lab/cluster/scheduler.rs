//! Which node takes a pod: ready, not cordoned, taints tolerated, the fewest pods of the same owner.

use super::object;
use super::resource::Resource;
use super::store::Store;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// The nodes that take pods, and what they carry, as of one moment.
pub(super) struct Scheduler {
    nodes: Vec<Arc<Value>>,
    all: usize,
    pods: HashMap<String, usize>,
    by_owner: HashMap<(String, String), usize>,
}

impl Scheduler {
    pub(super) fn new(store: &Store) -> Self {
        let nodes = store.list(Resource::Nodes, None);
        let nodes: Vec<Arc<Value>> = nodes.cloned().collect();
        let mut scheduler = Self {
            all: nodes.len(),
            nodes: nodes
                .into_iter()
                .filter(|node| object::ready(node))
                .collect(),
            pods: HashMap::new(),
            by_owner: HashMap::new(),
        };
        for pod in store.list(Resource::Pods, None) {
            scheduler.count(pod, object::text(pod, "/spec/nodeName"));
        }
        scheduler
    }

    fn count(&mut self, pod: &Value, node: &str) {
        if node.is_empty() {
            return;
        }
        *self.pods.entry(node.to_owned()).or_default() += 1;
        let owner = object::controller_uid(pod).unwrap_or_default().to_owned();
        *self.by_owner.entry((owner, node.to_owned())).or_default() += 1;
    }

    /// How many nodes there are at all.
    pub(super) fn all(&self) -> usize {
        self.all
    }

    /// The best node for a pod; the pod is counted there.
    pub(super) fn choose(&mut self, pod: &Value) -> Option<String> {
        let owner = object::controller_uid(pod).unwrap_or_default();
        let fitting = self
            .nodes
            .iter()
            .filter(|node| fits(node, pod))
            .map(|node| object::name(node));
        let best = fitting.min_by_key(|node| {
            let own = self.by_owner.get(&(owner.to_owned(), (*node).to_owned()));
            (
                own.copied().unwrap_or_default(),
                self.pods.get(*node).copied().unwrap_or_default(),
            )
        })?;
        let best = best.to_owned();
        self.count(pod, &best);
        Some(best)
    }
}

/// Whether a node takes a pod, its readiness apart.
fn fits(node: &Value, pod: &Value) -> bool {
    let tolerations = pod["spec"]["tolerations"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let tolerated = |taint: &Value| {
        tolerations
            .iter()
            .any(|toleration| tolerates(toleration, taint))
    };
    let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
    let selector = pod["spec"]["nodeSelector"].as_object();
    let labels = &node["metadata"]["labels"];
    taints.all(|taint| taint["effect"] == "PreferNoSchedule" || tolerated(taint))
        && selector.is_none_or(|selector| {
            selector
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
        })
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let any_effect = toleration["effect"].is_null() || toleration["effect"] == taint["effect"];
    let exists = toleration["operator"] == "Exists";
    let any_key = exists && text(&toleration["key"]).is_empty();
    let value = exists || text(&toleration["value"]) == text(&taint["value"]);
    any_effect && (any_key || (toleration["key"] == taint["key"] && value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn taints_and_selectors_keep_pods_away() {
        let plain =
            json!({ "metadata": { "labels": { "kubernetes.io/hostname": "w1" } }, "spec": {} });
        let cordoned = json!({ "metadata": {}, "spec": { "taints": [
            { "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }
        ] } });
        let pod = json!({ "spec": {} });
        let pinned = json!({ "spec": { "nodeSelector": { "kubernetes.io/hostname": "w1" } } });
        let anywhere = json!({ "spec": { "tolerations": [{ "operator": "Exists" }] } });
        let named = json!({ "spec": { "tolerations": [
            { "key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule" }
        ] } });
        let cases = [
            (&plain, &pod, true),
            (&cordoned, &pod, false),
            (&cordoned, &anywhere, true),
            (&cordoned, &named, true),
            (&plain, &pinned, true),
            (&cordoned, &pinned, false),
        ];
        for (node, pod, wanted) in cases {
            assert_eq!(fits(node, pod), wanted, "{node} {pod}");
        }
    }
}
