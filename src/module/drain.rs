//! `windlass.drain`: evicts the pods of a cordoned node through the API, budgets respected.

use super::kube_target::{
    API_HOSTS, KUBECONFIG_PARAMETER, NODE, Target, optional, seconds, values,
};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, DrainError, DrainOptions, PodKey};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

static SPEC: Spec = Spec {
    name: "windlass.drain",
    summary: "evict the pods of a cordoned Kubernetes node and wait until they are gone",
    parameters: &[
        API_HOSTS,
        optional(
            "delete_emptydir_data",
            Kind::Bool,
            "evict pods whose emptyDir data is lost then; default yes",
        ),
        optional(
            "detach_timeout",
            Kind::Int,
            "seconds to wait for volumes to detach once the pods are gone; default 60",
        ),
        optional(
            "force",
            Kind::Bool,
            "evict pods that no controller makes anew; default yes",
        ),
        optional(
            "grace_period",
            Kind::Int,
            "seconds that each pod gets to end; -1, the default, is each pod's own",
        ),
        optional(
            "ignore_daemonsets",
            Kind::Bool,
            "leave DaemonSet pods in place; default yes",
        ),
        KUBECONFIG_PARAMETER,
        NODE,
        optional(
            "pod_selector",
            Kind::String,
            "only pods that this label selector chooses; default all",
        ),
        optional(
            "pod_timeout",
            Kind::Int,
            "seconds for one pod; default the whole drain's",
        ),
        optional(
            "timeout",
            Kind::Int,
            "seconds for the whole drain; 0 is without end; default 360",
        ),
    ],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct Drain;

#[derive(Deserialize)]
struct Given {
    node: Option<String>,
    api_hosts: Vec<String>,
    kubeconfig: Option<String>,
    delete_emptydir_data: Option<bool>,
    detach_timeout: Option<i64>,
    force: Option<bool>,
    grace_period: Option<i64>,
    ignore_daemonsets: Option<bool>,
    pod_selector: Option<String>,
    pod_timeout: Option<i64>,
    timeout: Option<i64>,
}

impl Given {
    fn split(self) -> Result<(Target, DrainOptions), ModuleError> {
        let usual = DrainOptions::default();
        let options = DrainOptions {
            grace_period: self.grace_period.filter(|grace| *grace >= 0),
            timeout: match self.timeout {
                None => usual.timeout,
                Some(0) => None,
                Some(given) => Some(seconds("timeout", given)?),
            },
            pod_timeout: self
                .pod_timeout
                .map(|given| seconds("pod_timeout", given))
                .transpose()?,
            pod_selector: self.pod_selector.filter(|selector| !selector.is_empty()),
            delete_emptydir_data: self
                .delete_emptydir_data
                .unwrap_or(usual.delete_emptydir_data),
            force: self.force.unwrap_or(usual.force),
            ignore_daemonsets: self.ignore_daemonsets.unwrap_or(usual.ignore_daemonsets),
            detach_timeout: self
                .detach_timeout
                .map_or(Ok(usual.detach_timeout), |given| {
                    seconds("detach_timeout", given)
                })?,
        };
        let target = Target {
            node: self.node,
            api_hosts: self.api_hosts,
            kubeconfig: self.kubeconfig,
        };
        Ok((target, options))
    }
}

fn names(pods: &[PodKey]) -> Value {
    pods.iter().map(ToString::to_string).collect()
}

fn skipped(pods: &[(PodKey, &'static str)]) -> Value {
    pods.iter()
        .map(|(pod, why)| json!({"pod": pod.to_string(), "reason": why}))
        .collect()
}

impl From<DrainError> for ModuleError {
    fn from(error: DrainError) -> Self {
        Self::failed(error.to_string())
    }
}

#[async_trait]
impl Module for Drain {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let (target, options) = params.parse::<Given>()?.split()?;
        let node = target.node(cx);
        let cluster = target.cluster(cx).await?;
        let plan = kubernetes::plan_drain(&cluster, node, &options).await?;
        plan.allowed()?;
        let result = values([
            ("node", Value::from(node)),
            ("pods", names(&plan.evict)),
            ("skipped", skipped(&plan.skip)),
        ]);
        if plan.evict.is_empty() {
            return Ok(Inspection::Done(Outcome {
                result,
                ..Outcome::default()
            }));
        }
        let longest = options.grace_period.unwrap_or(plan.longest_grace);
        if let (Some(limit), Ok(longest)) = (options.timeout, u64::try_from(longest))
            && limit.as_secs() < longest
        {
            (cx.progress)(format!(
                "the drain's limit of {} s is shorter than the {longest} s that a pod may take to end",
                limit.as_secs()
            ));
        }
        // Evicted pods run elsewhere by then; there is nothing to take back but the cordon, which is not ours to undo here.
        Ok(Inspection::Change(Change {
            what: format!("evict {} pods from node {node}", plan.evict.len()),
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
        let (target, options) = params.parse::<Given>()?.split()?;
        let node = target.node(cx);
        let cluster = target.cluster(cx).await?;
        let done = kubernetes::drain(&cluster, node, &options, &cx.progress).await?;
        Ok(Outcome {
            changed: !done.evicted.is_empty(),
            result: values([
                ("node", Value::from(node)),
                ("pods", names(&done.evicted)),
                ("skipped", skipped(&done.skipped)),
                ("attached_volumes", Value::from(done.attached)),
            ]),
            ..Outcome::default()
        })
    }
}
