//! What the target takes away from a host, or asks of it: flags that are gone, the floor of cgroups. Pure.

use super::host_answer::HostFacts;
use super::host_rules::has_flag;
use super::host_script::HostRequest;
use super::skew::floors;
use super::{Finding, Group};
use crate::kubernetes::Version;
use crate::kubernetes::rules::{Component, Distribution, Fact, HostFacts as FloorFacts, Rules};

/// What the rules of versions say of this host.
pub fn host_versions(
    facts: &HostFacts,
    request: &HostRequest,
    rules: &Rules,
    target: &Version,
    distribution: Distribution,
) -> Vec<Finding> {
    let seen = FloorFacts {
        etcd: Fact::Absent,
        containerd: Fact::Absent,
        cgroup: match facts.get("cgroup") {
            "cgroup2fs" => Fact::Known("2".to_owned()),
            "" => Fact::Absent,
            // Version 1 is a tmpfs with a mount for each controller.
            _ => Fact::Known("1".to_owned()),
        },
        fail_cgroup_v1: (!facts.get("cgroup_allowed").is_empty()).then_some(false),
        ..FloorFacts::new(distribution)
    };
    let mut findings: Vec<Finding> = floors(rules, target, &seen, Group::Runtime).collect();
    for each in &request.components {
        let Some(component) = component(&each.name, &each.service) else {
            continue;
        };
        let Some(Ok(from)) = facts.version(&each.name).map(str::parse::<Version>) else {
            continue;
        };
        for removed in rules.removed_flags(component, &from, target) {
            if has_flag(facts, &each.name, &removed.flag) {
                findings.push(
                    Finding::block(
                        Group::Runtime,
                        "removed-flag",
                        format!(
                            "{} is started with {}, which {} no longer has",
                            each.name, removed.flag, removed.minor
                        ),
                        "take it out of the unit, its environment file or the static pod",
                    )
                    // kubeadm takes its own flags out as it upgrades.
                    .blocking(!facts.is_kubeadm()),
                );
            }
        }
    }
    findings
}

fn component(name: &str, service: &str) -> Option<Component> {
    match (name, service) {
        ("k3s", "k3s-agent") => Some(Component::K3sAgent),
        ("k3s", _) => Some(Component::K3sServer),
        _ => Component::from_name(name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::host_answer::tests::facts;
    use super::super::{Component as Part, Severity};
    use super::*;

    type Fields<'a> = &'a [(&'a str, &'a str)];
    type Found<'a> = &'a [(Severity, &'a str)];

    #[test]
    fn flags_that_are_gone_and_cgroups_that_are_too_old_are_found() {
        let request = HostRequest {
            components: vec![Part {
                name: "kubelet".to_owned(),
                service: "kubelet".to_owned(),
                ..Part::default()
            }],
            ..HostRequest::default()
        };
        let rules = Rules::load(None).unwrap();
        let gone = ("flags:kubelet", "--config\n--pod-infra-container-image");
        let block = Severity::Block;
        let cases: &[(Fields, &str, Found)] = &[
            (&[gone], "v1.34.9", &[]),
            (&[gone], "v1.35.1", &[(block, "removed-flag")]),
            (
                &[gone, ("kubeadm", "yes")],
                "v1.35.1",
                &[(Severity::Warn, "removed-flag")],
            ),
            (&[("flags:kubelet", "--config")], "v1.35.1", &[]),
            (&[("cgroup", "cgroup2fs")], "v1.35.1", &[]),
            (
                &[
                    ("cgroup", "tmpfs"),
                    ("cgroup_allowed", "failCgroupV1: false"),
                ],
                "v1.35.1",
                &[],
            ),
        ];
        for (fields, target, expected) in cases {
            let fields: Vec<_> = [("version:kubelet", "Kubernetes v1.34.3")]
                .into_iter()
                .chain(fields.iter().copied())
                .collect();
            let found = host_versions(
                &facts(&fields),
                &request,
                &rules,
                &target.parse().unwrap(),
                Distribution::Systemd,
            );
            let found: Vec<_> = found
                .iter()
                .map(|each| (each.severity, each.id.as_str()))
                .collect();
            assert_eq!(found, *expected, "{fields:?} {target}");
        }
        let old = facts(&[("cgroup", "tmpfs")]);
        let target = "v1.35.1".parse().unwrap();
        let found = host_versions(&old, &request, &rules, &target, Distribution::Systemd);
        assert_eq!((found.len(), found[0].severity), (1, block));
    }
}
