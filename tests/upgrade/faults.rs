//! What goes wrong on purpose, and how the fleet stands after it.

use crate::lab::{BEFORE, Lab, TARGET};

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
    let lab = Lab::new();
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
fn a_budget_that_blocks_is_named_and_the_node_is_left_as_it_was() {
    let lab = Lab::new();
    lab.fault("worker1", "budget-blocked");
    let run = lab.upgrade(&["--limit", "worker1", "-e", "drain_timeout=3s"]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let reason = run.recap("worker1")["reason"].to_string();
    assert!(reason.contains("blocked-worker1"), "{reason}");
    lab.status().assert_serving("worker1", BEFORE);
    assert!(
        run.changed_by("systemd").is_empty(),
        "a service was restarted"
    );
}

#[test]
fn a_connection_lost_in_mid_restart_is_made_again_and_nothing_is_done_twice() {
    let lab = Lab::new();
    lab.fault("worker1", "drop-connection");
    let run = lab.upgrade(&["--limit", "worker1"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    assert_eq!(run.of_kind("host_reconnected").len(), 1);
    lab.status().assert_serving("worker1", TARGET);
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
