//! What a drain may do, and why it did not succeed.

use crate::kubernetes::ClusterError;
use std::time::Duration;

/// What becomes of pods that are still there when their time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnTimeout {
    /// The drain fails, and the pods stay.
    #[default]
    Fail,
    /// Pods that are not ready are deleted past their budgets; a ready one among them fails the drain.
    DeleteUnready,
    /// Pods in `delete_namespaces` are deleted past their budgets; any other one fails the drain.
    Delete,
}

/// What a drain may do. The names are kubectl's; the defaults are what Kubespray always uses.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are kubectl's switches, each on its own"
)]
pub struct DrainOptions {
    /// The longest time, in seconds, that a pod gets to end; `None` is each pod's own. No pod gets more than its own.
    pub grace_period: Option<i64>,
    /// For the whole drain; `None` is without end.
    pub timeout: Option<Duration>,
    /// For one pod, from the first attempt to its end; `None` leaves it to `timeout`.
    pub pod_timeout: Option<Duration>,
    /// Only pods that this label selector chooses.
    pub pod_selector: Option<String>,
    /// Evict pods with emptyDir volumes, whose data is lost.
    pub delete_emptydir_data: bool,
    /// Evict pods that nothing will make anew elsewhere.
    pub force: bool,
    /// Leave DaemonSet pods where they are, rather than refuse to drain.
    pub ignore_daemonsets: bool,
    /// How long to wait, once the pods are gone, for their volumes to detach.
    pub detach_timeout: Duration,
    /// What becomes of pods that are still there when their time is over.
    pub on_timeout: OnTimeout,
    /// The namespaces in which `OnTimeout::Delete` may delete pods.
    pub delete_namespaces: Vec<String>,
    /// Delete pods at once instead of evicting them, past all budgets.
    pub disable_eviction: bool,
    /// Wait for the replacement of a pod to be ready on another node before the next pod of the same owner goes.
    pub wait_for_replacement: bool,
    /// How long pods of Jobs may go on until they are evicted; zero does not wait for them.
    pub job_wait: Duration,
    /// A node that is not ready is no failure; it is left undrained, since its pods could not end.
    pub allow_not_ready: bool,
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self {
            grace_period: None,
            timeout: Some(Duration::from_mins(6)),
            pod_timeout: None,
            pod_selector: None,
            delete_emptydir_data: true,
            force: true,
            ignore_daemonsets: true,
            detach_timeout: Duration::from_mins(1),
            on_timeout: OnTimeout::Fail,
            delete_namespaces: Vec::new(),
            disable_eviction: false,
            wait_for_replacement: false,
            job_wait: Duration::ZERO,
            allow_not_ready: false,
        }
    }
}

impl DrainOptions {
    /// The grace to ask for where a pod's own is `own` seconds; `None` leaves it to the pod.
    pub(super) fn grace_for(&self, own: i64) -> Option<i64> {
        self.grace_period.filter(|cap| *cap < own)
    }
}

/// Why a node is not drained. Pods that are gone stay gone; the node stays cordoned.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// The cluster did not answer as it should.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Pods would come back at once.
    #[error("node {0} is not cordoned, so its pods would come back")]
    NotCordoned(String),
    /// Its pods could not end.
    #[error(
        "node {node} is not ready ({why}), so its {pods} pods cannot end; drain_allow_not_ready goes on without a drain"
    )]
    NotReady {
        /// The node.
        node: String,
        /// What the condition says.
        why: String,
        /// How many pods would have to go.
        pods: usize,
    },
    /// Pods stand there that the options do not allow to go. Nothing was evicted.
    #[error("node {node} is not drained, and no pod was evicted: {}", pods.join("; "))]
    Blocked {
        /// The node.
        node: String,
        /// Each pod, and what would allow it.
        pods: Vec<String>,
    },
    /// One pod can never be evicted this way.
    #[error("pod {pod} cannot be evicted: {message}")]
    Pod {
        /// Namespace and name.
        pod: String,
        /// Why.
        message: String,
    },
    /// One pod took longer than a pod may.
    #[error("pod {pod} is still there after {} s: {message}", limit.as_secs())]
    PodTimedOut {
        /// Namespace and name.
        pod: String,
        /// The limit.
        limit: Duration,
        /// What holds it.
        message: String,
    },
    /// The time is over.
    #[error("node {node} is not drained after {} s; still there: {}", limit.as_secs(), remaining.join("; "))]
    TimedOut {
        /// The node.
        node: String,
        /// The limit.
        limit: Duration,
        /// Each pod that is left, and what holds it.
        remaining: Vec<String>,
    },
}

impl DrainError {
    /// Whether the same drain may succeed when it is tried again a little later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Cluster(error) => error.is_temporary(),
            Self::PodTimedOut { .. } | Self::TimedOut { .. } | Self::NotReady { .. } => true,
            Self::NotCordoned(_) | Self::Blocked { .. } | Self::Pod { .. } => false,
        }
    }

    /// Whether it failed because time was over.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::PodTimedOut { .. } | Self::TimedOut { .. })
    }
}
