//! What a node is at this moment, in the few words that playbooks decide by.

use super::cluster::Call;
use super::cordon::{is_cordoned, kubelet_version, mark};
use super::serving::is_up;
use super::{Cluster, ClusterError};
use k8s_openapi::apimachinery::pkg::version::Info;

/// What a node is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeOverview {
    /// Whether the API server knows it.
    pub exists: bool,
    /// The kubelet's version.
    pub version: String,
    /// Whether its condition `Ready` is true.
    pub ready: bool,
    /// Whether new pods are scheduled on it.
    pub schedulable: bool,
    /// The run of ours that cordoned it; empty when none did.
    pub cordoned_by: String,
    /// The version of the API server that answered.
    pub api_version: String,
}

/// What `node` is; all empty when the cluster does not know it.
pub async fn overview(cluster: &Cluster, node: &str) -> Result<NodeOverview, ClusterError> {
    let Some(found) = cluster.patiently(|| cluster.node(node)).await? else {
        return Ok(NodeOverview::default());
    };
    let api: Info = cluster
        .patiently(|| async { cluster.json(&Call::get("/version")).await })
        .await?;
    Ok(NodeOverview {
        api_version: api.git_version,
        exists: true,
        version: kubelet_version(&found).to_owned(),
        ready: is_up(&found),
        schedulable: !is_cordoned(&found),
        cordoned_by: mark(&found).unwrap_or_default().to_owned(),
    })
}
