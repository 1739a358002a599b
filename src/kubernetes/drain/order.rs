//! In which order pods go: waves one after the other, and within a wave chains beside each other.

use super::special::Special;
use crate::kubernetes::PodKey;
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;

/// What else a drain must know of a pod that goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Its labels, for the budgets that cover it.
    pub(super) labels: BTreeMap<String, String>,
    /// Kind, name and uid of its controller.
    pub(super) owner: Option<Owner>,
    /// Seconds that it wants to end.
    pub(super) grace: i64,
    /// Its scheduling priority.
    pub(super) priority: i32,
    /// What is special about it.
    pub(super) special: Option<Special>,
    /// Whether a volume of it is on this node only.
    pub(super) tied: bool,
}

/// The controller of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) uid: String,
}

impl Facts {
    pub(super) fn of(pod: &Pod, tied: bool) -> Self {
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        let spec = pod.spec.as_ref();
        Self {
            special: Special::of(&labels),
            labels,
            owner: super::sort::controller(pod).map(|owner| Owner {
                kind: owner.kind.clone(),
                name: owner.name.clone(),
                uid: owner.uid.clone(),
            }),
            grace: spec
                .and_then(|spec| spec.termination_grace_period_seconds)
                .unwrap_or(30),
            priority: spec.and_then(|spec| spec.priority).unwrap_or(0),
            tied,
        }
    }

    /// Whether its controller is of this kind.
    pub(super) fn is_of(&self, kind: &str) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.kind == kind)
    }

    /// Pods of the lower wave go first: ordinary ones, then those of higher priority, then those that serve others.
    fn wave(&self) -> (bool, i32) {
        let last = self.special.is_some_and(Special::serves_others);
        (last, self.priority.max(0))
    }
}

/// Pods that go one after the other.
pub(super) type Chain = Vec<PodKey>;

/// The waves of `pods`, each a list of chains. Pods of one StatefulSet form a chain, the highest ordinal first; with
/// `one_by_one` the pods of every controller do.
pub(super) fn waves(mut pods: Vec<(PodKey, Facts)>, one_by_one: bool) -> Vec<Vec<Chain>> {
    pods.sort_by(|(one, _), (other, _)| {
        (&one.namespace, ordinal(other), &one.name).cmp(&(
            &other.namespace,
            ordinal(one),
            &other.name,
        ))
    });
    let mut waves: BTreeMap<(bool, i32), Vec<(String, Chain)>> = BTreeMap::new();
    for (key, facts) in pods {
        let wave = waves.entry(facts.wave()).or_default();
        let chained = one_by_one || facts.is_of("StatefulSet");
        let uid = facts
            .owner
            .filter(|_| chained)
            .map_or_else(String::new, |owner| owner.uid);
        match wave
            .iter_mut()
            .find(|(known, _)| !uid.is_empty() && *known == uid)
        {
            Some((_, chain)) => chain.push(key),
            None => wave.push((uid, vec![key])),
        }
    }
    waves
        .into_values()
        .map(|chains| chains.into_iter().map(|(_, chain)| chain).collect())
        .collect()
}

/// The number at the end of a StatefulSet pod's name; others sort before it.
fn ordinal(key: &PodKey) -> i64 {
    key.name
        .rsplit_once('-')
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, owner: &str, priority: i32, label: Option<(&str, &str)>) -> (PodKey, Facts) {
        let key = PodKey {
            namespace: "a".to_owned(),
            name: name.to_owned(),
            uid: name.to_owned(),
        };
        let labels: BTreeMap<String, String> = label
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        let facts = Facts {
            special: Special::of(&labels),
            labels,
            owner: owner.split_once('/').map(|(kind, name)| Owner {
                kind: kind.to_owned(),
                name: name.to_owned(),
                uid: owner.to_owned(),
            }),
            priority,
            ..Facts::default()
        };
        (key, facts)
    }

    fn names(waves: &[Vec<Chain>]) -> Vec<Vec<Vec<&str>>> {
        waves
            .iter()
            .map(|wave| {
                wave.iter()
                    .map(|chain| chain.iter().map(|pod| pod.name.as_str()).collect())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn ordinary_pods_go_before_important_ones_and_sets_by_their_ordinals() {
        let pods = vec![
            pod("dns-x", "ReplicaSet/dns", 2_000_000_000, None),
            pod("db-2", "StatefulSet/db", 0, None),
            pod("db-10", "StatefulSet/db", 0, None),
            pod("web-a", "ReplicaSet/web", 0, None),
            pod("web-b", "ReplicaSet/web", -5, None),
            pod(
                "im-1",
                "InstanceManager/im",
                0,
                Some(("longhorn.io/component", "instance-manager")),
            ),
            pod("pay-x", "ReplicaSet/pay", 1000, None),
        ];
        assert_eq!(
            names(&waves(pods.clone(), false)),
            [
                vec![vec!["db-10", "db-2"], vec!["web-a"], vec!["web-b"]],
                vec![vec!["pay-x"]],
                vec![vec!["dns-x"]],
                vec![vec!["im-1"]],
            ]
        );
        assert_eq!(
            names(&waves(pods, true))[0],
            [vec!["db-10", "db-2"], vec!["web-a", "web-b"]]
        );
        assert!(waves(Vec::new(), false).is_empty());
    }
}
