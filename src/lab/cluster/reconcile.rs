//! Bringing what was saved in line with the list of nodes, at every start.

use super::config::ClusterConfig;
use super::leases;
use super::nodes;
use super::object;
use super::pods;
use super::resource::Resource;
use super::status::Refusal;
use super::store::{Key, Store};
use serde_json::json;

/// Adds nodes that are new, removes those that are gone with their pods and leases, and takes over changed addresses.
pub(super) fn nodes(store: &mut Store, config: &ClusterConfig) -> Result<(), Refusal> {
    let saved: Vec<String> = store
        .list(Resource::Nodes, None)
        .map(|node| object::name(node).to_owned())
        .collect();
    for name in saved
        .iter()
        .filter(|name| !config.nodes.iter().any(|node| node.name == **name))
    {
        for pod in pods::on_node(store, name) {
            store.remove(&Key::of(Resource::Pods, &pod));
        }
        store.remove(&Key::new(Resource::Leases, "kube-node-lease", name));
        store.remove(&Key::new(Resource::Nodes, "", name));
    }
    for node in &config.nodes {
        let key = Key::new(Resource::Nodes, "", &node.name);
        let fresh = nodes::build(config, node);
        let Some(before) = store.get(&key) else {
            store.create(Resource::Nodes, fresh)?;
            continue;
        };
        let mut changed = before.as_ref().clone();
        changed["status"]["addresses"] = fresh["status"]["addresses"].clone();
        let role = "node-role.kubernetes.io/control-plane";
        match fresh["metadata"]["labels"].get(role) {
            Some(value) => changed["metadata"]["labels"][role] = value.clone(),
            None => drop(
                changed["metadata"]["labels"]
                    .as_object_mut()
                    .and_then(|labels| labels.shift_remove(role)),
            ),
        }
        store.update(&key, changed);
    }
    leases(store, config)
}

fn leases(store: &mut Store, config: &ClusterConfig) -> Result<(), Refusal> {
    for node in &config.nodes {
        if store
            .get(&Key::new(Resource::Leases, "kube-node-lease", &node.name))
            .is_none()
        {
            store.create(
                Resource::Leases,
                leases::build("kube-node-lease", &node.name, &node.name, 40),
            )?;
        }
    }
    let Some(leader) = config.nodes.iter().find(|node| node.control_plane) else {
        return Ok(());
    };
    for name in leases::controllers(config.flavor) {
        let key = Key::new(Resource::Leases, "kube-system", name);
        let holder = format!("{}_{}", leader.name, object::new_uid());
        match store.get(&key) {
            None => {
                store.create(
                    Resource::Leases,
                    leases::build("kube-system", name, &holder, 15),
                )?;
            }
            Some(lease) => {
                let (node, _) = object::text(&lease, "/spec/holderIdentity")
                    .split_once('_')
                    .unwrap_or_default();
                if !config.nodes.iter().any(|known| known.name == node) {
                    let mut lease = lease.as_ref().clone();
                    lease["spec"]["holderIdentity"] = json!(holder);
                    store.update(&key, lease);
                }
            }
        }
    }
    Ok(())
}
