//! What a drain may do, and why it did not succeed.

use crate::kubernetes::ClusterError;
use std::time::Duration;

/// What a drain may do. The names are kubectl's; the defaults are what Kubespray always uses.
#[derive(Debug, Clone)]
pub struct DrainOptions {
    /// Seconds that every pod gets to end; `None` is each pod's own.
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
        }
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
