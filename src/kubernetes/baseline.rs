//! How a cluster and its nodes were before the run touched them, so that old trouble is not blamed on it.

use super::cordon::not_ready;
use super::drain::{controller, daemonset_of, is_finished, is_ready};
use super::gate::wait;
use super::healthz::Healthz;
use super::{Cluster, ClusterError, GateError, GateOptions, Passed, PodKey, Progress};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Node, Pod};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// A look that is younger than this serves all hosts of a batch.
const FRESH: Duration = Duration::from_secs(1);

/// What containers wait for that do not start any more.
const CRASHES: [&str; 5] = [
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImagePull",
    "ImagePullBackOff",
];

/// How the workloads and nodes of a cluster stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// How many nodes are ready.
    pub ready_nodes: usize,
    /// Wanted and available pods of each workload, by `Kind namespace/name`.
    pub workloads: BTreeMap<String, Pods>,
}

/// The pods of one workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pods {
    /// How many it is to have.
    pub wanted: i32,
    /// How many serve.
    pub available: i32,
}

impl Pods {
    fn missing(self) -> i32 {
        (self.wanted - self.available).max(0)
    }
}

impl Health {
    /// The workloads that lack pods, in words.
    pub fn unhealthy(&self) -> Vec<String> {
        let lacking = self.workloads.iter().filter(|(_, pods)| pods.missing() > 0);
        lacking
            .map(|(name, pods)| format!("{name} has {} of {} pods", pods.available, pods.wanted))
            .collect()
    }

    /// What is worse now than it was. Workloads that were made or removed meanwhile are somebody else's matter.
    fn worse(&self, before: &Self) -> Vec<String> {
        let mut worse = Vec::new();
        if self.ready_nodes < before.ready_nodes {
            worse.push(format!(
                "{} nodes are ready, {} were before the run",
                self.ready_nodes, before.ready_nodes
            ));
        }
        for (name, now) in &self.workloads {
            let Some(then) = before.workloads.get(name) else {
                continue;
            };
            if now.missing() > then.missing() {
                worse.push(format!(
                    "{name} has {} of {} pods, {} of {} before the run",
                    now.available, now.wanted, then.available, then.wanted
                ));
            }
        }
        worse
    }
}

/// How one node was before it was touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeBaseline {
    /// The storage drivers that its kubelet had registered.
    pub drivers: Vec<String>,
    /// The DaemonSets that had a ready pod here, as `namespace/name`.
    pub sets: BTreeSet<String>,
    /// The DaemonSets whose pod here was not ready.
    pub unready: BTreeSet<String>,
    /// The owners of pods that crashed here.
    pub crashing: BTreeSet<String>,
    /// Whether its kubelet answered for its health.
    pub healthz: bool,
}

/// The controller of a pod, or the pod itself without one, as `namespace/name`.
pub(super) fn owner_key(pod: &Pod) -> String {
    let key = PodKey::from(pod);
    match controller(pod) {
        Some(owner) => format!("{}/{}", key.namespace, owner.name),
        None => key.to_string(),
    }
}

/// The DaemonSets that have a pod among these.
pub(super) fn sets(pods: &[Pod]) -> BTreeSet<String> {
    let of_sets = pods.iter().filter(|pod| daemonset_of(pod).is_some());
    of_sets.map(owner_key).collect()
}

/// The owners of the pods that crash, or cannot start.
pub(super) fn crashing(pods: &[Pod]) -> BTreeSet<String> {
    let crashes = |pod: &&Pod| {
        let statuses = pod.status.iter().flat_map(|status| {
            let own = status.container_statuses.iter().flatten();
            own.chain(status.init_container_statuses.iter().flatten())
        });
        statuses
            .filter_map(|status| status.state.as_ref()?.waiting.as_ref()?.reason.as_deref())
            .any(|reason| CRASHES.contains(&reason))
    };
    pods.iter().filter(crashes).map(owner_key).collect()
}

/// Control-plane hosts and the kubeconfig's path on them.
type Key = (Vec<String>, String);

/// What is known of the clusters of a run from before it touched them.
#[derive(Default)]
pub struct Baselines {
    slots: Mutex<HashMap<Key, Arc<ClusterBaseline>>>,
}

impl Baselines {
    /// What is known of the cluster behind `hosts`.
    pub fn of(&self, hosts: &[String], kubeconfig: &str) -> Arc<ClusterBaseline> {
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((hosts.to_vec(), kubeconfig.to_owned()))
            .or_default()
            .clone()
    }
}

/// What is known of one cluster from before the run.
#[derive(Default)]
pub struct ClusterBaseline {
    before: OnceCell<Arc<Health>>,
    latest: tokio::sync::Mutex<Option<(Instant, Arc<Health>)>>,
    nodes: Mutex<HashMap<String, Arc<NodeBaseline>>>,
}

impl ClusterBaseline {
    /// How the cluster was; read now if this is the first time that anyone asks.
    pub async fn take(&self, cluster: &Cluster) -> Result<Arc<Health>, ClusterError> {
        self.before
            .get_or_try_init(|| cluster.patiently(|| self.look(cluster)))
            .await
            .cloned()
    }

    /// How the node was; read now if this is the first time that anyone asks for this node.
    pub async fn take_node(
        &self,
        cluster: &Cluster,
        node: &str,
        healthz: Option<&Healthz>,
    ) -> Result<Arc<NodeBaseline>, ClusterError> {
        if let Some(known) = self.node(node) {
            return Ok(known);
        }
        let well = async {
            match healthz {
                None => Ok(false),
                Some(healthz) => Ok(healthz.trouble().await.is_none()),
            }
        };
        let (pods, drivers, healthz) = futures::try_join!(
            cluster.patiently(|| cluster.pods_on(node, None)),
            cluster.patiently(|| cluster.csi_drivers(node)),
            well
        )?;
        let of_sets = || {
            let all = pods.iter();
            all.filter(|pod| daemonset_of(pod).is_some() && !is_finished(pod))
        };
        let found = Arc::new(NodeBaseline {
            drivers,
            sets: of_sets()
                .filter(|pod| is_ready(pod))
                .map(owner_key)
                .collect(),
            unready: of_sets()
                .filter(|pod| !is_ready(pod))
                .map(owner_key)
                .collect(),
            crashing: crashing(&pods),
            healthz,
        });
        self.nodes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node.to_owned(), found.clone());
        Ok(found)
    }

    /// How the node was, if anyone looked.
    pub fn node(&self, node: &str) -> Option<Arc<NodeBaseline>> {
        self.nodes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(node)
            .cloned()
    }

    /// How the cluster is now; hosts that ask at the same time share one look.
    async fn look(&self, cluster: &Cluster) -> Result<Arc<Health>, ClusterError> {
        let mut latest = self.latest.lock().await;
        if let Some((at, health)) = latest.as_ref()
            && at.elapsed() < FRESH
        {
            return Ok(health.clone());
        }
        let health = Arc::new(Box::pin(read(cluster)).await?);
        *latest = Some((Instant::now(), health.clone()));
        Ok(health)
    }
}

async fn read(cluster: &Cluster) -> Result<Health, ClusterError> {
    // Served from the API server's cache, which is cheap for it however many objects there are.
    let list = |path: &str| format!("{path}?resourceVersion=0");
    let (nodes, deployments, stateful, daemons) = futures::try_join!(
        cluster.list::<Node>(list("/api/v1/nodes")),
        cluster.list::<Deployment>(list("/apis/apps/v1/deployments")),
        optional(cluster.list::<StatefulSet>(list("/apis/apps/v1/statefulsets"))),
        cluster.list::<DaemonSet>(list("/apis/apps/v1/daemonsets")),
    )?;
    let mut health = Health {
        ready_nodes: nodes
            .iter()
            .filter(|node| not_ready(node).is_none())
            .count(),
        ..Health::default()
    };
    let mut add = |kind: &str, namespace: Option<String>, name: Option<String>, pods: Pods| {
        let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
        health
            .workloads
            .insert(format!("{kind} {namespace}/{name}"), pods);
    };
    for each in deployments {
        let status = each.status.unwrap_or_default();
        let pods = Pods {
            wanted: each.spec.and_then(|spec| spec.replicas).unwrap_or(1),
            available: status.available_replicas.unwrap_or(0),
        };
        add(
            "Deployment",
            each.metadata.namespace,
            each.metadata.name,
            pods,
        );
    }
    for each in stateful {
        let status = each.status.unwrap_or_default();
        let pods = Pods {
            wanted: each.spec.and_then(|spec| spec.replicas).unwrap_or(1),
            available: status
                .available_replicas
                .or(status.ready_replicas)
                .unwrap_or(0),
        };
        add(
            "StatefulSet",
            each.metadata.namespace,
            each.metadata.name,
            pods,
        );
    }
    for each in daemons {
        let status = each.status.unwrap_or_default();
        let pods = Pods {
            wanted: status.desired_number_scheduled,
            available: status.number_available.unwrap_or(0),
        };
        add(
            "DaemonSet",
            each.metadata.namespace,
            each.metadata.name,
            pods,
        );
    }
    Ok(health)
}

/// A list of a kind that an API server may lack.
async fn optional<T>(
    list: impl Future<Output = Result<Vec<T>, ClusterError>>,
) -> Result<Vec<T>, ClusterError> {
    match list.await {
        Err(error) if error.code() == Some(404) => Ok(Vec::new()),
        result => result,
    }
}

/// Waits until the cluster is not worse than before the run. The first call of a run reads how it is, and passes.
pub async fn gate_cluster(
    cluster: &Cluster,
    baseline: &ClusterBaseline,
    options: &GateOptions,
    progress: &Progress,
) -> Result<Passed, GateError> {
    let before = baseline.take(cluster).await?;
    wait("the cluster", options, progress, || async {
        let now = baseline.look(cluster).await?;
        Ok((String::new(), now.worse(&before)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(ready_nodes: usize, workloads: &[(&str, i32, i32)]) -> Health {
        let workloads = workloads
            .iter()
            .map(|&(name, wanted, available)| (name.to_owned(), Pods { wanted, available }));
        Health {
            ready_nodes,
            workloads: workloads.collect(),
        }
    }

    #[test]
    fn only_what_got_worse_counts() {
        let before = health(3, &[("Deployment a/web", 3, 3), ("Deployment a/old", 2, 0)]);
        let cases = [
            (
                health(3, &[("Deployment a/web", 3, 3), ("Deployment a/old", 2, 0)]),
                "",
            ),
            (health(4, &[("Deployment a/new", 3, 0)]), ""),
            (health(2, &[]), "2 nodes are ready, 3 were before the run"),
            (
                health(3, &[("Deployment a/web", 3, 2), ("Deployment a/old", 1, 0)]),
                "Deployment a/web has 2 of 3 pods, 3 of 3 before the run",
            ),
            // Scaled down on purpose.
            (health(3, &[("Deployment a/web", 1, 1)]), ""),
        ];
        for (now, expected) in cases {
            assert_eq!(now.worse(&before).join("; "), expected);
        }
        assert_eq!(before.unhealthy(), ["Deployment a/old has 0 of 2 pods"]);
    }
}
