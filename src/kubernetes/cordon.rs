//! Cordon and uncordon, with a mark that says whose cordon it is.
//!
//! A human's cordon carries no mark of ours: it is left as it is. A cordon that another run of ours left is taken over.

use super::{Cluster, ClusterError};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

/// Holds the id of the run that cordoned the node.
pub const CORDONED_BY: &str = "windlass.dev/cordoned-by";
/// Holds what the node was before, as JSON: `unschedulable`, `version`, `at`, `scale_down_disabled`.
pub const CORDONED_FROM: &str = "windlass.dev/cordoned-from";

/// Keeps the cluster autoscaler from removing a node that it finds empty; ours while the cordon is.
const NO_SCALE_DOWN: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
/// The cluster autoscaler's mark on a node that it is about to remove.
const LEAVING: &str = "ToBeDeletedByClusterAutoscaler";

/// How often a patch is decided anew because the node changed in between.
const ATTEMPTS: usize = 8;

/// Whose cordon a node has after ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This run's.
    Ours,
    /// An earlier run's of windlass, or on demand a human's, now ours.
    TakenOver,
    /// Someone else's; it stays theirs.
    Human,
}

impl Owner {
    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::TakenOver => "taken_over",
            Self::Human => "human",
        }
    }
}

/// What a cordon did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cordon {
    /// Whether the node was, or is to be, changed.
    pub changed: bool,
    /// Whose cordon it is then.
    pub owner: Owner,
    /// The kubelet's version before.
    pub version_before: String,
    /// What the node's condition `Ready` says when that is not true.
    pub not_ready: Option<String>,
    /// Whether the cluster autoscaler is about to remove the node.
    pub leaving: bool,
}

/// What an uncordon did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncordon {
    /// Whether the node was, or is to be, changed.
    pub changed: bool,
    /// The node stays cordoned because the cordon is a human's, or another run's when one run was named.
    pub kept: bool,
    /// The run whose mark it carried; empty without one.
    pub cordoned_by: String,
}

/// What matters here about a node.
struct State<'a> {
    unschedulable: bool,
    mark: Option<&'a str>,
    version: &'a str,
    not_ready: Option<String>,
    leaving: bool,
}

impl<'a> State<'a> {
    fn of(node: &'a Node) -> Self {
        Self {
            unschedulable: is_cordoned(node),
            mark: mark(node),
            version: kubelet_version(node),
            not_ready: not_ready(node),
            leaving: is_leaving(node),
        }
    }

    /// With `take_over`, a human's cordon becomes ours.
    fn cordon(&self, run: &str, take_over: bool) -> Cordon {
        let (changed, owner) = match (self.unschedulable, self.mark) {
            (false, _) => (true, Owner::Ours),
            (true, None) if take_over => (true, Owner::TakenOver),
            (true, None) => (false, Owner::Human),
            (true, Some(mark)) if mark == run => (false, Owner::Ours),
            (true, Some(_)) => (true, Owner::TakenOver),
        };
        Cordon {
            changed,
            owner,
            version_before: self.version.to_owned(),
            not_ready: self.not_ready.clone(),
            leaving: self.leaving,
        }
    }

    /// With `only`, marks of other runs count as a stranger's.
    fn uncordon(&self, only: Option<&str>) -> Uncordon {
        let ours = self
            .mark
            .is_some_and(|mark| only.is_none_or(|run| run == mark));
        Uncordon {
            changed: ours,
            kept: self.unschedulable && !ours,
            cordoned_by: self.mark.unwrap_or_default().to_owned(),
        }
    }
}

/// Whether nothing new is scheduled on the node.
pub(super) fn is_cordoned(node: &Node) -> bool {
    node.spec
        .as_ref()
        .and_then(|spec| spec.unschedulable)
        .unwrap_or(false)
}

/// What the node's condition `Ready` says, and since when, if that is not true.
pub(super) fn not_ready(node: &Node) -> Option<String> {
    let conditions = node.status.as_ref()?.conditions.as_deref()?;
    let Some(ready) = conditions.iter().find(|each| each.type_ == "Ready") else {
        return Some("it has no condition Ready".to_owned());
    };
    if ready.status == "True" {
        return None;
    }
    let why = ready
        .message
        .as_deref()
        .or(ready.reason.as_deref())
        .unwrap_or("no reason given");
    let since = ready
        .last_transition_time
        .as_ref()
        .map_or_else(String::new, |time| format!(" since {}", time.0));
    Some(format!("Ready is {}{since}: {why}", ready.status))
}

fn is_leaving(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref());
    taints
        .unwrap_or_default()
        .iter()
        .any(|taint| taint.key == LEAVING)
}

fn annotation<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    let annotations = node.metadata.annotations.as_ref()?;
    annotations.get(name).map(String::as_str)
}

/// Whether the autoscaler was kept away by someone else before the cordon of ours.
fn had_no_scale_down(node: &Node) -> bool {
    if mark(node).is_none() {
        return annotation(node, NO_SCALE_DOWN).is_some();
    }
    let from = annotation(node, CORDONED_FROM).unwrap_or_default();
    let from: Value = serde_json::from_str(from).unwrap_or_default();
    // A mark without this was made before the autoscaler was minded: then the annotation is someone else's.
    from["scale_down_disabled"]
        .as_bool()
        .unwrap_or_else(|| annotation(node, NO_SCALE_DOWN).is_some())
}

/// The run that cordoned the node, by its mark.
pub(super) fn mark(node: &Node) -> Option<&str> {
    node.metadata
        .annotations
        .as_ref()?
        .get(CORDONED_BY)
        .map(String::as_str)
        .filter(|mark| !mark.is_empty())
}

/// What the node says its kubelet's version is.
pub(super) fn kubelet_version(node: &Node) -> &str {
    node.status
        .as_ref()
        .and_then(|status| status.node_info.as_ref())
        .map_or("", |info| info.kubelet_version.as_str())
}

pub(super) async fn existing(cluster: &Cluster, node: &str) -> Result<Node, ClusterError> {
    cluster
        .patiently(|| cluster.node(node))
        .await?
        .ok_or_else(|| ClusterError::Invalid(format!("the cluster has no node `{node}`")))
}

/// What [`cordon`] would do now. Changes nothing.
pub async fn inspect_cordon(
    cluster: &Cluster,
    node: &str,
    run: &str,
    take_over: bool,
) -> Result<Cordon, ClusterError> {
    Ok(State::of(&existing(cluster, node).await?).cordon(run, take_over))
}

/// Cordons `node` and marks it as the work of `run`, in one patch. With `take_over`, a human's cordon becomes ours.
pub async fn cordon(
    cluster: &Cluster,
    node: &str,
    run: &str,
    take_over: bool,
) -> Result<Cordon, ClusterError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let found = existing(cluster, node).await?;
        let state = State::of(&found);
        let decision = state.cordon(run, take_over);
        if !decision.changed {
            // A patch whose answer was lost may have been ours.
            return Ok(last
                .filter(|_| decision.owner == Owner::Ours)
                .unwrap_or(decision));
        }
        let from = json!({
            "unschedulable": state.unschedulable,
            "version": state.version,
            "at": Timestamp::now().to_string(),
            "scale_down_disabled": had_no_scale_down(&found),
        });
        let mut annotations = json!({CORDONED_BY: run, CORDONED_FROM: from.to_string()});
        if annotation(&found, NO_SCALE_DOWN).is_none() {
            annotations[NO_SCALE_DOWN] = json!("true");
        }
        let patch = json!({
            "metadata": {
                "resourceVersion": found.metadata.resource_version,
                "annotations": annotations,
            },
            "spec": {"unschedulable": true},
        });
        match cluster.patiently(|| cluster.patch_node(node, &patch)).await {
            Ok(_) => return Ok(decision),
            Err(error) if error.code() == Some(409) => last = Some(decision),
            Err(error) => return Err(error),
        }
    }
    Err(busy(node))
}

/// What [`uncordon`] would do now. Changes nothing.
pub async fn inspect_uncordon(cluster: &Cluster, node: &str) -> Result<Uncordon, ClusterError> {
    Ok(State::of(&existing(cluster, node).await?).uncordon(None))
}

/// Takes back a cordon of ours and its marks; with `only`, that run's alone. A human's cordon stays.
pub async fn uncordon(
    cluster: &Cluster,
    node: &str,
    only: Option<&str>,
) -> Result<Uncordon, ClusterError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let found = existing(cluster, node).await?;
        let decision = State::of(&found).uncordon(only);
        if !decision.changed {
            return Ok(last.filter(|_| !decision.kept).unwrap_or(decision));
        }
        let mut annotations = json!({CORDONED_BY: null, CORDONED_FROM: null});
        if !had_no_scale_down(&found) {
            annotations[NO_SCALE_DOWN] = Value::Null;
        }
        let patch = json!({
            "metadata": {
                "resourceVersion": found.metadata.resource_version,
                "annotations": annotations,
            },
            "spec": {"unschedulable": null},
        });
        match cluster.patiently(|| cluster.patch_node(node, &patch)).await {
            Ok(_) => return Ok(decision),
            Err(error) if error.code() == Some(409) => last = Some(decision),
            Err(error) => return Err(error),
        }
    }
    Err(busy(node))
}

fn busy(node: &str) -> ClusterError {
    ClusterError::Invalid(format!(
        "node {node} changed {ATTEMPTS} times while it was to be patched"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(unschedulable: bool, mark: Option<&str>) -> State<'_> {
        State {
            unschedulable,
            mark,
            version: "v1.34.1",
            not_ready: None,
            leaving: false,
        }
    }

    #[test]
    fn a_cordon_has_one_owner() {
        let cases = [
            (false, None, true, Owner::Ours),
            (false, Some("run-0"), true, Owner::Ours),
            (true, None, false, Owner::Human),
            (true, Some("run-1"), false, Owner::Ours),
            (true, Some("run-0"), true, Owner::TakenOver),
        ];
        for (unschedulable, mark, changed, owner) in cases {
            let found = state(unschedulable, mark).cordon("run-1", false);
            assert_eq!(
                (found.changed, found.owner),
                (changed, owner),
                "{unschedulable} {mark:?}"
            );
            assert_eq!(found.version_before, "v1.34.1");
        }
        let taken = state(true, None).cordon("run-1", true);
        assert_eq!((taken.changed, taken.owner), (true, Owner::TakenOver));
    }

    #[test]
    fn a_node_says_why_it_is_not_ready_and_that_it_is_leaving() {
        let node = |ready: Value, taints: Value| -> Node {
            serde_json::from_value(json!({
                "metadata": {"name": "n"}, "spec": {"taints": taints}, "status": {"conditions": ready},
            }))
            .unwrap()
        };
        let unknown = json!([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.", "lastTransitionTime": "2026-11-21T07:00:00Z"}]);
        let cases = [
            (json!([{"type": "Ready", "status": "True"}]), None),
            (json!([]), Some("it has no condition Ready")),
            (
                unknown,
                Some(
                    "Ready is Unknown since 2026-11-21T07:00:00Z: Kubelet stopped posting node status.",
                ),
            ),
        ];
        for (conditions, expected) in cases {
            assert_eq!(not_ready(&node(conditions, json!([]))).as_deref(), expected);
        }
        let leaving = json!([{"key": LEAVING, "effect": "NoSchedule"}]);
        assert!(is_leaving(&node(json!([]), leaving)));
        assert!(!is_leaving(&node(json!([]), json!([]))));
    }

    #[test]
    fn only_what_is_ours_is_uncordoned() {
        let cases = [
            (false, None, None, (false, false)),
            (true, None, None, (false, true)),
            (true, Some("run-0"), None, (true, false)),
            (false, Some("run-0"), None, (true, false)),
            (true, Some("run-0"), Some("run-0"), (true, false)),
            (true, Some("run-1"), Some("run-0"), (false, true)),
            (false, Some("run-1"), Some("run-0"), (false, false)),
        ];
        for (unschedulable, mark, only, expected) in cases {
            let found = state(unschedulable, mark).uncordon(only);
            assert_eq!(
                (found.changed, found.kept),
                expected,
                "{unschedulable} {mark:?} {only:?}"
            );
        }
    }
}
