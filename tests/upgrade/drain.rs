//! Drains that do not go as they should, and what becomes of the node.

use crate::events::Ended;
use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::objects::{Objects, settled};
use crate::snapshot::{Snapshot, assert_only_changed, assert_only_upgraded};
use serde_json::json;

/// What a run may change that stopped before a worker was touched: binaries that wait, and pods that moved.
const STAGED: [&str; 2] = ["*/var/lib/windlass", "node/*/pod_names"];

fn small() -> Inventory {
    Inventory::new().control_planes(1).workers(2)
}

fn worker1<'a>(lab: &Lab, more: &[&'a str]) -> Ended {
    let mut arguments = vec!["--limit", "worker1"];
    arguments.extend::<&[&'a str]>(more);
    lab.upgrade(&arguments)
}

/// What the drain said of itself on worker1.
fn said(run: &Ended) -> Vec<String> {
    run.of_kind("task_progress")
        .into_iter()
        .filter(|event| event["host"] == "worker1")
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect()
}

/// The node was not started: in service, as before, nothing but pods moved.
fn assert_not_started(lab: &Lab, run: &Ended, before: &Snapshot) {
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert_eq!(run.recap("worker1")["state"], "pending");
    lab.status().assert_serving("worker1", BEFORE);
    assert_only_changed(before, &lab.snapshot(), &STAGED);
    assert!(run.changed_by("systemd").is_empty());
    let journal = lab.journal_of(run);
    journal.assert_intent_before_done("worker1");
    assert_eq!(journal.of_kind("rollback_finished").len(), 1);
}

/// The preflight stopped the run before worker1 was touched, and said this.
fn assert_stopped_before(lab: &Lab, run: &Ended, before: &Snapshot, words: &str) {
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let reason = run.reason("worker1");
    assert!(
        reason.contains("preflight") && reason.contains(words),
        "{reason}"
    );
    lab.journal_of(run).assert_nobody_disturbed();
    assert_only_changed(before, &lab.snapshot(), &[]);
}

/// Scenario 1.
#[test]
fn a_budget_that_never_allows_is_named_and_the_node_goes_back_into_service() {
    let lab = settled(&small());
    lab.fault("worker1", "budget-blocked");
    let before = lab.snapshot();
    let run = worker1(&lab, &["-e", "drain_timeout=2s"]);
    let reason = run.reason("worker1");
    assert!(
        reason
            .contains("node worker1 is not drained after 2 s; still there: shop/blocked-worker1-"),
        "{reason}"
    );
    assert!(
        reason.contains("The disruption budget blocked-worker1 needs 1 healthy pods and has 1"),
        "{reason}"
    );
    assert_not_started(&lab, &run, &before);
}

/// Scenario 1, where the user prefers to go on without the node.
#[test]
fn a_node_whose_time_is_over_can_be_left_out() {
    let lab = settled(&small());
    lab.fault("worker1", "budget-blocked");
    let more = [
        "-e",
        "drain_timeout=2s",
        "-e",
        "drain_on_timeout=skip",
        "-e",
        "serial=1",
    ];
    let before = lab.snapshot();
    let run = lab.upgrade(&[&["--limit", "kube_node"][..], &more].concat());
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let status = lab.status();
    status.assert_serving("worker1", BEFORE);
    status.assert_serving("worker2", TARGET);
    lab.journal_of(&run).assert_intent_before_done("worker2");
    let staged = ["worker1/var/lib/windlass", "node/worker1/annotations"];
    assert_only_upgraded(&before, &lab.snapshot(), &["worker2"], &staged);
    run.assert_ran("Say that the node is left out", "worker1");
    run.assert_never_ran("Restart", "worker1");
}

/// Scenario 1, where pods may be deleted: only with a list of namespaces, and said aloud.
#[test]
fn a_budget_is_bypassed_only_where_that_is_written_down() {
    let lab = settled(&small());
    lab.fault("worker1", "budget-blocked");
    let delete = ["-e", "drain_timeout=1s", "-e", "drain_on_timeout=delete"];
    let run = worker1(&lab, &delete);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert!(
        run.reason("worker1")
            .contains("drain_delete_namespaces must name")
    );
    lab.status().assert_serving("worker1", BEFORE);

    let listed = [
        &delete[..],
        &["-e", r#"{"drain_delete_namespaces": ["shop"]}"#],
    ]
    .concat();
    let run = worker1(&lab, &listed);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let told = said(&run);
    let told = told
        .iter()
        .find(|line| line.contains("without an eviction"));
    assert!(
        told.is_some_and(|line| line.ends_with("past disruption budget blocked-worker1")),
        "{told:?}"
    );
    lab.status().assert_serving("worker1", TARGET);
}

/// Kubespray's last resort.
#[test]
fn the_fallback_deletes_and_says_what_it_bypassed() {
    let lab = settled(&small());
    lab.fault("worker1", "budget-blocked");
    let more = [
        "-e",
        "drain_timeout=1s",
        "-e",
        "drain_fallback_enabled=true",
    ];
    let run = worker1(&lab, &more);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    run.assert_ran("Say what was bypassed", "worker1");
    lab.status().assert_serving("worker1", TARGET);
}

/// Scenario 2: a budget that allows nothing at first does later, since a replacement gets ready.
#[test]
fn a_budget_that_clears_lets_the_drain_go_on() {
    let lab = settled(&small());
    let mut objects = Objects::of(&lab);
    objects.pod("worker1", "one", |pod| {
        pod["metadata"]["labels"]["app"] = json!("pair");
    });
    // It starts only when the lab runs again, and counts from then on.
    objects.pod("worker2", "two", |pod| {
        pod["metadata"]["labels"]["app"] = json!("pair");
        pod["status"] = json!({"phase": "Pending"});
    });
    objects.budget("pair", "pair");
    let before = lab.snapshot();
    let run = worker1(&lab, &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let gone: Vec<String> = said(&run)
        .into_iter()
        .filter(|line| line.starts_with("shop/one is gone"))
        .collect();
    assert_eq!(gone.len(), 1, "gone once: {gone:?}");
    lab.status().assert_serving("worker1", TARGET);
    lab.journal_of(&run).assert_intent_before_done("worker1");
    assert_only_upgraded(&before, &lab.snapshot(), &["worker1"], &[]);
}

/// Scenario 3.
#[test]
fn two_budgets_over_one_pod_fail_at_once_with_both_names() {
    let lab = settled(&small());
    let mut objects = Objects::of(&lab);
    objects.pod("worker1", "twice", |_| {});
    objects.budget("first", "twice");
    objects.budget("second", "twice");
    let before = lab.snapshot();
    let run = worker1(&lab, &[]);
    assert_stopped_before(&lab, &run, &before, "2 budgets cover it: first, second");

    let more = ["-e", "preflight=false", "-e", "drain_retries=3"];
    let run = worker1(&lab, &more);
    let reason = run.reason("worker1");
    assert!(
        reason.contains("shop/twice cannot be evicted: more than one disruption budget covers it (first, second)"),
        "{reason}"
    );
    assert!(run.of_kind("task_retried").is_empty(), "it was tried again");
    assert_not_started(&lab, &run, &before);
}

/// Scenario 4.
#[test]
fn a_pod_that_stays_terminating_has_its_own_time_and_its_finalizer_is_named() {
    let lab = settled(&small());
    let mut objects = Objects::of(&lab);
    objects.pod("worker1", "stuck", |pod| {
        pod["metadata"]["finalizers"] = json!(["example.com/keep"]);
    });
    let before = lab.snapshot();
    let run = worker1(&lab, &["-e", "drain_pod_timeout=1"]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let reason = run.reason("worker1");
    assert!(
        reason.contains("pod shop/stuck is still there after 1 s: evicted, but still ending (finalizers: example.com/keep)"),
        "{reason}"
    );
    assert_not_started(&lab, &run, &before);

    let run = worker1(
        &lab,
        &["-e", "drain_pod_timeout=1", "-e", "drain_on_timeout=skip"],
    );
    assert_eq!(run.code, Some(0), "{}", run.errors);
    lab.status().assert_serving("worker1", BEFORE);
    assert!(lab.journal_of(&run).changed_by("systemd").is_empty());
    let allowed = [&STAGED[..], &["node/worker1/annotations"]].concat();
    assert_only_changed(&before, &lab.snapshot(), &allowed);
}

/// Scenario 5. The lab's garbage collector takes what has lost its owner, as a real one does, so a DaemonSet's orphan is
/// only tested where pods are sorted.
#[test]
fn pods_that_would_be_lost_block_before_the_first_eviction() {
    let lab = settled(&small());
    let mut objects = Objects::of(&lab);
    objects.pod("worker1", "bare", |_| {});
    objects.pod("worker1", "scratch", |pod| {
        pod["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]);
    });
    let before = lab.snapshot();
    let strict = [
        "-e",
        "drain_force=false",
        "-e",
        "drain_delete_emptydir_data=false",
    ];
    let run = worker1(&lab, &strict);
    let words = "shop/bare: nothing would make it anew elsewhere (drain_force allows it)";
    assert_stopped_before(&lab, &run, &before, words);

    let run = worker1(&lab, &[&strict[..], &["-e", "preflight=false"]].concat());
    let reason = run.reason("worker1");
    for text in [
        "no pod was evicted",
        "shop/bare: nothing would make it anew elsewhere (drain_force allows it)",
        "shop/scratch: it has emptyDir data in tmp (up to 1Gi) (drain_delete_emptydir_data allows it)",
    ] {
        assert!(reason.contains(text), "{text} is not in {reason}");
    }
    let pods = |at: &Snapshot| at.fact("node/worker1/pod_names").map(str::to_owned);
    assert_eq!(pods(&before), pods(&lab.snapshot()), "a pod was evicted");
    assert_not_started(&lab, &run, &before);
}

/// Scenario 21: seen before, seen when its turn comes, and allowed.
#[test]
fn a_node_that_is_not_ready_stops_the_run_unless_that_is_allowed() {
    let lab = settled(&small());
    lab.not_ready("worker1");
    let before = lab.snapshot();
    let run = worker1(&lab, &[]);
    assert_stopped_before(&lab, &run, &before, "worker1: the node is not Ready");

    let run = worker1(&lab, &["-e", "preflight=false"]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let reason = run.reason("worker1");
    assert!(
        reason.contains("node worker1 is not ready before anything was done to it"),
        "{reason}"
    );
    lab.journal_of(&run).assert_nobody_disturbed();
    assert_only_changed(&before, &lab.snapshot(), &STAGED);

    let run = worker1(&lab, &["-e", "drain_allow_not_ready=true"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    assert!(
        run.changed_by("windlass.drain").is_empty(),
        "it was drained"
    );
    lab.status().assert_serving("worker1", TARGET);
    lab.journal_of(&run).assert_intent_before_done("worker1");
    let ready = ["node/worker1/ready", "node/worker1/taints"];
    assert_only_upgraded(&before, &lab.snapshot(), &["worker1"], &ready);
}
