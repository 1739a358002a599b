//! What goes wrong on purpose, and how the fleet stands after it.

use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

#[test]
fn a_worker_that_crashes_goes_back_and_later_batches_do_not_start() {
    let lab = Lab::new();
    lab.fault("worker2", "crash-on-start");
    let run = lab.upgrade(&[]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert_eq!(run.recap("worker2")["state"], "rolled_back");
    assert_eq!(run.recap("worker3")["state"], "pending");
    let status = lab.status();
    status.assert_serving("worker1", TARGET);
    for host in ["worker2", "worker3", "worker4", "worker5", "agent1"] {
        status.assert_serving(host, BEFORE);
    }
}

#[test]
fn a_node_that_never_gets_ready_goes_back() {
    let lab = Lab::with(&Inventory::new().control_planes(1).workers(2));
    lab.fault("worker1", "never-ready");
    let run = lab.upgrade(&["--limit", "kube_node", "-e", "gate_timeout=3"]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let status = lab.status();
    status.assert_serving("worker1", BEFORE);
    status.assert_serving("worker2", BEFORE);
    let text = lab.upgrade_text(&["--limit", "worker1", "-e", "gate_timeout=3"]);
    let recap = text.split("PLAY RECAP").nth(1).expect("a recap");
    assert!(recap.contains("rolled back"), "{recap}");
    assert!(recap.lines().count() <= 24, "more than a screen: {recap}");
}

#[test]
fn an_unreachable_host_stops_the_run_before_any_host_is_disturbed() {
    let lab = Lab::new();
    lab.fault("worker5", "unreachable");
    let run = lab.upgrade(&["--limit", "kube_node"]);
    assert_eq!(run.code, Some(4), "{}", run.errors);
    assert_eq!(run.recap("worker5")["state"], "unreachable");
    assert!(run.changed_by("windlass.cordon").is_empty());
}

#[test]
fn a_budget_that_clears_lets_the_drain_go_on() {
    let lab = Lab::with(&Inventory::new().control_planes(1).workers(3));
    lab.fault("worker1", "budget-clears-after");
    let run = lab.upgrade(&["--limit", "worker1"]);
    run.assert_code(0);
    let waits = run.of_kind("task_progress");
    let waited = waits
        .iter()
        .any(|wait| wait.to_string().contains("blocked-worker1"));
    assert!(waited, "{waits:?}");
    lab.status().assert_serving("worker1", TARGET);
}

#[test]
fn a_start_that_hangs_is_given_up_and_taken_back() {
    let lab = Lab::with(&Inventory::new().control_planes(1).workers(3));
    lab.fault("worker1", "hang-on-start");
    let run = lab.upgrade(&["--limit", "worker1", "-e", "kubelet_restart_timeout=2"]);
    run.assert_code(2);
    assert_eq!(run.recap("worker1")["state"], "rolled_back");
    lab.status().assert_serving("worker1", BEFORE);
}

#[test]
fn slow_shells_cost_one_start_and_not_one_per_task() {
    let lab = Lab::with(&Inventory::new().control_planes(1).workers(3));
    lab.fault("worker1", "slow-shell");
    let run = lab.upgrade_within(Duration::from_mins(1), &["--limit", "worker1"]);
    run.assert_code(0);
    lab.status().assert_serving("worker1", TARGET);
}

#[test]
fn a_control_plane_that_refuses_to_forward_is_asked_through_its_kubectl() {
    let lab = Lab::with(&Inventory::new().control_planes(1).workers(3));
    lab.fault("control1", "refuse-forwarding");
    let bin = lab.host_folder("control1").join("bin/kubectl");
    let script = "#!/bin/sh\necho 'error: no such certificate' >&2\nexit 1\n";
    fs::write(&bin, script).unwrap();
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o755)).unwrap();
    let run = lab.upgrade_within(Duration::from_mins(1), &["--limit", "worker1"]);
    assert_ne!(run.code, Some(0));
    let reason = run.reason("worker1");
    for word in ["control1", "kubectl failed", "no such certificate"] {
        assert!(reason.contains(word), "{reason}");
    }
    lab.journal_of(&run).assert_nobody_disturbed();
    lab.status().assert_serving("worker1", BEFORE);
}
