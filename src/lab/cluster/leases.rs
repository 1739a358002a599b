//! The leases that kubelets and controllers renew, brought up to date when someone looks.

use super::config::Flavor;
use super::object;
use super::resource::Resource;
use super::state::Shared;
use super::store::Key;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// How old a lease may be before its holder renews it. A kubelet takes 10 seconds, a controller 2; a lab should not.
const RENEW: SignedDuration = SignedDuration::from_millis(500);

/// The leases in `kube-system`, by flavor.
pub(super) fn controllers(flavor: Flavor) -> &'static [&'static str] {
    match flavor {
        Flavor::Kubernetes => &["kube-controller-manager", "kube-scheduler"],
        Flavor::K3s => &[
            "kube-controller-manager",
            "kube-scheduler",
            "k3s",
            "k3s-cloud-controller-manager",
        ],
    }
}

/// A lease as its holder makes it.
pub(super) fn build(namespace: &str, name: &str, holder: &str, duration: u64) -> Value {
    json!({
        "metadata": { "namespace": namespace, "name": name },
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": duration,
            "renewTime": object::micros(Timestamp::now()),
        },
    })
}

/// Whether a controller of this name lives anywhere.
fn is_held(shared: &Shared, name: &str) -> bool {
    let planes = shared.config.nodes.iter().filter(|node| node.control_plane);
    planes
        .map(|node| shared.observe(&node.name).control_plane)
        .any(|seen| match name {
            "kube-controller-manager" => seen.manager_running,
            "kube-scheduler" => seen.scheduler_running,
            _ => true,
        })
}

/// Renews the leases of living holders, or the one of this name.
pub(super) fn refresh(shared: &Shared, name: Option<&str>) {
    let wanted = |candidate: &str| name.is_none_or(|name| name == candidate);
    let config = &shared.config;
    let kubelets = config
        .nodes
        .iter()
        .filter(|node| wanted(&node.name))
        .filter(|node| {
            let seen = shared.observe(&node.name);
            seen.kubelet_running && !seen.stale_heartbeat
        });
    let mut keys: Vec<Key> = kubelets
        .map(|node| Key::new(Resource::Leases, "kube-node-lease", &node.name))
        .collect();
    // Someone reads this through an API server, so one is there that the controllers can write to.
    let controllers = controllers(config.flavor)
        .iter()
        .filter(|name| wanted(name) && is_held(shared, name));
    keys.extend(controllers.map(|name| Key::new(Resource::Leases, "kube-system", name)));
    shared.with(|state| {
        let now = Timestamp::now();
        for key in keys {
            let Some(before) = state.store.get(&key) else {
                continue;
            };
            let last = object::time(object::text(&before, "/spec/renewTime"));
            if last.is_some_and(|last| now.duration_since(last) < RENEW) {
                continue;
            }
            let mut lease = before.as_ref().clone();
            lease["spec"]["renewTime"] = json!(object::micros(now));
            state.store.update(&key, lease);
        }
    });
}
