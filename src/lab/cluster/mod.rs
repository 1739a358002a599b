//! An in-memory Kubernetes API that answers as a real one does, over TLS on loopback.
//!
//! It holds nodes, pods, deployments, budgets and leases, runs just enough of the controllers that a drain or a gate has
//! to wait as it would elsewhere, and keeps its state in a file. What it cannot do it refuses with a Kubernetes `Status`.
//! It knows nothing of SSH or of the folders behind hosts: how a host stands is told by [`Observe`].
//!
//! Where it is not like a real cluster, on purpose: a node is `Unknown` after 1 second of silence, not 40; a heartbeat
//! moves whenever it is read and is no watch event by itself; no object carries `managedFields`.

mod answer;
mod budget;
mod certs;
mod config;
mod controller;

mod discovery;
mod endpoint;
mod eviction;
mod faults;
mod health;
mod health_port;
mod identity;
mod kubeconfig;
mod leases;
mod merge_patch;
mod nodes;
mod object;
mod patch;
mod persist;
mod pods;
mod query;
mod reconcile;
mod resource;
mod route;
mod scheduler;
mod seed;
mod selector;
mod server;
mod start;
mod state;
mod status;
mod store;
mod taints;
mod verbs;
mod watch;
mod workloads;

#[cfg(test)]
mod tests;

pub use config::{ClusterConfig, ControlPlane, Flavor, NodeConfig, Observation, Observe};
pub use health_port::Component;
pub use start::Cluster;
