//! `windlass.kube_node`: what a node is at this moment. Changes nothing.

use super::kube_target::{API_HOSTS, KUBECONFIG_PARAMETER, NODE, Target, values};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes;
use crate::playbook::{FreeForm, Spec};
use async_trait::async_trait;
use serde_json::Value;

static SPEC: Spec = Spec {
    name: "windlass.kube_node",
    summary: "read a Kubernetes node's version, readiness and cordon",
    parameters: &[API_HOSTS, KUBECONFIG_PARAMETER, NODE],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct KubeNode;

#[async_trait]
impl Module for KubeNode {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let target: Target = params.parse()?;
        let cluster = target.cluster(cx).await?;
        let found = kubernetes::overview(&cluster, target.node(cx)).await?;
        Ok(Inspection::Done(Outcome {
            result: values([
                ("exists", Value::from(found.exists)),
                ("version", Value::from(found.version)),
                ("ready", Value::from(found.ready)),
                ("schedulable", Value::from(found.schedulable)),
                ("cordoned_by", Value::from(found.cordoned_by)),
                ("api_version", Value::from(found.api_version)),
            ]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.kube_node never changes anything",
        ))
    }
}
