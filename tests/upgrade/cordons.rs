//! Whose cordon a node carries, before, during and after a run.

use crate::events::{Ended, task_starts};
use crate::inventory::Inventory;
use crate::lab::{BEFORE, TARGET};
use crate::objects::{Objects, settled};
use crate::snapshot::{assert_only_changed, assert_only_upgraded};
use std::collections::HashMap;

fn small() -> Inventory {
    Inventory::new().control_planes(1).workers(3)
}

/// Scenario 19.
#[test]
fn a_human_s_cordon_outlives_the_upgrade() {
    let lab = settled(&small());
    Objects::of(&lab).cordon_by_hand("worker1");
    // Two of three: with one cordoned for good and one drained, the third takes all pods.
    let two = ["--limit", "worker1,worker2"];
    let before = lab.snapshot();
    let run = lab.upgrade(&two);
    assert_eq!(
        run.code,
        Some(0),
        "{} {}",
        run.reason("worker1"),
        run.reason("worker2")
    );
    run.assert_ran("Drain the node", "worker1");
    let status = lab.status();
    let node = status.node("worker1");
    assert_eq!(node["version"], TARGET, "{node}");
    assert_eq!(node["unschedulable"], true, "{node}");
    assert_eq!(run.changed_by("windlass.uncordon"), ["worker2"]);
    status.assert_serving("worker2", TARGET);
    let journal = lab.journal_of(&run);
    for host in ["worker1", "worker2"] {
        journal.assert_intent_before_done(host);
    }
    let after = lab.snapshot();
    assert_only_upgraded(&before, &after, &["worker1", "worker2"], &[]);

    // It is at its version now, so a second run leaves it alone.
    let second = lab.upgrade(&two);
    assert_eq!(second.code, Some(0), "{}", second.errors);
    lab.journal_of(&second).assert_nobody_disturbed();
    assert_only_changed(&after, &lab.snapshot(), &[]);
}

/// Kubespray's `upgrade_node_always_cordon`.
#[test]
fn a_human_s_cordon_is_taken_over_where_that_is_asked_for() {
    let lab = settled(&small());
    Objects::of(&lab).cordon_by_hand("worker1");
    let run = lab.upgrade(&[
        "--limit",
        "worker1",
        "-e",
        "upgrade_node_always_cordon=true",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    lab.status().assert_serving("worker1", TARGET);
}

/// Scenario 20.
#[test]
fn a_cordon_of_a_killed_run_is_resumed_drained_and_taken_off() {
    let lab = settled(&small());
    let before = lab.snapshot();
    lab.killed_at(&["--limit", "worker1"], task_starts("Drain the node"));
    let node = lab.status().node("worker1").clone();
    assert_eq!(node["unschedulable"], true, "{node}");
    assert_eq!(node["version"], BEFORE, "{node}");
    let run = lab.upgrade(&["--limit", "worker1"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    run.assert_ran("Drain the node", "worker1");
    assert_eq!(run.changed_by("windlass.cordon"), ["worker1"]);
    assert_eq!(run.changed_by("windlass.uncordon"), ["worker1"]);
    let status = lab.status();
    status.assert_serving("worker1", TARGET);
    let annotations = status.node("worker1")["annotations"].to_string();
    for left in ["windlass.dev", "scale-down-disabled"] {
        assert!(!annotations.contains(left), "{annotations}");
    }
    lab.journal_of(&run).assert_intent_before_done("worker1");
    assert_only_upgraded(&before, &lab.snapshot(), &["worker1"], &[]);
}

/// The numbers of the events at which the tasks of an action ended on each host.
fn ends(run: &Ended, action: &str) -> HashMap<String, usize> {
    let mut tasks = Vec::new();
    let mut ends = HashMap::new();
    for (at, event) in run.kinds().enumerate() {
        if event["event"] == "task_started" && event["action"] == action {
            tasks.push(event["task"].clone());
        }
        if event["event"] == "task_finished" && tasks.contains(&event["task"]) {
            ends.insert(event["host"].as_str().unwrap().to_owned(), at);
        }
    }
    ends
}

/// No pod moves to a node that is drained next: all of a batch are cordoned first, even where one host goes at a time.
#[test]
fn a_batch_is_cordoned_before_any_of_it_is_drained() {
    for forks in ["5", "1"] {
        let lab = settled(&Inventory::new().control_planes(1).workers(3));
        let two = "worker1,worker2";
        let run = lab.upgrade(&["--limit", two, "-e", "serial=2", "--forks", forks]);
        assert_eq!(run.code, Some(0), "{}", run.errors);
        let (cordons, drains) = (ends(&run, "windlass.cordon"), ends(&run, "windlass.drain"));
        let batch = ["worker1", "worker2"];
        let last = batch.iter().map(|host| cordons[*host]).max();
        let first = batch.iter().map(|host| drains[*host]).min();
        assert!(last < first, "{cordons:?} {drains:?}");
        for event in run.of_kind("task_progress") {
            let text = event["message"].as_str().unwrap();
            assert!(!text.contains("is gone (0"), "{text}");
        }
    }
}
