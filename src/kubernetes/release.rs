//! The last step of a rollback: a node that this run cordoned serves again, once it is proven to be what it was.

use super::{
    ClusterError, Clusters, GateError, GateOptions, NodeChecks, Progress, Uncordon, gate, uncordon,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What has to be known to release a node later, perhaps by another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRecord {
    /// What is done; `uncordon` is all there is.
    pub kind: ReleaseKind,
    /// The node.
    pub node: String,
    /// The control-plane hosts, by their names in the inventory.
    pub hosts: Vec<String>,
    /// The kubeconfig's path on them.
    pub kubeconfig: String,
    /// The kubelet's version before the change; empty when the node had none.
    pub version: String,
    /// The run that cordoned the node.
    pub run: String,
}

/// What a release does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseKind {
    /// Passes the gate at the old version, then uncordons.
    Uncordon,
}

/// Why a node was not released. It stays cordoned.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The record is not one of ours.
    #[error("the record of the release cannot be read: {0}")]
    Record(String),
    /// The node is not what it was.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The cluster did not answer as it should.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl ReleaseRecord {
    /// The record as it is kept on the host.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Does what `record` says: waits for the old version to be healthy, then uncordons, if the cordon still is that run's.
pub async fn release(
    clusters: &Clusters,
    record: &Value,
    progress: &Progress,
) -> Result<Uncordon, ReleaseError> {
    let record: ReleaseRecord = serde_json::from_value(record.clone())
        .map_err(|error| ReleaseError::Record(error.to_string()))?;
    let cluster = clusters.get(&record.hosts, &record.kubeconfig).await?;
    let options = GateOptions {
        version: Some(record.version).filter(|version| !version.is_empty()),
        ..GateOptions::default()
    };
    let checks = NodeChecks {
        before: clusters
            .baseline(&record.hosts, &record.kubeconfig)
            .node(&record.node),
        ..NodeChecks::default()
    };
    gate(&cluster, &record.node, &options, &checks, progress).await?;
    let done = uncordon(&cluster, &record.node, Some(&record.run)).await?;
    (progress)(if done.kept {
        format!(
            "node {} stays cordoned: the cordon is not this run's",
            record.node
        )
    } else {
        format!("node {} is schedulable again", record.node)
    });
    Ok(done)
}
