//! A link that is cut in mid-upload and in mid-restart.

use crate::artifacts::{self, Behaviour, TARGET};
use crate::fleet::Fleet;
use crate::operator::Operator;
use crate::or_skip;

/// A large enough kubelet for its upload to be cut, in bytes.
const HEAVY: usize = 24_000_000;

/// Scenario 16.
#[test]
fn a_link_cut_in_mid_upload_and_in_mid_restart_is_bridged_and_nothing_is_done_twice() {
    let fleet = or_skip!(Fleet::shared());
    let host = fleet.host("cut");
    let starts = || host.run("journalctl -u kubelet -o cat | grep -c '^Started kubelet'");
    assert_eq!(starts(), "1");
    let files = host.other_files();
    let folder = fleet.folder.join("artifacts/heavy-upload");
    let folder = artifacts::folder(&folder, &["kubelet"], Behaviour::Ready, HEAVY);
    let source = format!("artifact_source={}", folder.display());
    let mut run = Operator::of(fleet).start(&["--limit", "cut", "-e", &source]);
    run.until_task("Stage the new binaries and check them");
    // Parts of it are there.
    crate::host::until("the upload has begun", || {
        !host
            .output("find /var/lib/windlass/artifacts -type f -size +0 | grep .")
            .stdout
            .is_empty()
    });
    let cut = || {
        host.set_link(false);
        // Longer than three keepalives, so that the connection is given up.
        std::thread::sleep(std::time::Duration::from_secs(6));
        host.set_link(true);
    };
    let parts = "find /var/lib/windlass/artifacts -type f -printf '%s\\n'";
    host.set_link(false);
    let size: usize = host.run(parts).parse().unwrap();
    assert!(size < HEAVY, "the upload was over before the link was cut");
    cut();
    run.until("the connection is made again", |kind| {
        kind["event"] == "host_reconnected"
    });
    run.until_task("Restart kubelet");
    cut();
    let run = run.end();
    run.assert_code(0);
    assert!(run.of_kind("host_reconnected").len() >= 2);
    assert_eq!(starts(), "2", "kubelet was restarted more than once");
    let left = host.run("find /var/lib/windlass/artifacts -type f");
    assert_eq!(
        left,
        format!("/var/lib/windlass/artifacts/{TARGET}/kubelet")
    );
    fleet.assert_serving("cut", TARGET);
    assert_eq!(host.other_files(), files);
}

/// Scenario 17.
#[test]
fn a_host_that_reboots_in_mid_upgrade_is_taken_up_again() {
    let fleet = or_skip!(Fleet::shared());
    let host = fleet.host("reboots");
    // It takes its time to start, so that the reboot comes while systemd still waits for it.
    host.run(
        "mkdir /etc/systemd/system/kubelet.service.d
         printf '[Service]\\nExecStartPre=/bin/sleep 4\\n' >/etc/systemd/system/kubelet.service.d/slow.conf
         systemctl daemon-reload",
    );
    let boot = || host.run("cat /proc/sys/kernel/random/boot_id");
    let before = boot();
    let files = host.other_files();
    let mut run = Operator::of(fleet).start(&["--limit", "reboots"]);
    run.until_task("Restart kubelet");
    crate::host::until("kubelet starts", || {
        host.output("systemctl is-active kubelet").stdout == b"activating\n"
    });
    host.output("systemctl reboot");
    let run = run.end();
    run.assert_code(0);
    assert_ne!(boot(), before);
    assert!(!run.of_kind("host_reconnected").is_empty());
    fleet.assert_serving("reboots", TARGET);
    assert_eq!(host.other_files(), files);
}
