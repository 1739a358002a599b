//! What a test or a fault wants the cluster to say although no object says it. It ends with the process.

use super::config::Observation;
use super::metrics::DeprecatedApi;
use super::route::Target;
use std::collections::{BTreeSet, HashMap};

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    /// The health checks that fail, by node.
    failing: HashMap<String, BTreeSet<String>>,
    /// The APIs that `/metrics` tells of.
    pub(super) deprecated: BTreeSet<DeprecatedApi>,
    /// Resources, such as `leases`, and the names of the objects of theirs that the administrator may not ask for.
    pub(super) forbidden: BTreeSet<(String, String)>,
}

impl Seeds {
    /// The health checks of the API server on `node` that fail.
    pub(super) fn failing(&self, node: &str) -> BTreeSet<String> {
        self.failing.get(node).cloned().unwrap_or_default()
    }

    /// Whether the administrator may not ask for it.
    pub(super) fn forbids(&self, target: &Target) -> bool {
        target.name.as_ref().is_some_and(|name| {
            let object = (target.resource.plural().to_owned(), name.clone());
            self.forbidden.contains(&object)
        })
    }

    /// Makes a health check fail or pass.
    pub(super) fn fail(&mut self, node: &str, check: &str, on: bool) {
        let checks = self.failing.entry(node.to_owned()).or_default();
        if on {
            checks.insert(check.to_owned());
        } else {
            checks.remove(check);
        }
    }
}

/// What is seen of a host in place of how it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Mask {
    /// The version that its kubelet reports.
    pub(super) version: Option<String>,
    /// Its kubelet sends no heartbeat although it runs.
    pub(super) silent: bool,
}

impl Mask {
    /// An observation as the cluster is to see it.
    pub(super) fn over(&self, mut seen: Observation) -> Observation {
        if let Some(version) = &self.version {
            seen.kubelet_version.clone_from(version);
        }
        seen.stale_heartbeat |= self.silent;
        seen
    }
}
