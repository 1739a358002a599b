//! `windlass.cordon`: nothing new is scheduled on the node. A human's cordon is left as it is.

use super::kube_target::{API_HOSTS, KUBECONFIG_PARAMETER, NODE, Target, values};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, Cordon as Done, Owner, ReleaseKind, ReleaseRecord};
use crate::playbook::{FreeForm, Spec};
use crate::undo::{Entry, Undo};
use async_trait::async_trait;
use serde_json::{Map, Value};

static SPEC: Spec = Spec {
    name: "windlass.cordon",
    summary: "cordon a Kubernetes node and mark the cordon as this run's",
    parameters: &[API_HOSTS, KUBECONFIG_PARAMETER, NODE],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct Cordon;

fn result(node: &str, done: &Done) -> Map<String, Value> {
    values([
        ("node", Value::from(node)),
        ("owner", Value::from(done.owner.name())),
        ("version_before", Value::from(done.version_before.as_str())),
    ])
}

#[async_trait]
impl Module for Cordon {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let target: Target = params.parse()?;
        let node = target.node(cx);
        let cluster = target.cluster(cx).await?;
        let found = kubernetes::inspect_cordon(&cluster, node, &cx.run).await?;
        if !found.changed {
            return Ok(Inspection::Done(Outcome {
                result: result(node, &found),
                ..Outcome::default()
            }));
        }
        let record = ReleaseRecord {
            kind: ReleaseKind::Uncordon,
            node: node.to_owned(),
            hosts: target.api_hosts.clone(),
            kubeconfig: target.kubeconfig().to_owned(),
            version: found.version_before.clone(),
            run: cx.run.clone(),
        };
        let what = match found.owner {
            Owner::TakenOver => format!("take over the cordon of node {node} from an earlier run"),
            Owner::Ours | Owner::Human => format!("cordon node {node}"),
        };
        Ok(Inspection::Change(Change {
            what,
            result: result(node, &found),
            undo: Undo::Entries(vec![Entry::Release(record.to_value())]),
            ..Change::default()
        }))
    }

    async fn apply(
        &self,
        cx: &Context,
        params: &Params,
        _: Change,
    ) -> Result<Outcome, ModuleError> {
        let target: Target = params.parse()?;
        let node = target.node(cx);
        let cluster = target.cluster(cx).await?;
        cx.remote.record().await?;
        let done = kubernetes::cordon(&cluster, node, &cx.run).await?;
        Ok(Outcome {
            changed: done.changed,
            result: result(node, &done),
            ..Outcome::default()
        })
    }
}
