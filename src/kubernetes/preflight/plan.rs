//! The checks of a cluster, in their order: reads, then judges.

use super::api::{self, ServerQuery, ask_servers};
use super::drains::drains;
use super::members::{self, Hosts};
use super::read::{dry_run_pod, read_cluster};
use super::skew::{Aim, versions};
use super::{Finding, Group, objects};
use crate::kubernetes::rules::Rules;
use crate::kubernetes::{Cluster, ClusterError, Dial, DrainOptions};
use k8s_openapi::api::core::v1::Node;
use std::sync::Arc;

/// What is planned for a cluster.
pub struct ClusterPlan {
    /// Its hosts.
    pub hosts: Hosts,
    /// Where they go.
    pub aim: Aim,
    /// Its API servers.
    pub servers: ServerQuery,
    /// How nodes are drained; `None` when they are not.
    pub drain: Option<DrainOptions>,
    /// How many nodes are drained at once.
    pub at_once: usize,
    /// Seconds that the clocks of control planes may be apart.
    pub clock: f64,
    /// The run's own id, whose cordons are its own.
    pub run: String,
    /// The rules of versions.
    pub rules: Rules,
}

/// All checks of a cluster of which at least one host is to be upgraded.
pub async fn check_cluster(
    cluster: &Cluster,
    dial: &Arc<dyn Dial>,
    plan: &ClusterPlan,
    nodes: Vec<Node>,
) -> Result<Vec<Finding>, ClusterError> {
    let selector = plan
        .drain
        .as_ref()
        .and_then(|options| options.pod_selector.as_deref());
    let (servers, sight, refused) = futures::join!(
        ask_servers(dial, &plan.servers),
        read_cluster(cluster, nodes, selector),
        dry_run_pod(cluster),
    );
    let sight = sight?;
    let hosts = &plan.hosts;
    let nodes = &sight.drain.nodes;
    let mut findings = members::inventory(hosts, nodes);
    findings.extend(members::nodes(hosts, nodes, &plan.run));
    findings.extend(members::clocks(hosts, plan.clock));
    findings.extend(versions(&plan.rules, &plan.aim, hosts, nodes, &servers));
    findings.extend(api::servers(hosts, &servers));
    findings.extend(api::controllers(&sight.leases));
    let target = &plan.aim.target;
    findings.extend(api::removed_apis(&servers, (target.major, target.minor)));
    findings.extend(objects::extensions(&sight.extensions));
    if let Some(options) = &plan.drain {
        findings.extend(drains(
            &sight.drain,
            &hosts.needed_nodes(),
            options,
            plan.at_once,
        ));
    }
    findings.extend(k3s_members(nodes));
    findings.extend(refused);
    Ok(findings)
}

/// The members of k3s' embedded etcd, as k3s marks them on the nodes.
fn k3s_members(nodes: &[Node]) -> Vec<Finding> {
    let members: Vec<&Node> = nodes
        .iter()
        .filter(|node| {
            let labels = node.metadata.labels.as_ref();
            labels.is_some_and(|all| all.contains_key("node-role.kubernetes.io/etcd"))
        })
        .collect();
    let mut findings = Vec::new();
    for node in &members {
        let conditions = node
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_deref());
        let voter = conditions
            .unwrap_or_default()
            .iter()
            .find(|condition| condition.type_ == "EtcdIsVoter");
        if let Some(condition) = voter.filter(|condition| condition.status != "True") {
            let why = condition.message.as_deref().unwrap_or("it does not vote");
            findings.push(
                Finding::block(
                    Group::Etcd,
                    "learner",
                    format!("its etcd is no voting member: {why}"),
                    "wait until k3s has promoted it",
                )
                .on(node.metadata.name.clone().unwrap_or_default()),
            );
        }
    }
    if members.len() == 2 {
        findings.push(Finding::block(
            Group::Etcd,
            "two-members",
            "etcd has 2 members: it stops as soon as either of them is down",
            "add a third server, or remove one",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::members::tests::node;
    use super::*;
    use serde_json::{Value, json};

    /// Scenario 28, on k3s.
    #[test]
    fn members_of_k3s_are_known_by_their_nodes() {
        let member = |name: &str, more: &Value| {
            let mut change =
                json!({"metadata": {"labels": {"node-role.kubernetes.io/etcd": "true"}}});
            crate::kubernetes::kubectl::merge(&mut change, more);
            node(name, "", "", &change)
        };
        let voter = |status: &str| json!({"status": {"conditions": [{"type": "EtcdIsVoter", "status": status}]}});
        let ids = |nodes: &[Node]| -> Vec<String> {
            k3s_members(nodes).into_iter().map(|each| each.id).collect()
        };
        let three = [
            member("s1", &voter("True")),
            member("s2", &voter("True")),
            member("s3", &voter("False")),
        ];
        assert_eq!(ids(&three), ["learner"]);
        assert_eq!(ids(&three[..2]), ["two-members"]);
        assert_eq!(ids(&three[..1]), Vec::<String>::new());
        assert_eq!(ids(&[node("w", "", "", &json!({}))]), Vec::<String>::new());
    }
}
