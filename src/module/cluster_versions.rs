//! `windlass.cluster_versions`: what each API server and each kubelet of a cluster runs. Changes nothing.

use super::kube_target::{API_HOSTS, KUBECONFIG, KUBECONFIG_PARAMETER, optional, values};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, ApiServer};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Map, Value};

static SPEC: Spec = Spec {
    name: "windlass.cluster_versions",
    summary: "read the versions that a cluster's API servers and kubelets run",
    parameters: &[
        optional(
            "address",
            Kind::String,
            "where an API server listens, seen from its own host; default 127.0.0.1",
        ),
        API_HOSTS,
        KUBECONFIG_PARAMETER,
        optional(
            "port",
            Kind::Int,
            "the API servers' port; default that of the kubeconfig's server",
        ),
    ],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct ClusterVersions;

#[derive(Deserialize)]
struct Given {
    address: Option<String>,
    api_hosts: Vec<String>,
    kubeconfig: Option<String>,
    port: Option<u16>,
}

#[async_trait]
impl Module for ClusterVersions {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let kubeconfig = given.kubeconfig.as_deref().unwrap_or(KUBECONFIG);
        let asked = given.api_hosts.iter().map(async |host| {
            let server = ApiServer {
                host: host.clone(),
                kubeconfig: kubeconfig.to_owned(),
                address: given
                    .address
                    .clone()
                    .unwrap_or_else(|| "127.0.0.1".to_owned()),
                port: given.port,
            };
            (
                host.clone(),
                kubernetes::api_version(&cx.dial, &server).await,
            )
        });
        let (mut api, mut silent) = (Map::new(), Map::new());
        for (host, answer) in join_all(asked).await {
            match answer {
                Ok(version) => api.insert(host, Value::from(version)),
                Err(error) => silent.insert(host, Value::from(error.to_string())),
            };
        }
        let cluster = cx.clusters.get(&given.api_hosts, kubeconfig).await?;
        let nodes: Map<String, Value> = kubernetes::kubelet_versions(&cluster)
            .await?
            .into_iter()
            .map(|(name, version)| (name, Value::from(version)))
            .collect();
        Ok(Inspection::Done(Outcome {
            result: values([
                ("api_hosts", Value::from(given.api_hosts.clone())),
                ("api", Value::Object(api)),
                ("silent", Value::Object(silent)),
                ("nodes", Value::Object(nodes)),
            ]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.cluster_versions never changes anything",
        ))
    }
}
