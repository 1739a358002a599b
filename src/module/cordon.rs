//! `windlass.cordon`: nothing new is scheduled on the node. A human's cordon is left as it is.

use super::kube_target::{API_HOSTS, KUBECONFIG_PARAMETER, NODE, Target, optional, values};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{self, Cordon as Done, Owner, ReleaseKind, ReleaseRecord};
use crate::playbook::{FreeForm, Kind, Spec};
use crate::undo::{Entry, Undo};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::{Instant, sleep};

static SPEC: Spec = Spec {
    name: "windlass.cordon",
    summary: "cordon a Kubernetes node and mark the cordon as this run's",
    parameters: &[
        optional(
            "allow_not_ready",
            Kind::Bool,
            "cordon a node that is not ready instead of failing; default no",
        ),
        API_HOSTS,
        KUBECONFIG_PARAMETER,
        NODE,
        optional(
            "take_over",
            Kind::Bool,
            "make a cordon of somebody else this run's own, so that it ends with it; default no",
        ),
    ],
    free_form: FreeForm::No,
};

/// How long a node that is not ready gets to be it: one whose kubelet has just started needs a moment.
const READY_WAIT: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const POLL: Duration = Duration::from_millis(250);

/// The module.
pub(super) struct Cordon;

#[derive(Deserialize)]
struct Given {
    allow_not_ready: Option<bool>,
    api_hosts: Vec<String>,
    kubeconfig: Option<String>,
    node: Option<String>,
    take_over: Option<bool>,
}

impl Given {
    /// The target, whether a human's cordon is taken over, and whether a node may be not ready.
    fn split(self) -> (Target, bool, bool) {
        let target = Target {
            node: self.node,
            api_hosts: self.api_hosts,
            kubeconfig: self.kubeconfig,
        };
        let (take_over, allowed) = (self.take_over, self.allow_not_ready);
        (target, take_over.unwrap_or(false), allowed.unwrap_or(false))
    }
}

/// Refuses a node that is best left alone.
fn check(node: &str, found: &Done, allow_not_ready: bool) -> Result<(), ModuleError> {
    if found.leaving {
        return Err(ModuleError::failed(format!(
            "node {node} is about to be removed by the cluster autoscaler"
        )));
    }
    // A node of an earlier run of ours may be down because of it; whether pods are left on it, the drain finds out.
    let resumed = found.owner == Owner::TakenOver;
    match &found.not_ready {
        Some(why) if !allow_not_ready && !resumed => Err(ModuleError::failed(format!(
            "node {node} is not ready before anything was done to it ({why}); \
             drain_allow_not_ready upgrades it without a drain"
        ))),
        _ => Ok(()),
    }
}

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
        let (target, take_over, allow_not_ready) = params.parse::<Given>()?.split();
        let node = target.node(cx);
        let cluster = target.cluster(cx).await?;
        let mut found = kubernetes::inspect_cordon(&cluster, node, &cx.run, take_over).await?;
        let until = Instant::now() + READY_WAIT;
        while let Err(error) = check(node, &found, allow_not_ready) {
            if found.leaving || Instant::now() >= until {
                return Err(error);
            }
            sleep(POLL).await;
            found = kubernetes::inspect_cordon(&cluster, node, &cx.run, take_over).await?;
        }
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
            Owner::TakenOver => format!("take over the cordon of node {node}"),
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
        let (target, take_over, _) = params.parse::<Given>()?.split();
        let node = target.node(cx);
        let cluster = target.cluster(cx).await?;
        cx.remote.record().await?;
        let done = kubernetes::cordon(&cluster, node, &cx.run, take_over).await?;
        Ok(Outcome {
            changed: done.changed,
            result: result(node, &done),
            ..Outcome::default()
        })
    }
}
