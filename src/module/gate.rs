//! `windlass.gate`: waits until a node or an API server is what it should be. Changes nothing.

use super::kube_target::{
    API_HOSTS, KUBECONFIG, KUBECONFIG_PARAMETER, NODE, Target, optional, seconds, values,
};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, ApiServer, GateError, GateOptions};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

static SPEC: Spec = Spec {
    name: "windlass.gate",
    summary: "wait until a Kubernetes node or API server is healthy and at the wanted version",
    parameters: &[
        optional(
            "address",
            Kind::String,
            "kind api_server: where it listens, seen from its host; default 127.0.0.1",
        ),
        Parameter {
            required: false,
            summary: "kind node: control-plane hosts by their inventory names; tried in this order",
            ..API_HOSTS
        },
        Parameter {
            choices: &["node", "api_server"],
            ..optional(
                "kind",
                Kind::String,
                "what is looked at: the node, or the API server on this very host; default node",
            )
        },
        KUBECONFIG_PARAMETER,
        NODE,
        optional(
            "port",
            Kind::Int,
            "kind api_server: its port; default that of the kubeconfig's server",
        ),
        optional(
            "settle",
            Kind::Int,
            "seconds that everything must hold on end; default 0",
        ),
        optional(
            "since",
            Kind::String,
            "kind node: a sign of life must be newer, by the node's clock: RFC 3339, or seconds since 1970",
        ),
        optional("timeout", Kind::Int, "seconds to wait in all; default 300"),
        optional(
            "version",
            Kind::String,
            "the version that must be there; default any",
        ),
    ],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct Gate;

#[derive(Deserialize)]
struct Given {
    address: Option<String>,
    #[serde(default)]
    api_hosts: Vec<String>,
    kind: Option<String>,
    kubeconfig: Option<String>,
    node: Option<String>,
    port: Option<u16>,
    settle: Option<i64>,
    since: Option<String>,
    timeout: Option<i64>,
    version: Option<String>,
}

impl Given {
    fn options(&self) -> Result<GateOptions, ModuleError> {
        let usual = GateOptions::default();
        let since = match self.since.as_deref().filter(|text| !text.trim().is_empty()) {
            None => None,
            Some(text) => Some(kubernetes::moment(text).ok_or_else(|| {
                ModuleError::failed(format!(
                    "`since` must be RFC 3339 or seconds since 1970, not `{text}`"
                ))
            })?),
        };
        Ok(GateOptions {
            version: self.version.clone().filter(|version| !version.is_empty()),
            since,
            timeout: self
                .timeout
                .map_or(Ok(usual.timeout), |given| seconds("timeout", given))?,
            settle: self
                .settle
                .map_or(Ok(usual.settle), |given| seconds("settle", given))?,
        })
    }

    fn of_api_server(&self) -> bool {
        self.kind.as_deref() == Some("api_server")
    }
}

impl From<GateError> for ModuleError {
    fn from(error: GateError) -> Self {
        Self::failed(error.to_string())
    }
}

/// Looks at the API server on the task's own host.
async fn api_server(
    cx: &Context,
    given: Given,
    options: &GateOptions,
) -> Result<String, ModuleError> {
    if given.node.is_some() || options.since.is_some() {
        return Err(ModuleError::failed(
            "`node` and `since` are for kind node, not for kind api_server",
        ));
    }
    let server = ApiServer {
        host: cx.host.clone(),
        kubeconfig: given.kubeconfig.unwrap_or_else(|| KUBECONFIG.to_owned()),
        address: given.address.unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: given.port,
    };
    let passed = kubernetes::gate_api(&cx.dial, &server, options, &cx.progress).await?;
    Ok(passed.version)
}

async fn node(cx: &Context, given: Given, options: &GateOptions) -> Result<String, ModuleError> {
    if given.api_hosts.is_empty() {
        return Err(ModuleError::failed(
            "windlass.gate: missing required parameter `api_hosts`",
        ));
    }
    if given.address.is_some() || given.port.is_some() {
        return Err(ModuleError::failed(
            "`address` and `port` are for kind api_server, not for kind node",
        ));
    }
    let target = Target {
        node: given.node,
        api_hosts: given.api_hosts,
        kubeconfig: given.kubeconfig,
    };
    let cluster = target.cluster(cx).await?;
    let passed = kubernetes::gate(&cluster, target.node(cx), options, &cx.progress).await?;
    Ok(passed.version)
}

#[async_trait]
impl Module for Gate {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let options = given.options()?;
        if cx.check {
            // What the gate waits for was not done.
            let msg = "check mode: nothing was changed, so there is nothing to wait for";
            return Ok(Inspection::Done(Outcome {
                skipped: true,
                result: values([("msg", Value::from(msg))]),
                ..Outcome::default()
            }));
        }
        let version = if given.of_api_server() {
            api_server(cx, given, &options).await?
        } else {
            node(cx, given, &options).await?
        };
        Ok(Inspection::Done(Outcome {
            result: values([("version", Value::from(version))]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed("windlass.gate never changes anything"))
    }
}
