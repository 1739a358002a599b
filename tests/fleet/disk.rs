//! A disk that is full: while the new binary is uploaded, and while the old one is kept.

use crate::artifacts::{self, BEFORE, Behaviour};
use crate::fleet::Fleet;
use crate::operator::Operator;
use crate::or_skip;

const STATE: &str = "/var/lib/windlass";
/// The preflight would see that the disk is small; here it fills up later.
const UNSEEN: &str = "preflight=false";

/// Artifacts with a kubelet of this weight, in bytes.
fn heavy(fleet: &Fleet, name: &str, weight: usize) -> String {
    let folder = fleet.folder.join("artifacts").join(name);
    let folder = artifacts::folder(&folder, &["kubelet"], Behaviour::Ready, weight);
    format!("artifact_source={}", folder.display())
}

/// Scenario 13, upload.
#[test]
fn a_disk_that_is_full_at_the_upload_stops_the_run_before_the_host_is_disturbed() {
    let fleet = or_skip!(Fleet::shared());
    let host = fleet.host("fullstage");
    let files = host.files();
    host.run(&format!(
        "mkdir {STATE} && mount -t tmpfs -o size=64k tmpfs {STATE}"
    ));
    let source = heavy(fleet, "heavy-stage", 300_000);
    let limits = ["--limit", "fullstage", "-e", &source, "-e", UNSEEN];
    let run = Operator::of(fleet).upgrade(&limits);
    run.assert_code(2);
    let failed = run.failure("fullstage");
    assert!(failed.contains("No space left"), "{failed}");
    assert!(run.changed_by("windlass.cordon").is_empty());
    let left = host.run(&format!("find {STATE}/artifacts -type f"));
    assert_eq!(left, "", "parts of the upload are left");
    assert_eq!(host.files(), files);
    fleet.assert_serving("fullstage", BEFORE);
}

/// Scenario 13, backup.
#[test]
fn a_disk_that_is_full_at_the_backup_stops_before_the_swap_and_the_node_is_put_back() {
    let fleet = or_skip!(Fleet::shared());
    let host = fleet.host("fullundo");
    host.run(&format!(
        "mkdir {STATE} && mount -t tmpfs -o size=1m tmpfs {STATE}
         head -c 1200000 /dev/zero | tr '\\0' '#' >>/usr/local/bin/kubelet"
    ));
    let files = host.files();
    let process = host.run("systemctl show -P MainPID kubelet");
    let source = heavy(fleet, "heavy-undo", 100_000);
    let run = Operator::of(fleet).upgrade(&["--limit", "fullundo", "-e", &source, "-e", UNSEEN]);
    run.assert_code(2);
    let failed = run.failure("fullundo");
    assert!(failed.contains("No space left"), "{failed}");
    let state = &run.recap("fullundo")["state"];
    // A node that only was cordoned, and is not any more, counts as not started.
    assert_eq!(state, "pending", "{failed}");
    assert_eq!(host.files(), files);
    let left = host.run(&format!("find {STATE}/runs -size +64k"));
    assert_eq!(left, "", "parts of the backup are left");
    assert_eq!(
        host.run("systemctl show -P MainPID kubelet"),
        process,
        "kubelet was restarted"
    );
    fleet.assert_serving("fullundo", BEFORE);
}
