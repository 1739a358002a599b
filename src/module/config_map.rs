//! `windlass.config_map`: reads a ConfigMap of the cluster, so that a copy of it can be kept. Changes nothing.

use super::kube_target::{API_HOSTS, KUBECONFIG, KUBECONFIG_PARAMETER, optional, values};
use super::parameter::required;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes;
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

static SPEC: Spec = Spec {
    name: "windlass.config_map",
    summary: "read a ConfigMap of a Kubernetes cluster",
    parameters: &[
        API_HOSTS,
        KUBECONFIG_PARAMETER,
        required("name", Kind::String, "its name"),
        optional(
            "namespace",
            Kind::String,
            "its namespace; default kube-system",
        ),
    ],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct ConfigMap;

#[derive(Deserialize)]
struct Given {
    api_hosts: Vec<String>,
    kubeconfig: Option<String>,
    name: String,
    namespace: Option<String>,
}

#[async_trait]
impl Module for ConfigMap {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let kubeconfig = given.kubeconfig.as_deref().unwrap_or(KUBECONFIG);
        let cluster = cx.clusters.get(&given.api_hosts, kubeconfig).await?;
        let namespace = given.namespace.as_deref().unwrap_or("kube-system");
        let found = kubernetes::config_map(&cluster, namespace, &given.name).await?;
        Ok(Inspection::Done(Outcome {
            result: values([
                ("exists", Value::from(found.is_some())),
                ("object", found.unwrap_or_default()),
            ]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.config_map never changes anything",
        ))
    }
}
