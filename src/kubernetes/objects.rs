//! The requests we send, typed: nodes, leases, pods, budgets, volume attachments.
//!
//! Objects are read typed and changed by patch only: writing a typed object back would lose fields that its type does not know.

use super::cluster::Call;
use super::{Cluster, ClusterError};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::{CSINode, VolumeAttachment};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A pod that is to go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid: a pod made anew under the same name is another pod.
    pub uid: String,
}

impl std::fmt::Display for PodKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl From<&Pod> for PodKey {
    fn from(pod: &Pod) -> Self {
        Self {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
        }
    }
}

/// Refuses what is no name of an object (RFC 1123), since it becomes part of a path.
pub(super) fn checked(name: &str) -> Result<&str, ClusterError> {
    let fits = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)
        })
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.']);
    if fits {
        Ok(name)
    } else {
        Err(ClusterError::Invalid(format!(
            "`{name}` cannot be the name of a Kubernetes object"
        )))
    }
}

/// Percent-encodes a query value.
pub(super) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

impl Cluster {
    /// The node, or `None` when the API server knows none of that name.
    pub(super) async fn node(&self, name: &str) -> Result<Option<Node>, ClusterError> {
        let path = format!("/api/v1/nodes/{}", checked(name)?);
        found(self.json(&Call::get(path)).await, name)
    }

    /// Merges `changes` into the node, if it still is at the resourceVersion that they name; else 409.
    pub(super) async fn patch_node(
        &self,
        name: &str,
        changes: &Value,
    ) -> Result<Node, ClusterError> {
        let path = format!("/api/v1/nodes/{}", checked(name)?);
        self.json(&Call::merge(path, changes)).await
    }

    /// The node's heartbeat lease.
    pub(super) async fn lease(&self, node: &str) -> Result<Option<Lease>, ClusterError> {
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{}",
            checked(node)?
        );
        found(self.json(&Call::get(path)).await, node)
    }

    /// The pods on a node, in all namespaces.
    pub(super) async fn pods_on(
        &self,
        node: &str,
        selector: Option<&str>,
    ) -> Result<Vec<Pod>, ClusterError> {
        let mut path = format!(
            "/api/v1/pods?fieldSelector={}",
            encoded(&format!("spec.nodeName={}", checked(node)?))
        );
        if let Some(selector) = selector {
            path.push_str("&labelSelector=");
            path.push_str(&encoded(selector));
        }
        self.list(path).await
    }

    /// The pods of a namespace that a selector chooses.
    pub(super) async fn pods_selected(
        &self,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<Pod>, ClusterError> {
        let namespace = checked(namespace)?;
        self.list(format!(
            "/api/v1/namespaces/{namespace}/pods?labelSelector={}",
            encoded(selector)
        ))
        .await
    }

    /// The disruption budgets of a namespace.
    pub(super) async fn budgets(
        &self,
        namespace: &str,
    ) -> Result<Vec<PodDisruptionBudget>, ClusterError> {
        let namespace = checked(namespace)?;
        self.list(format!(
            "/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
        ))
        .await
    }

    /// Whether a DaemonSet is known not to exist.
    pub(super) async fn daemonset_is_gone(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<bool, ClusterError> {
        let path = format!(
            "/apis/apps/v1/namespaces/{}/daemonsets/{}",
            checked(namespace)?,
            checked(name)?
        );
        match self.json::<DaemonSet>(&Call::get(path)).await {
            Ok(_) => Ok(false),
            Err(error) if error.code() == Some(404) => Ok(error.is_missing(name)),
            Err(error) => Err(error),
        }
    }

    /// Names of the persistent volumes that are attached to a node.
    pub(super) async fn attached_volumes(&self, node: &str) -> Result<Vec<String>, ClusterError> {
        let all: Vec<VolumeAttachment> = self
            .list("/apis/storage.k8s.io/v1/volumeattachments".to_owned())
            .await?;
        Ok(all
            .into_iter()
            .filter(|each| each.spec.node_name == node)
            .map(|each| {
                let name = each.metadata.name.unwrap_or_default();
                each.spec.source.persistent_volume_name.unwrap_or(name)
            })
            .collect())
    }

    /// Asks for a pod to be evicted, whatever its budgets say to that. `grace` is in seconds.
    pub(super) async fn evict(&self, pod: &PodKey, grace: Option<i64>) -> Result<(), ClusterError> {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}/eviction",
            checked(&pod.namespace)?,
            checked(&pod.name)?
        );
        let mut options = json!({"preconditions": {"uid": pod.uid}});
        if let Some(grace) = grace {
            options["gracePeriodSeconds"] = json!(grace);
        }
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
            "deleteOptions": options,
        });
        self.json::<Value>(&Call::post(path, &body)).await.map(drop)
    }

    /// Deletes a pod, past its budgets. `grace` is in seconds.
    pub(super) async fn delete_pod(
        &self,
        pod: &PodKey,
        grace: Option<i64>,
    ) -> Result<(), ClusterError> {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}",
            checked(&pod.namespace)?,
            checked(&pod.name)?
        );
        let mut options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": pod.uid},
        });
        if let Some(grace) = grace {
            options["gracePeriodSeconds"] = json!(grace);
        }
        self.json::<Value>(&Call::delete(path, &options))
            .await
            .map(drop)
    }

    /// Makes a pod.
    pub(super) async fn create_pod(
        &self,
        namespace: &str,
        pod: &Value,
    ) -> Result<Pod, ClusterError> {
        let path = format!("/api/v1/namespaces/{}/pods", checked(namespace)?);
        self.json(&Call::post(path, pod)).await
    }

    /// One pod, or `None` when it is known not to exist.
    pub(super) async fn pod(&self, pod: &PodKey) -> Result<Option<Pod>, ClusterError> {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}",
            checked(&pod.namespace)?,
            checked(&pod.name)?
        );
        found(self.json(&Call::get(path)).await, &pod.name)
    }

    /// All persistent volumes.
    pub(super) async fn volumes(&self) -> Result<Vec<PersistentVolume>, ClusterError> {
        self.list("/api/v1/persistentvolumes".to_owned()).await
    }

    /// A KubeVirt machine; `None` also where the cluster knows no machines.
    pub(super) async fn virtual_machine(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ClusterError> {
        let path = format!(
            "/apis/kubevirt.io/v1/namespaces/{}/virtualmachineinstances/{}",
            checked(namespace)?,
            checked(name)?
        );
        match self.json(&Call::get(path)).await {
            Ok(machine) => Ok(Some(machine)),
            Err(error) if matches!(error.code(), Some(403 | 404)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names of the storage drivers that a node's kubelet has registered; none where that cannot be seen.
    pub(super) async fn csi_drivers(&self, node: &str) -> Result<Vec<String>, ClusterError> {
        let path = format!("/apis/storage.k8s.io/v1/csinodes/{}", checked(node)?);
        match self.json::<CSINode>(&Call::get(path)).await {
            Ok(found) => Ok(found
                .spec
                .drivers
                .into_iter()
                .map(|driver| driver.name)
                .collect()),
            Err(error) if matches!(error.code(), Some(403 | 404)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// A list of whatever `path` names.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: String,
    ) -> Result<Vec<T>, ClusterError> {
        let list: Items<T> = self.json(&Call::get(path)).await?;
        Ok(list.items)
    }
}

/// A ConfigMap as the API server sends it, or `None` when there is none of that name.
pub async fn config_map(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<Value>, ClusterError> {
    let path = format!(
        "/api/v1/namespaces/{}/configmaps/{}",
        checked(namespace)?,
        checked(name)?
    );
    cluster
        .patiently(|| async { found(cluster.json::<Value>(&Call::get(&path)).await, name) })
        .await
}

/// A list of whatever kind; its name and metadata do not matter here.
#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

/// `None` for an object that is known not to exist; a 404 that names no object stays an error.
fn found<T>(answer: Result<T, ClusterError>, name: &str) -> Result<Option<T>, ClusterError> {
    match answer {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.is_missing(name) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_never_becomes_a_path() {
        for good in ["node-1", "ip-10-0-0-1.eu.internal", "a"] {
            assert_eq!(checked(good).unwrap(), good);
        }
        for bad in ["", "..", "a/b", "A", "-a", "a?x", "a%2e", "a b", "ä"] {
            assert!(checked(bad).is_err(), "{bad}");
        }
        assert_eq!(encoded("spec.nodeName=a,b!"), "spec.nodeName%3Da%2Cb%21");
    }
}
