//! The clusters of a run, each opened once and shared by all of its nodes.

use super::{Cluster, ClusterError, Dial};
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
}

impl Clusters {
    /// No clusters yet.
    pub fn new(dial: Arc<dyn Dial>) -> Self {
        Self {
            dial,
            slots: Mutex::new(HashMap::new()),
        }
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
