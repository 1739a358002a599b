//! Cordon and uncordon, with a mark that says whose cordon it is.
//!
//! A human's cordon carries no mark of ours: it is left as it is. A cordon that another run of ours left is taken over.

use super::{Cluster, ClusterError};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use serde_json::json;

/// Holds the id of the run that cordoned the node.
pub const CORDONED_BY: &str = "windlass.dev/cordoned-by";
/// Holds what the node was before, as JSON: `unschedulable`, `version`, `at`.
pub const CORDONED_FROM: &str = "windlass.dev/cordoned-from";

/// How often a patch is decided anew because the node changed in between.
const ATTEMPTS: usize = 8;

/// Whose cordon a node has after ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This run's.
    Ours,
    /// An earlier run's of windlass, now ours.
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
}

impl<'a> State<'a> {
    fn of(node: &'a Node) -> Self {
        Self {
            unschedulable: is_cordoned(node),
            mark: mark(node),
            version: kubelet_version(node),
        }
    }

    fn cordon(&self, run: &str) -> Cordon {
        let (changed, owner) = match (self.unschedulable, self.mark) {
            (false, _) => (true, Owner::Ours),
            (true, None) => (false, Owner::Human),
            (true, Some(mark)) if mark == run => (false, Owner::Ours),
            (true, Some(_)) => (true, Owner::TakenOver),
        };
        Cordon {
            changed,
            owner,
            version_before: self.version.to_owned(),
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
) -> Result<Cordon, ClusterError> {
    Ok(State::of(&existing(cluster, node).await?).cordon(run))
}

/// Cordons `node` and marks it as the work of `run`, in one patch.
pub async fn cordon(cluster: &Cluster, node: &str, run: &str) -> Result<Cordon, ClusterError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let found = existing(cluster, node).await?;
        let state = State::of(&found);
        let decision = state.cordon(run);
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
        });
        let patch = json!({
            "metadata": {
                "resourceVersion": found.metadata.resource_version,
                "annotations": {CORDONED_BY: run, CORDONED_FROM: from.to_string()},
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
        let patch = json!({
            "metadata": {
                "resourceVersion": found.metadata.resource_version,
                "annotations": {CORDONED_BY: null, CORDONED_FROM: null},
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
            let found = state(unschedulable, mark).cordon("run-1");
            assert_eq!(
                (found.changed, found.owner),
                (changed, owner),
                "{unschedulable} {mark:?}"
            );
            assert_eq!(found.version_before, "v1.34.1");
        }
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
