//! All modules, alphabetically.

use super::Module;
use super::{
    api_server, api_servers, artifact, assert, baseline, command, commit, config_map, copy, cordon,
    debug, drain, fail, fetch, file, gate, get_url, healthz, include_vars, kube_flags, kube_node,
    look, pause, ping, preflight, service, set_fact, setup, shell, slurp, stat, systemd, template,
    uncordon, upgrade_path, wait_for,
};
use crate::playbook::{Catalog, Spec};

/// One line per module, alphabetically by name.
static MODULES: &[&dyn Module] = &[
    &assert::Assert,
    &command::Command,
    &copy::Copy,
    &debug::Debug,
    &fail::Fail,
    &fetch::Fetch,
    &file::File,
    &get_url::GetUrl,
    &include_vars::IncludeVars,
    &pause::Pause,
    &ping::Ping,
    &service::Service,
    &set_fact::SetFact,
    &setup::Setup,
    &shell::Shell,
    &slurp::Slurp,
    &stat::Stat,
    &systemd::Systemd,
    &template::Template,
    &wait_for::WaitFor,
    &api_server::Server,
    &api_servers::Servers,
    &artifact::Artifact,
    &baseline::Baseline,
    &commit::Commit,
    &config_map::ConfigMap,
    &cordon::Cordon,
    &drain::Drain,
    &gate::Gate,
    &healthz::Healthz,
    &kube_flags::KubeFlags,
    &kube_node::KubeNode,
    &look::Look,
    &preflight::Preflight,
    &uncordon::Uncordon,
    &upgrade_path::UpgradePath,
];

/// Collections whose modules these are; a name may have one of them before it.
const COLLECTIONS: [&str; 3] = ["ansible.builtin.", "ansible.legacy.", "ansible.posix."];

/// The module called `name`, with or without its collection.
pub fn find(name: &str) -> Option<&'static dyn Module> {
    let short = COLLECTIONS
        .iter()
        .find_map(|collection| name.strip_prefix(collection))
        .unwrap_or(name);
    let short = if short == "systemd_service" {
        "systemd"
    } else {
        short
    };
    MODULES
        .iter()
        .copied()
        .find(|module| module.spec().name == short)
}

/// The registry as the syntax tree sees it.
#[derive(Debug, Clone, Copy)]
pub struct Modules;

impl Catalog for Modules {
    fn find(&self, name: &str) -> Option<&'static Spec> {
        find(name).map(Module::spec)
    }

    fn names(&self) -> Vec<&'static str> {
        MODULES.iter().map(|module| module.spec().name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::MODULES;

    #[test]
    fn the_registry_is_sorted_and_names_are_unique() {
        let names: Vec<_> = MODULES.iter().map(|module| module.spec().name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }

    #[test]
    fn parameters_are_sorted() {
        for module in MODULES {
            let names: Vec<_> = module.spec().parameters.iter().map(|p| p.name).collect();
            assert!(names.is_sorted(), "{}: {names:?}", module.spec().name);
        }
    }
}
