//! The loop that stands for kubelets, scheduler and controllers: it sleeps until something was changed or is due.

use super::budget;
use super::gc;
use super::nodes;
use super::object;
use super::pods;
use super::resource::Resource;
use super::scheduler::Scheduler;
use super::state::{Shared, State};
use super::store::Key;
use super::volumes;
use super::workloads;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a pod takes to end.
const END: SignedDuration = SignedDuration::from_millis(50);
/// How long a pod takes to start.
const START: SignedDuration = SignedDuration::from_millis(100);
/// How soon to look again at what waits: a pod to start or end, or a kubelet that does not run.
const AGAIN: Duration = Duration::from_millis(25);
/// Changes within this time are worked off together.
const GATHER: Duration = Duration::from_millis(5);
/// How often nodes are looked at without anyone asking, and how many of them each time.
const LOOK: Duration = Duration::from_millis(200);
const LOOK_NODES: usize = 64;

/// Runs until it is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        if pass(&shared) {
            let _ = tokio::time::timeout(AGAIN, shared.wake.notified()).await;
        } else {
            shared.wake.notified().await;
        }
        tokio::time::sleep(GATHER).await;
    }
}

/// Keeps an eye on all nodes in turn, so that watches and controllers hear of a kubelet that dies or comes back.
pub(super) async fn look_after_nodes(shared: Arc<Shared>) {
    let names: Vec<String> = shared
        .config
        .nodes
        .iter()
        .map(|node| node.name.clone())
        .collect();
    loop {
        for some in names.chunks(LOOK_NODES) {
            nodes::refresh(&shared, some);
            tokio::time::sleep(LOOK).await;
        }
        if names.is_empty() {
            return;
        }
    }
}

/// One round of all controllers. Says whether something waits that no change will announce.
pub(super) fn pass(shared: &Shared) -> bool {
    let waiting = shared.with(waiting);
    // Hosts are asked outside of the lock.
    let alive: HashSet<String> = waiting
        .into_iter()
        .filter(|node| shared.observe(node).kubelet_running)
        .collect();
    shared.with(|state| {
        let now = Timestamp::now();
        kubelets(state, &alive, now);
        gc::pass(state);
        workloads::pass(state);
        schedule(state);
        let detaching = volumes::pass(state, now);
        budget::sync(&mut state.store, None);
        detaching || budget::timed(&state.store) || !self::waiting(state).is_empty()
    })
}

/// The nodes whose kubelets have something to do.
fn waiting(state: &mut State) -> HashSet<String> {
    let mut nodes = HashSet::new();
    let mut uids = HashSet::new();
    for pod in state
        .store
        .list(Resource::Pods, None)
        .filter(|pod| busy(pod))
    {
        nodes.insert(object::text(pod, "/spec/nodeName").to_owned());
        uids.insert(object::uid(pod).to_owned());
    }
    state.timers.retain(|uid, _| uids.contains(uid));
    nodes
}

/// Whether a kubelet has to start or end this pod.
fn busy(pod: &Value) -> bool {
    let phase = object::text(pod, "/status/phase");
    let assigned = !object::text(pod, "/spec/nodeName").is_empty();
    let ending = object::terminating(pod) && !pods::held(pod);
    assigned && (ending || (phase == "Pending" && !object::terminating(pod)))
}

fn kubelets(state: &mut State, alive: &HashSet<String>, now: Timestamp) {
    let busy: Vec<Arc<Value>> = state
        .store
        .list(Resource::Pods, None)
        .filter(|pod| busy(pod))
        .cloned()
        .collect();
    for pod in busy {
        let ending = object::terminating(&pod);
        let since = *state.timers.entry(timer(&pod)).or_insert(now);
        let due = now.duration_since(since) >= if ending { END } else { START };
        if !due || !alive.contains(object::text(&pod, "/spec/nodeName")) {
            continue;
        }
        let key = Key::of(Resource::Pods, &pod);
        if ending {
            state.store.remove(&key);
        } else {
            let mut started = pod.as_ref().clone();
            pods::run(&mut started);
            state.store.update(&key, started);
        }
        state.timers.remove(object::uid(&pod));
    }
}

fn timer(pod: &Value) -> String {
    object::uid(pod).to_owned()
}

fn schedule(state: &mut State) {
    let unassigned = |pod: &&Arc<Value>| {
        object::text(pod, "/spec/nodeName").is_empty() && !object::terminating(pod)
    };
    let pods: Vec<Arc<Value>> = state
        .store
        .list(Resource::Pods, None)
        .filter(unassigned)
        .cloned()
        .collect();
    if pods.is_empty() {
        return;
    }
    let mut scheduler = Scheduler::new(&state.store);
    for before in pods {
        let mut pod = before.as_ref().clone();
        match scheduler.choose(&pod) {
            Some(node) => pods::assign(&mut pod, &node),
            None => pods::unschedulable(&mut pod, scheduler.all()),
        }
        state.store.update(&Key::of(Resource::Pods, &before), pod);
    }
}

/// Brings a cluster that has just been made to rest: every pod that has a node runs.
pub(super) fn settle(shared: &Shared) {
    nodes::refresh_all(shared);
    shared.with(|state| {
        workloads::pass(state);
        schedule(state);
        let pods: Vec<Arc<Value>> = state
            .store
            .list(Resource::Pods, None)
            .filter(|pod| busy(pod))
            .cloned()
            .collect();
        for before in pods {
            let mut pod = before.as_ref().clone();
            pods::run(&mut pod);
            state.store.update(&Key::of(Resource::Pods, &before), pod);
        }
        workloads::pass(state);
        budget::sync(&mut state.store, None);
    });
}
