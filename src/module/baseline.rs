//! `windlass.baseline`: notes how a cluster and a node are before they are touched. Changes nothing.

use super::kube_target::{
    API_HOSTS, KUBECONFIG_PARAMETER, NODE, Target, healthz, optional, values,
};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

static SPEC: Spec = Spec {
    name: "windlass.baseline",
    summary: "note how a Kubernetes cluster and a node are before a change, for later gates of the same run",
    parameters: &[
        API_HOSTS,
        optional(
            "healthz_port",
            Kind::Int,
            "where the kubelet answers for its health on its host; 0 does not ask; default 10248",
        ),
        KUBECONFIG_PARAMETER,
        NODE,
    ],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct Baseline;

#[derive(Deserialize)]
struct Given {
    api_hosts: Vec<String>,
    healthz_port: Option<u16>,
    kubeconfig: Option<String>,
    node: Option<String>,
}

#[async_trait]
impl Module for Baseline {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let healthz = healthz(cx, given.healthz_port);
        let target = Target {
            node: given.node,
            api_hosts: given.api_hosts,
            kubeconfig: given.kubeconfig,
        };
        let cluster = target.cluster(cx).await?;
        let baseline = cx.clusters.baseline(&target.api_hosts, target.kubeconfig());
        let health = baseline.take(&cluster).await?;
        let node = target.node(cx);
        let before = baseline.take_node(&cluster, node, healthz.as_ref()).await?;
        Ok(Inspection::Done(Outcome {
            result: values([
                ("node", Value::from(node)),
                ("ready_nodes", Value::from(health.ready_nodes)),
                ("unhealthy", Value::from(health.unhealthy())),
                ("drivers", Value::from(before.drivers.clone())),
                ("healthz", Value::from(before.healthz)),
            ]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.baseline never changes anything",
        ))
    }
}
