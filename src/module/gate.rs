//! `windlass.gate`: waits until a node, an API server or a cluster is what it should be. Changes nothing that lasts.

use super::kube_target::{
    API_HOSTS, KUBECONFIG, KUBECONFIG_PARAMETER, NODE, Target, healthz, optional, seconds, values,
};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, ApiServer, GateError, GateOptions, NodeChecks};
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
        optional(
            "healthz_port",
            Kind::Int,
            "kind node: where the kubelet answers for its health on its host, if it did before; 0 does not ask; default 10248",
        ),
        Parameter {
            choices: &["node", "api_server", "cluster"],
            ..optional(
                "kind",
                Kind::String,
                "what is looked at: the node; the API server on this very host; or the whole cluster, which must not be \
                 worse than it was when the run first asked; default node",
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
            "program_replaced",
            Kind::Path,
            "kind node: the program that was replaced; told beside `program_started` where the version is wrong",
        ),
        optional(
            "program_started",
            Kind::Path,
            "kind node: the program that the service starts",
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
        optional(
            "test_pod_image",
            Kind::String,
            "kind node: an image that must start there, once all else is well; default none",
        ),
        optional(
            "test_pod_namespace",
            Kind::String,
            "kind node: where the test pod is made; default kube-system",
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
    healthz_port: Option<u16>,
    kind: Option<String>,
    kubeconfig: Option<String>,
    node: Option<String>,
    port: Option<u16>,
    program_replaced: Option<String>,
    program_started: Option<String>,
    settle: Option<i64>,
    since: Option<String>,
    test_pod_image: Option<String>,
    test_pod_namespace: Option<String>,
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

    fn target(&self) -> Result<Target, ModuleError> {
        if self.api_hosts.is_empty() {
            return Err(ModuleError::failed(
                "windlass.gate: missing required parameter `api_hosts`",
            ));
        }
        if self.address.is_some() || self.port.is_some() {
            return Err(ModuleError::failed(
                "`address` and `port` are for kind api_server only",
            ));
        }
        Ok(Target {
            node: self.node.clone(),
            api_hosts: self.api_hosts.clone(),
            kubeconfig: self.kubeconfig.clone(),
        })
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

/// Looks at a node, and in the end has a pod started there where that is asked for.
async fn node(cx: &Context, given: Given, options: &GateOptions) -> Result<String, ModuleError> {
    let target = given.target()?;
    let node = target.node(cx);
    let cluster = target.cluster(cx).await?;
    let baseline = cx.clusters.baseline(&target.api_hosts, target.kubeconfig());
    let before = baseline.node(node);
    let answered = before.as_ref().is_some_and(|before| before.healthz);
    let checks = NodeChecks {
        healthz: healthz(cx, given.healthz_port).filter(|_| answered),
        before,
        programs: given.program_started.zip(given.program_replaced),
    };
    let passed = kubernetes::gate(&cluster, node, options, &checks, &cx.progress).await?;
    if let Some(image) = given.test_pod_image.filter(|image| !image.is_empty()) {
        let namespace = given.test_pod_namespace.as_deref().unwrap_or("kube-system");
        let options = GateOptions {
            timeout: options.timeout,
            ..GateOptions::default()
        };
        kubernetes::test_pod(&cluster, node, &image, namespace, &options, &cx.progress).await?;
    }
    Ok(passed.version)
}

/// Looks at the whole cluster.
async fn cluster(
    cx: &Context,
    given: &Given,
    options: &GateOptions,
) -> Result<String, ModuleError> {
    if given.node.is_some() || options.since.is_some() || options.version.is_some() {
        return Err(ModuleError::failed(
            "`node`, `since` and `version` are not for kind cluster",
        ));
    }
    let target = given.target()?;
    let cluster = target.cluster(cx).await?;
    let baseline = cx.clusters.baseline(&target.api_hosts, target.kubeconfig());
    kubernetes::gate_cluster(&cluster, &baseline, options, &cx.progress).await?;
    Ok(String::new())
}

#[async_trait]
impl Module for Gate {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let options = given.options()?;
        let kind = given.kind.clone().unwrap_or_default();
        if cx.check && kind != "cluster" {
            // What the gate waits for was not done.
            let msg = "check mode: nothing was changed, so there is nothing to wait for";
            return Ok(Inspection::Done(Outcome {
                skipped: true,
                result: values([("msg", Value::from(msg))]),
                ..Outcome::default()
            }));
        }
        let version = match kind.as_str() {
            "api_server" => api_server(cx, given, &options).await?,
            "cluster" => cluster(cx, &given, &options).await?,
            _ => node(cx, given, &options).await?,
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
