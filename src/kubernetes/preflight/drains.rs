//! The drain of every node of the plan, played through on what the cluster holds now. Pure.

use super::budgets::held;
use super::eligible::{ClaimPlaces, may_run};
use super::members::is_ready;
use super::quantity::Room;
use super::{Finding, Group};
use crate::kubernetes::cordon::is_cordoned;
use crate::kubernetes::drain::{Fate, daemonset_of, fate, is_finished};
use crate::kubernetes::{DrainOptions, PodKey};
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use std::collections::{BTreeMap, BTreeSet};

/// So many pods are named in a line about several.
const NAMED: usize = 4;

/// What the cluster holds.
#[derive(Debug, Clone, Default)]
pub(super) struct DrainSight {
    /// All nodes.
    pub(super) nodes: Vec<Node>,
    /// All pods.
    pub(super) pods: Vec<Pod>,
    /// Uids of the pods that the drain's selector chooses; `None` without a selector.
    pub(super) selected: Option<BTreeSet<String>>,
    /// All disruption budgets.
    pub(super) budgets: Vec<PodDisruptionBudget>,
    /// Namespaces and names of all DaemonSets; `None` when they could not be read.
    pub(super) daemonsets: Option<BTreeSet<(String, String)>>,
    /// Where local volumes are.
    pub(super) places: ClaimPlaces,
}

/// Everything that would hold the drains of these nodes, of which `at_once` go together.
pub(super) fn drains(
    sight: &DrainSight,
    planned: &BTreeSet<&str>,
    options: &DrainOptions,
    at_once: usize,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut notes = Notes::default();
    let mut moved: Vec<(String, Room)> = Vec::new();
    let mut longest = 0;
    for name in planned {
        let mut room = Room::default();
        for pod in sight.pods.iter().filter(|pod| node_of(pod) == *name) {
            match sight.fate(pod, options) {
                Fate::Skip(_) => {}
                Fate::Block(why) => findings.push(refused(pod, &why).on(*name)),
                Fate::Evict => {
                    room += Room::of_pod(pod);
                    longest = longest.max(grace_of(pod));
                    findings.extend(held(pod, &sight.budgets, &sight.pods).map(|it| it.on(*name)));
                    findings.extend(sight.pinned(pod, name).map(|it| it.on(*name)));
                    notes.note(sight, pod);
                }
            }
        }
        moved.push(((*name).to_owned(), room));
    }
    findings.extend(notes.findings());
    findings.extend(sight.headroom(moved, at_once));
    findings.extend(too_short(options, longest));
    findings
}

fn node_of(pod: &Pod) -> &str {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_deref())
        .unwrap_or_default()
}

fn grace_of(pod: &Pod) -> i64 {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.termination_grace_period_seconds)
        .unwrap_or(30)
}

fn refused(pod: &Pod, why: &str) -> Finding {
    Finding::block(
        Group::Drain,
        "not-allowed",
        format!("{}: {why}", PodKey::from(pod)),
        "allow it for the drain, or take the pod away",
    )
}

fn too_short(options: &DrainOptions, longest: i64) -> Option<Finding> {
    let limit = i64::try_from(options.timeout?.as_secs()).ok()?;
    let grace = options.grace_period.unwrap_or(longest);
    (grace > limit).then(|| {
        Finding::warn(
            Group::Drain,
            "timeout",
            format!("a pod may take {grace} s to end, and the drain gives up after {limit} s"),
            "raise drain_timeout above it",
        )
    })
}

impl DrainSight {
    fn fate(&self, pod: &Pod, options: &DrainOptions) -> Fate {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        if self
            .selected
            .as_ref()
            .is_some_and(|selected| !selected.contains(uid))
        {
            return Fate::Skip("not selected");
        }
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let orphan = match (daemonset_of(pod), &self.daemonsets) {
            (Some(set), Some(sets)) => !sets.contains(&(namespace, set.to_owned())),
            _ => false,
        };
        fate(pod, options, orphan)
    }

    /// Nodes that take pods, without `left`.
    fn takers<'a>(&'a self, left: &'a str) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().filter(move |node| {
            is_ready(node) && !is_cordoned(node) && node.metadata.name.as_deref() != Some(left)
        })
    }

    fn pinned(&self, pod: &Pod, node: &str) -> Option<Finding> {
        if is_finished(pod) || daemonset_of(pod).is_some() {
            return None;
        }
        let elsewhere = self
            .takers(node)
            .any(|other| may_run(pod, other, &self.places));
        (!elsewhere).then(|| {
            Finding::warn(
                Group::Drain,
                "pinned",
                format!(
                    "{}: no other node can take it (node selector, taints or its volume)",
                    PodKey::from(pod)
                ),
                "nothing, if it may be away until its node is back; else give it another node",
            )
        })
    }

    /// Whether what the largest batch moves fits on the nodes that are left.
    fn headroom(&self, mut moved: Vec<(String, Room)>, at_once: usize) -> Option<Finding> {
        moved.sort_by(|a, b| {
            let size = |room: &Room| (room.bytes, room.cpus);
            size(&b.1)
                .partial_cmp(&size(&a.1))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        moved.truncate(at_once.max(1));
        let mut need = Room::default();
        for (_, room) in &moved {
            need += *room;
        }
        let batch: BTreeSet<&str> = moved.iter().map(|(name, _)| name.as_str()).collect();
        let plain = Pod {
            // Of no wishes, so that only taints keep it from a node.
            spec: Some(PodSpec::default()),
            ..Pod::default()
        };
        let mut free: BTreeMap<&str, Room> = self
            .takers("")
            .filter(|node| may_run(&plain, node, &self.places))
            .filter_map(|node| Some((node.metadata.name.as_deref()?, Room::of_node(node))))
            .filter(|(name, _)| !batch.contains(name))
            .collect();
        for pod in self.pods.iter().filter(|pod| !is_finished(pod)) {
            if let Some(room) = free.get_mut(node_of(pod)) {
                *room -= Room::of_pod(pod);
            }
        }
        let mut left = Room::default();
        for room in free.values() {
            left += *room;
        }
        let gib = 1024.0_f64.powi(3);
        (need.cpus > left.cpus || need.bytes > left.bytes).then(|| {
            Finding::warn(
                Group::Drain,
                "headroom",
                format!(
                    "draining {} at once moves pods that ask for {:.1} CPUs and {:.1} GiB, and the other nodes have {:.1} \
                     CPUs and {:.1} GiB free",
                    moved.len(),
                    need.cpus,
                    need.bytes / gib,
                    left.cpus.max(0.0),
                    left.bytes.max(0.0) / gib
                ),
                "upgrade fewer nodes at once (serial), or add nodes: pods would wait unscheduled",
            )
        })
    }
}

/// What is worth a word about pods that go, but is no trouble of one node.
#[derive(Default)]
struct Notes {
    emptydir: Vec<String>,
    hostpath: Vec<String>,
    unmanaged: Vec<String>,
    single: Vec<String>,
}

impl Notes {
    fn note(&mut self, sight: &DrainSight, pod: &Pod) {
        if is_finished(pod) {
            return;
        }
        let name = PodKey::from(pod).to_string();
        let volumes = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.volumes.as_deref())
            .unwrap_or_default();
        if volumes.iter().any(|volume| volume.empty_dir.is_some()) {
            self.emptydir.push(name.clone());
        }
        if volumes.iter().any(|volume| volume.host_path.is_some()) {
            self.hostpath.push(name.clone());
        }
        match owner(pod) {
            None => self.unmanaged.push(name),
            Some(uid) => {
                let siblings = sight
                    .pods
                    .iter()
                    .filter(|other| !is_finished(other) && owner(other) == Some(uid));
                if daemonset_of(pod).is_none() && siblings.count() == 1 {
                    self.single.push(name);
                }
            }
        }
    }

    fn findings(self) -> Vec<Finding> {
        let one = |id: &str, what: &str, names: Vec<String>, todo: &str| {
            (!names.is_empty()).then(|| {
                Finding::warn(
                    Group::Drain,
                    id,
                    format!("{what}: {}", listed(&names)),
                    todo,
                )
            })
        };
        [
            one(
                "single-replica",
                "pods without a second replica are away while they move",
                self.single,
                "nothing, if that is acceptable; else scale them up first",
            ),
            one(
                "emptydir",
                "pods lose their emptyDir data",
                self.emptydir,
                "nothing, if it is scratch data",
            ),
            one(
                "hostpath",
                "pods leave their hostPath data behind",
                self.hostpath,
                "nothing, if any node has that data",
            ),
            one(
                "unmanaged",
                "pods that nothing makes anew are deleted",
                self.unmanaged,
                "give them a controller, or they are gone",
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn owner(pod: &Pod) -> Option<&str> {
    pod.metadata
        .owner_references
        .as_deref()
        .unwrap_or_default()
        .iter()
        .find(|owner| owner.controller == Some(true))
        .map(|owner| owner.uid.as_str())
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::members::tests::node;
    use super::*;
    use serde_json::{Value, json};

    /// A pod of a controller on a node; `change` is merged in.
    fn pod(name: &str, node: &str, owner: &str, change: &Value) -> Pod {
        let owners = if owner.is_empty() {
            json!([])
        } else {
            json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": true}])
        };
        let mut object = json!({
            "metadata": {"name": name, "namespace": "shop", "uid": name, "ownerReferences": owners},
            "spec": {"nodeName": node, "containers": []},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        crate::kubernetes::kubectl::merge(&mut object, change);
        serde_json::from_value(object).unwrap()
    }

    fn sight(pods: Vec<Pod>) -> DrainSight {
        let plain = |name: &str| node(name, "", "", &json!({}));
        DrainSight {
            nodes: vec![plain("n1"), plain("n2")],
            pods,
            daemonsets: Some([("shop".to_owned(), "agent".to_owned())].into()),
            ..DrainSight::default()
        }
    }

    fn ids(sight: &DrainSight, options: &DrainOptions) -> Vec<String> {
        let found = drains(sight, &["n1"].into(), options, 1);
        found
            .iter()
            .map(|each| {
                let word = if each.severity == Severity::Block {
                    "block "
                } else {
                    ""
                };
                format!("{word}{}", each.id)
            })
            .collect()
    }

    #[test]
    fn each_kind_of_pod_is_told_from_the_others() {
        let strict = DrainOptions {
            force: false,
            delete_emptydir_data: false,
            ..DrainOptions::default()
        };
        let twin = pod("twin", "n2", "web", &json!({}));
        let volume =
            |kind: &str| json!({"spec": {"volumes": [{"name": "v", kind: {"path": "/x"}}]}});
        let empty = json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}});
        let daemon = |set: &str| {
            json!({"metadata": {"ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": set, "uid": set, "controller": true}]}})
        };
        let cases = vec![
            (pod("a", "n1", "web", &json!({})), vec![], vec![]),
            (
                pod("a", "n1", "one", &json!({})),
                vec!["single-replica"],
                vec!["single-replica"],
            ),
            (
                pod("a", "n1", "", &json!({})),
                vec!["unmanaged"],
                vec!["block not-allowed"],
            ),
            (
                pod("a", "n1", "web", &empty),
                vec!["emptydir"],
                vec!["block not-allowed"],
            ),
            (
                pod("a", "n1", "web", &volume("hostPath")),
                vec!["hostpath"],
                vec!["hostpath"],
            ),
            (pod("a", "n1", "", &daemon("agent")), vec![], vec![]),
            (
                pod("a", "n1", "", &daemon("gone")),
                vec![],
                vec!["block not-allowed"],
            ),
            (
                pod(
                    "a",
                    "n1",
                    "web",
                    &json!({"spec": {"nodeSelector": {"kubernetes.io/hostname": "n1"}}}),
                ),
                vec!["pinned"],
                vec!["pinned"],
            ),
            (
                pod(
                    "a",
                    "n1",
                    "web",
                    &json!({"spec": {"terminationGracePeriodSeconds": 900}}),
                ),
                vec!["timeout"],
                vec!["timeout"],
            ),
            // On another node, or done.
            (pod("a", "n2", "one", &empty), vec![], vec![]),
            (
                pod("a", "n1", "", &json!({"status": {"phase": "Succeeded"}})),
                vec![],
                vec![],
            ),
        ];
        for (pod, allowed, forbidden) in cases {
            let name = format!("{pod:?}");
            let sight = sight(vec![pod, twin.clone()]);
            assert_eq!(ids(&sight, &DrainOptions::default()), allowed, "{name}");
            assert_eq!(ids(&sight, &strict), forbidden, "{name}");
        }
    }

    #[test]
    fn what_a_selector_leaves_out_is_not_drained() {
        let mut sight = sight(vec![pod("a", "n1", "", &json!({}))]);
        sight.selected = Some(BTreeSet::new());
        assert_eq!(ids(&sight, &DrainOptions::default()), Vec::<String>::new());
        sight.selected = Some(["a".to_owned()].into());
        assert_eq!(ids(&sight, &DrainOptions::default()), ["unmanaged"]);
    }

    #[test]
    fn the_largest_batch_must_fit_on_the_nodes_that_are_left() {
        let asks = |cpu: &str| json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}});
        let pods = vec![
            pod("a", "n1", "web", &asks("3")),
            pod("b", "n2", "web", &asks("2")),
        ];
        let mut sight = sight(pods);
        // n2 has 4 CPUs, 2 of them taken.
        assert_eq!(ids(&sight, &DrainOptions::default()), ["headroom"]);
        sight.nodes.push(node("n3", "", "", &json!({})));
        assert_eq!(ids(&sight, &DrainOptions::default()), Vec::<String>::new());
        let taint = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
        sight.nodes.pop();
        sight.nodes.push(node("n3", "", "", &taint));
        assert_eq!(ids(&sight, &DrainOptions::default()), ["headroom"]);
        let both = drains(&sight, &["n1", "n2"].into(), &DrainOptions::default(), 2);
        assert!(
            both[0]
                .what
                .starts_with("draining 2 at once moves pods that ask for 5.0 CPUs"),
            "{both:?}"
        );
    }
}
