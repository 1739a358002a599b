//! The rules as types.
//!
//! This file holds what `rules.yml` says once it was read. It must not know the file's form, nor what follows from a rule.

use super::Minor;
use crate::kubernetes::Version;
use std::fmt;

/// Something of Kubernetes that has a version of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// An API server that runs by itself or as a static pod.
    #[serde(rename = "kube-apiserver")]
    ApiServer,
    /// `kube-controller-manager`.
    #[serde(rename = "kube-controller-manager")]
    ControllerManager,
    /// `kube-scheduler`.
    #[serde(rename = "kube-scheduler")]
    Scheduler,
    /// `cloud-controller-manager`.
    CloudControllerManager,
    /// A kubelet that runs by itself.
    Kubelet,
    /// `kube-proxy`.
    KubeProxy,
    /// `kubectl`.
    Kubectl,
    /// A member of an etcd cluster; its versions are etcd's own.
    Etcd,
    /// A k3s server: API server, controllers and kubelet in one binary.
    K3sServer,
    /// A k3s agent: a kubelet and kube-proxy in one binary.
    K3sAgent,
}

impl Component {
    /// All of them, in the order a reader expects.
    pub const ALL: [Self; 10] = [
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::CloudControllerManager,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Kubectl,
        Self::Etcd,
        Self::K3sServer,
        Self::K3sAgent,
    ];

    /// The name in rules and messages; for all but k3s it is the name of the binary too.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::CloudControllerManager => "cloud-controller-manager",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Kubectl => "kubectl",
            Self::Etcd => "etcd",
            Self::K3sServer => "k3s-server",
            Self::K3sAgent => "k3s-agent",
        }
    }

    /// The component called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.name() == name)
    }

    /// What a cluster of `version` is made of: the component that serves its API, and the one that runs its pods.
    pub fn plane_of(version: &Version) -> (Self, Self) {
        if version.build.starts_with("k3s") {
            (Self::K3sServer, Self::K3sAgent)
        } else {
            (Self::ApiServer, Self::Kubelet)
        }
    }

    /// Whether it serves the API, so that what it has written bounds the way back.
    pub fn serves_api(self) -> bool {
        matches!(self, Self::ApiServer | Self::K3sServer)
    }

    /// Whether it runs the pods of a node.
    pub fn runs_pods(self) -> bool {
        matches!(self, Self::Kubelet | Self::K3sAgent | Self::K3sServer)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a cluster was put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    /// Binaries run by systemd.
    Systemd,
    /// Static pods kept by kubeadm.
    Kubeadm,
    /// k3s.
    K3s,
}

impl Distribution {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Systemd, Self::Kubeadm, Self::K3s];

    /// The name in rules and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Kubeadm => "kubeadm",
            Self::K3s => "k3s",
        }
    }

    /// The distribution called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.name() == name)
    }
}

/// What every rule has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cite {
    /// The name a user overrides it by.
    pub(super) id: String,
    /// A URL, or the title of a document.
    pub(super) source: String,
    /// The day the source was read.
    pub(super) checked: String,
}

/// How far two components may be apart.
#[derive(Debug, Clone)]
pub(super) struct SkewRule {
    pub(super) cite: Cite,
    pub(super) what: String,
    pub(super) component: Component,
    pub(super) against: Component,
    /// Only what stands on one host is compared.
    pub(super) same_host: bool,
    /// Minors of `component`: at least this one.
    pub(super) from: Option<Minor>,
    /// Minors of `component`: below this one.
    pub(super) below: Option<Minor>,
    pub(super) newer: i64,
    pub(super) older: i64,
    /// "Newer" counts patch releases.
    pub(super) patches: bool,
}

impl SkewRule {
    /// Whether the rule is meant for `component` at `minor`.
    pub(super) fn is_for(&self, component: Component, minor: Minor) -> bool {
        self.component == component
            && self.from.is_none_or(|from| minor >= from)
            && self.below.is_none_or(|below| minor < below)
    }
}

/// How many minors one step may climb.
#[derive(Debug, Clone)]
pub(super) struct HopRule {
    pub(super) cite: Cite,
    pub(super) what: String,
    pub(super) components: Vec<Component>,
    pub(super) minors: i64,
}

/// What a floor is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FloorFact {
    Etcd,
    Containerd,
    Cgroup,
}

impl FloorFact {
    pub(super) const NAMES: [(&'static str, Self); 3] = [
        ("etcd", Self::Etcd),
        ("containerd", Self::Containerd),
        ("cgroup", Self::Cgroup),
    ];
}

/// What a host needs before a minor.
#[derive(Debug, Clone)]
pub(super) struct FloorRule {
    pub(super) cite: Cite,
    pub(super) what: String,
    pub(super) fact: FloorFact,
    pub(super) from: Minor,
    pub(super) at_least: Vec<u64>,
    /// Empty: all.
    pub(super) distributions: Vec<Distribution>,
    /// `failCgroupV1: false` in the kubelet's configuration lifts it.
    pub(super) lifted_by_fail_cgroup_v1: bool,
}

/// Flags that are gone in a minor.
#[derive(Debug, Clone)]
pub(super) struct FlagRule {
    pub(super) cite: Cite,
    pub(super) component: Component,
    pub(super) minor: Minor,
    pub(super) flags: Vec<String>,
}

/// An API version that is gone in a minor.
#[derive(Debug, Clone)]
pub(super) struct ApiRule {
    pub(super) cite: Cite,
    pub(super) minor: Minor,
    pub(super) group_version: String,
    pub(super) kinds: Vec<String>,
    pub(super) instead: String,
}

/// All rules, the user's laid over our own.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub(super) skew: Vec<SkewRule>,
    pub(super) hops: Vec<HopRule>,
    pub(super) floors: Vec<FloorRule>,
    pub(super) flags: Vec<FlagRule>,
    pub(super) apis: Vec<ApiRule>,
}

impl Rules {
    /// Where the rule `id` comes from and the day that was read.
    pub fn source_of(&self, id: &str) -> Option<(&str, &str)> {
        let skew = self.skew.iter().map(|rule| &rule.cite);
        let hops = self.hops.iter().map(|rule| &rule.cite);
        let floors = self.floors.iter().map(|rule| &rule.cite);
        let flags = self.flags.iter().map(|rule| &rule.cite);
        let apis = self.apis.iter().map(|rule| &rule.cite);
        skew.chain(hops)
            .chain(floors)
            .chain(flags)
            .chain(apis)
            .find(|cite| cite.id == id)
            .map(|cite| (cite.source.as_str(), cite.checked.as_str()))
    }
}
