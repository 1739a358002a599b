//! `windlass.api_servers`: what the API servers of a cluster are at this moment, and its kubelets if asked for. Changes
//! nothing.

use super::kube_target::{API_HOSTS, KUBECONFIG, KUBECONFIG_PARAMETER, optional, values};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, SeenServer};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

static SPEC: Spec = Spec {
    name: "windlass.api_servers",
    summary: "ask every API server of a cluster for its version, each directly",
    parameters: &[
        optional(
            "address",
            Kind::String,
            "where each listens, seen from its own host; default 127.0.0.1",
        ),
        API_HOSTS,
        KUBECONFIG_PARAMETER,
        optional(
            "nodes",
            Kind::Bool,
            "also read the versions of the kubelets; fails when no API server answers",
        ),
        optional(
            "port",
            Kind::Int,
            "their port; default that of the kubeconfig's server",
        ),
    ],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct Servers;

#[derive(Deserialize)]
struct Given {
    address: Option<String>,
    api_hosts: Vec<String>,
    kubeconfig: Option<String>,
    #[serde(default)]
    nodes: bool,
    port: Option<u16>,
}

/// The servers as a result shows them: all in a list, where `version` is empty for one that does not answer, and by host
/// those that answer and those that do not.
fn shown(seen: Vec<SeenServer>) -> [(&'static str, Value); 3] {
    let (mut servers, mut api, mut silent) = (Vec::new(), Map::new(), Map::new());
    for SeenServer { host, served } in seen {
        let (served, error) = match served {
            Ok(served) => {
                api.insert(host.clone(), Value::from(served.version.clone()));
                (served, String::new())
            }
            Err(error) => {
                silent.insert(host.clone(), Value::from(error.clone()));
                (kubernetes::Served::default(), error)
            }
        };
        servers.push(json!({
            "host": host,
            "version": served.version,
            "emulated": served.emulated,
            "error": error,
        }));
    }
    [
        ("servers", Value::Array(servers)),
        ("api", Value::Object(api)),
        ("silent", Value::Object(silent)),
    ]
}

#[async_trait]
impl Module for Servers {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let kubeconfig = given.kubeconfig.as_deref().unwrap_or(KUBECONFIG);
        let address = given.address.as_deref().unwrap_or("127.0.0.1");
        let servers = kubernetes::look_at_api_servers(
            &cx.dial,
            &given.api_hosts,
            kubeconfig,
            address,
            given.port,
        )
        .await;
        let mut result = values(shown(servers));
        result.insert("api_hosts".to_owned(), json!(given.api_hosts));
        if given.nodes {
            let cluster = cx.clusters.get(&given.api_hosts, kubeconfig).await?;
            let nodes = kubernetes::kubelet_versions(&cluster).await?;
            let nodes: Map<String, Value> = nodes
                .into_iter()
                .map(|(name, version)| (name, Value::from(version)))
                .collect();
            result.insert("nodes".to_owned(), Value::Object(nodes));
        }
        Ok(Inspection::Done(Outcome {
            result,
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.api_servers never changes anything",
        ))
    }
}
