//! The paths of many upgrades, and that every state on each of them is legal.

use super::path::Path;
use super::{Component, Rules};
use super::{Member, State};
use crate::kubernetes::Version;

fn versions(text: &str) -> Vec<Version> {
    text.split_whitespace()
        .map(|each| each.parse().unwrap())
        .collect()
}

/// The path as text: a `*` marks the hops that the kubelets follow.
fn path(from: &str, to: &str, kubelets: &str, via: &str) -> String {
    let rules = Rules::load(None).unwrap();
    let found = rules.path(
        &versions(from),
        &to.parse().unwrap(),
        &versions(kubelets),
        &versions(via),
    );
    match found {
        Ok(path) => path
            .hops
            .iter()
            .map(|hop| format!("{}{}", hop.version, if hop.kubelets { "*" } else { "" }))
            .collect::<Vec<_>>()
            .join(" "),
        Err(refusal) => {
            assert!(!refusal.hint().is_empty());
            match refusal.rule() {
                Some(rule) => format!("refused: {rule}"),
                None => refusal.to_string(),
            }
        }
    }
}

const ALL: &str = "1.32.9 1.33.2 1.33.7 1.34.3 1.35.1 1.36.0 1.37.0-rc.1";
const K3S: &str = "1.33.5+k3s1 1.34.3+k3s1 1.34.3+k3s2 1.35.1+k3s1";

/// From, to, kubelets, what is at hand, and the path.
const PATHS: [[&str; 5]; 32] = [
    // One minor, a patch, nothing.
    ["1.34.3", "1.35.1", "1.34.3", "", "v1.35.1*"],
    ["1.35.0", "1.35.1", "1.35.0", "", "v1.35.1*"],
    ["1.35.1", "1.35.1", "1.35.1", ALL, ""],
    ["1.35.1", "1.35.1", "", ALL, ""],
    ["1.35.1 1.35.1", "v1.35.1", "1.35.1 1.35.1", ALL, ""],
    // Only kubelets are behind.
    ["1.35.1", "1.35.1", "1.35.1 1.33.2", ALL, "v1.35.1*"],
    // Three minors: the kubelets wait for the end.
    [
        "1.32.9",
        "1.35.1",
        "1.32.9",
        ALL,
        "v1.33.7 v1.34.3 v1.35.1*",
    ],
    // Four: they follow once on the way, as late as they may.
    [
        "1.32.9",
        "1.36.0",
        "1.32.9",
        ALL,
        "v1.33.7 v1.34.3 v1.35.1* v1.36.0*",
    ],
    [
        "1.33.2",
        "1.36.0",
        "1.32.9",
        ALL,
        "v1.34.3 v1.35.1* v1.36.0*",
    ],
    // Below 1.25 they may be two minors behind.
    [
        "1.23.0",
        "1.26.0",
        "1.23.0",
        "1.24.1 1.25.1 1.26.0",
        "v1.24.1 v1.25.1* v1.26.0*",
    ],
    // They are as far behind as they may be: first they come up.
    ["1.35.1", "1.36.0", "1.32.9", ALL, "v1.35.1* v1.36.0*"],
    [
        "1.35.1",
        "1.36.0",
        "1.32.9",
        "1.36.0",
        "refused: kubelet-apiserver",
    ],
    [
        "1.35.1 1.35.0",
        "1.36.0",
        "1.32.9",
        ALL,
        "refused: kubelet-apiserver",
    ],
    [
        "1.36.0",
        "1.36.0",
        "1.32.9",
        ALL,
        "refused: kubelet-apiserver",
    ],
    // An interrupted run goes on.
    ["1.34.3 1.35.1", "1.35.1", "1.34.3", ALL, "v1.35.1*"],
    [
        "1.34.3 1.33.2 1.33.2",
        "1.35.1",
        "1.33.2",
        ALL,
        "v1.34.3 v1.35.1*",
    ],
    [
        "1.33.7 1.34.9",
        "1.35.1",
        "1.33.7",
        ALL,
        "refused: control-plane-hop",
    ],
    // Something on the way is missing.
    [
        "1.33.7",
        "1.35.1",
        "1.33.7",
        "1.35.1 1.33.7",
        "refused: control-plane-hop",
    ],
    [
        "1.33.7",
        "1.35.1",
        "1.33.7",
        "",
        "refused: control-plane-hop",
    ],
    // A candidate only where there is no release.
    ["1.36.0", "1.38.0", "1.36.0", ALL, "v1.37.0-rc.1 v1.38.0*"],
    // Down, and across.
    [
        "1.35.1",
        "1.34.3",
        "1.34.3",
        ALL,
        "refused: control-plane-hop",
    ],
    [
        "1.35.1",
        "1.35.0",
        "1.35.0",
        ALL,
        "refused: control-plane-hop",
    ],
    ["1.34.3", "1.34.3", "1.35.1", ALL, "refused: kubelet-hop"],
    [
        "1.35.1",
        "2.0.0",
        "1.35.1",
        ALL,
        "v1.35.1 and v2.0.0 are not versions of the same thing",
    ],
    [
        "",
        "1.35.1",
        "1.35.1",
        ALL,
        "no API server's version is known",
    ],
    // k3s.
    [
        "1.33.5+k3s1",
        "1.35.1+k3s1",
        "1.33.5+k3s1",
        K3S,
        "v1.34.3+k3s2 v1.35.1+k3s1*",
    ],
    [
        "1.34.3+k3s1",
        "1.34.3+k3s2",
        "1.34.3+k3s1",
        K3S,
        "v1.34.3+k3s2*",
    ],
    [
        "1.34.3+k3s2",
        "1.34.3+k3s1",
        "1.34.3+k3s1",
        K3S,
        "refused: k3s-server-hop",
    ],
    [
        "1.33.5+k3s1",
        "1.35.1+k3s1",
        "1.33.5+k3s1",
        ALL,
        "refused: k3s-server-hop",
    ],
    [
        "1.34.3+k3s1",
        "1.35.1",
        "1.34.3+k3s1",
        ALL,
        "v1.34.3+k3s1 and v1.35.1 are not versions of the same thing",
    ],
    [
        "1.34.3",
        "1.35.1+k3s1",
        "1.34.3",
        ALL,
        "v1.34.3 and v1.35.1+k3s1 are not versions of the same thing",
    ],
    [
        "1.34.3+rke2r1",
        "1.35.1+k3s1",
        "",
        ALL,
        "v1.34.3+rke2r1 and v1.35.1+k3s1 are not versions of the same thing",
    ],
];

#[test]
fn paths() {
    for [from, to, kubelets, via, expected] in PATHS {
        assert_eq!(
            path(from, to, kubelets, via),
            expected,
            "{from} -> {to}, kubelets {kubelets}"
        );
    }
}

/// Walks every path from 1.2x to 1.3x host by host and holds each state on the way against the skew rules.
#[test]
fn every_state_on_every_path_is_legal() {
    let rules = Rules::load(None).unwrap();
    let via: Vec<Version> = (20..40)
        .map(|minor| format!("1.{minor}.5").parse().unwrap())
        .collect();
    let mut walked = 0;
    for from in 22..38_u64 {
        for behind in 0..=3 {
            for to in from..=(from + 6).min(38) {
                let at = |minor: u64| format!("1.{minor}.5").parse::<Version>().unwrap();
                let kubelet = at(from - behind);
                let start = state(&at(from), &kubelet);
                if !rules.violations(&start).is_empty() {
                    continue;
                }
                let path = rules
                    .path(&[at(from)], &at(to), std::slice::from_ref(&kubelet), &via)
                    .unwrap_or_else(|refusal| panic!("{from}-{behind} to {to}: {refusal}"));
                walk(&rules, start, &path, &at(to));
                walked += 1;
            }
        }
    }
    assert!(walked > 300, "{walked}");
}

fn state(plane: &Version, kubelet: &Version) -> State {
    let mut state = State::default();
    for host in ["cp1", "cp2", "cp3"] {
        for component in [
            Component::ApiServer,
            Component::ControllerManager,
            Component::Scheduler,
        ] {
            state
                .members
                .push(Member::new(host, component, plane.clone()));
        }
    }
    for host in ["cp1", "cp2", "cp3", "n1", "n2"] {
        state
            .members
            .push(Member::new(host, Component::Kubelet, kubelet.clone()));
    }
    state
}

fn walk(rules: &Rules, mut state: State, path: &Path, to: &Version) {
    let plane = [
        Component::ApiServer,
        Component::ControllerManager,
        Component::Scheduler,
    ];
    for hop in &path.hops {
        for component in plane {
            for host in ["cp1", "cp2", "cp3"] {
                step(rules, &mut state, host, component, &hop.version);
            }
        }
        if hop.kubelets {
            for host in ["cp1", "cp2", "cp3", "n1", "n2"] {
                step(rules, &mut state, host, Component::Kubelet, &hop.version);
            }
        }
    }
    assert!(
        state.members.iter().all(|member| member.version == *to),
        "{state:?}"
    );
}

fn step(rules: &Rules, state: &mut State, host: &str, component: Component, to: &Version) {
    let before = state
        .members
        .iter()
        .find(|each| each.host == host && each.component == component);
    let from = before.unwrap().version.clone();
    assert_eq!(rules.hop(component, &from, to), None, "{host} {component}");
    state.set(host, component, to);
    let broken = rules.violations(state);
    assert!(
        broken.is_empty(),
        "{host} {component} {from} -> {to}: {broken:?}"
    );
}
