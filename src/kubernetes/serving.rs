//! Which nodes of a cluster are in service at this moment.

use super::cluster::Call;
use super::cordon::is_cordoned;
use super::{Cluster, ClusterError};
use k8s_openapi::List;
use k8s_openapi::api::core::v1::Node;
use std::collections::BTreeMap;

/// Whether a node serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// Whether its condition `Ready` is true.
    pub ready: bool,
    /// Whether new pods are scheduled on it.
    pub schedulable: bool,
}

/// All nodes of the cluster by name.
pub async fn serving(cluster: &Cluster) -> Result<BTreeMap<String, Serving>, ClusterError> {
    let nodes: List<Node> = cluster
        .patiently(|| async { cluster.json(&Call::get("/api/v1/nodes")).await })
        .await?;
    Ok(nodes
        .items
        .into_iter()
        .filter_map(|node| {
            let serving = Serving {
                ready: is_up(&node),
                schedulable: !is_cordoned(&node),
            };
            Some((node.metadata.name?, serving))
        })
        .collect())
}

/// Whether the condition `Ready` is true.
pub(super) fn is_up(node: &Node) -> bool {
    node.status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
