//! Connections that are lost and a host that reboots in the middle of its upgrade.

use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::snapshot::assert_only_upgraded;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

fn small() -> Lab {
    Lab::with(&Inventory::new().control_planes(1).workers(3))
}

/// Scenario 16: the restart completes on the host, and is not made again.
#[test]
fn a_connection_lost_in_mid_restart_is_made_again() {
    let lab = small();
    lab.fault("worker1", "drop-connection");
    let before = lab.snapshot();
    let run = lab.upgrade_within(Duration::from_mins(1), &["--limit", "worker1"]);
    run.assert_code(0);
    assert_eq!(run.of_kind("host_reconnected").len(), 1);
    lab.status().assert_serving("worker1", TARGET);
    lab.journal_of(&run).assert_intent_before_done("worker1");
    assert_eq!(starts(&lab, "worker1"), 1);
    assert_only_upgraded(&before, &lab.snapshot(), &["worker1"], &[]);
}

/// Scenario 16: a program that the host runs at the end of an upload loses the connection, once.
#[test]
fn a_connection_lost_in_mid_upload_is_made_again_and_the_file_is_whole() {
    let lab = small();
    let before = lab.snapshot();
    let bin = lab.host_folder("worker1").join("bin");
    let script = "#!/bin/sh\n\
        if mkdir \"$LAB_ROOT/run/cut-once\" 2>/dev/null; then\n  \
          echo cut worker1 >\"$LAB_ROOT/../../control\"\n  sleep 1\nfi\nexec /bin/chmod \"$@\"\n";
    fs::write(bin.join("chmod"), script).unwrap();
    fs::set_permissions(bin.join("chmod"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = lab.upgrade_within(Duration::from_mins(1), &["--limit", "worker1"]);
    assert!(lab.host_folder("worker1").join("run/cut-once").exists());
    run.assert_code(0);
    assert_eq!(run.of_kind("host_reconnected").len(), 1);
    lab.status().assert_serving("worker1", TARGET);
    lab.journal_of(&run).assert_intent_before_done("worker1");
    fs::remove_file(bin.join("chmod")).unwrap();
    assert_only_upgraded(&before, &lab.snapshot(), &["worker1"], &[]);
}

/// Scenario 17: it comes back with the new kubelet, and the run looks at it again and goes on.
#[test]
fn a_host_that_reboots_in_mid_restart_is_recognised_and_finished() {
    let lab = small();
    lab.fault("worker1", "reboot");
    let before = lab.snapshot();
    let run = lab.upgrade_within(Duration::from_mins(1), &["--limit", "worker1"]);
    run.assert_code(0);
    let back = run.of_kind("host_reconnected");
    assert_eq!(back.len(), 1);
    assert_eq!(back[0]["reason"], "the host was rebooted");
    lab.status().assert_serving("worker1", TARGET);
    lab.journal_of(&run).assert_intent_before_done("worker1");
    // From now on the host has a boot id of its own.
    let own = ["worker1/bin/cat"];
    assert_only_upgraded(&before, &lab.snapshot(), &["worker1"], &own);
    lab.status().assert_serving("worker2", BEFORE);
}

/// How often the kubelet of a host was started, by the host's journal.
fn starts(lab: &Lab, host: &str) -> usize {
    let journal = lab.host_folder(host).join("run/journal/kubelet");
    let text = fs::read_to_string(journal).unwrap();
    text.lines()
        .filter(|line| line.contains("Started kubelet"))
        .count()
}
