//! Binaries that must not get as far as a service: they are refused while they are staged, before any host is disturbed.

use crate::inventory::{Artifact, Inventory};
use crate::lab::{BEFORE, Lab};
use crate::snapshot::assert_only_changed;
use std::time::Duration;

/// One control plane and two workers, with a bad kubelet.
fn bad_kubelet(artifact: Artifact) -> Lab {
    let inventory = Inventory::new().control_planes(1).workers(2);
    Lab::with(&inventory.artifact("kubelet", artifact))
}

/// What the controller itself can see of the artifacts is found before a host gets one of them.
fn assert_found_before(lab: &Lab, words: &str) {
    let before = lab.snapshot();
    let run = lab.upgrade_within(Duration::from_mins(1), &[]);
    run.assert_code(2);
    // The report is one for all hosts, and their first one has it.
    let reason = run.reason("control1");
    assert!(
        reason.contains("preflight") && reason.contains(words),
        "{reason}"
    );
    lab.journal_of(&run).assert_nobody_disturbed();
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

/// Runs the upgrade and asserts that the bad kubelet was refused with these words and that nobody noticed: of what is on
/// the hosts, only what waits in the stage may be new, and of that no kubelet.
fn assert_refused(lab: &Lab, words: &[&str]) {
    let before = lab.snapshot();
    let run = lab.upgrade_within(Duration::from_mins(1), &["-e", "preflight=false"]);
    run.assert_code(2);
    for host in ["control1", "worker1", "worker2"] {
        let reason = run.reason(host);
        for word in words {
            assert!(reason.contains(word), "{host}: no {word:?} in: {reason}");
        }
        assert_eq!(run.statuses("Stage the new binaries", host), ["failed"]);
        for task in ["Cordon", "Drain", "Put kubelet", "Restart"] {
            run.assert_never_ran(task, host);
        }
    }
    lab.journal_of(&run).assert_nobody_disturbed();

    let after = lab.snapshot();
    assert_only_changed(&before, &after, &["*/var/lib/windlass"]);
    for host in ["control1", "worker1", "worker2"] {
        let folder = lab
            .host_folder(host)
            .join("var/lib/windlass/artifacts/v1.35.1");
        let left: Vec<String> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("kubelet"))
            .collect();
        assert!(left.is_empty(), "{host}: {left:?}");
        lab.status().assert_serving(host, BEFORE);
    }
}

/// Scenario 11.
#[test]
fn a_binary_with_another_checksum_is_refused() {
    let lab = bad_kubelet(Artifact::WrongChecksum);
    assert_found_before(&lab, "kubelet");
    assert_refused(&lab, &["kubelet", "SHA"]);
}

/// Scenario 11.
#[test]
fn a_truncated_binary_is_refused() {
    let lab = bad_kubelet(Artifact::Truncated);
    assert_found_before(&lab, "kubelet");
    assert_refused(&lab, &["kubelet", "SHA"]);
}

/// Scenario 11: its checksum was made of the truncated file, so only running it shows what it is.
#[test]
fn a_binary_that_was_truncated_before_its_checksum_was_taken_is_refused() {
    let script = "#!/bin/sh\nVERSION=v1.35.1\ncase ${1:-} in\n".to_owned();
    assert_refused(
        &bad_kubelet(Artifact::Script(script)),
        &["kubelet", "v1.35.1"],
    );
}

/// Scenario 12.
#[test]
fn a_binary_for_another_processor_is_refused() {
    assert_refused(
        &bad_kubelet(Artifact::ForeignArchitecture),
        &["kubelet", "v1.35.1"],
    );
}

/// A binary of another version than its folder says is no upgrade either.
#[test]
fn a_binary_of_another_version_is_refused() {
    let script = "#!/bin/sh\necho Kubernetes v1.35.10\n".to_owned();
    assert_refused(&bad_kubelet(Artifact::Script(script)), &["v1.35.10"]);
}
