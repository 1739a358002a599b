//! Whether the versions that run side by side may do so.

use super::data::{HopRule, SkewRule};
use super::{Component, Minor, Rules};
use crate::kubernetes::Version;

/// One running component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The host it runs on, by the name the user knows.
    pub host: String,
    /// What it is.
    pub component: Component,
    /// Its version.
    pub version: Version,
    /// It speaks only to what stands on its own host, as kubeadm's controllers do; other API servers do not bound it.
    pub local: bool,
}

impl Member {
    /// A component that may speak to any API server.
    pub fn new(host: impl Into<String>, component: Component, version: Version) -> Self {
        Self {
            host: host.into(),
            component,
            version,
            local: false,
        }
    }
}

/// All components of a cluster at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The components, in no particular order.
    pub members: Vec<Member>,
}

impl State {
    /// The versions of `component`, as many as there are.
    pub fn versions(&self, component: Component) -> impl Iterator<Item = &Version> {
        self.members
            .iter()
            .filter(move |member| member.component == component)
            .map(|member| &member.version)
    }

    /// Gives `component` on `host` a version; adds it when it was not there.
    pub fn set(&mut self, host: &str, component: Component, version: &Version) {
        let found = self
            .members
            .iter_mut()
            .find(|member| member.host == host && member.component == component);
        match found {
            Some(member) => member.version = version.clone(),
            None => self
                .members
                .push(Member::new(host, component, version.clone())),
        }
    }
}

/// A rule that a state, or a step, breaks.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// The rule's id.
    pub rule: String,
    /// Which versions break it, with their hosts: a lowercase fragment.
    pub what: String,
    /// What the rule says.
    pub says: String,
    /// Where the rule comes from.
    pub source: String,
    /// The hosts of the component that is out of bounds.
    pub hosts: Vec<String>,
}

impl Rules {
    /// The rules that `state` breaks, each once for every version that breaks it.
    ///
    /// In a mixed control plane the oldest API server bounds the newest kubelet and the newest bounds the oldest.
    pub fn violations(&self, state: &State) -> Vec<Violation> {
        let mut found: Vec<Violation> = Vec::new();
        for rule in &self.skew {
            for member in &state.members {
                if !rule.is_for(member.component, Minor::of(&member.version)) {
                    continue;
                }
                for what in rule.broken_by(member, state) {
                    let known = found
                        .iter_mut()
                        .find(|each| each.rule == rule.cite.id && each.what == what);
                    match known {
                        Some(known) => known.hosts.push(member.host.clone()),
                        None => found.push(rule.violation(what, &member.host)),
                    }
                }
            }
        }
        found
    }

    /// The rule that one step of `component` from `from` to `to` breaks.
    pub fn hop(&self, component: Component, from: &Version, to: &Version) -> Option<Violation> {
        let rule = self.hop_rule(component)?;
        let name = component.name();
        let what = match from.minors_to(to) {
            None => format!("{name} cannot go from {from} to {to}, another major version"),
            Some(_) if to < from => format!("{name} cannot go back from {from} to {to}"),
            Some(minors) if minors > rule.minors => {
                format!("{name} cannot go from {from} to {to} in one step")
            }
            Some(_) => return None,
        };
        Some(Violation {
            rule: rule.cite.id.clone(),
            what,
            says: rule.what.clone(),
            source: rule.cite.source.clone(),
            hosts: Vec::new(),
        })
    }

    /// The ids of the rules that a version of `component` is held against in `state`.
    pub fn about(&self, component: Component, state: &State) -> Vec<String> {
        let there = |other: Component| state.versions(other).next().is_some();
        let fits = |rule: &&SkewRule| {
            let pair = [rule.component, rule.against];
            let versions = || state.versions(rule.component);
            pair.contains(&component)
                && pair.into_iter().all(there)
                && versions().any(|version| rule.is_for(rule.component, Minor::of(version)))
        };
        let hops = self.hop_rule(component).map(|rule| &rule.cite.id);
        let skew = self.skew.iter().filter(fits).map(|rule| &rule.cite.id);
        hops.into_iter().chain(skew).cloned().collect()
    }

    pub(super) fn hop_rule(&self, component: Component) -> Option<&HopRule> {
        self.hops
            .iter()
            .find(|rule| rule.components.contains(&component))
    }

    /// The narrowest bound on how many minors `component` at `version` may be behind `against`.
    pub(super) fn window(
        &self,
        component: Component,
        version: &Version,
        against: Component,
    ) -> Option<&SkewRule> {
        self.skew
            .iter()
            .filter(|rule| rule.is_for(component, Minor::of(version)) && rule.against == against)
            .min_by_key(|rule| rule.older)
    }
}

impl SkewRule {
    /// What `member` breaks of this rule: too new beside the oldest, too old beside the newest.
    fn broken_by(&self, member: &Member, state: &State) -> Vec<String> {
        let near = self.same_host || (member.local && self.against.serves_api());
        let others = || {
            state.members.iter().filter(|other| {
                other.component == self.against
                    && !std::ptr::eq(*other, member)
                    && (!near || other.host == member.host)
            })
        };
        let oldest = others().min_by(|one, other| one.version.cmp(&other.version));
        let newest = others().max_by(|one, other| one.version.cmp(&other.version));
        let mut broken = Vec::new();
        let say = |how: &str, other: &Member| {
            let (name, against) = (member.component.name(), other.component.name());
            format!(
                "{name} {} {how} {against} {} on {}",
                member.version, other.version, other.host
            )
        };
        if let Some(oldest) = oldest
            && self.is_newer(&member.version, &oldest.version)
        {
            broken.push(say("is too new for", oldest));
        }
        // Between equals the newer one has said it already.
        if self.component != self.against
            && let Some(newest) = newest
            && member
                .version
                .minors_to(&newest.version)
                .is_none_or(|minors| minors > self.older)
        {
            broken.push(say("is too old for", newest));
        }
        broken
    }

    /// Whether `version` is newer than this rule lets it be beside `other`.
    fn is_newer(&self, version: &Version, other: &Version) -> bool {
        match other.minors_to(version) {
            None => version > other,
            Some(minors) => {
                minors > self.newer || (self.patches && self.newer == 0 && version > other)
            }
        }
    }

    fn violation(&self, what: String, host: &str) -> Violation {
        Violation {
            rule: self.cite.id.clone(),
            what,
            says: self.what.clone(),
            source: self.cite.source.clone(),
            hosts: vec![host.to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `host component version`, one a line or after a comma; `~` before the component means local.
    fn state(text: &str) -> State {
        let members = text.split(',').map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let name = words[1].trim_start_matches('~');
            let component = Component::from_name(name).expect(name);
            Member {
                local: name.len() < words[1].len(),
                ..Member::new(words[0], component, words[2].parse().unwrap())
            }
        });
        State {
            members: members.collect(),
        }
    }

    fn broken(text: &str) -> Vec<String> {
        let rules = Rules::load(None).unwrap();
        let found = rules.violations(&state(text));
        found.into_iter().map(|each| each.rule).collect()
    }

    /// What is still legal, what is not, and the rule that says so.
    const EDGES: &[(&str, &str, &str)] = &[
        (
            "a kube-apiserver 1.35.0, b kube-apiserver 1.34.9",
            "a kube-apiserver 1.35.0, b kube-apiserver 1.33.9",
            "apiserver-apiserver",
        ),
        (
            "a kube-apiserver 1.35.0, b kubelet 1.35.9",
            "a kube-apiserver 1.35.9, b kubelet 1.36.0",
            "kubelet-apiserver",
        ),
        (
            "a kube-apiserver 1.35.0, b kubelet 1.32.0",
            "a kube-apiserver 1.35.0, b kubelet 1.31.9",
            "kubelet-apiserver",
        ),
        (
            "a kube-apiserver 1.28.0, b kubelet 1.25.0",
            "a kube-apiserver 1.27.0, b kubelet 1.24.9",
            "kubelet-apiserver-before-1.25",
        ),
        (
            "a kube-apiserver 1.26.0, b kubelet 1.24.0",
            "a kube-apiserver 1.23.0, b kubelet 1.24.0",
            "kubelet-apiserver-before-1.25",
        ),
        (
            "a kube-apiserver 1.35.0, b kube-proxy 1.32.0",
            "a kube-apiserver 1.35.0, b kube-proxy 1.36.0",
            "kube-proxy-apiserver",
        ),
        (
            "a kube-apiserver 1.26.0, b kube-proxy 1.24.0",
            "a kube-apiserver 1.27.0, b kube-proxy 1.24.0",
            "kube-proxy-apiserver-before-1.25",
        ),
        (
            "a kubelet 1.32.0, a kube-proxy 1.35.0",
            "a kubelet 1.31.0, a kube-proxy 1.35.0",
            "kube-proxy-kubelet",
        ),
        (
            "a kubelet 1.31.0, b kube-proxy 1.35.0",
            "a kubelet 1.35.0, a kube-proxy 1.31.0",
            "kube-proxy-kubelet",
        ),
        (
            "a kubelet 1.22.0, a kube-proxy 1.24.0",
            "a kubelet 1.21.0, a kube-proxy 1.24.0",
            "kube-proxy-kubelet-before-1.25",
        ),
        (
            "a kube-apiserver 1.35.0, a kube-controller-manager 1.34.0",
            "a kube-apiserver 1.35.0, a kube-controller-manager 1.33.0",
            "controller-manager-apiserver",
        ),
        (
            "a kube-apiserver 1.35.0, a kube-controller-manager 1.35.3",
            "a kube-apiserver 1.34.0, a kube-controller-manager 1.35.0",
            "controller-manager-apiserver",
        ),
        (
            "a kube-apiserver 1.35.0, a kube-scheduler 1.34.0",
            "a kube-apiserver 1.34.0, a kube-scheduler 1.35.0",
            "scheduler-apiserver",
        ),
        (
            "a kube-apiserver 1.35.0, a cloud-controller-manager 1.34.0",
            "a kube-apiserver 1.34.0, a cloud-controller-manager 1.35.0",
            "cloud-controller-manager-apiserver",
        ),
        (
            "a kube-apiserver 1.35.0, b kubectl 1.36.0",
            "a kube-apiserver 1.35.0, b kubectl 1.37.0",
            "kubectl-apiserver",
        ),
        (
            "a kube-apiserver 1.35.0, b kubectl 1.34.0",
            "a kube-apiserver 1.35.0, b kubectl 1.33.0",
            "kubectl-apiserver",
        ),
        (
            "a etcd 3.6.1, b etcd 3.5.26",
            "a etcd 3.6.1, b etcd 3.4.30",
            "etcd-etcd",
        ),
        (
            "a k3s-server 1.35.1+k3s1, b k3s-server 1.34.1+k3s1",
            "a k3s-server 1.35.1+k3s1, b k3s-server 1.33.1+k3s1",
            "k3s-server-server",
        ),
        (
            "a k3s-server 1.35.1+k3s1, b k3s-agent 1.32.1+k3s1",
            "a k3s-server 1.35.1+k3s1, b k3s-agent 1.31.1+k3s1",
            "k3s-agent-server",
        ),
        (
            "a k3s-server 1.35.1+k3s2, b k3s-agent 1.35.1+k3s2",
            "a k3s-server 1.35.1+k3s1, b k3s-agent 1.35.1+k3s2",
            "k3s-agent-server",
        ),
    ];

    #[test]
    fn every_rule_at_its_edge_and_past_it() {
        let rules = Rules::load(None).unwrap();
        for (legal, illegal, rule) in EDGES {
            assert_eq!(broken(legal), Vec::<String>::new(), "{legal}");
            assert_eq!(broken(illegal), [*rule], "{illegal}");
        }
        for rule in &rules.skew {
            assert!(
                EDGES.iter().any(|(_, _, id)| *id == rule.cite.id),
                "{} has no case",
                rule.cite.id
            );
        }
    }

    #[test]
    fn a_mixed_control_plane_bounds_from_both_sides() {
        let plane = "a kube-apiserver 1.36.0, b kube-apiserver 1.35.0";
        for (kubelet, legal) in [
            ("1.36.0", false),
            ("1.35.0", true),
            ("1.33.0", true),
            ("1.32.0", false),
        ] {
            let found = broken(&format!("{plane}, n kubelet {kubelet}"));
            assert_eq!(found.is_empty(), legal, "{kubelet}: {found:?}");
        }
    }

    #[test]
    fn local_controllers_are_bounded_by_their_own_api_server_only() {
        let plane = "a kube-apiserver 1.35.0, b kube-apiserver 1.34.0";
        assert_eq!(
            broken(&format!("{plane}, a kube-scheduler 1.35.0")),
            ["scheduler-apiserver"]
        );
        assert!(broken(&format!("{plane}, a ~kube-scheduler 1.35.0")).is_empty());
        assert_eq!(
            broken(&format!("{plane}, b ~kube-scheduler 1.35.0")),
            ["scheduler-apiserver"]
        );
    }

    #[test]
    fn one_message_names_all_hosts() {
        let rules = Rules::load(None).unwrap();
        let found = rules.violations(&state(
            "a kube-apiserver 1.34.3, n1 kubelet 1.35.1, n2 kubelet 1.35.1, n3 kubelet 1.34.3",
        ));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].hosts, ["n1", "n2"]);
        assert_eq!(
            found[0].what,
            "kubelet v1.35.1 is too new for kube-apiserver v1.34.3 on a"
        );
        assert!(found[0].source.contains("version-skew-policy"));
        assert!(rules.violations(&State::default()).is_empty());
    }

    #[test]
    fn hops_are_bounded_and_never_go_down() {
        let rules = Rules::load(None).unwrap();
        let cases = [
            (Component::ApiServer, "1.34.3", "1.35.1", None),
            (Component::ApiServer, "1.34.3", "1.34.9", None),
            (Component::ApiServer, "1.34.3", "1.34.3", None),
            (
                Component::ApiServer,
                "1.33.3",
                "1.35.1",
                Some("control-plane-hop"),
            ),
            (
                Component::ApiServer,
                "1.35.1",
                "1.35.0",
                Some("control-plane-hop"),
            ),
            (
                Component::Scheduler,
                "1.35.1",
                "2.0.0",
                Some("control-plane-hop"),
            ),
            (Component::Kubelet, "1.32.3", "1.35.1", None),
            (Component::Kubelet, "1.31.3", "1.35.1", Some("kubelet-hop")),
            (Component::Kubelet, "1.35.1", "1.34.1", Some("kubelet-hop")),
            (Component::Etcd, "3.5.26", "3.6.4", None),
            (Component::Etcd, "3.4.26", "3.6.4", Some("etcd-hop")),
            (Component::Etcd, "3.6.4", "3.5.26", Some("etcd-hop")),
            (
                Component::K3sServer,
                "1.33.1+k3s1",
                "1.35.1+k3s1",
                Some("k3s-server-hop"),
            ),
            (
                Component::K3sServer,
                "1.35.1+k3s2",
                "1.35.1+k3s1",
                Some("k3s-server-hop"),
            ),
            (Component::K3sServer, "1.35.1+k3s1", "1.35.1+k3s2", None),
            (Component::K3sAgent, "1.32.1+k3s1", "1.35.1+k3s1", None),
            (
                Component::K3sAgent,
                "1.31.1+k3s1",
                "1.35.1+k3s1",
                Some("k3s-agent-hop"),
            ),
            (Component::Kubectl, "1.20.0", "1.35.1", None),
        ];
        for (component, from, to, expected) in cases {
            let found = rules.hop(component, &from.parse().unwrap(), &to.parse().unwrap());
            let rule = found.as_ref().map(|each| each.rule.as_str());
            assert_eq!(rule, expected, "{component} {from} {to}");
        }
    }
}
