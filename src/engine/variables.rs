//! What names mean for a task on a host: Ansible's order of precedence, as layers.

use super::host::Host;
use super::lineage::Lineage;
use super::play::PlayRun;
use super::shared::Shared;
use crate::template::{HostVariables, Scope, Variable, Variables};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// The scope of a task, the strongest layer first (ansible-core, "Understanding variable precedence").
pub(super) fn task_scope(
    shared: &Arc<Shared>,
    play: &PlayRun,
    host: &Host,
    lineage: &Lineage,
) -> Scope {
    let roles = lineage.roles();
    let open_roles = play.open_roles();
    let mut layers = Vec::with_capacity(24);
    layers.push(play.magic());
    layers.push(host.magic.clone());
    if let Some(role) = roles.first() {
        layers.push(Arc::new(role_magic(role, &roles)));
    }
    layers.push(shared.round());
    layers.push(shared.extra.clone());
    layers.extend(lineage.include_variables().cloned());
    layers.extend(roles.iter().map(|role| role.params.clone()));
    let (set, included, facts) = {
        let state = host.state();
        (
            state.set.clone(),
            state.included.clone(),
            state.fact_variables.clone(),
        )
    };
    layers.push(set);
    layers.push(included);
    layers.extend(lineage.variables().cloned());
    layers.extend(roles.iter().map(|role| role.vars.clone()));
    layers.extend(open_roles.iter().map(|role| role.vars.clone()));
    layers.extend(play.file_variables(&host.name));
    layers.push(play.play.keywords.vars.clone());
    layers.push(facts);
    layers.push(host.inventory.clone());
    layers.extend(roles.iter().map(|role| role.defaults.clone()));
    layers.extend(open_roles.iter().map(|role| role.defaults.clone()));
    layers.retain(|layer| !layer.is_empty());
    Scope {
        layers,
        hosts: Some(Arc::new(OtherHosts(shared.clone()))),
        search: Arc::new(search_path(play, &roles)),
    }
}

/// The scope of a host outside any play, as `hostvars` shows it and connections need it.
pub(super) fn host_scope(shared: &Arc<Shared>, host: &Host) -> Scope {
    let (set, included, facts) = {
        let state = host.state();
        (
            state.set.clone(),
            state.included.clone(),
            state.fact_variables.clone(),
        )
    };
    Scope {
        layers: vec![
            host.magic.clone(),
            shared.round(),
            shared.extra.clone(),
            set,
            included,
            facts,
            host.inventory.clone(),
        ],
        hosts: Some(Arc::new(OtherHosts(shared.clone()))),
        search: Arc::default(),
    }
}

fn role_magic(role: &crate::playbook::Role, roles: &[&Arc<crate::playbook::Role>]) -> Variables {
    let parents: Vec<&str> = roles
        .iter()
        .skip(1)
        .map(|role| role.name.as_str())
        .collect();
    let mut magic = Variables::new();
    let mut put = |key: &str, value: Value| magic.insert(key.to_owned(), Variable::from(value));
    let path = std::path::absolute(&role.path).unwrap_or_else(|_| role.path.clone());
    put("role_name", Value::from(role.name.as_str()));
    put("ansible_role_name", Value::from(role.name.as_str()));
    put("role_path", Value::from(path.display().to_string()));
    if !parents.is_empty() {
        put("ansible_parent_role_names", json!(parents));
    }
    magic
}

/// Where files on the controller are looked for: the roles from the inside out, then the playbook's folder.
fn search_path(play: &PlayRun, roles: &[&Arc<crate::playbook::Role>]) -> Vec<PathBuf> {
    roles
        .iter()
        .map(|role| role.path.clone())
        .chain(std::iter::once(play.play.folder.clone()))
        .collect()
}

/// `hostvars`.
struct OtherHosts(Arc<Shared>);

impl HostVariables for OtherHosts {
    fn names(&self) -> Vec<String> {
        self.0.hosts.keys().cloned().collect()
    }

    fn scope(&self, host: &str) -> Option<Scope> {
        let host = self.0.hosts.get(host)?;
        Some(host_scope(&self.0, host))
    }
}
