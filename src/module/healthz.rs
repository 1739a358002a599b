//! `windlass.healthz`: waits until a controller of the task's host says that it is well. Changes nothing.

use super::api_server::nothing_to_wait_for;
use super::kube_target::{optional, seconds};
use super::parameter::required;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, HealthPort};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use serde::Deserialize;

static SPEC: Spec = Spec {
    name: "windlass.healthz",
    summary: "wait until a service's health port on this host answers; HTTPS, its certificate is not checked",
    parameters: &[
        optional(
            "address",
            Kind::String,
            "where it listens, seen from its host; default 127.0.0.1",
        ),
        optional("path", Kind::String, "what is asked for; default /healthz"),
        required(
            "port",
            Kind::Int,
            "its port, such as 10257 of kube-controller-manager",
        ),
        optional(
            "settle",
            Kind::Int,
            "seconds that it must answer on end; default 0",
        ),
        optional("timeout", Kind::Int, "seconds to wait in all; default 120"),
    ],
    free_form: FreeForm::No,
};

/// Seconds to wait without `timeout`.
const TIMEOUT: i64 = 120;

/// The module.
pub(super) struct Healthz;

#[derive(Deserialize)]
struct Given {
    address: Option<String>,
    path: Option<String>,
    port: u16,
    settle: Option<i64>,
    timeout: Option<i64>,
}

#[async_trait]
impl Module for Healthz {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let at = HealthPort {
            host: cx.host.clone(),
            address: given.address.unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: given.port,
            path: given.path.unwrap_or_else(|| "/healthz".to_owned()),
        };
        let limit = seconds("timeout", given.timeout.unwrap_or(TIMEOUT))?;
        let settle = seconds("settle", given.settle.unwrap_or(0))?;
        if cx.check {
            return Ok(nothing_to_wait_for());
        }
        kubernetes::gate_health(&cx.dial, &at, limit, settle, &cx.progress).await?;
        Ok(Inspection::Done(Outcome::default()))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.healthz never changes anything",
        ))
    }
}
