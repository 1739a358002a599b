//! A run that is killed outright, and what happens then: by itself, and by the next run.

use crate::artifacts::{BEFORE, TARGET};
use crate::fleet::Fleet;
use crate::host::until;
use crate::operator::Operator;
use crate::or_skip;

/// Scenario 14.
#[test]
fn a_run_killed_after_the_cordon_is_finished_by_the_next_one() {
    let fleet = or_skip!(Fleet::shared());
    let files = fleet.host("killed").other_files();
    let operator = Operator::of(fleet);
    let mut run = operator.start(&["--limit", "killed"]);
    run.until_task("Drain the node");
    run.kill();
    let node = fleet.node("killed");
    assert_eq!(node["unschedulable"], true, "{node}");
    fleet
        .host("killed")
        .assert_serves("kubelet", "kubelet", BEFORE);

    let next = operator.upgrade(&["--limit", "killed"]);
    next.assert_code(0);
    fleet.assert_serving("killed", TARGET);
    assert_eq!(fleet.host("killed").other_files(), files);
}

/// Scenario 15.
#[test]
fn a_run_killed_after_the_swap_is_taken_back_by_the_timer_of_the_host() {
    let fleet = or_skip!(Fleet::shared());
    let host = fleet.host("deadman");
    let files = host.files();
    let operator = Operator::of(fleet);
    let mut run = operator.start(&["--limit", "deadman", "-e", "upgrade_deadman=8s"]);
    run.until_task("Check that kubelet keeps running");
    run.kill();
    assert_eq!(host.on_disk("kubelet"), TARGET);
    assert_ne!(host.run(TIMERS), "", "no timer is armed");

    // Nobody is there but systemd.
    let old = format!("kubelet {BEFORE} ready");
    until("the host goes back by itself", || {
        let look = "tr '\\0' ' ' </proc/$(systemctl show -P MainPID kubelet)/cmdline";
        String::from_utf8_lossy(&host.output(look).stdout).contains(&old)
    });
    until("the node is ready", || {
        fleet.node("deadman")["ready"] == "True"
    });
    host.assert_serves("kubelet", "kubelet", BEFORE);
    assert_eq!(host.files(), files);
    until("the timer is gone", || {
        host.output(TIMERS).stdout.is_empty()
    });
    let manifest = host.run("cat /var/lib/windlass/runs/*/manifest");
    assert!(manifest.lines().any(|line| line == "undone"), "{manifest}");
    // A cordon is the cluster's, which the host cannot reach by itself.
    let node = fleet.node("deadman");
    assert_eq!(node["unschedulable"], true, "{node}");

    let files = host.other_files();
    let next = operator.upgrade(&["--limit", "deadman"]);
    next.assert_code(0);
    assert_eq!(host.other_files(), files);
    fleet.assert_serving("deadman", TARGET);
    assert_eq!(host.run(TIMERS), "", "a timer outlives the run");
}

/// Lists the timers that windlass has made on a host.
const TIMERS: &str = "systemctl list-units --all --plain --no-legend 'windlass*'";
