//! Runs that do not come to their end: killed, interrupted, ended by the user's probe, and rollbacks that fail.

use crate::events::{Ended, task_starts, undo_recorded};
use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::snapshot::{Snapshot, assert_only_changed, assert_only_upgraded};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const WORKERS: [&str; 2] = ["--limit", "kube_node"];

fn two_workers() -> Inventory {
    Inventory::new().control_planes(1).workers(2)
}

/// A lab with one hook at this point, whose file lies in `place`.
fn lab_with_hook(place: &Path, inventory: Inventory, point: &str, text: &str) -> Lab {
    let path = place.join("hook.yml");
    fs::write(&path, text).unwrap();
    let hooks = json!({point: path.to_str().unwrap()});
    Lab::with(&inventory.variable("upgrade_hooks", hooks))
}

/// Waits until a host's own record of a run says that the old state is back; nobody but its timer is at work.
fn wait_for_the_way_back(lab: &Lab, host: &str, run: &str) {
    let end = Instant::now() + Duration::from_mins(1);
    while lab
        .manifest(host, run)
        .last()
        .is_none_or(|it| it != "undone")
    {
        assert!(Instant::now() < end, "{host} did not go back by itself");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The lab as it is once its nodes are ready: one that was just made takes a moment.
fn settled(lab: &Lab) -> Snapshot {
    let end = Instant::now() + Duration::from_mins(1);
    lab.snapshot();
    while lab
        .status()
        .nodes()
        .iter()
        .any(|node| node["ready"] != "True")
    {
        assert!(Instant::now() < end, "the nodes do not become ready");
        std::thread::sleep(Duration::from_millis(100));
    }
    lab.snapshot()
}

/// The run upgraded both workers, and that is all that is different.
fn assert_upgraded(lab: &Lab, run: &Ended, before: &Snapshot) {
    let status = lab.status();
    let journal = lab.journal_of(run);
    for host in ["worker1", "worker2"] {
        status.assert_serving(host, TARGET);
        journal.assert_intent_before_done(host);
    }
    let workers = ["worker1", "worker2"];
    assert_only_upgraded(before, &lab.snapshot(), &workers, &[]);
}

fn more<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&WORKERS, arguments].concat()
}

/// Scenario 10: what was kept for the way back is gone.
#[test]
fn a_rollback_that_fails_leaves_the_node_cordoned_and_says_what_remains() {
    let place = tempfile::tempdir().unwrap();
    let lab = lab_with_hook(
        place.path(),
        two_workers(),
        "on_failure",
        "- ansible.builtin.shell: rm -f {{ windlass_state_dir }}/runs/{{ RUN_ID }}/files/*\n",
    );
    lab.fault("worker1", "crash-on-start");
    let before = settled(&lab);
    let run = lab.upgrade(&WORKERS);
    assert_eq!(run.code, Some(3), "{}", run.errors);
    assert_eq!(run.recap("worker1")["state"], "rollback_incomplete");
    assert_eq!(run.recap("worker2")["state"], "pending");
    let journal = lab.journal_of(&run);
    let finished = journal.of_kind("rollback_finished")[0].clone();
    let remaining = finished["remaining"].as_array().unwrap();
    assert!(!remaining.is_empty(), "{finished}");
    for command in remaining {
        let command = command.as_str().unwrap();
        assert!(
            command.starts_with("sh ") && command.contains("/undo/"),
            "{command}"
        );
    }
    let status = lab.status();
    assert_eq!(status.node("worker1")["unschedulable"], true);
    status.assert_serving("worker2", BEFORE);
    assert_only_changed(
        &before,
        &lab.snapshot(),
        &[
            "worker1",
            "node/worker1",
            "*/var/lib/windlass",
            "node/worker2/pod_names",
        ],
    );
}

/// Scenario 14.
#[test]
fn a_run_that_is_killed_between_cordon_and_swap_is_taken_up_by_the_next_one() {
    let lab = Lab::with(&two_workers());
    let before = settled(&lab);
    let killed = lab.killed_at(&WORKERS, task_starts("Drain the node"));
    let run = lab.upgrade(&WORKERS);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let taken = run.of_kind("taken_back");
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(taken[0]["run"], killed.id());
    assert_upgraded(&lab, &run, &before);
}

/// Scenario 15.
#[test]
fn a_host_whose_run_was_killed_after_the_swap_goes_back_by_itself() {
    let lab = Lab::with(&two_workers());
    let before = settled(&lab);
    let arguments = more(&["-e", "upgrade_deadman=5s"]);
    let killed = lab.killed_at(&arguments, task_starts("Wait until the node"));
    let id = killed.id();
    assert!(!killed.of_kind("deadman_armed").is_empty());
    wait_for_the_way_back(&lab, "worker1", &id);
    let status = lab.status();
    // The kubelet is the old one again; the node waits for somebody to look.
    assert_eq!(status.node("worker1")["version"], BEFORE);
    assert_eq!(status.node("worker1")["unschedulable"], true);
    let allowed = [
        "*/var/lib/windlass",
        "worker1/unit/kubelet/process",
        "node/worker1",
        "node/*/pod_names",
    ];
    assert_only_changed(&before, &lab.snapshot(), &allowed);

    let run = lab.upgrade(&WORKERS);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let back = run.of_kind("went_back");
    assert_eq!(back.len(), 1, "{back:?}");
    assert_eq!(
        (&back[0]["host"], &back[0]["run"]),
        (&json!("worker1"), &json!(id))
    );
    assert_upgraded(&lab, &run, &before);
}

/// Scenario 18, once.
#[test]
fn an_interrupted_run_puts_the_host_in_flight_back_and_starts_no_other() {
    let lab = Lab::with(&two_workers());
    let before = settled(&lab);
    let run = lab.interrupted_at(&WORKERS, task_starts("Restart kubelet"), &[Signal::INT]);
    assert_eq!(run.code, Some(130), "{}", run.errors);
    assert_eq!(run.recap("worker1")["state"], "rolled_back");
    assert_eq!(run.recap("worker2")["state"], "pending");
    assert_eq!(run.statuses("Restart kubelet", "worker1"), ["changed"]);
    let journal = lab.journal_of(&run);
    journal.assert_intent_before_done("worker1");
    assert_eq!(journal.of_kind("rollback_finished").len(), 1);
    let status = lab.status();
    status.assert_serving("worker1", BEFORE);
    status.assert_serving("worker2", BEFORE);
    assert_only_changed(
        &before,
        &lab.snapshot(),
        &[
            "worker1/unit/kubelet/process",
            "*/var/lib/windlass",
            "node/worker1/pod_names",
            "node/worker2/pod_names",
        ],
    );
}

/// Scenario 18, twice.
#[test]
fn a_run_that_is_interrupted_twice_stops_at_once_and_its_journal_says_what_is_left() {
    let lab = Lab::with(&two_workers());
    lab.fault("worker1", "budget-blocked");
    let before = settled(&lab);
    let run = lab.interrupted_at(
        &WORKERS,
        undo_recorded("ordon"),
        &[Signal::INT, Signal::INT],
    );
    assert_eq!(run.code, Some(130), "{}", run.errors);
    let journal = lab.journal_of(&run);
    let left = journal.of_kind("undo_recorded");
    assert!(
        left.iter().all(|step| step["host"] == "worker1"),
        "{left:?}"
    );
    assert!(!left.is_empty());
    for end in ["rollback_finished", "host_committed", "run_finished"] {
        assert!(journal.of_kind(end).is_empty(), "{end}");
    }
    lab.clear_fault("worker1", "budget-blocked");
    let next = lab.upgrade(&WORKERS);
    assert_eq!(next.code, Some(0), "{}", next.errors);
    assert_upgraded(&lab, &next, &before);
}

/// Scenario 49.
#[test]
fn a_probe_that_fails_ends_the_run_and_takes_its_hosts_back() {
    let place = tempfile::tempdir().unwrap();
    let down = place.path().join("down");
    let inventory = two_workers()
        .variable("probe_command", format!("test ! -e {}", down.display()))
        .variable("probe_interval", "0.05")
        .variable("probe_failures", 2);
    let hook = format!(
        "- ansible.builtin.shell: touch {} && sleep 2\n",
        down.display()
    );
    let lab = lab_with_hook(place.path(), inventory, "pre_uncordon", &hook);
    let before = settled(&lab);
    let run = lab.upgrade(&WORKERS);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert_eq!(run.recap("worker1")["state"], "rolled_back");
    assert_eq!(run.recap("worker2")["state"], "pending");
    let reason = run.reason("worker1");
    assert!(reason.contains("gave 2 bad answers"), "{reason}");
    let verdicts: Vec<_> = run
        .of_kind("probe_changed")
        .into_iter()
        .map(|event| event["state"].clone())
        .collect();
    assert_eq!(verdicts, ["good", "bad", "breached"]);
    let status = lab.status();
    status.assert_serving("worker1", BEFORE);
    status.assert_serving("worker2", BEFORE);
    let journal = lab.journal_of(&run);
    journal.assert_intent_before_done("worker1");
    assert_eq!(journal.of_kind("rollback_finished").len(), 1);
    let after = lab.snapshot();
    let allowed = [
        "*/var/lib/windlass",
        "worker1/unit/kubelet/process",
        "node/worker1/annotations",
        "node/*/pod_names",
    ];
    assert_only_changed(&before, &after, &allowed);

    // It is still bad, so the next run does not even begin.
    let next = lab.upgrade(&WORKERS);
    assert_eq!(next.code, Some(2), "{}", next.errors);
    lab.journal_of(&next).assert_nobody_disturbed();
    assert_only_changed(&after, &lab.snapshot(), &[]);
}
