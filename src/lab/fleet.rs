//! The lab as a whole: its hosts, and the clusters that they form.

use super::cluster::{
    Cluster, ClusterConfig, Component, ControlPlane, Flavor, NodeConfig, Observation, Observe,
};
use super::error::LabError;
use super::fault::Fault;
use super::host::{LabHostConfig, Observer, Role};
use super::lab::make;
use super::lab::{ApiServer, Lab, LabConfig};
use jiff::SignedDuration;
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

/// How long a budget refuses under [`Fault::BudgetClearsAfter`], from its first refusal.
const CLEARS_AFTER: SignedDuration = SignedDuration::from_secs(4);

/// Hosts and clusters of a lab that runs in this process. All of it ends when this is dropped; its state stays.
pub struct Fleet {
    lab: Lab,
    clusters: Arc<Vec<Arc<Cluster>>>,
    watching: JoinHandle<()>,
}

impl Fleet {
    /// Starts the hosts, then a cluster for those with roles in one.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        let lab = Lab::start(config).await?;
        let mut clusters = Vec::new();
        for (name, flavor) in [("kubernetes", Flavor::Kubernetes), ("k3s", Flavor::K3s)] {
            let nodes = nodes(lab.hosts(), flavor);
            if !nodes.iter().any(|node| node.control_plane) {
                continue;
            }
            clusters.push(start_cluster(&lab, name, flavor, nodes).await?);
        }
        let clusters = Arc::new(clusters);
        let observer = lab.observer();
        apply_faults(&lab.hosts_named(), &observer, &clusters);
        let watching = tokio::spawn(watch_faults(
            lab.fault_changes(),
            lab.hosts_named(),
            observer,
            clusters.clone(),
        ));
        Ok(Self {
            lab,
            clusters,
            watching,
        })
    }

    /// What an inventory must say of a host so that it is reached.
    pub fn variables(&self, host: &str) -> Result<Map<String, Value>, LabError> {
        let mut variables = self.lab.variables(host)?;
        // All hosts share one loopback, so each has health ports of its own.
        for component in Component::ALL {
            let port = self
                .clusters
                .iter()
                .find_map(|cluster| cluster.health_port(host, component));
            if let Some(port) = port {
                variables.insert(component.variable().to_owned(), port.into());
            }
        }
        Ok(variables)
    }

    /// What the clusters hold: nodes, pods, budgets.
    pub fn snapshot(&self) -> Vec<Value> {
        self.clusters.iter().map(|it| it.snapshot()).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Makes the lab's hosts without starting them; where a lab runs in `folder` they are there already.
pub fn prepare(folder: &Path, hosts: Vec<LabHostConfig>) -> Result<(), LabError> {
    let config = LabConfig {
        folder: folder.to_owned(),
        hosts,
    };
    match make(config) {
        Ok(_) | Err(LabError::Busy(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn nodes(hosts: &[LabHostConfig], flavor: Flavor) -> Vec<NodeConfig> {
    hosts
        .iter()
        .enumerate()
        .filter_map(|(at, host)| {
            let control_plane = match (flavor, host.role) {
                (Flavor::Kubernetes, Role::KubeControlPlane | Role::KubeadmControlPlane)
                | (Flavor::K3s, Role::K3sServer) => true,
                (Flavor::Kubernetes, Role::KubeNode) | (Flavor::K3s, Role::K3sAgent) => false,
                _ => return None,
            };
            Some(NodeConfig {
                name: host.name.clone(),
                control_plane,
                // From the range for documentation (RFC 5737): shown, never dialled.
                internal_ip: format!("192.0.2.{}", at % 254 + 1),
            })
        })
        .collect()
}

async fn start_cluster(
    lab: &Lab,
    name: &str,
    flavor: Flavor,
    nodes: Vec<NodeConfig>,
) -> Result<Arc<Cluster>, LabError> {
    let folder = lab.folder().join("clusters");
    let what = || format!("cannot start the lab's cluster {name}");
    std::fs::create_dir_all(&folder).map_err(LabError::io(what()))?;
    let control_planes: Vec<String> = nodes
        .iter()
        .filter(|node| node.control_plane)
        .map(|node| node.name.clone())
        .collect();
    let config = ClusterConfig {
        name: name.to_owned(),
        flavor,
        nodes,
        state_file: folder.join(format!("{name}.json")),
    };
    let cluster = Cluster::start(config, Arc::new(Eyes(lab.observer())))
        .await
        .map_err(LabError::io(what()))?;
    let servers: Vec<ApiServer> = control_planes
        .into_iter()
        .filter_map(|host| {
            Some(ApiServer {
                endpoint: cluster.endpoint(&host)?,
                kubeconfig: cluster.kubeconfig(&host)?,
                health: Component::ALL
                    .iter()
                    .filter_map(|component| cluster.health_port(&host, *component))
                    .collect(),
                host,
            })
        })
        .collect();
    lab.attach(&servers)?;
    Ok(cluster)
}

/// The cluster's eyes on its hosts.
struct Eyes(Observer);

impl Observe for Eyes {
    fn observe(&self, node: &str) -> Observation {
        let seen = self.0.observe(node);
        Observation {
            kubelet_running: seen.kubelet_running,
            kubelet_version: seen.kubelet_version,
            kubelet_started: seen.kubelet_started,
            never_ready: seen.never_ready,
            stale_heartbeat: seen.stale_heartbeat,
            api_running: seen.api_running,
            api_version: seen.api_version,
            api_emulated: (!seen.api_emulated.is_empty()).then_some(seen.api_emulated),
            control_plane: ControlPlane {
                manager_running: seen.manager_running,
                scheduler_running: seen.scheduler_running,
            },
        }
    }
}

/// Faults that the clusters act on.
fn apply_faults(hosts: &[String], observer: &Observer, clusters: &[Arc<Cluster>]) {
    for host in hosts {
        let has = |fault| observer.has_fault(host, fault);
        let (blocked, clears) = (has(Fault::BudgetBlocked), has(Fault::BudgetClearsAfter));
        for cluster in clusters {
            cluster.block_budget(host, blocked || clears);
            if clears && !blocked {
                cluster.clear_budget_after(host, CLEARS_AFTER);
            }
            cluster.two_budgets(host, has(Fault::TwoBudgets));
            cluster.stick_terminating(host, has(Fault::StuckTerminating));
        }
    }
}

async fn watch_faults(
    mut changes: tokio::sync::broadcast::Receiver<String>,
    hosts: Vec<String>,
    observer: Observer,
    clusters: Arc<Vec<Arc<Cluster>>>,
) {
    loop {
        match changes.recv().await {
            Ok(host) => apply_faults(&[host], &observer, &clusters),
            Err(RecvError::Lagged(_)) => apply_faults(&hosts, &observer, &clusters),
            Err(RecvError::Closed) => return,
        }
    }
}
