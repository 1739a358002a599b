//! What a cluster sees of a host: which of its services run, with which version, since when.
//!
//! This file must not know the cluster's objects.

use super::config::{LabHostConfig, Role};
use super::layout::HostFolder;
use super::unit::UnitState;
use crate::lab::fault::{self, Fault};
use crate::lab::folder::LabFolder;
use jiff::Timestamp;
use std::collections::HashMap;

/// A host, seen from its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each read by its name"
)]
pub struct HostObservation {
    /// The kubelet (or k3s) runs, so the node sends heartbeats.
    pub kubelet_running: bool,
    /// The version of its binary when it was started, such as `v1.34.3`.
    pub kubelet_version: String,
    /// When it was started.
    pub kubelet_started: Option<Timestamp>,
    /// The node must not become Ready.
    pub never_ready: bool,
    /// The node stays Ready, but its heartbeat is from before the last start.
    pub stale_heartbeat: bool,
    /// Evictions from the node are to be refused by a budget.
    pub budget_blocked: bool,
    /// The API server runs.
    pub api_running: bool,
    /// The version of its binary when it was started.
    pub api_version: String,
    /// The older version that it was told to behave as, such as `1.34`; empty for none.
    pub api_emulated: String,
    /// `kube-controller-manager` runs.
    pub manager_running: bool,
    /// `kube-scheduler` runs.
    pub scheduler_running: bool,
}

/// Looks at the hosts of a lab. Each look reads a few small files, so the answer is never out of date.
#[derive(Debug, Clone)]
pub struct Observer {
    folder: LabFolder,
    roles: HashMap<String, Role>,
}

impl Observer {
    /// An observer of these hosts.
    pub(in crate::lab) fn new(folder: LabFolder, hosts: &[LabHostConfig]) -> Self {
        let roles = hosts
            .iter()
            .map(|host| (host.name.clone(), host.role))
            .collect();
        Self { folder, roles }
    }

    /// Whether the host has this fault.
    pub fn has_fault(&self, name: &str, fault: Fault) -> bool {
        self.roles.contains_key(name) && fault::is_set(&self.folder.host(name), fault)
    }

    /// What can be seen of the host; a host that the lab does not have runs nothing.
    pub fn observe(&self, name: &str) -> HostObservation {
        let Some(role) = self.roles.get(name) else {
            return HostObservation::default();
        };
        let host = self.folder.host(name);
        let state = |unit: Option<&'static str>| {
            unit.and_then(|unit| UnitState::read(&host, unit))
                .unwrap_or_default()
        };
        let node = state(role.node_unit());
        let component = |name: &'static str| match role {
            Role::KubeControlPlane => state(Some(name)),
            Role::KubeadmControlPlane if node.is_running() => static_pod(&host, name),
            // These are parts of the one process.
            Role::K3sServer => node.clone(),
            _ => UnitState::default(),
        };
        let api = match role.api_unit() {
            Some(unit) => state(Some(unit)),
            None => component("kube-apiserver"),
        };
        // The version that the kubelet had when a fault was set.
        let had = |fault| {
            let versions = fault::versions(&host, fault)?;
            versions.get(role.node_unit()?).cloned()
        };
        let strikes = |fault| had(fault).is_some_and(|version| version != node.version);
        let (never_ready, stale_heartbeat) =
            (strikes(Fault::NeverReady), strikes(Fault::StaleHeartbeat));
        HostObservation {
            kubelet_running: node.is_running(),
            kubelet_started: node
                .started
                .and_then(|started| i64::try_from(started).ok())
                .and_then(|started| Timestamp::from_millisecond(started).ok()),
            kubelet_version: had(Fault::WrongVersion).unwrap_or_else(|| node.version.clone()),
            never_ready,
            stale_heartbeat,
            budget_blocked: fault::is_set(&host, Fault::BudgetBlocked),
            api_running: api.is_running(),
            api_version: api.version,
            api_emulated: api.emulated,
            manager_running: component("kube-controller-manager").is_running(),
            scheduler_running: component("kube-scheduler").is_running(),
        }
    }
}

/// A pod that the kubelet runs from its manifest: up for as long as the manifest names an image.
fn static_pod(host: &HostFolder, name: &str) -> UnitState {
    let path = host.kubernetes().join(format!("manifests/{name}.yaml"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let image = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("image: "));
    match image.and_then(|image| image.rsplit_once(':')) {
        Some((_, version)) => UnitState::running(version, 0),
        None => UnitState::default(),
    }
}
