//! What an upgrade is planned from: the plays, and what was found on the hosts and in the clusters.
//!
//! This file only holds what was read. It must not know what follows from it.

use crate::kubernetes::Version;
use crate::kubernetes::rules::{Component, State};
use std::collections::BTreeMap;
use std::time::Duration;

/// One play that upgrades something.
#[derive(Debug, Clone)]
pub struct Work {
    /// Its name.
    pub play: String,
    /// It is repeated for every hop; without, it goes to the target at once.
    pub looped: bool,
    /// It sits out the hops that kubelets do not follow.
    pub waits: bool,
    /// Its hosts, batch by batch.
    pub batches: Vec<Vec<String>>,
    /// What its roles upgrade, host by host, in the order of the roles.
    pub found: Vec<Found>,
}

/// One component of a host.
#[derive(Debug, Clone)]
pub struct Found {
    /// The host.
    pub host: String,
    /// The cluster it belongs to, by a name that is the same for all its hosts.
    pub cluster: String,
    /// What it is.
    pub component: Component,
    /// The node's name in the cluster.
    pub node: String,
    /// It speaks only to the API server of its own host.
    pub local: bool,
    /// The version it is to have.
    pub target: Version,
    /// The version it runs; `None` when nobody could tell.
    pub running: Option<Version>,
    /// The version of the binary on disk; `None` when there is none.
    pub disk: Option<Version>,
    /// The new binary waits on the host, and is the right one.
    pub staged: bool,
    /// The new binary where it comes from.
    pub artifact: Artifact,
    /// Versions that binaries are at hand of.
    pub via: Vec<Version>,
    /// From this version on a new minor version first runs as the old one, and another play ends that; `None` is never.
    pub emulates_from: Option<Version>,
    /// What the step takes.
    pub times: Times,
}

/// The new binary where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artifact {
    /// Nothing says where it comes from.
    NotGiven,
    /// It is there, and is what its checksum says.
    Verified(String),
    /// It lies behind a URL, which was not asked.
    NotFetched(String),
    /// It is not there, or is not what its checksum says.
    Missing {
        /// Where it should be.
        at: String,
        /// What is wrong.
        why: String,
    },
}

/// What a step takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// By the settings: the waits that always happen.
    pub at_least: Duration,
    /// By the settings: when the last of its timeouts has passed.
    pub at_most: Duration,
    /// What it took in earlier runs, as far as there were any.
    pub usual: Option<Duration>,
}

/// What a cluster runs now, hosts outside of the plan among it.
#[derive(Debug, Clone, Default)]
pub struct ClusterNow {
    /// The API servers that answered, by host.
    pub api: BTreeMap<String, Version>,
    /// Kubelets by node.
    pub nodes: BTreeMap<String, Version>,
    /// The API servers that did not answer, and why.
    pub silent: BTreeMap<String, String>,
}

impl ClusterNow {
    /// All components that are known, as one state: what the cluster said, then what was found on hosts.
    pub(super) fn state(&self, found: &[&Found]) -> State {
        let k3s = self.is_k3s(found);
        let (server, node) = if k3s {
            (Component::K3sServer, Component::K3sAgent)
        } else {
            (Component::ApiServer, Component::Kubelet)
        };
        let mut state = State::default();
        for (host, version) in &self.api {
            state.set(host, server, version);
        }
        let hosts: BTreeMap<&str, &str> = found
            .iter()
            .filter(|each| each.component.runs_pods())
            .map(|each| (each.node.as_str(), each.host.as_str()))
            .collect();
        for (name, version) in &self.nodes {
            let host = hosts.get(name.as_str()).copied().unwrap_or(name);
            // A k3s server is its own kubelet.
            if !(k3s && (self.api.contains_key(host) || self.silent.contains_key(host))) {
                state.set(host, node, version);
            }
        }
        for each in found {
            if let Some(version) = each.now() {
                state.set(&each.host, each.component, version);
            }
        }
        for member in &mut state.members {
            member.local = found.iter().any(|each| {
                each.local && each.host == member.host && each.component == member.component
            });
        }
        state
    }

    fn is_k3s(&self, found: &[&Found]) -> bool {
        let versions = self.api.values().chain(self.nodes.values());
        let targets = found.iter().map(|each| &each.target);
        versions
            .chain(targets)
            .any(|version| version.build.starts_with("k3s"))
    }
}

impl Found {
    /// The version it counts as: what runs, or what would run after a restart where nobody can tell.
    pub(super) fn now(&self) -> Option<&Version> {
        self.running.as_ref().or(self.disk.as_ref())
    }

    /// Whether nothing is to be done.
    pub(super) fn is_done(&self) -> bool {
        let is_target = |version: &Version| *version == self.target;
        self.running.as_ref().is_none_or(is_target) && self.disk.as_ref().is_some_and(is_target)
    }
}
