//! The versions that a cluster runs at this moment: each API server's own word, and what its kubelets report.
//!
//! This file only reads. It must not know what follows from a version.

use super::cluster::{Call, Endpoint};
use super::cordon::kubelet_version;
use super::{ApiServer, Cluster, ClusterError, Dial};
use k8s_openapi::List;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::version::Info;
use std::sync::Arc;

/// What `server` says of itself, asked directly and once: no other API server answers in its place.
pub async fn api_version(dial: &Arc<dyn Dial>, server: &ApiServer) -> Result<String, ClusterError> {
    let endpoint = Endpoint::direct(
        dial,
        &server.host,
        &server.kubeconfig,
        &server.address,
        server.port,
    )
    .await?;
    let info: Info = endpoint.json(&Call::get("/version")).await?;
    Ok(info.git_version)
}

/// Every node of the cluster by name, with its kubelet's version; nodes that no inventory lists are among them.
pub async fn kubelet_versions(cluster: &Cluster) -> Result<Vec<(String, String)>, ClusterError> {
    let call = Call::get("/api/v1/nodes");
    let nodes: List<Node> = cluster.patiently(|| cluster.json(&call)).await?;
    Ok(nodes
        .items
        .iter()
        .map(|node| {
            let name = node.metadata.name.clone().unwrap_or_default();
            (name, kubelet_version(node).to_owned())
        })
        .collect())
}
