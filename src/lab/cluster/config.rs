//! What a lab cluster is made of, and how it learns how its hosts stand.

use jiff::Timestamp;
use std::path::PathBuf;

/// Which distribution the cluster looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// Separate binaries under systemd; control planes are tainted where there are workers.
    Kubernetes,
    /// One `k3s` process per host; servers take pods like agents.
    K3s,
}

/// One lab cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Its name in kubeconfigs.
    pub name: String,
    /// Which distribution it looks like.
    pub flavor: Flavor,
    /// Its nodes. A node that is missing here but stands in the state file is removed at the start.
    pub nodes: Vec<NodeConfig>,
    /// Where its state is kept. Beside it stand `<state_file>.log` with the newest changes and `<state_file>.pki/` with keys.
    pub state_file: PathBuf,
}

/// One node of a lab cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// Its name in the API.
    pub name: String,
    /// Whether it serves the API.
    pub control_plane: bool,
    /// The address it reports.
    pub internal_ip: String,
}

/// Tells how the host behind a node stands right now. It is asked often and must be quick.
pub trait Observe: Send + Sync {
    /// How the host behind `node` stands.
    fn observe(&self, node: &str) -> Observation;
}

/// How the host behind a node stands. By default nothing runs there.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and any of them may be true together"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// Whether a kubelet process lives.
    pub kubelet_running: bool,
    /// The version of that kubelet, such as `v1.36.2`.
    pub kubelet_version: String,
    /// When it was started. `None` stands for long ago.
    pub kubelet_started: Option<Timestamp>,
    /// The kubelet runs but never becomes ready.
    pub never_ready: bool,
    /// The kubelet runs but its heartbeat stays where it was before the start.
    pub stale_heartbeat: bool,
    /// Whether this host's API server lives.
    pub api_running: bool,
    /// The version of that API server.
    pub api_version: String,
    /// The version that it stands in for, by `--emulated-version`, such as `1.35`. `None` stands for its own.
    pub api_emulated: Option<String>,
    /// The rest of the host's control plane.
    pub control_plane: ControlPlane,
}

/// What else is to be seen of the control plane on a host. By default the controllers run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    /// Whether `kube-controller-manager` lives.
    pub manager_running: bool,
    /// Whether `kube-scheduler` lives.
    pub scheduler_running: bool,
}

impl Default for ControlPlane {
    fn default() -> Self {
        Self {
            manager_running: true,
            scheduler_running: true,
        }
    }
}
