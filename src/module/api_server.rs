//! `windlass.api_server`: waits until the API server of the task's own host serves as it should. It writes a ConfigMap and
//! removes it again; nothing else is changed.

use super::kube_target::{KUBECONFIG, KUBECONFIG_PARAMETER, optional, seconds, values};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, ApiServer, ServerProof};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

static SPEC: Spec = Spec {
    name: "windlass.api_server",
    summary: "wait until the API server of this host is ready, at the wanted version, and takes writes",
    parameters: &[
        optional(
            "address",
            Kind::String,
            "where it listens, seen from its host; default 127.0.0.1",
        ),
        optional(
            "emulated",
            Kind::String,
            "the older version that it must behave as, such as 1.34; empty when it must be none; default not asked",
        ),
        KUBECONFIG_PARAMETER,
        optional(
            "leases",
            Kind::List,
            "leases in kube-system that must be renewed meanwhile; default none",
        ),
        optional(
            "namespace",
            Kind::String,
            "namespace for a write that is read and watched, made and removed; default no write",
        ),
        optional(
            "port",
            Kind::Int,
            "its port; default that of the kubeconfig's server",
        ),
        optional(
            "settle",
            Kind::Int,
            "seconds that it must be ready on end; default 0",
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

/// Seconds to wait without `timeout`.
const TIMEOUT: i64 = 300;

/// The module.
pub(super) struct Server;

#[derive(Deserialize)]
struct Given {
    address: Option<String>,
    emulated: Option<String>,
    kubeconfig: Option<String>,
    #[serde(default)]
    leases: Vec<String>,
    namespace: Option<String>,
    port: Option<u16>,
    settle: Option<i64>,
    timeout: Option<i64>,
    version: Option<String>,
}

/// The API server of the task's own host.
pub(super) fn local(
    cx: &Context,
    kubeconfig: Option<String>,
    address: Option<String>,
    port: Option<u16>,
) -> ApiServer {
    ApiServer {
        host: cx.host.clone(),
        kubeconfig: kubeconfig.unwrap_or_else(|| KUBECONFIG.to_owned()),
        address: address.unwrap_or_else(|| "127.0.0.1".to_owned()),
        port,
    }
}

/// What a gate returns in check mode: what it waits for was not done.
pub(super) fn nothing_to_wait_for() -> Inspection {
    let msg = "check mode: nothing was changed, so there is nothing to wait for";
    Inspection::Done(Outcome {
        skipped: true,
        result: values([("msg", Value::from(msg))]),
        ..Outcome::default()
    })
}

#[async_trait]
impl Module for Server {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let proof = ServerProof {
            server: local(cx, given.kubeconfig, given.address, given.port),
            version: given.version.filter(|version| !version.is_empty()),
            emulated: given.emulated,
            leases: given.leases,
            namespace: given.namespace.unwrap_or_default(),
            timeout: seconds("timeout", given.timeout.unwrap_or(TIMEOUT))?,
            settle: given
                .settle
                .map_or(Ok(Duration::ZERO), |settle| seconds("settle", settle))?,
        };
        if cx.check {
            return Ok(nothing_to_wait_for());
        }
        let served = kubernetes::prove_api_server(&cx.dial, &proof, &cx.progress).await?;
        Ok(Inspection::Done(Outcome {
            result: values([
                ("version", Value::from(served.version)),
                ("emulated", Value::from(served.emulated)),
            ]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.api_server never changes anything",
        ))
    }
}
