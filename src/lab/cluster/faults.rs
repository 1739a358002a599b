//! Faults of the cluster itself. Those of a host are seen through [`Observe`](super::config::Observe).

use super::budget;
use super::pods;
use super::resource::Resource;
use super::seed::{self, Workload};
use super::state::{Shared, State};
use super::status::Refusal;
use super::store::Key;
use serde_json::json;

const NAMESPACE: &str = "shop";

/// Puts a pod on `node` that its budget never lets go, or takes both away again.
///
/// The pod has a Deployment of its own that may run nowhere else, so that it stays where it was put.
pub(super) fn block_budget(shared: &Shared, node: &str, on: bool) {
    let name = format!("blocked-{node}");
    shared.with(|state| {
        let there = state
            .store
            .get(&Key::new(Resource::Deployments, NAMESPACE, &name))
            .is_some();
        if on && !there {
            // The names were free a moment ago, under the same lock, so none of this can be refused.
            let _ = block(state, node, &name);
        } else if !on && there {
            unblock(state, &name);
        }
        budget::sync(&mut state.store, Some(NAMESPACE));
    });
}

fn block(state: &mut State, node: &str, name: &str) -> Result<(), Refusal> {
    let workload = Workload {
        node: Some(node),
        ..Workload::new(NAMESPACE, name, 1)
    };
    let set = seed::deployment(&mut state.store, &workload)?;
    seed::budget(
        &mut state.store,
        NAMESPACE,
        name,
        name,
        &json!({ "minAvailable": 1 }),
    )?;
    let mut pod = pods::build(&set, Some(node));
    pods::run(&mut pod);
    state.store.create(Resource::Pods, pod)?;
    Ok(())
}

fn unblock(state: &mut State, name: &str) {
    let store = &mut state.store;
    store.remove(&Key::new(Resource::Budgets, NAMESPACE, name));
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
