//! A new kubelet that is no good: the node goes back to the old one and into service, and nothing else changes.

use crate::events::Ended;
use crate::inventory::{Artifact, Inventory};
use crate::lab::{BEFORE, Lab, TARGET};
use crate::snapshot::assert_only_changed;
use std::time::Duration;

/// What a node that went back may have that it did not have before: what waits in the stage, another process of the same
/// kubelet, and its pods elsewhere.
const AFTER_A_ROLLBACK: [&str; 4] = [
    "worker1/var/lib/windlass/artifacts",
    "worker1/unit/kubelet/process",
    "node/*/pod_names",
    "node/worker1/annotations",
];

fn small() -> Inventory {
    Inventory::new().control_planes(1).workers(3)
}

/// Runs the upgrade of worker1, asserts that it went back to what it was, and returns the run.
fn assert_goes_back(lab: &Lab, limit: Duration) -> Ended {
    let before = lab.snapshot();
    let run = lab.upgrade_within(limit, &["--limit", "worker1", "-e", "gate_timeout=4"]);
    run.assert_code(2);
    assert_eq!(run.recap("worker1")["state"], "rolled_back");
    run.assert_ran("Put kubelet v1.35.1 in place", "worker1");
    run.assert_ran("Restart kubelet", "worker1");
    run.assert_never_ran("Put the node back in service", "worker1");

    let journal = lab.journal_of(&run);
    journal.assert_intent_before_done("worker1");
    let ways_back = journal.of_kind("rollback_finished");
    assert_eq!(ways_back.len(), 1);
    assert_eq!(ways_back[0]["remaining"], serde_json::json!([]));
    let manifest = lab.manifest("worker1", &run.id());
    assert_eq!(
        manifest.last().map(String::as_str),
        Some("undone"),
        "{manifest:?}"
    );

    lab.status().assert_serving("worker1", BEFORE);
    assert_only_changed(&before, &lab.snapshot(), &AFTER_A_ROLLBACK);
    run
}

/// Scenario 6.
#[test]
fn a_kubelet_that_exits_at_once_is_taken_back() {
    let lab = Lab::with(&small().artifact("kubelet", Artifact::ExitsAtOnce));
    let run = assert_goes_back(&lab, Duration::from_mins(1));
    let reason = run.reason("worker1");
    assert!(reason.contains("kubelet"), "{reason}");
    run.assert_never_ran("Wait until the node is healthy", "worker1");
}

/// Scenario 7.
#[test]
fn a_kubelet_whose_node_does_not_get_ready_is_taken_back() {
    let lab = Lab::with(&small());
    lab.fault("worker1", "never-ready");
    let run = assert_goes_back(&lab, Duration::from_mins(1));
    let reason = run.reason("worker1");
    assert!(reason.contains("Ready is False"), "{reason}");
}

/// Scenario 8.
#[test]
fn a_kubelet_that_still_says_its_old_version_is_taken_back() {
    let lab = Lab::with(&small());
    lab.fault("worker1", "wrong-version");
    let run = assert_goes_back(&lab, Duration::from_mins(1));
    let reason = run.reason("worker1");
    assert!(
        reason.contains(BEFORE) && reason.contains(TARGET),
        "{reason}"
    );
}

/// Scenario 9.
#[test]
fn a_heartbeat_from_before_the_restart_does_not_count() {
    let lab = Lab::with(&small());
    lab.fault("worker1", "stale-heartbeat");
    let run = assert_goes_back(&lab, Duration::from_mins(1));
    let reason = run.reason("worker1");
    assert!(reason.contains("last sign of life"), "{reason}");
}
