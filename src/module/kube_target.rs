//! Which node of which cluster a module is about: the parameters that the Kubernetes modules share.

use super::{Context, ModuleError};
use crate::kubernetes::{Cluster, ClusterError, Healthz};
use crate::playbook::{Kind, Parameter};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// Where kubeadm and Kubespray keep the administrator's kubeconfig.
pub(super) const KUBECONFIG: &str = "/etc/kubernetes/admin.conf";

/// The parameter `api_hosts`.
pub(super) const API_HOSTS: Parameter = Parameter {
    name: "api_hosts",
    aliases: &[],
    kind: Kind::List,
    required: true,
    choices: &[],
    summary: "control-plane hosts by their inventory names; tried in this order",
};

/// The parameter `kubeconfig`.
pub(super) const KUBECONFIG_PARAMETER: Parameter = Parameter {
    name: "kubeconfig",
    aliases: &[],
    kind: Kind::Path,
    required: false,
    choices: &[],
    summary: "administrator's kubeconfig on those hosts, or controller:PATH for one on the controller, by which the API is asked without SSH; default /etc/kubernetes/admin.conf",
};

/// The parameter `node`.
pub(super) const NODE: Parameter = Parameter {
    name: "node",
    aliases: &[],
    kind: Kind::String,
    required: false,
    choices: &[],
    summary: "the node's name in the cluster; default the host's name in the inventory",
};

/// An optional parameter.
pub(super) const fn optional(name: &'static str, kind: Kind, summary: &'static str) -> Parameter {
    Parameter {
        name,
        aliases: &[],
        kind,
        required: false,
        choices: &[],
        summary,
    }
}

/// The shared parameters, for modules that have no others.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Target {
    pub(super) node: Option<String>,
    pub(super) api_hosts: Vec<String>,
    pub(super) kubeconfig: Option<String>,
}

impl Target {
    /// The node's name.
    pub(super) fn node<'a>(&'a self, cx: &'a Context) -> &'a str {
        self.node.as_deref().unwrap_or(&cx.host)
    }

    /// The kubeconfig's path.
    pub(super) fn kubeconfig(&self) -> &str {
        self.kubeconfig.as_deref().unwrap_or(KUBECONFIG)
    }

    /// The cluster.
    pub(super) async fn cluster(&self, cx: &Context) -> Result<Arc<Cluster>, ModuleError> {
        Ok(cx.clusters.get(&self.api_hosts, self.kubeconfig()).await?)
    }
}

impl From<ClusterError> for ModuleError {
    fn from(error: ClusterError) -> Self {
        Self::failed(error.to_string())
    }
}

/// Where kubelets answer for their health, if nothing else is configured.
const HEALTHZ_PORT: u16 = 10248;

/// The health of the kubelet on the task's own host; `None` for port 0.
pub(super) fn healthz(cx: &Context, port: Option<u16>) -> Option<Healthz> {
    let port = port.unwrap_or(HEALTHZ_PORT);
    (port != 0).then(|| Healthz {
        connection: cx.remote.connection.clone(),
        port,
    })
}

/// A result's values.
pub(super) fn values<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A number of seconds that a user gave.
pub(super) fn seconds(name: &str, given: i64) -> Result<Duration, ModuleError> {
    u64::try_from(given)
        .map(Duration::from_secs)
        .map_err(|_| ModuleError::failed(format!("`{name}` must not be negative")))
}
