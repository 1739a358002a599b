//! `windlass.uncordon`: the node may be scheduled on again, if the cordon was ours. A human's cordon stays.

use super::kube_target::{API_HOSTS, KUBECONFIG_PARAMETER, NODE, Target, values};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, Uncordon as Done};
use crate::playbook::{FreeForm, Spec};
use async_trait::async_trait;
use serde_json::{Map, Value};

static SPEC: Spec = Spec {
    name: "windlass.uncordon",
    summary: "uncordon a Kubernetes node that this or an earlier run cordoned",
    parameters: &[API_HOSTS, KUBECONFIG_PARAMETER, NODE],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct Uncordon;

fn result(node: &str, done: &Done) -> Map<String, Value> {
    let mut result = values([
        ("node", Value::from(node)),
        ("kept", Value::from(done.kept)),
        ("cordoned_by", Value::from(done.cordoned_by.as_str())),
    ]);
    if done.kept {
        let msg = format!("node {node} stays cordoned: windlass did not cordon it");
        result.insert("msg".to_owned(), Value::from(msg));
    }
    result
}

#[async_trait]
impl Module for Uncordon {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let target: Target = params.parse()?;
        let node = target.node(cx);
        let cluster = target.cluster(cx).await?;
        let found = kubernetes::inspect_uncordon(&cluster, node).await?;
        let result = result(node, &found);
        if !found.changed {
            return Ok(Inspection::Done(Outcome {
                result,
                ..Outcome::default()
            }));
        }
        // Nothing to take back: a rollback ends with the node in service, too.
        Ok(Inspection::Change(Change {
            what: format!("uncordon node {node}"),
            result,
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
        let done = kubernetes::uncordon(&cluster, node, None).await?;
        Ok(Outcome {
            changed: done.changed,
            result: result(node, &done),
            ..Outcome::default()
        })
    }
}
