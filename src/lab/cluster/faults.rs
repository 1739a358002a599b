//! Faults of the cluster itself, by name. Those of a host are seen through [`Observe`](super::config::Observe).
//!
//! Each of them that needs a pod makes one of its own, with a Deployment that may run nowhere else, so that it stays
//! where it was put; turned off, all of that is gone again.

use super::budget::{self, AFTER, UNTIL};
use super::pods;
use super::resource::Resource;
use super::seed::{self, Workload};
use super::start::Cluster;
use super::state::State;
use super::status::Refusal;
use super::store::Key;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const NAMESPACE: &str = "shop";
/// What holds a pod that is to stay Terminating.
const FINALIZER: &str = "lab.windlass.dev/stuck";

impl Cluster {
    /// The fault `budget-blocked`: a pod on `node` is covered by a budget that never allows a disruption.
    pub fn block_budget(&self, node: &str, on: bool) {
        self.pod_fault("blocked", node, on, |state, name| {
            place(state, node, name, &[])?;
            cover(state, name, name)
        });
    }

    /// The fault `budget-clears-after`: as `budget-blocked`, but from this moment on the budget allows everything.
    ///
    /// A budget that is there already gets the new moment. [`Cluster::block_budget`] with `false` ends this one too.
    pub fn block_budget_until(&self, node: &str, until: Timestamp) {
        self.block_budget(node, true);
        let key = Key::new(Resource::Budgets, NAMESPACE, &format!("blocked-{node}"));
        self.shared.with(|state| {
            let Some(before) = state.store.get(&key) else {
                return;
            };
            let mut budget = before.as_ref().clone();
            budget["spec"]["minAvailable"] = json!(1);
            budget["metadata"]["annotations"][UNTIL] = json!(until.to_string());
            state.store.update(&key, budget);
            budget::sync(&mut state.store, Some(NAMESPACE));
        });
    }

    /// The same, but counted from the first eviction that the budget refuses. What was set once stays as it is.
    pub fn clear_budget_after(&self, node: &str, wait: SignedDuration) {
        let key = Key::new(Resource::Budgets, NAMESPACE, &format!("blocked-{node}"));
        self.shared.with(|state| {
            let Some(before) = state.store.get(&key) else {
                return;
            };
            if before["metadata"]["annotations"][AFTER].is_string() {
                return;
            }
            let mut budget = before.as_ref().clone();
            budget["metadata"]["annotations"][AFTER] = json!(wait.to_string());
            state.store.update(&key, budget);
        });
    }

    /// The fault `two-budgets`: two budgets cover one pod on `node`, so that it can never be evicted.
    pub fn two_budgets(&self, node: &str, on: bool) {
        self.pod_fault("budgets", node, on, |state, name| {
            place(state, node, name, &[])?;
            cover(state, name, name)?;
            cover(state, &format!("{name}-too"), name)
        });
    }

    /// The fault `stuck-terminating`: a pod on `node` can be evicted, but a finalizer keeps it Terminating for ever.
    pub fn stick_terminating(&self, node: &str, on: bool) {
        self.pod_fault("stuck", node, on, |state, name| {
            place(state, node, name, &[FINALIZER])
        });
    }

    /// The fault `stale-heartbeat`: the kubelet of `node` runs, but its heartbeat stays where it is.
    pub fn hold_heartbeat(&self, node: &str, on: bool) {
        self.shared.mask(node, |mask| mask.silent = on);
    }

    /// The fault `wrong-version`: the kubelet of `node` reports this version, whatever it runs; `None` ends that.
    pub fn report_version(&self, node: &str, version: Option<&str>) {
        self.shared
            .mask(node, |mask| mask.version = version.map(str::to_owned));
    }

    fn pod_fault(
        &self,
        kind: &str,
        node: &str,
        on: bool,
        make: impl FnOnce(&mut State, &str) -> Result<(), Refusal>,
    ) {
        let name = format!("{kind}-{node}");
        self.shared.with(|state| {
            let key = Key::new(Resource::Deployments, NAMESPACE, &name);
            let there = state.store.get(&key).is_some();
            if on && !there {
                // The names were free a moment ago, under the same lock, so none of this can be refused.
                let _ = make(state, &name);
            } else if !on && there {
                clear(state, &name);
            }
            budget::sync(&mut state.store, Some(NAMESPACE));
        });
    }
}

/// Makes a Deployment that may only run on `node`, with its one pod running there.
fn place(state: &mut State, node: &str, name: &str, finalizers: &[&str]) -> Result<(), Refusal> {
    let workload = Workload {
        node: Some(node),
        ..Workload::new(NAMESPACE, name, 1)
    };
    let set = seed::deployment(&mut state.store, &workload)?;
    let mut pod = pods::build(&set, Some(node));
    if !finalizers.is_empty() {
        pod["metadata"]["finalizers"] = json!(finalizers);
    }
    pods::run(&mut pod);
    state.store.create(Resource::Pods, pod)?;
    Ok(())
}

/// Makes a budget that never lets the pod of this name go.
fn cover(state: &mut State, budget: &str, name: &str) -> Result<(), Refusal> {
    let rule = json!({ "minAvailable": 1 });
    seed::budget(&mut state.store, NAMESPACE, budget, name, &rule)
}

fn clear(state: &mut State, name: &str) {
    let store = &mut state.store;
    for budget in [name.to_owned(), format!("{name}-too")] {
        store.remove(&Key::new(Resource::Budgets, NAMESPACE, &budget));
    }
    store.remove(&Key::new(Resource::Deployments, NAMESPACE, name));
    for resource in [Resource::ReplicaSets, Resource::Pods] {
        let mine: Vec<Key> = store
            .list(resource, Some(NAMESPACE))
            .filter(|object| object["metadata"]["labels"]["app"] == name)
            .map(|object| Key::of(resource, object))
            .collect();
        for key in mine {
            store.remove(&key);
        }
    }
}
