//! Starting and stopping a cluster, and its face towards the rest of the program.

use super::certs::Authority;
use super::config::{ClusterConfig, Observe};
use super::controller;
use super::endpoint::Endpoint;
use super::health_port::{Component, HealthPort};
use super::kubeconfig;
use super::nodes;
use super::object;
use super::persist;
use super::reconcile;
use super::resource::Resource;
use super::seed;
use super::state::Shared;
use super::store::Store;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A running lab cluster. Dropping it closes all connections and writes the state file.
pub struct Cluster {
    pub(super) shared: Arc<Shared>,
    endpoints: BTreeMap<String, (SocketAddr, String)>,
    /// Where the controllers of a node say whether they are well.
    health: BTreeMap<(String, Component), u16>,
    /// Endpoints and controllers; they end with the cluster.
    _tasks: JoinSet<()>,
}

impl Cluster {
    /// Starts the cluster: reads the state file, or makes a new cluster, and opens one endpoint per control-plane node.
    ///
    /// # Errors
    ///
    /// When the state file or the keys cannot be read or written, or when no port can be bound.
    pub async fn start(config: ClusterConfig, observe: Arc<dyn Observe>) -> io::Result<Arc<Self>> {
        let authority = Authority::open(&persist::beside(&config.state_file, "pki"))?;
        let mut store = Store::open(&config.state_file)?;
        let new = store.is_empty();
        let refused = |refusal: super::status::Refusal| {
            io::Error::other(refusal.to_json()["message"].to_string())
        };
        if new {
            seed::fill(&mut store, &config).map_err(refused)?;
        }
        reconcile::nodes(&mut store, &config).map_err(refused)?;
        let shared = Arc::new(Shared::new(config, observe, store));
        if new {
            controller::settle(&shared);
        }
        shared.with(|state| state.store.fold())?;

        let mut tasks = JoinSet::new();
        let mut endpoints = BTreeMap::new();
        let mut health = BTreeMap::new();
        for node in shared.config.nodes.iter().filter(|node| node.control_plane) {
            let endpoint = Endpoint::bind(shared.clone(), &node.name, &authority).await?;
            let address = endpoint.address()?;
            let text = kubeconfig::render(&shared.config.name, address, &authority)
                .map_err(io::Error::other)?;
            endpoints.insert(node.name.clone(), (address, text));
            tasks.spawn(endpoint.serve());
            for component in Component::ALL {
                let port =
                    HealthPort::bind(shared.clone(), &node.name, component, &authority).await?;
                health.insert((node.name.clone(), component), port.number()?);
                tasks.spawn(port.serve());
            }
        }
        tasks.spawn(controller::run(shared.clone()));
        tasks.spawn(controller::look_after_nodes(shared.clone()));
        Ok(Arc::new(Self {
            shared,
            endpoints,
            health,
            _tasks: tasks,
        }))
    }

    /// Where the API server of a control-plane node listens.
    pub fn endpoint(&self, node: &str) -> Option<SocketAddr> {
        self.endpoints.get(node).map(|(address, _)| *address)
    }

    /// The port on loopback at which a controller on a control-plane node says whether it is well.
    pub fn health_port(&self, node: &str, component: Component) -> Option<u16> {
        self.health.get(&(node.to_owned(), component)).copied()
    }

    /// The administrator's kubeconfig for the endpoint of a control-plane node. It is a secret.
    pub fn kubeconfig(&self, node: &str) -> Option<String> {
        self.endpoints.get(node).map(|(_, text)| text.clone())
    }

    /// How the cluster stands, for people: nodes with their versions and pods, budgets, endpoints.
    pub fn snapshot(&self) -> Value {
        nodes::refresh_all(&self.shared);
        let (nodes, budgets) = self.shared.with(|state| {
            let mut pods: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for pod in state.store.list(Resource::Pods, None) {
                let name = format!("{}/{}", object::namespace(pod), object::name(pod));
                pods.entry(object::text(pod, "/spec/nodeName").to_owned())
                    .or_default()
                    .push(name);
            }
            let nodes: Vec<Value> = state
                .store
                .list(Resource::Nodes, None)
                .map(|node| self.node(node, &pods))
                .collect();
            let budgets: Vec<Value> = state
                .store
                .list(Resource::Budgets, None)
                .map(|budget| self::budget(budget))
                .collect();
            (nodes, budgets)
        });
        json!({ "name": self.shared.config.name, "nodes": nodes, "budgets": budgets })
    }

    fn node(&self, node: &Value, pods: &BTreeMap<String, Vec<String>>) -> Value {
        let name = object::name(node);
        let pods = pods.get(name).map(Vec::as_slice).unwrap_or_default();
        let ready = object::condition(node, "Ready").map_or(&Value::Null, |ready| &ready["status"]);
        json!({
            "name": name,
            "endpoint": self.endpoint(name).map(|address| address.to_string()),
            "ready": ready,
            "version": object::text(node, "/status/nodeInfo/kubeletVersion"),
            "unschedulable": node["spec"]["unschedulable"] == true,
            "taints": node["spec"]["taints"],
            "labels": node["metadata"]["labels"],
            "annotations": node["metadata"]["annotations"],
            "pods": pods.len(),
            "pod_names": pods,
        })
    }
}

fn budget(budget: &Value) -> Value {
    json!({
        "namespace": object::namespace(budget),
        "name": object::name(budget),
        "healthy": object::number(budget, "/status/currentHealthy"),
        "needed": object::number(budget, "/status/desiredHealthy"),
        "allowed": object::number(budget, "/status/disruptionsAllowed"),
    })
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Every change is in the log already; a snapshot that cannot be written loses nothing but heartbeats.
        let _ = self.shared.with(|state| state.store.fold());
    }
}
