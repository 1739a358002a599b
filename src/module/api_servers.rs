//! `windlass.api_servers`: what the API servers of a cluster are at this moment. Changes nothing.

use super::kube_target::{API_HOSTS, KUBECONFIG, KUBECONFIG_PARAMETER, optional, values};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, SeenServer};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

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
    port: Option<u16>,
}

/// One server as a result shows it; `version` is empty for one that does not answer.
fn shown(seen: SeenServer) -> Value {
    let (served, error) = match seen.served {
        Ok(served) => (served, String::new()),
        Err(error) => (kubernetes::Served::default(), error),
    };
    json!({
        "host": seen.host,
        "version": served.version,
        "emulated": served.emulated,
        "error": error,
    })
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
        let servers: Vec<Value> = servers.into_iter().map(shown).collect();
        Ok(Inspection::Done(Outcome {
            result: values([("servers", Value::from(servers))]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.api_servers never changes anything",
        ))
    }
}
