//! The inventory's hosts against the cluster's nodes, and how those nodes stand. Pure.
//!
//! A host is its node by machine-id or by address, never by its name alone: names are what gets mixed up.

use super::{Finding, Group};
use crate::kubernetes::cordon::{is_cordoned, kubelet_version, mark};
use k8s_openapi::api::core::v1::Node;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A host of the plan, as its own look found it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PlannedHost {
    /// The node's name, as the inventory has it.
    pub node: String,
    /// Whether anything on it is to be upgraded.
    pub needed: bool,
    /// Whether it is a control plane.
    pub control_plane: bool,
    /// `/etc/machine-id`; empty when it has none.
    pub machine_id: String,
    /// Its own addresses.
    pub addresses: Vec<String>,
    /// The earliest and the latest that its clock may be ahead of ours, in seconds.
    pub clock: Option<(f64, f64)>,
    /// Versions of its binaries, by name.
    pub versions: BTreeMap<String, String>,
    /// Whether kubeadm keeps it.
    pub kubeadm: bool,
    /// Runs of ours that did not end there.
    pub open_runs: Vec<String>,
}

/// A host of the inventory that need not be in the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KnownHost {
    /// The node's name, as the inventory has it.
    pub node: String,
    /// Its address, as the inventory has it.
    pub address: String,
}

/// What is known of the hosts.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// Those of the plan, by their names in the inventory.
    pub planned: BTreeMap<String, PlannedHost>,
    /// All of the cluster's hosts in the inventory.
    pub known: BTreeMap<String, KnownHost>,
}

impl Hosts {
    /// Names of the nodes that will be upgraded.
    pub(super) fn needed_nodes(&self) -> BTreeSet<&str> {
        let needed = self.planned.values().filter(|host| host.needed);
        needed.map(|host| host.node.as_str()).collect()
    }

    /// The node of a host.
    pub(super) fn node_of<'a>(&'a self, host: &'a str) -> &'a str {
        let planned = self.planned.get(host).map(|each| each.node.as_str());
        let known = self.known.get(host).map(|each| each.node.as_str());
        planned
            .or(known)
            .filter(|node| !node.is_empty())
            .unwrap_or(host)
    }

    /// Whether a control plane will be upgraded.
    pub(super) fn control_plane_needed(&self) -> bool {
        self.planned
            .values()
            .any(|host| host.needed && host.control_plane)
    }

    /// Whether a run of ours did not end on the host of this node or name.
    pub(super) fn is_open(&self, host: &str) -> bool {
        self.planned
            .iter()
            .any(|(name, each)| (name == host || each.node == host) && !each.open_runs.is_empty())
    }
}

fn name_of(node: &Node) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}

fn machine_id(node: &Node) -> &str {
    node.status
        .as_ref()
        .and_then(|status| status.node_info.as_ref())
        .map_or("", |info| info.machine_id.as_str())
}

fn internal_addresses(node: &Node) -> impl Iterator<Item = &str> {
    node.status
        .iter()
        .filter_map(|status| status.addresses.as_deref())
        .flatten()
        .filter(|address| address.type_ == "InternalIP")
        .map(|address| address.address.as_str())
}

/// What the look at a cluster tells about one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeState {
    /// The kubelet's version.
    pub version: String,
    /// Whether it is ready.
    pub ready: bool,
    /// The run of ours that cordoned it; empty when none did.
    pub cordoned_by: String,
}

/// The nodes by name, in short.
pub fn node_states(nodes: &[Node]) -> BTreeMap<String, NodeState> {
    nodes
        .iter()
        .map(|node| {
            let state = NodeState {
                version: kubelet_version(node).to_owned(),
                ready: is_ready(node),
                cordoned_by: mark(node).unwrap_or_default().to_owned(),
            };
            (name_of(node).to_owned(), state)
        })
        .collect()
}

/// Hosts without their node, nodes without their host, and names that stand for another machine.
pub(super) fn inventory(hosts: &Hosts, nodes: &[Node]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut claimed: BTreeSet<&str> = BTreeSet::new();
    for (name, host) in &hosts.planned {
        let named = nodes.iter().find(|node| name_of(node) == host.node);
        let (found, sure) = match_host(host, nodes);
        claimed.insert(&host.node);
        claimed.extend(found.map(name_of));
        findings.extend(judge_host_match(host, named, found, sure).map(|it| it.on(name)));
    }
    for (name, host) in &hosts.known {
        if hosts.planned.contains_key(name) {
            continue;
        }
        let node = nodes.iter().find(|node| {
            name_of(node) == host.node
                || !host.address.is_empty()
                    && internal_addresses(node).any(|address| address == host.address)
        });
        match node {
            Some(node) => {
                claimed.insert(name_of(node));
            }
            None => findings.push(
                Finding::warn(
                    Group::Inventory,
                    "no-node",
                    "the cluster has no node for this host",
                    "take it out of the inventory, or join it to the cluster",
                )
                .on(name),
            ),
        }
    }
    for node in nodes.iter().filter(|node| !claimed.contains(name_of(node))) {
        findings.push(
            Finding::warn(
                Group::Inventory,
                "no-host",
                "the cluster has this node, and the inventory no host for it",
                "add it to the inventory: a node that is left behind limits how far the control plane can go",
            )
            .on(name_of(node)),
        );
    }
    findings
}

/// The node that is this host, and whether the host told enough to be sure of a mismatch.
fn match_host<'a>(host: &PlannedHost, nodes: &'a [Node]) -> (Option<&'a Node>, bool) {
    let same_id: Vec<&Node> = nodes
        .iter()
        .filter(|node| !host.machine_id.is_empty() && machine_id(node) == host.machine_id)
        .collect();
    let has_address = |node: &&Node| {
        internal_addresses(node).any(|it| host.addresses.iter().any(|own| own == it))
    };
    let found = match same_id.as_slice() {
        [one] => Some(*one),
        // No machine-id, or one of cloned machines: then the address decides.
        [] => nodes.iter().find(has_address),
        clones => clones.iter().copied().find(has_address).or_else(|| {
            clones
                .iter()
                .copied()
                .find(|node| name_of(node) == host.node)
        }),
    };
    let sure = !host.machine_id.is_empty() || !host.addresses.is_empty();
    (found, sure)
}

fn judge_host_match(
    host: &PlannedHost,
    named: Option<&Node>,
    found: Option<&Node>,
    sure: bool,
) -> Option<Finding> {
    match (named, found) {
        (Some(_), Some(found)) if name_of(found) == host.node => None,
        (_, Some(found)) => Some(Finding::block(
            Group::Inventory,
            "other-node",
            format!(
                "this host is the node {}, not {}",
                name_of(found),
                host.node
            ),
            format!("set kube_node_name: {}", name_of(found)),
        )),
        (None, None) => Some(Finding::block(
            Group::Inventory,
            "no-node",
            format!("the cluster has no node {}", host.node),
            "set kube_node_name, or take the host out of the inventory",
        )),
        (Some(node), None) if sure && !machine_id(node).is_empty() => Some(Finding::block(
            Group::Inventory,
            "other-machine",
            format!(
                "the node {} is another machine: neither its machine-id nor an address of it is this host's",
                host.node
            ),
            "correct the host's address or kube_node_name",
        )),
        (Some(_), None) => Some(Finding::warn(
            Group::Inventory,
            "name-only",
            "the host could be matched to its node by name only",
            "nothing, if the names are right",
        )),
    }
}

/// Nodes that are not ready or are cordoned.
pub(super) fn nodes(hosts: &Hosts, nodes: &[Node], run: &str) -> Vec<Finding> {
    let needed = hosts.needed_nodes();
    nodes
        .iter()
        .flat_map(|node| {
            let planned = needed.contains(name_of(node));
            let mut findings = Vec::new();
            findings.extend(not_ready(node, planned, hosts.is_open(name_of(node))));
            if planned {
                findings.extend(cordoned(node, run));
                findings.extend(pressure(node));
            }
            findings
                .into_iter()
                .map(|finding| finding.on(name_of(node)))
        })
        .collect()
}

fn condition<'a>(node: &'a Node, kind: &str) -> Option<(&'a str, &'a str)> {
    let condition = node
        .status
        .as_ref()?
        .conditions
        .as_deref()?
        .iter()
        .find(|condition| condition.type_ == kind)?;
    let message = condition
        .message
        .as_deref()
        .or(condition.reason.as_deref())
        .unwrap_or("no reason given");
    Some((condition.status.as_str(), message))
}

/// Whether the node's condition `Ready` is true.
pub(super) fn is_ready(node: &Node) -> bool {
    condition(node, "Ready").is_some_and(|(status, _)| status == "True")
}

fn not_ready(node: &Node, planned: bool, open: bool) -> Option<Finding> {
    let (status, message) = condition(node, "Ready").unwrap_or(("Unknown", "no sign of life"));
    if status == "True" {
        return None;
    }
    let what = format!("the node is not Ready ({status}): {}", message.trim());
    // What a killed run of ours left is for the next one to repair.
    let ours = mark(node).is_some() || open;
    let todo = if !planned {
        "nothing: it is not upgraded now, but counts as out of service"
    } else if ours {
        "nothing: an earlier run left it so, and this one goes on with it"
    } else {
        "repair its kubelet first, or leave the node out with --limit; see journalctl -u kubelet"
    };
    Some(Finding::warn(Group::Nodes, "not-ready", what, todo).blocking(planned && !ours))
}

fn cordoned(node: &Node, run: &str) -> Option<Finding> {
    if !is_cordoned(node) {
        return None;
    }
    match mark(node) {
        Some(mark) if mark == run => None,
        Some(mark) => Some(Finding::warn(
            Group::Nodes,
            "cordoned-by-run",
            format!("run {mark} left the node cordoned"),
            "nothing: it is upgraded and put back in service",
        )),
        None => Some(Finding::warn(
            Group::Nodes,
            "cordoned",
            "somebody has cordoned the node",
            "uncordon it, or it is upgraded and stays cordoned",
        )),
    }
}

fn pressure(node: &Node) -> Option<Finding> {
    let troubles: Vec<&str> = [
        "MemoryPressure",
        "DiskPressure",
        "PIDPressure",
        "NetworkUnavailable",
    ]
    .into_iter()
    .filter(|kind| condition(node, kind).is_some_and(|(status, _)| status == "True"))
    .collect();
    (!troubles.is_empty()).then(|| {
        Finding::block(
            Group::Nodes,
            "pressure",
            format!("the node reports {}", troubles.join(", ")),
            "relieve it first: the node would not pass its gate after the upgrade",
        )
    })
}

/// Clocks of control planes that are apart for sure, however long the answers took.
pub(super) fn clocks(hosts: &Hosts, allowed: f64) -> Option<Finding> {
    let clocks: Vec<(&str, f64, f64)> = hosts
        .planned
        .iter()
        .filter(|(_, host)| host.control_plane)
        .filter_map(|(name, host)| host.clock.map(|(low, high)| (name.as_str(), low, high)))
        .collect();
    let ahead = clocks.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let behind = clocks.iter().min_by(|a, b| a.2.total_cmp(&b.2))?;
    let apart = ahead.1 - behind.2;
    (apart > allowed).then(|| {
        Finding::block(
            Group::Host,
            "clock",
            format!(
                "the clock of {} is at least {apart:.1} s ahead of that of {}",
                ahead.0, behind.0
            ),
            "let the control planes keep their time with chrony or systemd-timesyncd",
        )
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Severity;
    use super::*;
    use serde_json::{Value, json};

    /// A node with a machine-id and an address, ready unless it is told otherwise.
    pub(in super::super) fn node(name: &str, id: &str, address: &str, change: &Value) -> Node {
        let mut node = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "spec": {},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": address}],
                "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
                "nodeInfo": {
                    "machineID": id, "kubeletVersion": "v1.34.3", "architecture": "amd64", "bootID": "",
                    "containerRuntimeVersion": "containerd://2.0.0", "kernelVersion": "", "kubeProxyVersion": "",
                    "operatingSystem": "linux", "osImage": "", "systemUUID": ""},
            },
        });
        crate::kubernetes::kubectl::merge(&mut node, change);
        serde_json::from_value(node).unwrap()
    }

    /// A host of the plan.
    pub(in super::super) fn host(node: &str, id: &str, address: &str) -> PlannedHost {
        PlannedHost {
            node: node.to_owned(),
            needed: true,
            machine_id: id.to_owned(),
            addresses: [address.to_owned()]
                .into_iter()
                .filter(|it| !it.is_empty())
                .collect(),
            ..PlannedHost::default()
        }
    }

    fn short(findings: &[Finding]) -> Vec<String> {
        findings
            .iter()
            .map(|each| {
                let word = if each.severity == Severity::Block {
                    "block"
                } else {
                    "warn"
                };
                format!("{word} {} {}", each.host, each.id)
            })
            .collect()
    }

    fn planned(host: PlannedHost) -> Hosts {
        Hosts {
            planned: [("h1".to_owned(), host)].into(),
            ..Hosts::default()
        }
    }

    /// Node, machine-id and address of a host.
    type Names = (&'static str, &'static str, &'static str);

    #[test]
    fn hosts_are_matched_by_machine_id_then_by_address_and_never_by_name_alone() {
        let nodes = [
            node("n1", "aa", "10.0.0.1", &json!({})),
            node("n2", "bb", "10.0.0.2", &json!({})),
            node("c1", "cc", "10.0.0.3", &json!({})),
            node("c2", "cc", "10.0.0.4", &json!({})),
        ];
        // The host's node, machine-id and address; what is found of the host.
        let cases: &[(Names, &[&str])] = &[
            (("n1", "aa", "10.0.0.1"), &[]),
            // Another address, as behind NAT: the machine-id is enough.
            (("n1", "aa", "192.168.0.1"), &[]),
            (("n1", "", "10.0.0.1"), &[]),
            (("n1", "bb", "10.0.0.2"), &["block h1 other-node"]),
            (("h1", "aa", "10.0.0.1"), &["block h1 other-node"]),
            (("n9", "zz", "10.9.9.9"), &["block h1 no-node"]),
            (("n1", "zz", "10.9.9.9"), &["block h1 other-machine"]),
            (("n1", "", ""), &["warn h1 name-only"]),
            (("c1", "cc", "10.0.0.3"), &[]),
            (("c1", "cc", "10.0.0.4"), &["block h1 other-node"]),
            (("c2", "cc", ""), &[]),
        ];
        for ((name, id, address), expected) in cases {
            let hosts = planned(host(name, id, address));
            let mut found = short(&inventory(&hosts, &nodes));
            found.retain(|line| line.contains(" h1 "));
            assert_eq!(found, *expected, "{name} {id} {address}");
        }
    }

    #[test]
    fn what_is_missing_on_either_side_is_named() {
        let nodes = [
            node("h1", "aa", "10.0.0.1", &json!({})),
            node("two", "bb", "10.0.0.2", &json!({})),
            node("lost", "cc", "10.0.0.3", &json!({})),
        ];
        let known = |node: &str, address: &str| KnownHost {
            node: node.to_owned(),
            address: address.to_owned(),
        };
        let hosts = Hosts {
            known: [
                ("h1".to_owned(), known("h1", "")),
                ("h2".to_owned(), known("h2", "10.0.0.2")),
                ("h3".to_owned(), known("h3", "10.0.0.9")),
            ]
            .into(),
            ..planned(host("h1", "aa", ""))
        };
        assert_eq!(
            short(&inventory(&hosts, &nodes)),
            ["warn h3 no-node", "warn lost no-host"]
        );
    }

    #[test]
    fn readiness_and_cordons_are_judged_by_whose_they_are() {
        let lost = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "message": "gone"}]}});
        let cordon = json!({"spec": {"unschedulable": true}});
        let ours =
            |run: &str| json!({"metadata": {"annotations": {"windlass.dev/cordoned-by": run}}});
        let with = |one: &Value, two: &Value| {
            let mut both = one.clone();
            crate::kubernetes::kubectl::merge(&mut both, two);
            both
        };
        let disk = json!({"status": {"conditions": [
            {"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]}});
        let mut done = host("h1", "aa", "");
        done.needed = false;
        let mut open = host("h1", "aa", "");
        open.open_runs.push("r1".to_owned());
        let cases = [
            (host("h1", "aa", ""), json!({}), vec![]),
            (
                host("h1", "aa", ""),
                lost.clone(),
                vec!["block h1 not-ready"],
            ),
            (done, lost.clone(), vec!["warn h1 not-ready"]),
            (open, lost.clone(), vec!["warn h1 not-ready"]),
            (
                host("h1", "aa", ""),
                with(&with(&lost, &cordon), &ours("r1")),
                vec!["warn h1 not-ready", "warn h1 cordoned-by-run"],
            ),
            (
                host("h1", "aa", ""),
                cordon.clone(),
                vec!["warn h1 cordoned"],
            ),
            (host("h1", "aa", ""), with(&cordon, &ours("r9")), vec![]),
            (host("h1", "aa", ""), disk, vec!["block h1 pressure"]),
        ];
        for (host, change, expected) in cases {
            let node = node("h1", "aa", "", &change);
            let found = nodes(&planned(host), &[node], "r9");
            assert_eq!(short(&found), expected, "{change}");
        }
    }

    #[test]
    fn clocks_are_apart_only_when_that_is_sure() {
        let cases = [
            (vec![(0.0, 0.1), (1.0, 1.2)], false),
            (vec![(0.0, 0.1), (2.2, 2.3)], true),
            // A slow answer proves little.
            (vec![(0.0, 3.0), (2.2, 2.3)], false),
            (vec![(-5.0, -4.9), (0.0, 0.1), (0.2, 0.3)], true),
            (vec![], false),
        ];
        for (clocks_of, found) in cases {
            let mut hosts = Hosts::default();
            for (at, clock) in clocks_of.iter().enumerate() {
                let mut host = host(&format!("n{at}"), "", "");
                host.control_plane = true;
                host.clock = Some(*clock);
                hosts.planned.insert(format!("h{at}"), host);
            }
            assert_eq!(clocks(&hosts, 2.0).is_some(), found, "{clocks_of:?}");
        }
    }
}
