//! Starts the lab for hosts that ask for it with `ansible_connection: lab`.

use super::{CliError, state};
use crate::inventory::Inventory;
use crate::lab::{Fleet, LabConfig, LabHostConfig, Role};
use crate::template::{Scope, Templar, Variable, Variables};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where the lab of an inventory keeps its state.
pub(super) fn folder(state: &Path, sources: &[String]) -> PathBuf {
    state.join("lab").join(state::inventory_key(sources))
}

/// The hosts that ask for the lab.
pub(super) fn hosts(inventory: &Inventory, templar: &Templar) -> Vec<LabHostConfig> {
    let mut hosts = Vec::new();
    for (name, variables) in &inventory.merged {
        let scope = Scope {
            layers: vec![variables.clone()],
            ..Scope::default()
        };
        let text = |variable: &str| match templar.variable(variable, &scope) {
            Ok(Some(Value::String(text))) => Some(text),
            _ => None,
        };
        if text("ansible_connection").as_deref() != Some("lab") {
            continue;
        }
        let groups = inventory.groups_of(name);
        hosts.push(LabHostConfig {
            name: name.clone(),
            role: match role(&groups) {
                Role::KubeControlPlane
                    if text("lab_control_plane").as_deref() == Some("kubeadm") =>
                {
                    Role::KubeadmControlPlane
                }
                role => role,
            },
            version: text("lab_version"),
        });
    }
    hosts
}

/// What a host is, by the groups that Kubespray and k3s-ansible use.
fn role(groups: &[String]) -> Role {
    let has = |name: &str| groups.iter().any(|group| group == name);
    if has("kube_control_plane") {
        Role::KubeControlPlane
    } else if has("kube_node") {
        Role::KubeNode
    } else if has("server") {
        Role::K3sServer
    } else if has("agent") {
        Role::K3sAgent
    } else {
        Role::Plain
    }
}

/// Starts the lab where hosts ask for it, and tells the inventory how to reach them.
pub(super) async fn start(
    inventory: &mut Inventory,
    templar: &Templar,
    state: &Path,
    sources: &[String],
) -> Result<Option<Fleet>, CliError> {
    let hosts = hosts(inventory, templar);
    if hosts.is_empty() {
        return Ok(None);
    }
    let config = LabConfig {
        folder: folder(state, sources),
        hosts,
    };
    let names: Vec<String> = config.hosts.iter().map(|host| host.name.clone()).collect();
    let fleet = Fleet::start(config).await.map_err(anyhow::Error::from)?;
    for name in names {
        let overlay = fleet.variables(&name).map_err(anyhow::Error::from)?;
        let variables: Variables = overlay
            .into_iter()
            .map(|(name, value)| (name, Variable::from(value)))
            .collect();
        inventory.overlay(&name, variables);
    }
    Ok(Some(fleet))
}
