//! An in-memory Kubernetes API that answers as a real one does, over TLS on loopback.
//!
//! It holds nodes, pods, workloads, budgets, leases, volumes and what else an upgrade reads, runs just enough of the
//! controllers that a drain or a gate has to wait as it would elsewhere, and keeps its state in a file. A real `kubectl`
//! works against it. What it cannot do it refuses with a Kubernetes `Status`.
//! It knows nothing of SSH or of the folders behind hosts: how a host stands is told by [`Observe`].
//!
//! Where it is not like a real cluster, on purpose: a node is `Unknown` after 1 second of silence, not 40; a heartbeat
//! moves whenever it is read and is no watch event by itself; no object carries `managedFields`, so `fieldManager` has
//! no effect; protobuf is not spoken (a new kubectl's `create namespace` needs it, its `create -f` does not); there are
//! no schemas, so `fieldValidation` finds no unknown field.

mod access;
mod admission;
mod alter;
mod answer;
mod budget;
mod cells;
mod certs;
mod columns;
mod config;
mod controller;
mod defaults;
mod discovery;
mod endpoint;
mod events;
mod eviction;
mod faults;
mod gc;
mod health;
mod health_port;
mod identity;
mod kubeconfig;
mod leases;
mod media;
mod merge_patch;
mod metrics;
mod nodes;
mod object;
mod openapi;
mod patch;
mod persist;
mod pods;
mod query;
mod reconcile;
mod resource;
mod route;
mod scheduler;
mod seed;
mod seeds;
mod selector;
mod server;
mod start;
mod state;
mod status;
mod store;
mod table;
mod taints;
mod verbs;
mod volumes;
mod watch;
mod workloads;
mod writes;

#[cfg(test)]
mod tests;

pub use config::{ClusterConfig, ControlPlane, Flavor, NodeConfig, Observation, Observe};
pub use health_port::Component;
pub use metrics::DeprecatedApi;
pub use start::Cluster;
