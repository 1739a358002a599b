//! The clusters of a run, each opened once and shared by all of its nodes.

use super::{Baselines, Cluster, ClusterBaseline, ClusterError, Dial};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Control-plane hosts and the kubeconfig's path on them.
type Key = (Vec<String>, String);
type Slot = Arc<OnceCell<Arc<Cluster>>>;

/// The clusters of a run.
pub struct Clusters {
    dial: Arc<dyn Dial>,
    slots: Mutex<HashMap<Key, Slot>>,
    baselines: Arc<Baselines>,
}

impl Clusters {
    /// No clusters yet.
    pub fn new(dial: Arc<dyn Dial>) -> Self {
        Self::sharing(dial, Arc::default())
    }

    /// No clusters yet; what is known of them from before the run is shared with others.
    pub fn sharing(dial: Arc<dyn Dial>, baselines: Arc<Baselines>) -> Self {
        Self {
            dial,
            slots: Mutex::new(HashMap::new()),
            baselines,
        }
    }

    /// What is known of the cluster behind `hosts` from before the run.
    pub fn baseline(&self, hosts: &[String], kubeconfig: &str) -> Arc<ClusterBaseline> {
        self.baselines.of(hosts, kubeconfig)
    }

    /// The cluster behind `hosts`, opened on first use. A failure is not kept: the next call tries anew.
    pub async fn get(
        &self,
        hosts: &[String],
        kubeconfig: &str,
    ) -> Result<Arc<Cluster>, ClusterError> {
        let slot = self
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((hosts.to_vec(), kubeconfig.to_owned()))
            .or_default()
            .clone();
        slot.get_or_try_init(|| async {
            Cluster::open(self.dial.clone(), hosts.to_vec(), kubeconfig)
                .await
                .map(Arc::new)
        })
        .await
        .cloned()
    }

    /// How the clusters' hosts are reached.
    pub fn dial(&self) -> &Arc<dyn Dial> {
        &self.dial
    }
}
