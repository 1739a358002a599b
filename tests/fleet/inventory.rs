//! The inventory of a fleet, as a user of Kubespray and k3s-ansible would have it.
//!
//! Only what says how to log in, which versions are wanted, and how patient to be is set; all paths are the defaults.

use super::base::USER;
use super::host::Host;
use super::services::Role;
use serde_json::{Map, Value, json};
use std::path::Path;

/// The inventory as text.
pub(crate) fn render(hosts: &[(Role, &Host)], folder: &Path) -> String {
    let group = |wanted: Role| -> Value {
        let hosts: Map<String, Value> = hosts
            .iter()
            .filter(|(role, _)| *role == wanted)
            .map(|(_, host)| (host.name.clone(), json!({ "ansible_host": host.address })))
            .collect();
        json!({ "hosts": hosts })
    };
    let artifacts = folder.join("artifacts/ready");
    let inventory = json!({ "all": {
        "vars": {
            "ansible_user": USER,
            "ansible_private_key_file": folder.join("id"),
            "ansible_ssh_common_args": format!(
                "-o UserKnownHostsFile={} -o ServerAliveInterval=1 -o ServerAliveCountMax=3",
                folder.join("known_hosts").display()
            ),
            "artifact_source": artifacts,
            // Waits that are for watching real services; these stand-ins show at once what they are.
            "binary_settle": 2,
            "gate_settle": 1,
            "kube_apiserver_gate_settle": 1,
            "k3s_server_gate_settle": 1,
            "drain_grace_period": 30,
            "kube_controllers_gate_settle": 1,
            // The stand-in API servers keep their data in this process: there is no etcd to save.
            "datastore_snapshot": false,
        },
        "children": {
            "kube_control_plane": group(Role::ControlPlane),
            "kube_node": group(Role::Worker),
            "etcd": { "children": { "kube_control_plane": null } },
            "k8s_cluster": {
                "children": { "kube_control_plane": null, "kube_node": null },
                // Kubespray writes versions without the v.
                "vars": { "kube_version": super::artifacts::TARGET.trim_start_matches('v') },
            },
            "server": group(Role::Server),
            "agent": group(Role::Agent),
            "k3s_cluster": {
                "children": { "server": null, "agent": null },
                "vars": { "k3s_version": Role::Server.version(super::artifacts::TARGET) },
            },
        },
    }});
    serde_yaml::to_string(&inventory).unwrap()
}
