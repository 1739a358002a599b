//! Kubernetes through the connections that are there anyway: versions, the API, cordon, drain, gate.
//!
//! Only this room names kube. It must not know modules or the engine.

mod access;
mod api_server;
mod baseline;
mod cluster;
mod clusters;
mod cordon;
mod dial;
mod drain;
mod error;
mod flags;
mod gate;
mod gate_node;
mod health;
mod healthz;
mod here;
mod kubeconfig;
mod kubectl;
mod lease;
mod objects;
mod overview;
pub mod preflight;
mod release;
pub mod rules;
mod serving;
mod test_pod;
#[cfg(test)]
mod tests;
mod tunnel;
mod version;
mod versions;

pub use api_server::{SeenServer, Served, ServerProof, look_at_api_servers, prove_api_server};
pub use baseline::{Baselines, ClusterBaseline, Health, NodeBaseline, gate_cluster};
pub use cluster::{Cluster, Transport};
pub use clusters::Clusters;
pub use cordon::{
    CORDONED_BY, CORDONED_FROM, Cordon, Owner, Uncordon, cordon, inspect_cordon, inspect_uncordon,
    uncordon,
};
pub use dial::{Dial, Progress};
pub use drain::{
    DrainError, DrainOptions, DrainPlan, Drained, OnTimeout, drain, plan as plan_drain,
};
pub use error::{Cause, ClusterError};
pub use flags::{GivenFlag, KnownFlags, UnitCommand, environment_files};
pub use gate::{ApiServer, GateError, GateOptions, Passed, gate_api, moment};
pub use gate_node::{NodeChecks, gate};
pub use health::{HealthPort, gate_health};
pub use healthz::Healthz;
pub use lease::{
    ClusterLease, HeldLease, LEASE_DURATION, LEASE_RENEWAL, LeaseAnswer, Renewal, break_lease,
    cluster_for_lease, look_at_lease, take_lease,
};
pub use objects::{PodKey, config_map};
pub use overview::{NodeOverview, overview};
pub use release::{ReleaseError, ReleaseKind, ReleaseRecord, release};
pub use serving::{Serving, serving};
pub use test_pod::test_pod;
pub use version::{BadVersion, Version};
pub use versions::{api_version, kubelet_versions};
