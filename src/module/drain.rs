//! `windlass.drain`: evicts the pods of a cordoned node through the API, budgets respected.

use super::kube_target::{
    API_HOSTS, KUBECONFIG_PARAMETER, NODE, Target, optional, seconds, values,
};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, DrainError, DrainOptions, DrainPlan, OnTimeout, PodKey};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

static SPEC: Spec = Spec {
    name: "windlass.drain",
    summary: "evict the pods of a cordoned Kubernetes node and wait until they are gone",
    parameters: &[
        optional(
            "allow_not_ready",
            Kind::Bool,
            "leave a node that is not ready undrained instead of failing; default no",
        ),
        API_HOSTS,
        optional(
            "delete_emptydir_data",
            Kind::Bool,
            "evict pods whose emptyDir data is lost then; default yes",
        ),
        optional(
            "delete_namespaces",
            Kind::List,
            "namespaces in which `on_timeout: delete` may delete pods",
        ),
        optional(
            "detach_timeout",
            Kind::Int,
            "seconds to wait for volumes to detach once the pods are gone; default 60",
        ),
        optional(
            "disable_eviction",
            Kind::Bool,
            "delete pods at once, past all disruption budgets; default no",
        ),
        optional(
            "force",
            Kind::Bool,
            "evict pods that no controller makes anew; default yes",
        ),
        optional(
            "grace_period",
            Kind::Int,
            "the most seconds that a pod gets to end; -1, the default, is each pod's own time",
        ),
        optional(
            "ignore_daemonsets",
            Kind::Bool,
            "leave DaemonSet pods in place; default yes",
        ),
        optional(
            "job_wait",
            Kind::Int,
            "seconds that pods of Jobs get to finish before they are evicted; default 0",
        ),
        KUBECONFIG_PARAMETER,
        NODE,
        Parameter {
            choices: &["fail", "skip", "delete_unready", "delete"],
            ..optional(
                "on_timeout",
                Kind::String,
                "what becomes of pods when time is over; `skip` fails like `fail`, and says so in `skip_host`",
            )
        },
        optional(
            "pod_selector",
            Kind::String,
            "only pods that this label selector chooses; default all",
        ),
        optional(
            "pod_timeout",
            Kind::Int,
            "seconds for one pod; 0, the default, is the whole drain's",
        ),
        optional(
            "timeout",
            Kind::Int,
            "seconds for the whole drain; 0 is without end; default 360",
        ),
        optional(
            "wait_for_replacement",
            Kind::Bool,
            "wait for each pod's replacement to be ready elsewhere before its owner's next pod goes; default no",
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
    allow_not_ready: Option<bool>,
    delete_emptydir_data: Option<bool>,
    #[serde(default)]
    delete_namespaces: Vec<String>,
    detach_timeout: Option<i64>,
    disable_eviction: Option<bool>,
    force: Option<bool>,
    grace_period: Option<i64>,
    ignore_daemonsets: Option<bool>,
    job_wait: Option<i64>,
    on_timeout: Option<String>,
    pod_selector: Option<String>,
    pod_timeout: Option<i64>,
    timeout: Option<i64>,
    wait_for_replacement: Option<bool>,
}

/// What a task asks for.
struct Wish {
    target: Target,
    options: DrainOptions,
    /// Whether a node whose time is over is to be left out, rather than to fail.
    skip: bool,
}

impl Given {
    fn wish(self) -> Result<Wish, ModuleError> {
        let usual = DrainOptions::default();
        let within = |name: &str, given: Option<i64>, or: Duration| {
            given.map_or(Ok(or), |given| seconds(name, given))
        };
        let namespaces: Vec<String> = self
            .delete_namespaces
            .into_iter()
            .filter(|name| !name.is_empty())
            .collect();
        let on_timeout = match self.on_timeout.as_deref() {
            Some("delete") if namespaces.is_empty() => {
                return Err(ModuleError::failed(
                    "drain_on_timeout is delete, so drain_delete_namespaces must name the namespaces in which pods may be deleted",
                ));
            }
            Some("delete") => OnTimeout::Delete,
            Some("delete_unready") => OnTimeout::DeleteUnready,
            _ => OnTimeout::Fail,
        };
        let options = DrainOptions {
            grace_period: self.grace_period.filter(|grace| *grace >= 0),
            timeout: match self.timeout {
                Some(0) => None,
                given => Some(within("timeout", given, usual.timeout.unwrap_or_default())?),
            },
            pod_timeout: match self.pod_timeout {
                None | Some(0) => None,
                Some(given) => Some(seconds("pod_timeout", given)?),
            },
            pod_selector: self.pod_selector.filter(|selector| !selector.is_empty()),
            delete_emptydir_data: self
                .delete_emptydir_data
                .unwrap_or(usual.delete_emptydir_data),
            force: self.force.unwrap_or(usual.force),
            ignore_daemonsets: self.ignore_daemonsets.unwrap_or(usual.ignore_daemonsets),
            detach_timeout: within("detach_timeout", self.detach_timeout, usual.detach_timeout)?,
            on_timeout,
            delete_namespaces: namespaces,
            disable_eviction: self.disable_eviction.unwrap_or_default(),
            wait_for_replacement: self.wait_for_replacement.unwrap_or_default(),
            job_wait: within("job_wait", self.job_wait, usual.job_wait)?,
            allow_not_ready: self.allow_not_ready.unwrap_or_default(),
        };
        Ok(Wish {
            target: Target {
                node: self.node,
                api_hosts: self.api_hosts,
                kubeconfig: self.kubeconfig,
            },
            options,
            skip: self.on_timeout.as_deref() == Some("skip"),
        })
    }
}

impl Wish {
    /// A failure, with what a playbook decides by: whether to try again, and whether to leave the host out.
    fn failure(&self, error: &DrainError) -> ModuleError {
        ModuleError::Failed {
            message: error.to_string(),
            result: values([
                ("retry", Value::from(error.may_pass())),
                ("skip_host", Value::from(self.skip && error.is_timeout())),
            ]),
        }
    }
}

/// Says what takes longer than it may.
fn warn_of_limits(cx: &Context, options: &DrainOptions, plan: &DrainPlan) {
    let longest = options
        .grace_period
        .map_or(plan.longest_grace, |cap| cap.min(plan.longest_grace));
    if let (Some(limit), Ok(longest)) = (options.timeout, u64::try_from(longest))
        && limit.as_secs() < longest
    {
        (cx.progress)(format!(
            "the drain's limit of {} s is shorter than the {longest} s that a pod may take to end",
            limit.as_secs()
        ));
    }
}

fn names(pods: &[PodKey]) -> Value {
    pods.iter().map(ToString::to_string).collect()
}

fn staying(pods: &[(PodKey, &'static str)]) -> Value {
    pods.iter()
        .map(|(pod, why)| json!({"pod": pod.to_string(), "reason": why}))
        .collect()
}

#[async_trait]
impl Module for Drain {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let wish = params.parse::<Given>()?.wish()?;
        let (node, options) = (wish.target.node(cx), &wish.options);
        let cluster = wish.target.cluster(cx).await?;
        let plan = kubernetes::plan_drain(&cluster, node, options).await?;
        plan.allowed()
            .and_then(|()| plan.possible(options))
            .map_err(|error| wish.failure(&error))?;
        let mut result = values([
            ("node", Value::from(node)),
            ("pods", names(&plan.evict)),
            ("staying", staying(&plan.skip)),
        ]);
        if plan.is_given_up(options) || plan.evict.is_empty() {
            if !plan.is_given_up(options) && !cx.check {
                // Nothing is to go, but volumes of pods that went in an earlier run may still be attached.
                let done = kubernetes::drain(&cluster, node, options, &cx.progress).await;
                let done = done.map_err(|error| wish.failure(&error))?;
                result.insert("attached_volumes".to_owned(), done.attached.into());
            }
            if plan.is_given_up(options) {
                let why = plan.not_ready.unwrap_or_default();
                let msg = format!(
                    "node {node} is not ready ({why}), so it is not drained; pods that the cluster still counts here \
                     move only once the node is back, is deleted, or has the taint node.kubernetes.io/out-of-service"
                );
                result.insert("msg".to_owned(), Value::from(msg));
            }
            return Ok(Inspection::Done(Outcome {
                result,
                ..Outcome::default()
            }));
        }
        warn_of_limits(cx, options, &plan);
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
        let wish = params.parse::<Given>()?.wish()?;
        let node = wish.target.node(cx);
        let cluster = wish.target.cluster(cx).await?;
        let done = kubernetes::drain(&cluster, node, &wish.options, &cx.progress)
            .await
            .map_err(|error| wish.failure(&error))?;
        let deleted: Value = done
            .deleted
            .iter()
            .map(|(pod, budgets)| json!({"pod": pod.to_string(), "budgets": budgets}))
            .collect();
        Ok(Outcome {
            changed: !done.evicted.is_empty(),
            result: values([
                ("node", Value::from(node)),
                ("pods", names(&done.evicted)),
                ("staying", staying(&done.skipped)),
                ("deleted", deleted),
                ("attached_volumes", Value::from(done.attached)),
            ]),
            ..Outcome::default()
        })
    }
}
