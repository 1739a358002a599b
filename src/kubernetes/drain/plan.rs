//! What a drain would do to the pods that are there now.

use super::sort::{Fate, daemonset_of, fate, is_finished};
use super::{DrainError, DrainOptions};
use crate::kubernetes::{Cluster, ClusterError, PodKey};
use k8s_openapi::api::core::v1::Pod;
use std::collections::{BTreeMap, HashMap};

/// What a drain would do. Changes nothing.
#[derive(Debug, Default)]
pub struct DrainPlan {
    /// The node.
    pub node: String,
    /// The pods that would go.
    pub evict: Vec<PodKey>,
    /// The pods that would stay, each with why.
    pub skip: Vec<(PodKey, &'static str)>,
    /// The pods that forbid the drain, each with why and with what would allow it.
    pub blocked: Vec<(PodKey, &'static str)>,
    /// The longest time, in seconds, that one of the pods takes to end by its own wish.
    pub longest_grace: i64,
    /// Labels of the pods that would go, by uid.
    pub(super) labels: HashMap<String, BTreeMap<String, String>>,
}

impl DrainPlan {
    /// Fails when a pod forbids the drain.
    pub fn allowed(&self) -> Result<(), DrainError> {
        if self.blocked.is_empty() {
            return Ok(());
        }
        Err(DrainError::Blocked {
            node: self.node.clone(),
            pods: self
                .blocked
                .iter()
                .map(|(pod, why)| format!("{pod}: {why}"))
                .collect(),
        })
    }
}

/// Sorts the pods of `node`.
pub async fn plan(
    cluster: &Cluster,
    node: &str,
    options: &DrainOptions,
) -> Result<DrainPlan, ClusterError> {
    let selector = options.pod_selector.as_deref();
    let pods = cluster
        .patiently(|| cluster.pods_on(node, selector))
        .await?;
    let mut sets = HashMap::new();
    let mut found = DrainPlan {
        node: node.to_owned(),
        ..DrainPlan::default()
    };
    for pod in &pods {
        let key = PodKey::from(pod);
        let orphan = is_orphan(cluster, pod, &mut sets).await?;
        match fate(pod, options, orphan) {
            Fate::Evict => {
                found.longest_grace = found.longest_grace.max(grace_of(pod));
                found.labels.insert(
                    key.uid.clone(),
                    pod.metadata.labels.clone().unwrap_or_default(),
                );
                found.evict.push(key);
            }
            Fate::Skip(why) => found.skip.push((key, why)),
            Fate::Block(why) => found.blocked.push((key, why)),
        }
    }
    found.evict.sort();
    Ok(found)
}

async fn is_orphan(
    cluster: &Cluster,
    pod: &Pod,
    known: &mut HashMap<(String, String), bool>,
) -> Result<bool, ClusterError> {
    let Some(set) = daemonset_of(pod).filter(|_| !is_finished(pod)) else {
        return Ok(false);
    };
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let key = (namespace, set.to_owned());
    if let Some(gone) = known.get(&key) {
        return Ok(*gone);
    }
    let gone = cluster
        .patiently(|| cluster.daemonset_is_gone(&key.0, &key.1))
        .await?;
    known.insert(key, gone);
    Ok(gone)
}

fn grace_of(pod: &Pod) -> i64 {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.termination_grace_period_seconds)
        .unwrap_or(30)
}
