//! A small pod that must start on a node: the last proof that its kubelet, runtime and network work together.

use super::drain::is_ready;
use super::gate::wait;
use super::{Cluster, ClusterError, GateError, GateOptions, Passed, PodKey, Progress};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use std::sync::Arc;

/// Runs `image` on `node`, cordoned or not, waits until it is ready, and takes it away again.
pub async fn test_pod(
    cluster: &Arc<Cluster>,
    node: &str,
    image: &str,
    namespace: &str,
    options: &GateOptions,
    progress: &Progress,
) -> Result<(), GateError> {
    let made = make(cluster, node, image, namespace).await?;
    let key = PodKey::from(&made);
    let mut left = Left(Some((cluster.clone(), key.clone())));
    let passed = wait(&format!("test pod {key}"), options, progress, || async {
        let found = cluster.pod(&key).await?;
        let missing = match &found {
            None => vec!["it was removed".to_owned()],
            Some(pod) if is_ready(pod) => Vec::new(),
            Some(pod) => vec![why_not(pod)],
        };
        Ok((String::new(), missing))
    })
    .await;
    let removed = cluster
        .patiently(|| cluster.delete_pod(&key, Some(0)))
        .await;
    left.0 = None;
    if let Err(error) = removed
        && error.code() != Some(404)
    {
        (progress)(format!("test pod {key} could not be removed: {error}"));
    }
    passed.map(|Passed { .. }| ())
}

/// A pod that is still there. Where the gate is broken off, it is taken away all the same.
struct Left(Option<(Arc<Cluster>, PodKey)>);

impl Drop for Left {
    fn drop(&mut self) {
        if let (Some((cluster, key)), Ok(runtime)) =
            (self.0.take(), tokio::runtime::Handle::try_current())
        {
            // What cannot be removed now is found by the next test pod of the node.
            runtime.spawn(async move { cluster.delete_pod(&key, Some(0)).await });
        }
    }
}

async fn make(
    cluster: &Cluster,
    node: &str,
    image: &str,
    namespace: &str,
) -> Result<Pod, ClusterError> {
    let pod = object(node, image, namespace);
    match cluster.create_pod(namespace, &pod).await {
        // Left by a run that was killed.
        Err(error) if error.code() == Some(409) => {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let key = PodKey {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                uid: String::new(),
            };
            cluster
                .pod(&key)
                .await?
                .ok_or_else(|| ClusterError::Invalid(format!("test pod {key} comes and goes")))
        }
        result => result,
    }
}

/// The name is the node's, so that it is in use once only; `nodeName` needs no scheduler, which a cordon would stop.
fn object(node: &str, image: &str, namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": format!("windlass-test-{node}"), "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "windlass"}},
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": false,
            "tolerations": [{"operator": "Exists"}],
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65535, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "pause", "image": image, "securityContext":
                {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        },
    })
}

fn why_not(pod: &Pod) -> String {
    let Some(status) = &pod.status else {
        return "it has no status".to_owned();
    };
    let phase = status.phase.as_deref().unwrap_or("unknown");
    let waiting = status
        .container_statuses
        .iter()
        .flatten()
        .find_map(|container| container.state.as_ref()?.waiting.as_ref());
    match waiting {
        Some(waiting) => format!(
            "it is {phase}: {} {}",
            waiting.reason.as_deref().unwrap_or_default(),
            waiting.message.as_deref().unwrap_or_default()
        )
        .trim_end()
        .to_owned(),
        None => format!("it is {phase}"),
    }
}
