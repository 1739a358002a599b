//! What a step over minors takes away: flags and API versions.

use super::{Component, Minor, Rules};
use crate::kubernetes::Version;

/// A flag that a component no longer knows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RemovedFlag {
    /// With its two dashes.
    pub flag: String,
    /// The first minor without it, such as `1.35`.
    pub minor: String,
    /// The rule's id.
    pub rule: String,
    /// Where the rule comes from.
    pub source: String,
}

/// An API version that is no longer served.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RemovedApi {
    /// Group and version: `policy/v1beta1`.
    pub group_version: String,
    /// The kinds that go.
    pub kinds: Vec<String>,
    /// The first minor without it, such as `1.25`.
    pub minor: String,
    /// What to use in its place.
    pub instead: String,
    /// The rule's id.
    pub rule: String,
    /// Where the rule comes from.
    pub source: String,
}

impl Rules {
    /// The flags that `component` loses between `from` (which still had them) and `to`, the earliest loss first.
    ///
    /// k3s takes the flags of what it contains, so a k3s server loses those of all four components.
    pub fn removed_flags(
        &self,
        component: Component,
        from: &Version,
        to: &Version,
    ) -> Vec<RemovedFlag> {
        let parts: &[Component] = match component {
            Component::K3sServer => &[
                Component::ApiServer,
                Component::ControllerManager,
                Component::Scheduler,
                Component::Kubelet,
            ],
            Component::K3sAgent => &[Component::Kubelet],
            _ => &[component],
        };
        let mut rules: Vec<_> = self
            .flags
            .iter()
            .filter(|rule| parts.contains(&rule.component) && goes(rule.minor, from, to))
            .collect();
        rules.sort_by_key(|rule| rule.minor);
        rules
            .into_iter()
            .flat_map(|rule| {
                rule.flags.iter().map(|flag| RemovedFlag {
                    flag: flag.clone(),
                    minor: rule.minor.to_string(),
                    rule: rule.cite.id.clone(),
                    source: rule.cite.source.clone(),
                })
            })
            .collect()
    }

    /// The API versions that are no longer served when a cluster goes from `from` to `to`, the earliest loss first.
    pub fn removed_apis(&self, from: &Version, to: &Version) -> Vec<RemovedApi> {
        let mut rules: Vec<_> = self
            .apis
            .iter()
            .filter(|rule| goes(rule.minor, from, to))
            .collect();
        rules.sort_by_key(|rule| rule.minor);
        rules
            .into_iter()
            .map(|rule| RemovedApi {
                group_version: rule.group_version.clone(),
                kinds: rule.kinds.clone(),
                minor: rule.minor.to_string(),
                instead: rule.instead.clone(),
                rule: rule.cite.id.clone(),
                source: rule.cite.source.clone(),
            })
            .collect()
    }
}

/// Whether what is gone in `minor` was there in `from` and is not in `to`.
fn goes(minor: Minor, from: &Version, to: &Version) -> bool {
    Minor::of(from) < minor && minor <= Minor::of(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(component: Component, from: &str, to: &str) -> Vec<String> {
        let rules = Rules::load(None).unwrap();
        let found = rules.removed_flags(component, &from.parse().unwrap(), &to.parse().unwrap());
        found.into_iter().map(|each| each.flag).collect()
    }

    #[test]
    fn flags_go_with_their_minor() {
        use Component::{ApiServer, ControllerManager, K3sAgent, K3sServer, Kubelet, Scheduler};
        let cases: [(Component, &str, &str, &[&str]); 12] = [
            (
                Kubelet,
                "v1.34.3",
                "v1.35.0",
                &["--pod-infra-container-image"],
            ),
            (Kubelet, "v1.35.0", "v1.35.4", &[]),
            (
                Kubelet,
                "v1.33.0",
                "v1.35.0",
                &["--cloud-config", "--pod-infra-container-image"],
            ),
            (
                Kubelet,
                "v1.30.0",
                "v1.31.0",
                &[
                    "--keep-terminated-pod-volumes",
                    "--iptables-masquerade-bit",
                    "--iptables-drop-bit",
                ],
            ),
            (
                Kubelet,
                "v1.26.0",
                "v1.27.0",
                &["--container-runtime", "--master-service-namespace"],
            ),
            (
                ApiServer,
                "v1.24.0",
                "v1.25.0",
                &["--service-account-api-audiences"],
            ),
            (
                ApiServer,
                "v1.32.9",
                "v1.33.0",
                &["--cloud-provider", "--cloud-config"],
            ),
            (ApiServer, "v1.33.0", "v1.36.0", &[]),
            (
                ControllerManager,
                "v1.26.1",
                "v1.27.0",
                &["--enable-taint-manager", "--pod-eviction-timeout"],
            ),
            (Scheduler, "v1.25.0", "v1.36.0", &[]),
            (
                K3sAgent,
                "v1.34.1+k3s1",
                "v1.35.1+k3s1",
                &["--pod-infra-container-image"],
            ),
            (
                K3sServer,
                "v1.32.1+k3s1",
                "v1.34.1+k3s1",
                &["--cloud-provider", "--cloud-config", "--cloud-config"],
            ),
        ];
        for (component, from, to, expected) in cases {
            assert_eq!(
                flags(component, from, to),
                expected,
                "{component} {from} {to}"
            );
        }
        assert_eq!(flags(ControllerManager, "v1.24.0", "v1.31.0").len(), 10);
    }

    #[test]
    fn apis_go_with_their_minor() {
        let rules = Rules::load(None).unwrap();
        let found = |from: &str, to: &str| {
            let all = rules.removed_apis(&from.parse().unwrap(), &to.parse().unwrap());
            all.into_iter()
                .map(|each| each.group_version)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found("v1.31.0", "v1.32.0"),
            ["flowcontrol.apiserver.k8s.io/v1beta3"]
        );
        assert!(found("v1.32.0", "v1.36.0").is_empty());
        assert_eq!(
            found("v1.26.0", "v1.29.0"),
            [
                "storage.k8s.io/v1beta1",
                "flowcontrol.apiserver.k8s.io/v1beta2"
            ]
        );
        assert_eq!(found("v1.24.0", "v1.25.0").len(), 6);
        assert_eq!(found("v1.21.0", "v1.22.0").len(), 12);
        assert!(found("v1.25.0", "v1.24.0").is_empty());
    }
}
