//! What all endpoints of one cluster share, behind one lock.

use super::config::{ClusterConfig, Observation, Observe};
use super::nodes::Life;
use super::seeds::{Mask, Seeds};
use super::store::Store;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// The part that changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    /// What is remembered of each kubelet, by node.
    pub(super) lives: HashMap<String, Life>,
    /// Since when a pod waits to start or to be gone, by uid.
    pub(super) timers: HashMap<String, Timestamp>,
    /// Since when a volume is no longer held, by the name of its attachment.
    pub(super) detaching: HashMap<String, Timestamp>,
    pub(super) seeds: Seeds,
}

/// One cluster, as its endpoints and its controllers see it.
pub(super) struct Shared {
    pub(super) config: ClusterConfig,
    observe: Arc<dyn Observe>,
    masks: Mutex<HashMap<String, Mask>>,
    state: Mutex<State>,
    /// The newest revision; watches wait for it to grow.
    pub(super) changed: watch::Sender<u64>,
    /// Wakes the controllers.
    pub(super) wake: Notify,
}

impl Shared {
    pub(super) fn new(config: ClusterConfig, observe: Arc<dyn Observe>, store: Store) -> Self {
        let revision = store.revision();
        let state = State {
            store,
            lives: HashMap::new(),
            timers: HashMap::new(),
            detaching: HashMap::new(),
            seeds: Seeds::default(),
        };
        Self {
            config,
            observe,
            masks: Mutex::default(),
            state: Mutex::new(state),
            changed: watch::Sender::new(revision),
            wake: Notify::new(),
        }
    }

    /// How the host behind a node stands. Never called under the lock, since it may read files.
    pub(super) fn observe(&self, node: &str) -> Observation {
        let seen = self.observe.observe(node);
        let masks = self.masks.lock().unwrap_or_else(PoisonError::into_inner);
        match masks.get(node) {
            Some(mask) => mask.over(seen),
            None => seen,
        }
    }

    /// Changes what is seen of the host behind a node from now on.
    pub(super) fn mask(&self, node: &str, change: impl FnOnce(&mut Mask)) {
        let mut masks = self.masks.lock().unwrap_or_else(PoisonError::into_inner);
        change(masks.entry(node.to_owned()).or_default());
        drop(masks);
        self.wake.notify_one();
    }

    /// Works on the state; watches and controllers hear of it if anything was changed.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // The state stays whole when a holder panics: each store operation is one step.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.store.revision();
        let result = work(&mut state);
        let after = state.store.revision();
        drop(state);
        if before != after {
            // Never backwards: two threads may come here in the other order.
            self.changed.send_if_modified(|newest| {
                let newer = after > *newest;
                *newest = after.max(*newest);
                newer
            });
            self.wake.notify_one();
        }
        result
    }
}
