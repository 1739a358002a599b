//! The parts of `windlass.preflight` that ask a cluster: `look` its nodes, `cluster` everything else. No host of the play is asked.

use super::hop_versions::{beside, versions_in};
use super::preflight::{distribution, found, rules, version};
use super::{Context, ModuleError, Outcome, Params};
use crate::kubernetes::preflight::{
    Aim, ClusterPlan, Finding, Group, Hosts, KnownHost, PlannedHost, ServerQuery, check_cluster,
    node_states, read_nodes,
};
use crate::kubernetes::rules::Distribution;
use crate::kubernetes::{DrainOptions, Version};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Deserialize)]
struct LookParams {
    #[serde(default)]
    api_hosts: Vec<String>,
    kubeconfig: Option<String>,
}

/// Which nodes the cluster has, and how they stand. That no API server answers is a finding, not a failure.
pub(super) async fn look(cx: &Context, params: &Params) -> Result<Outcome, ModuleError> {
    let given: LookParams = params.parse()?;
    let kubeconfig = given
        .kubeconfig
        .as_deref()
        .unwrap_or(super::kube_target::KUBECONFIG);
    let nodes = async {
        let cluster = cx.clusters.get(&given.api_hosts, kubeconfig).await?;
        read_nodes(&cluster).await
    };
    match nodes.await {
        Ok(nodes) => Ok(found(
            &[],
            json!({"reachable": true, "nodes": node_states(&nodes)}),
        )),
        Err(error) => {
            let finding = Finding::block(
                Group::Api,
                "no-api",
                format!("the cluster does not answer: {error}"),
                "make one of its API servers reachable, or name another way in kube_api_hosts and kube_config",
            );
            Ok(found(&[finding], json!({"reachable": false, "nodes": {}})))
        }
    }
}

#[derive(Deserialize)]
struct ClusterParams {
    #[serde(default)]
    api_hosts: Vec<String>,
    kubeconfig: Option<String>,
    #[serde(default)]
    hosts: BTreeMap<String, PlannedHost>,
    #[serde(default)]
    known: Vec<String>,
    server_address: Option<String>,
    distribution: Option<String>,
    target: Option<String>,
    #[serde(default)]
    via: Vec<String>,
    source: Option<String>,
    strict: Option<bool>,
    drain: Option<DrainParams>,
    at_once: Option<Value>,
    clock_seconds: Option<f64>,
    rules: Option<String>,
}

/// The role `drain`'s own words.
#[derive(Deserialize, Default)]
#[serde(default)]
struct DrainParams {
    timeout: Option<u64>,
    grace_period: Option<i64>,
    pod_selector: String,
    force: Option<bool>,
    delete_emptydir_data: Option<bool>,
    ignore_daemonsets: Option<bool>,
}

impl DrainParams {
    fn options(&self) -> DrainOptions {
        let usual = DrainOptions::default();
        DrainOptions {
            grace_period: self.grace_period.filter(|grace| *grace >= 0),
            timeout: match self.timeout {
                None => usual.timeout,
                Some(0) => None,
                Some(seconds) => Some(Duration::from_secs(seconds)),
            },
            pod_selector: Some(self.pod_selector.clone()).filter(|text| !text.is_empty()),
            delete_emptydir_data: self
                .delete_emptydir_data
                .unwrap_or(usual.delete_emptydir_data),
            force: self.force.unwrap_or(usual.force),
            ignore_daemonsets: self.ignore_daemonsets.unwrap_or(usual.ignore_daemonsets),
            ..usual
        }
    }
}

/// Everything of a cluster that one can see through its API servers.
pub(super) async fn check(cx: &Context, params: &Params) -> Result<Outcome, ModuleError> {
    let given: ClusterParams = params.parse()?;
    if !given.hosts.values().any(|host| host.needed) {
        return Ok(found(&[], json!({})));
    }
    let kubeconfig = given
        .kubeconfig
        .clone()
        .unwrap_or_else(|| super::kube_target::KUBECONFIG.to_owned());
    let cluster = cx.clusters.get(&given.api_hosts, &kubeconfig).await?;
    let plan = plan(cx, &given, kubeconfig)?;
    let findings = Box::pin(check_cluster(&cluster, cx.clusters.dial(), &plan)).await?;
    Ok(found(&findings, json!({})))
}

fn plan(
    cx: &Context,
    given: &ClusterParams,
    kubeconfig: String,
) -> Result<ClusterPlan, ModuleError> {
    let target = version("target", given.target.as_deref())?;
    let via: Result<Vec<Version>, _> = given
        .via
        .iter()
        .map(|text| version("via", Some(text)))
        .collect();
    let mut via = via?;
    if let Some(folder) = given.source.as_deref().and_then(beside) {
        via.extend(versions_in(folder));
    }
    let mut distribution = distribution(given.distribution.as_deref())?;
    if distribution == Distribution::Systemd && given.hosts.values().any(|host| host.kubeadm) {
        distribution = Distribution::Kubeadm;
    }
    let usual = given.server_address.as_deref().unwrap_or("127.0.0.1");
    let servers = given
        .api_hosts
        .iter()
        .map(|host| {
            let own = variable(cx, host, "kube_apiserver_address");
            (host.clone(), own.unwrap_or_else(|| usual.to_owned()))
        })
        .collect();
    let known = given.known.iter().map(|host| {
        let known = KnownHost {
            node: variable(cx, host, "kube_node_name").unwrap_or_else(|| host.clone()),
            address: variable(cx, host, "ip")
                .or_else(|| variable(cx, host, "ansible_host"))
                .unwrap_or_default(),
        };
        (host.clone(), known)
    });
    // An API can go only with a minor version.
    let minor_moves = given.hosts.values().any(|host| {
        let versions = host.versions.values().filter_map(|text| text.parse().ok());
        let mut versions = versions.map(|version: Version| version.minors_to(&target));
        host.needed && host.control_plane && versions.any(|minors| minors != Some(0))
    });
    Ok(ClusterPlan {
        hosts: Hosts {
            planned: given.hosts.clone(),
            known: known.collect(),
        },
        aim: Aim {
            target,
            distribution,
            via,
            strict: given.strict.unwrap_or(true),
        },
        servers: ServerQuery {
            servers,
            kubeconfig,
            metrics: minor_moves,
        },
        drain: given.drain.as_ref().map(DrainParams::options),
        at_once: at_once(
            given.at_once.as_ref(),
            given.hosts.values().filter(|host| host.needed).count(),
        ),
        clock: given.clock_seconds.unwrap_or(2.0),
        run: cx.run.clone(),
        rules: rules(given.rules.as_deref())?,
    })
}

/// A variable of another host, where the inventory has it.
fn variable(cx: &Context, host: &str, name: &str) -> Option<String> {
    let expression = format!(
        "hostvars[{}]['{name}'] | default('', true) | string",
        literal(host)
    );
    match cx.templar.evaluate(&expression, &cx.scope) {
        Ok(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// A text as a literal of an expression.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The largest batch that `serial` makes of so many hosts: a number, a percentage, or a list of them.
fn at_once(serial: Option<&Value>, hosts: usize) -> usize {
    let one = |value: &Value| -> usize {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        match text.strip_suffix('%') {
            Some(percent) => percent
                .parse::<usize>()
                .map_or(hosts, |percent| hosts * percent / 100),
            None => text.parse().unwrap_or(hosts),
        }
        .clamp(1, hosts.max(1))
    };
    match serial {
        None | Some(Value::Null) => 1,
        Some(Value::Array(sizes)) => sizes.iter().map(one).max().unwrap_or(1),
        Some(size) => one(size),
    }
}

#[cfg(test)]
mod tests {
    use super::super::preflight::Preflight;
    use super::*;
    use crate::module::testing::{Host, on_both};

    #[test]
    fn the_largest_batch_is_told_from_serial() {
        for (serial, hosts, expected) in [
            (json!(3), 10, 3),
            (json!("20%"), 10, 2),
            (json!("20%"), 3, 1),
            (json!([1, "10%", "25%"]), 40, 10),
            (json!("100%"), 5, 5),
            (json!(8), 5, 5),
            (json!(null), 5, 1),
        ] {
            assert_eq!(at_once(Some(&serial), hosts), expected, "{serial}");
        }
        assert_eq!(literal(r"a'b\c"), r"'a\'b\\c'");
    }

    #[test]
    fn a_cluster_that_needs_nothing_is_not_asked() {
        on_both(async |host: Host| {
            let params = json!({"part": "cluster", "api_hosts": ["cp1"], "hosts": {"w1": {"needed": false}}});
            let seen = host.done(&Preflight, params).await;
            assert_eq!(seen.result["findings"], json!([]));
            assert_eq!(host.round_trips(), 0);
        });
    }
}
