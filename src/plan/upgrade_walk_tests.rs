//! Whole plans: the stages of an upgrade in order, what they say of the way back, and what forbids them.

use super::Times;
use super::upgrade::{ClusterPlan, Stage, Upgrade};
use super::upgrade_input::{Artifact, ClusterNow, Found, Work};
use crate::kubernetes::Version;
use crate::kubernetes::rules::{Component, Rules};
use std::collections::BTreeMap;
use std::time::Duration;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn found(host: &str, component: Component, now: &str, target: &str) -> Found {
    Found {
        host: host.to_owned(),
        cluster: "c".to_owned(),
        component,
        node: host.to_owned(),
        local: false,
        target: version(target),
        running: Some(version(now)),
        disk: Some(version(now)),
        staged: false,
        artifact: Artifact::Verified("/srv".to_owned()),
        via: ["v1.33.5", "v1.34.3", "v1.35.1", "v1.36.0"]
            .map(version)
            .to_vec(),
        emulates_from: None,
        times: Times {
            at_least: Duration::from_secs(10),
            at_most: Duration::from_mins(1),
            usual: None,
        },
    }
}

fn work(component: Component, hosts: &[&str], now: &str, target: &str, looped: bool) -> Work {
    Work {
        play: format!("play of {component}"),
        looped,
        waits: component == Component::Kubelet,
        batches: hosts.iter().map(|host| vec![(*host).to_owned()]).collect(),
        found: hosts
            .iter()
            .map(|host| found(host, component, now, target))
            .collect(),
    }
}

/// A cluster of two API servers and two workers, all at `now`.
fn cluster(now: &str) -> BTreeMap<String, ClusterNow> {
    let all = |names: [&str; 2]| names.map(|name| (name.to_owned(), version(now))).into();
    let cluster = ClusterNow {
        api: all(["cp1", "cp2"]),
        nodes: all(["n1", "n2"]),
        silent: BTreeMap::new(),
    };
    BTreeMap::from([("c".to_owned(), cluster)])
}

fn plan(works: &[Work], now: &str) -> ClusterPlan {
    let rules = Rules::load(None).unwrap();
    let mut upgrade = Upgrade::plan(&rules, works, &cluster(now));
    assert_eq!(upgrade.clusters.len(), 1);
    upgrade.clusters.remove(0)
}

fn both(now: &str, target: &str, looped: bool) -> [Work; 2] {
    [
        work(Component::ApiServer, &["cp1", "cp2"], now, target, looped),
        work(Component::Kubelet, &["n1", "n2"], now, target, looped),
    ]
}

fn shape(plan: &ClusterPlan) -> Vec<String> {
    let one = |stage: &Stage| {
        let steps: Vec<_> = stage.steps().map(|step| step.host.as_str()).collect();
        format!("{} {} {}", stage.component, stage.to, steps.join(","))
    };
    plan.stages.iter().map(one).collect()
}

#[test]
fn one_hop_goes_through_the_plays_in_order() {
    let plan = plan(&both("v1.34.3", "v1.35.1", false), "v1.34.3");
    assert_eq!(plan.blocked, None);
    assert_eq!(
        shape(&plan),
        ["kube-apiserver v1.35.1 cp1,cp2", "kubelet v1.35.1 n1,n2"]
    );
    assert!(plan.stages[0].point_of_no_return);
    assert!(!plan.stages[1].point_of_no_return);
    assert_eq!(plan.time.at_least, Duration::from_secs(40));
    assert_eq!(plan.time.at_most, Duration::from_mins(4));
    assert_eq!(plan.time.usual, None);
    assert!(
        plan.stages[0]
            .rules
            .contains(&"apiserver-apiserver".to_owned())
    );
    assert_eq!(plan.from, ["v1.34.3"]);
    assert_eq!(plan.hops, ["v1.35.1"]);
}

#[test]
fn plays_that_loop_walk_the_hops_and_kubelets_follow_once() {
    let plan = plan(&both("v1.33.5", "v1.35.1", true), "v1.33.5");
    assert_eq!(plan.blocked, None);
    assert_eq!(
        shape(&plan),
        [
            "kube-apiserver v1.34.3 cp1,cp2",
            "kube-apiserver v1.35.1 cp1,cp2",
            "kubelet v1.35.1 n1,n2"
        ]
    );
}

#[test]
fn kubelets_that_do_not_wait_are_drained_at_every_hop() {
    let mut works = both("v1.33.5", "v1.35.1", true);
    works[1].waits = false;
    let plan = plan(&works, "v1.33.5");
    assert_eq!(plan.blocked, None);
    assert_eq!(plan.stages.len(), 4);
    assert_eq!(shape(&plan)[1], "kubelet v1.34.3 n1,n2");
}

#[test]
fn what_is_forbidden_names_its_rule_and_a_way() {
    let cases = [
        // A minor is skipped, and the plays do not loop.
        (
            both("v1.33.5", "v1.35.1", false).to_vec(),
            "v1.33.5",
            "control-plane-hop",
            "v1.34.3, then v1.35.1",
        ),
        // Lower than what runs.
        (
            both("v1.35.1", "v1.34.3", false).to_vec(),
            "v1.35.1",
            "control-plane-hop",
            "windlass rollback",
        ),
        (
            both("v1.35.1", "v1.34.3", true).to_vec(),
            "v1.35.1",
            "control-plane-hop",
            "windlass rollback",
        ),
        // Kubelets alone, before the control plane.
        (
            both("v1.34.3", "v1.35.1", false)[1..].to_vec(),
            "v1.34.3",
            "kubelet-apiserver",
            "upgrade the API servers first",
        ),
        // The kubelets' play stands before the API servers'.
        (
            both("v1.34.3", "v1.35.1", false)
                .into_iter()
                .rev()
                .collect(),
            "v1.34.3",
            "kubelet-apiserver",
            "API servers first",
        ),
    ];
    for (works, now, rule, hint) in cases {
        let blocked = plan(&works, now).blocked.unwrap();
        assert_eq!(blocked.rule, rule, "{blocked:?}");
        assert!(blocked.hint.contains(hint), "{blocked:?}");
        assert!(blocked.source.starts_with("https://"), "{blocked:?}");
    }
}

#[test]
fn equal_is_nothing_to_do() {
    for looped in [false, true] {
        let plan = plan(&both("v1.35.1", "v1.35.1", looped), "v1.35.1");
        assert!(plan.stages.is_empty() && plan.hops.is_empty());
        assert_eq!(plan.done, ["cp1", "cp2", "n1", "n2"]);
        assert_eq!(plan.blocked, None);
    }
}

#[test]
fn what_an_interrupted_run_left_is_gone_on_with() {
    let mut works = both("v1.34.3", "v1.35.1", false);
    works[0].found[0] = found("cp1", Component::ApiServer, "v1.35.1", "v1.35.1");
    // Replaced on disk, not restarted.
    works[0].found[1].disk = Some(version("v1.35.1"));
    let plan = plan(&works, "v1.34.3");
    assert_eq!(shape(&plan)[0], "kube-apiserver v1.35.1 cp2");
    assert_eq!(plan.done, ["cp1"]);
}

#[test]
fn a_missing_binary_blocks_unless_it_is_on_the_host() {
    let mut works = both("v1.34.3", "v1.35.1", false);
    for found in &mut works[1].found {
        found.artifact = Artifact::Missing {
            at: "/srv".to_owned(),
            why: "not there".to_owned(),
        };
    }
    assert_eq!(plan(&works, "v1.34.3").blocked.unwrap().rule, "artifact");
    works[1]
        .found
        .iter_mut()
        .for_each(|found| found.staged = true);
    assert_eq!(plan(&works, "v1.34.3").blocked, None);
}

#[test]
fn what_earlier_runs_took_counts_only_when_all_is_known() {
    let mut works = both("v1.34.3", "v1.35.1", false);
    for found in works.iter_mut().flat_map(|work| &mut work.found) {
        found.times.usual = Some(Duration::from_secs(20));
    }
    assert_eq!(
        plan(&works, "v1.34.3").time.usual,
        Some(Duration::from_secs(80))
    );
    works[1].found[0].times.usual = None;
    assert_eq!(plan(&works, "v1.34.3").time.usual, None);
}
