//! The lab's API in this process, reached from the containers: one endpoint per control plane.

use super::reports::{Eyes, Reports};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use windlass::lab::cluster::{Cluster, ClusterConfig, Flavor, NodeConfig};

/// A cluster and where its endpoints are on the bridge.
pub(crate) struct Api {
    cluster: Arc<Cluster>,
    endpoints: BTreeMap<String, SocketAddr>,
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

impl Api {
    /// Starts the cluster of these nodes; the endpoints of its control planes listen on `address`.
    pub(crate) fn start(
        flavor: Flavor,
        nodes: Vec<NodeConfig>,
        folder: &Path,
        address: IpAddr,
        reports: &Arc<Reports>,
    ) -> Self {
        let name = match flavor {
            Flavor::Kubernetes => "kubernetes",
            Flavor::K3s => "k3s",
        };
        let planes: Vec<String> = nodes
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
        let eyes = Arc::new(Eyes(Arc::clone(reports)));
        runtime().block_on(async {
            let cluster = Cluster::start(config, eyes).await.unwrap();
            let mut endpoints = BTreeMap::new();
            for plane in planes {
                let to = cluster.endpoint(&plane).unwrap();
                endpoints.insert(plane, forward(address, to).await);
            }
            Self { cluster, endpoints }
        })
    }

    /// Denies the Lease of runs, as RBAC may: several at once are then kept apart by the locks of their hosts alone.
    pub(crate) fn forbid_lease(&self) {
        self.cluster.forbid("leases", "windlass");
    }

    /// Where the endpoint of a control plane is, seen from the containers.
    pub(crate) fn endpoint(&self, plane: &str) -> Option<SocketAddr> {
        self.endpoints.get(plane).copied()
    }

    /// The administrator's kubeconfig on a control plane, which asks the API server of that host.
    pub(crate) fn kubeconfig(&self, plane: &str) -> String {
        let text = self.cluster.kubeconfig(plane).unwrap();
        let endpoint = self.cluster.endpoint(plane).unwrap().to_string();
        text.replace(&endpoint, "127.0.0.1:6443")
    }

    /// How a node stands in the API.
    pub(crate) fn node(&self, name: &str) -> Value {
        let snapshot = self.cluster.snapshot();
        let nodes = snapshot["nodes"].as_array().unwrap();
        nodes
            .iter()
            .find(|node| node["name"] == name)
            .cloned()
            .unwrap_or_default()
    }
}

/// Passes connections on to the lab's own port, which is on loopback.
async fn forward(address: IpAddr, to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut far) = TcpStream::connect(to).await {
                    // A connection that breaks is the client's to notice.
                    drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
                }
            });
        }
    });
    at
}
