//! A disk that is full: while a binary is sent, and when it is to take its place.

use crate::inventory::{Artifact, Inventory};
use crate::lab::{BEFORE, Lab};
use crate::snapshot::assert_only_changed;
use std::time::Duration;

/// A fleet whose new kubelet is larger than what a disk that is all but full has left.
fn large_kubelet() -> Lab {
    let filling = "# as large as a kubelet is, but for three zeros\n".repeat(1_000);
    let script = windlass::lab::binary(windlass::lab::BinaryKind::Kubelet, "v1.35.1") + &filling;
    let inventory = Inventory::new().control_planes(1).workers(3);
    Lab::with(&inventory.artifact("kubelet", Artifact::Script(script)))
}

/// Scenario 13: nobody is disturbed, and no part of the file is left.
#[test]
fn a_disk_that_is_full_when_the_binary_is_sent_stops_the_run() {
    let lab = large_kubelet();
    lab.fault("worker2", "disk-full");
    let before = lab.snapshot();
    let run = lab.upgrade_within(Duration::from_mins(1), &[]);
    run.assert_code(2);
    let reason = run.reason("worker2");
    assert!(reason.contains("too large"), "{reason}");
    lab.journal_of(&run).assert_nobody_disturbed();
    let staged = ["control1", "worker1", "worker3"].map(|host| format!("{host}/var/lib/windlass"));
    let mut allowed: Vec<&str> = staged.iter().map(String::as_str).collect();
    allowed.push("worker2/var/lib/windlass/artifacts");
    let after = lab.snapshot();
    assert_only_changed(&before, &after, &allowed);
    let left: Vec<_> = before
        .differences(&after)
        .into_iter()
        .filter(|(path, _)| path.starts_with("worker2/") && path.contains("kubelet"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Scenario 13: the node has been drained by then; it is put back as it was, and in service.
#[test]
fn a_disk_that_is_full_when_the_binary_is_replaced_leaves_the_old_one() {
    let lab = large_kubelet();
    let staged = lab.run_within(Duration::from_mins(1), "playbooks/stage.yml", &[]);
    staged.assert_code(0);
    lab.fault("worker1", "disk-full");
    let before = lab.snapshot();
    let run = lab.upgrade_within(Duration::from_mins(1), &["--limit", "worker1"]);
    run.assert_code(2);
    assert_eq!(run.recap("worker1")["state"], "rolled_back");
    assert_eq!(run.statuses("Put kubelet", "worker1"), ["failed"]);
    run.assert_never_ran("Restart kubelet", "worker1");
    let reason = run.reason("worker1");
    assert!(reason.contains("too large"), "{reason}");
    lab.status().assert_serving("worker1", BEFORE);
    let journal = lab.journal_of(&run);
    journal.assert_intent_before_done("worker1");
    assert_eq!(journal.of_kind("rollback_finished").len(), 1);
    let allowed = ["node/*/pod_names", "node/worker1/annotations"];
    assert_only_changed(&before, &lab.snapshot(), &allowed);
}
