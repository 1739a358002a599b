//! What a host must have before it may take a version.

use super::data::{FloorFact, FloorRule};
use super::{Distribution, Minor, Rules};
use crate::kubernetes::Version;

/// What is known of one thing on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fact {
    /// Nobody has looked, or it could not be read.
    #[default]
    Unknown,
    /// It is not on this host.
    Absent,
    /// Its version, as it prints it: `3.5.26`, `v1.7.28`, `2`.
    Known(String),
}

/// What the floors ask about a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// How the cluster was put together.
    pub distribution: Distribution,
    /// The running etcd member, embedded ones too.
    pub etcd: Fact,
    /// The containerd that the kubelet uses; k3s brings its own.
    pub containerd: Fact,
    /// 1 or 2.
    pub cgroup: Fact,
    /// `failCgroupV1` of the kubelet's configuration; `None` when it is not set.
    pub fail_cgroup_v1: Option<bool>,
}

impl HostFacts {
    /// A host of which nothing is known yet.
    pub fn new(distribution: Distribution) -> Self {
        Self {
            distribution,
            etcd: Fact::Unknown,
            containerd: Fact::Unknown,
            cgroup: Fact::Unknown,
            fail_cgroup_v1: None,
        }
    }
}

/// A floor that is not met, or of which nobody can say.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FloorFinding {
    /// The rule's id.
    pub rule: String,
    /// What the host has and what it needs: a lowercase fragment.
    pub what: String,
    /// What the rule says.
    pub says: String,
    /// Where the rule comes from.
    pub source: String,
    /// `false`: the host's version is not known, so the rule could not be held against it.
    pub known: bool,
}

impl Rules {
    /// The floors of `target` that a host does not meet, and those that cannot be told.
    pub fn floors(&self, target: &Version, facts: &HostFacts) -> Vec<FloorFinding> {
        self.floors
            .iter()
            .filter(|rule| Minor::of(target) >= rule.from && rule.is_for(facts))
            .filter_map(|rule| rule.finding(target, facts))
            .collect()
    }
}

impl FloorRule {
    fn is_for(&self, facts: &HostFacts) -> bool {
        let lifted = self.lifted_by_fail_cgroup_v1 && facts.fail_cgroup_v1 == Some(false);
        !lifted
            && (self.distributions.is_empty() || self.distributions.contains(&facts.distribution))
    }

    fn finding(&self, target: &Version, facts: &HostFacts) -> Option<FloorFinding> {
        let (name, fact) = match self.fact {
            FloorFact::Etcd => ("etcd ", &facts.etcd),
            FloorFact::Containerd => ("containerd ", &facts.containerd),
            FloorFact::Cgroup => ("cgroup v", &facts.cgroup),
        };
        let need = self
            .at_least
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(".");
        let (what, known) = match fact {
            Fact::Absent => return None,
            Fact::Known(text) => match numbers(text) {
                Some(numbers) if numbers >= padded(&self.at_least) => return None,
                Some(_) => {
                    let text = text.trim_start_matches('v');
                    (
                        format!("{name}{text} where {target} needs {name}{need}"),
                        true,
                    )
                }
                None => (
                    format!("{name}{text} cannot be compared with {need}"),
                    false,
                ),
            },
            Fact::Unknown => (
                format!("it is not known whether {name}{need} is there"),
                false,
            ),
        };
        Some(FloorFinding {
            rule: self.cite.id.clone(),
            what,
            says: self.what.clone(),
            source: self.cite.source.clone(),
            known,
        })
    }
}

/// Three numbers, so that `2` is `2.0.0`.
fn padded(numbers: &[u64]) -> [u64; 3] {
    let mut all = [0; 3];
    for (slot, number) in all.iter_mut().zip(numbers) {
        *slot = *number;
    }
    all
}

/// The numbers a version begins with. What follows is a vendor's mark: etcd `3.5.26-k3s1` is 3.5.26, not a candidate of it.
fn numbers(text: &str) -> Option<[u64; 3]> {
    let core = text.trim().trim_start_matches('v');
    let end = core
        .find(|each: char| !each.is_ascii_digit() && each != '.')
        .unwrap_or(core.len());
    let found: Option<Vec<u64>> = core[..end]
        .split('.')
        .map(|part| part.parse().ok())
        .collect();
    found.map(|found| padded(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Fact {
        Fact::Known(text.to_owned())
    }

    fn found(target: &str, facts: &HostFacts) -> Vec<(String, bool)> {
        let rules = Rules::load(None).unwrap();
        let found = rules.floors(&target.parse().unwrap(), facts);
        found
            .into_iter()
            .map(|each| (each.rule, each.known))
            .collect()
    }

    #[test]
    fn etcd_must_be_at_3_5_26_before_3_6() {
        let cases = [
            (Distribution::K3s, "v1.34.1+k3s1", "3.5.21-k3s1", true),
            (Distribution::K3s, "v1.34.1+k3s1", "3.5.26-k3s1", false),
            (Distribution::K3s, "v1.34.1+k3s1", "3.6.4", false),
            (Distribution::K3s, "v1.33.9+k3s1", "3.5.20", false),
            (Distribution::Kubeadm, "v1.34.0", "3.5.20", true),
            (Distribution::Kubeadm, "v1.36.0", "3.5.25", true),
            // A user's own etcd does not move with Kubernetes.
            (Distribution::Systemd, "v1.34.0", "3.5.20", false),
        ];
        for (distribution, target, etcd, refused) in cases {
            let facts = HostFacts {
                etcd: known(etcd),
                containerd: Fact::Absent,
                cgroup: known("2"),
                ..HostFacts::new(distribution)
            };
            let expected = [("etcd-3.6-from-3.5.26".to_owned(), true)];
            assert_eq!(
                found(target, &facts),
                expected[..usize::from(refused)],
                "{target} {etcd}"
            );
        }
    }

    #[test]
    fn containerd_2_for_1_36() {
        for (target, containerd, refused) in [
            ("v1.36.0", "v1.7.28", true),
            ("v1.36.0", "2.0.0-rc.1", false),
            ("v1.36.0", "2.1.4", false),
            ("v1.35.9", "1.7.28", false),
        ] {
            let facts = HostFacts {
                etcd: Fact::Absent,
                containerd: known(containerd),
                cgroup: known("2"),
                ..HostFacts::new(Distribution::Systemd)
            };
            assert_eq!(
                found(target, &facts).len(),
                usize::from(refused),
                "{target} {containerd}"
            );
        }
    }

    #[test]
    fn cgroup_v2_for_1_35_unless_the_kubelet_is_told_otherwise() {
        for (target, cgroup, told, refused) in [
            ("v1.35.0", "1", None, true),
            ("v1.35.0", "1", Some(true), true),
            ("v1.35.0", "1", Some(false), false),
            ("v1.35.0", "2", None, false),
            ("v1.34.9", "1", None, false),
        ] {
            let facts = HostFacts {
                etcd: Fact::Absent,
                containerd: known("2.1.0"),
                cgroup: known(cgroup),
                fail_cgroup_v1: told,
                ..HostFacts::new(Distribution::Systemd)
            };
            assert_eq!(
                found(target, &facts).len(),
                usize::from(refused),
                "{target} {cgroup} {told:?}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_said_and_what_is_not_there_is_not_asked_for() {
        let facts = HostFacts::new(Distribution::Kubeadm);
        assert_eq!(found("v1.36.0", &facts).len(), 3);
        assert!(found("v1.36.0", &facts).iter().all(|(_, known)| !known));
        let facts = HostFacts {
            etcd: Fact::Absent,
            containerd: known("unknown"),
            cgroup: known("2"),
            ..facts
        };
        assert_eq!(
            found("v1.36.0", &facts),
            [("containerd-2".to_owned(), false)]
        );
    }
}
