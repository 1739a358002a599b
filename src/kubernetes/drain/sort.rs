//! Which pods of a node go, by kubectl's filters in kubectl's order.

use super::DrainOptions;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

/// Put on static pods by the kubelet that runs them.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What becomes of a pod in a drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kubernetes) enum Fate {
    /// It goes.
    Evict,
    /// It stays, and that is right; why.
    Skip(&'static str),
    /// It must not go, so nothing does; why, and what would allow it.
    Block(String),
}

/// What becomes of `pod`; `orphan` says that its DaemonSet is known to be gone.
pub(in crate::kubernetes) fn fate(pod: &Pod, options: &DrainOptions, orphan: bool) -> Fate {
    let finished = is_finished(pod);
    if daemonset_of(pod).is_some() && !finished {
        return match (orphan, options.force, options.ignore_daemonsets) {
            (true, true, _) => Fate::Evict,
            (true, false, _) => {
                Fate::Block("its DaemonSet is gone (drain_force allows it)".to_owned())
            }
            (false, _, true) => Fate::Skip("DaemonSet"),
            (false, _, false) => Fate::Block(
                "it belongs to a DaemonSet (drain_ignore_daemonsets leaves it there)".to_owned(),
            ),
        };
    }
    if is_mirror(pod) {
        return Fate::Skip("static pod");
    }
    let scratch = emptydirs(pod);
    if !scratch.is_empty() && !finished && !options.delete_emptydir_data {
        return Fate::Block(format!(
            "it has emptyDir data in {} (drain_delete_emptydir_data allows it)",
            scratch.join(", ")
        ));
    }
    if controller(pod).is_none() && !finished && !options.force {
        return Fate::Block(
            "nothing would make it anew elsewhere (drain_force allows it)".to_owned(),
        );
    }
    Fate::Evict
}

/// The DaemonSet that made the pod.
pub(in crate::kubernetes) fn daemonset_of(pod: &Pod) -> Option<&str> {
    controller(pod)
        .filter(|owner| owner.kind == "DaemonSet" && owner.api_version.starts_with("apps/"))
        .map(|owner| owner.name.as_str())
}

/// Whether all of the pod's containers have ended for good.
pub(in crate::kubernetes) fn is_finished(pod: &Pod) -> bool {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .is_some_and(|phase| matches!(phase, "Succeeded" | "Failed"))
}

/// Whether the pod's condition `Ready` is true.
pub(in crate::kubernetes) fn is_ready(pod: &Pod) -> bool {
    pod.status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Who made the pod and would make it anew.
pub(in crate::kubernetes) fn controller(pod: &Pod) -> Option<&OwnerReference> {
    pod.metadata
        .owner_references
        .as_deref()
        .unwrap_or_default()
        .iter()
        .find(|owner| owner.controller == Some(true))
}

fn is_mirror(pod: &Pod) -> bool {
    pod.metadata
        .annotations
        .as_ref()
        .is_some_and(|all| all.contains_key(MIRROR))
}

/// The pod's emptyDir volumes, each with its limit where it has one.
fn emptydirs(pod: &Pod) -> Vec<String> {
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_deref());
    volumes
        .unwrap_or_default()
        .iter()
        .filter_map(|volume| {
            let scratch = volume.empty_dir.as_ref()?;
            Some(match &scratch.size_limit {
                Some(limit) => format!("{} (up to {})", volume.name, limit.0),
                None => volume.name.clone(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(owner: Option<&str>, phase: &str, mirror: bool, emptydir: bool) -> Pod {
        let owners: Vec<Value> = owner
            .map(|kind| json!({"apiVersion": "apps/v1", "kind": kind, "name": "o", "uid": "u", "controller": true}))
            .into_iter()
            .collect();
        let annotations = if mirror {
            json!({MIRROR: "x"})
        } else {
            json!({})
        };
        let volumes = if emptydir {
            json!([{"name": "v", "emptyDir": {}}])
        } else {
            json!([])
        };
        serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "default", "ownerReferences": owners, "annotations": annotations},
            "spec": {"containers": [], "volumes": volumes},
            "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn strict() -> DrainOptions {
        DrainOptions {
            delete_emptydir_data: false,
            force: false,
            ignore_daemonsets: false,
            ..DrainOptions::default()
        }
    }

    /// How a fate prints in short.
    fn short(fate: &Fate) -> &'static str {
        match fate {
            Fate::Evict => "evict",
            Fate::Skip(_) => "skip",
            Fate::Block(_) => "block",
        }
    }

    #[test]
    fn pods_are_sorted_as_kubectl_sorts_them() {
        let set = Some("ReplicaSet");
        let daemon = Some("DaemonSet");
        // Pod; its DaemonSet is gone; fate with everything allowed; fate with nothing allowed.
        let cases = vec![
            (pod(set, "Running", false, false), false, "evict", "evict"),
            (pod(daemon, "Running", false, false), false, "skip", "block"),
            (pod(daemon, "Running", false, false), true, "evict", "block"),
            (pod(daemon, "Failed", false, true), false, "evict", "evict"),
            (
                pod(Some("Node"), "Running", true, true),
                false,
                "skip",
                "skip",
            ),
            (pod(set, "Running", false, true), false, "evict", "block"),
            (pod(set, "Succeeded", false, true), false, "evict", "evict"),
            (pod(None, "Running", false, false), false, "evict", "block"),
            (
                pod(None, "Succeeded", false, false),
                false,
                "evict",
                "evict",
            ),
            (pod(daemon, "Running", false, true), false, "skip", "block"),
        ];
        for (at, (pod, orphan, allowed, forbidden)) in cases.into_iter().enumerate() {
            assert_eq!(
                short(&fate(&pod, &DrainOptions::default(), orphan)),
                allowed,
                "case {at}"
            );
            assert_eq!(
                short(&fate(&pod, &strict(), orphan)),
                forbidden,
                "case {at}"
            );
        }
    }
}
