//! Versions now and at the end of the plan, held against the rules. Pure.

use super::api::ServerAnswer;
use super::members::Hosts;
use super::{Finding, Group};
use crate::kubernetes::cordon::kubelet_version;
use crate::kubernetes::rules::{
    Component, Distribution, Fact, HostFacts as FloorFacts, Member, Rules, State,
};
use crate::kubernetes::{ClusterError, Version};
use k8s_openapi::api::core::v1::Node;
use std::collections::BTreeMap;

/// Where the plan goes.
#[derive(Debug, Clone)]
pub struct Aim {
    /// The version that hosts of the plan end at.
    pub target: Version,
    /// How the cluster was put together.
    pub distribution: Distribution,
    /// Versions that the user has binaries of, for the hops in between.
    pub via: Vec<Version>,
    /// Whether a plan that ends in a state that the rules forbid is blocked; else it is warned of.
    pub strict: bool,
}

/// What the versions say.
pub(super) fn versions(
    rules: &Rules,
    aim: &Aim,
    hosts: &Hosts,
    nodes: &[Node],
    servers: &BTreeMap<String, Result<ServerAnswer, ClusterError>>,
) -> Vec<Finding> {
    let now = state(aim, hosts, nodes, servers);
    let mut findings = path(rules, aim, hosts, &now);
    let mut end = now.clone();
    for host in hosts.planned.values().filter(|host| host.needed) {
        for member in end
            .members
            .iter_mut()
            .filter(|member| member.host == host.node)
        {
            member.version = aim.target.clone();
        }
    }
    let before = rules.violations(&now);
    for broken in &before {
        findings.push(Finding::warn(
            Group::Versions,
            "skew-now",
            format!("{} ({})", broken.what, broken.rule),
            "the versions that run do not belong together already; upgrade what is behind first",
        ));
    }
    for broken in rules.violations(&end) {
        if before
            .iter()
            .any(|known| known.rule == broken.rule && known.hosts == broken.hosts)
        {
            continue;
        }
        findings.push(
            Finding::block(
                Group::Versions,
                "skew",
                format!("at the end {} ({})", broken.what, broken.rule),
                "upgrade the control planes first: leave --limit away, or take them into it",
            )
            .blocking(aim.strict),
        );
    }
    findings.extend(containerd(rules, aim, hosts, nodes));
    findings
}

/// The components that run, by the names of their nodes.
fn state(
    aim: &Aim,
    hosts: &Hosts,
    nodes: &[Node],
    servers: &BTreeMap<String, Result<ServerAnswer, ClusterError>>,
) -> State {
    let k3s = aim.distribution == Distribution::K3s;
    let mut state = State::default();
    for node in nodes {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let component = match (k3s, is_control_plane(node)) {
            (false, _) => Component::Kubelet,
            (true, true) => Component::K3sServer,
            (true, false) => Component::K3sAgent,
        };
        if let Ok(version) = kubelet_version(node).parse() {
            state.members.push(Member::new(name, component, version));
        }
    }
    if k3s {
        return state;
    }
    for (host, answer) in servers {
        let Ok(answer) = answer else { continue };
        if let Ok(version) = answer.version.parse() {
            let name = hosts.node_of(host);
            state
                .members
                .push(Member::new(name, Component::ApiServer, version));
        }
    }
    for host in hosts.planned.values() {
        for component in [Component::ControllerManager, Component::Scheduler] {
            let version = host.versions.get(component.name());
            if let Some(Ok(version)) = version.map(|text| text.parse()) {
                let local = aim.distribution == Distribution::Kubeadm;
                state.members.push(Member {
                    local,
                    ..Member::new(host.node.as_str(), component, version)
                });
            }
        }
    }
    state
}

fn is_control_plane(node: &Node) -> bool {
    node.metadata
        .labels
        .as_ref()
        .is_some_and(|labels| labels.contains_key("node-role.kubernetes.io/control-plane"))
}

/// Whether there is a way from what runs to the target.
fn path(rules: &Rules, aim: &Aim, hosts: &Hosts, now: &State) -> Vec<Finding> {
    let of = |wanted: fn(Component) -> bool, planned: bool| -> Vec<(String, Version)> {
        let needed = hosts.needed_nodes();
        now.members
            .iter()
            .filter(|member| wanted(member.component))
            .filter(|member| !planned || needed.contains(member.host.as_str()))
            .map(|member| (member.host.clone(), member.version.clone()))
            .collect()
    };
    let only = |found: Vec<(String, Version)>| -> Vec<Version> {
        found.into_iter().map(|(_, version)| version).collect()
    };
    if hosts.control_plane_needed() {
        let from = only(of(Component::serves_api, false));
        if from.is_empty() {
            // That no API server answers is said elsewhere.
            return Vec::new();
        }
        let kubelets = only(of(|it| it.runs_pods() && it != Component::K3sServer, true));
        return match rules.path(&from, &aim.target, &kubelets, &aim.via) {
            Ok(_) => Vec::new(),
            Err(refusal) => vec![Finding::block(
                Group::Versions,
                "no-path",
                refusal.to_string(),
                refusal.hint(),
            )],
        };
    }
    of(Component::runs_pods, true)
        .into_iter()
        .filter(|(_, version)| *version > aim.target)
        .map(|(host, version)| {
            Finding::block(
                Group::Versions,
                "downgrade",
                format!("the kubelet is at {version}, above {}", aim.target),
                "going back is windlass rollback; else set the version to one that is not older",
            )
            .on(host)
        })
        .collect()
}

/// The container runtime's floor, from what the nodes report. k3s brings its own.
fn containerd(rules: &Rules, aim: &Aim, hosts: &Hosts, nodes: &[Node]) -> Vec<Finding> {
    let needed = hosts.needed_nodes();
    let mut findings = Vec::new();
    for node in nodes {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let runtime = node
            .status
            .as_ref()
            .and_then(|status| status.node_info.as_ref())
            .map_or("", |info| info.container_runtime_version.as_str());
        let Some(version) = runtime
            .strip_prefix("containerd://")
            .filter(|_| needed.contains(name))
        else {
            continue;
        };
        let facts = FloorFacts {
            etcd: Fact::Absent,
            containerd: Fact::Known(version.to_owned()),
            cgroup: Fact::Absent,
            ..FloorFacts::new(aim.distribution)
        };
        findings.extend(floors(rules, &aim.target, &facts, Group::Runtime).map(|it| it.on(name)));
    }
    findings
}

/// The floors that are surely not met.
pub(super) fn floors(
    rules: &Rules,
    target: &Version,
    facts: &FloorFacts,
    group: Group,
) -> impl Iterator<Item = Finding> {
    rules
        .floors(target, facts)
        .into_iter()
        .filter(|found| found.known)
        .map(move |found| Finding::block(group, &found.rule, found.what, found.says))
}

/// The floor of etcd, where the target brings a newer one.
pub fn etcd_floor<'a>(
    rules: &Rules,
    aim: &Aim,
    versions: impl IntoIterator<Item = &'a str>,
    moves: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for version in versions {
        let facts = FloorFacts {
            etcd: Fact::Known(version.to_owned()),
            containerd: Fact::Absent,
            cgroup: Fact::Absent,
            // An etcd of one's own does not move with Kubernetes; where it does, it goes the way of kubeadm's.
            ..FloorFacts::new(if moves && aim.distribution == Distribution::Systemd {
                Distribution::Kubeadm
            } else {
                aim.distribution
            })
        };
        findings.extend(floors(rules, &aim.target, &facts, Group::Etcd));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::members::tests::{host, node};
    use super::*;
    use serde_json::json;

    fn aim(target: &str) -> Aim {
        Aim {
            target: target.parse().unwrap(),
            distribution: Distribution::Systemd,
            via: Vec::new(),
            strict: true,
        }
    }

    /// A control plane and a worker, each with a kubelet's version and whether it is upgraded; the API server's version.
    fn found(target: &str, api: &str, control: (&str, bool), worker: (&str, bool)) -> Vec<String> {
        let rules = Rules::load(None).unwrap();
        let mut hosts = Hosts::default();
        let mut nodes = Vec::new();
        for (name, (version, needed)) in [("cp", control), ("w", worker)] {
            let info = json!({"status": {"nodeInfo": {"kubeletVersion": version}}});
            nodes.push(node(name, name, "", &info));
            let mut planned = host(name, name, "");
            planned.needed = needed;
            planned.control_plane = name == "cp";
            hosts.planned.insert(name.to_owned(), planned);
        }
        let answer = ServerAnswer {
            version: api.to_owned(),
            ..ServerAnswer::default()
        };
        let servers = [("cp".to_owned(), Ok(answer))].into();
        let findings = versions(&rules, &aim(target), &hosts, &nodes, &servers);
        findings.into_iter().map(|each| each.id).collect()
    }

    /// Its version, and whether it is upgraded.
    type Kubelet = (&'static str, bool);

    #[test]
    fn the_plan_must_begin_lead_and_end_in_states_that_the_rules_allow() {
        let old = "v1.34.3";
        let cases: [(&str, &str, Kubelet, Kubelet, &[&str]); 8] = [
            ("v1.35.1", old, (old, true), (old, true), &[]),
            ("v1.35.1", old, (old, true), (old, false), &[]),
            // A worker alone would be ahead of its API server.
            ("v1.35.1", old, (old, false), (old, true), &["skew"]),
            ("v1.35.1", "v1.35.1", ("v1.35.1", false), (old, true), &[]),
            ("v1.36.1", old, (old, true), (old, true), &["no-path"]),
            ("v1.34.1", old, (old, true), (old, true), &["no-path"]),
            ("v1.34.1", old, (old, false), (old, true), &["downgrade"]),
            ("v1.35.1", old, (old, true), ("v1.31.0", false), &["skew"]),
        ];
        for (target, api, control, worker, expected) in cases {
            assert_eq!(
                found(target, api, control, worker),
                expected,
                "{target} {api} {control:?} {worker:?}"
            );
        }
    }

    #[test]
    fn containerd_is_judged_by_what_the_node_reports() {
        let rules = Rules::load(None).unwrap();
        let info =
            json!({"status": {"nodeInfo": {"containerRuntimeVersion": "containerd://1.7.28"}}});
        let nodes = [node("w", "w", "", &info)];
        let hosts = Hosts {
            planned: [("w".to_owned(), host("w", "w", ""))].into(),
            ..Hosts::default()
        };
        for (target, count) in [("v1.35.1", 0), ("v1.36.0", 1)] {
            let found = containerd(&rules, &aim(target), &hosts, &nodes);
            assert_eq!(found.len(), count, "{found:?}");
        }
    }

    /// Scenario 30.
    #[test]
    fn etcd_has_a_floor_where_it_moves_on() {
        let rules = Rules::load(None).unwrap();
        for (version, moves, count) in [
            ("3.5.20", true, 1),
            ("3.5.26", true, 0),
            ("3.5.20", false, 0),
        ] {
            let found = etcd_floor(&rules, &aim("v1.35.1"), [version], moves);
            assert_eq!(found.len(), count, "{found:?}");
            assert!(found.iter().all(|each| each.what.contains("3.5.26")));
        }
    }
}
