//! A new kubelet that crashes, one whose node never becomes ready, and one that the unit does not run at all.

use crate::artifacts::{BEFORE, Behaviour};
use crate::fleet::Fleet;
use crate::operator::{Ended, Operator};
use crate::or_skip;

/// Upgrades one worker to binaries that behave so; it must go back and be as it was.
fn fails_and_goes_back(
    fleet: &'static Fleet,
    name: &str,
    behaviour: Behaviour,
    more: &[&str],
) -> Ended {
    let host = fleet.host(name);
    let files = host.files();
    let source = format!("artifact_source={}", fleet.artifacts(behaviour).display());
    let mut arguments = vec!["--limit", name, "-e", &source];
    arguments.extend(more);
    let run = Operator::of(fleet).upgrade(&arguments);
    run.assert_code(2);
    assert_eq!(run.recap(name)["state"], "rolled_back");
    assert_eq!(host.files(), files, "files of {name}");
    assert_eq!(run.changed_by("windlass.cordon"), [name]);
    run
}

/// Scenario 6.
#[test]
fn a_kubelet_that_crashes_at_once_is_seen_by_its_unit_and_the_old_one_serves_again() {
    let fleet = or_skip!(Fleet::shared());
    let run = fails_and_goes_back(fleet, "crashes", Behaviour::Crash, &[]);
    let reason = run.recap("crashes")["reason"].to_string();
    assert!(reason.contains("kubelet does not keep running"), "{reason}");
    // What the service printed is in the failure, from the journal of the host.
    let failed = run.failure("crashes");
    assert!(
        failed.contains("unknown flag: --removed-in-v1.35.1"),
        "{failed}"
    );
    fleet.assert_serving("crashes", BEFORE);
}

/// Scenario 7.
#[test]
fn a_node_that_stays_not_ready_goes_back() {
    let fleet = or_skip!(Fleet::shared());
    let run = fails_and_goes_back(
        fleet,
        "unready",
        Behaviour::NotReady,
        &["-e", "gate_timeout=5"],
    );
    let reason = run.recap("unready")["reason"].to_string();
    assert!(reason.contains("Ready"), "{reason}");
    fleet.assert_serving("unready", BEFORE);
}

/// Scenario 8.
#[test]
fn a_unit_that_runs_another_path_reports_the_old_version_and_the_host_goes_back() {
    let fleet = or_skip!(Fleet::shared());
    let host = fleet.host("elsewhere");
    host.run(
        "mkdir -p /opt/kubernetes /etc/systemd/system/kubelet.service.d
         cp /usr/local/bin/kubelet /opt/kubernetes/kubelet
         printf '[Service]\\nExecStart=\\nExecStart=/opt/kubernetes/kubelet\\n' \
             >/etc/systemd/system/kubelet.service.d/10-elsewhere.conf
         systemctl daemon-reload && systemctl restart kubelet",
    );
    crate::host::until("the kubelet of /opt reports", || {
        fleet.node("elsewhere")["ready"] == "True"
    });
    let run = fails_and_goes_back(
        fleet,
        "elsewhere",
        Behaviour::Ready,
        // The preflight would refuse it, since the path can be seen in the unit.
        &["-e", "gate_timeout=5", "-e", "preflight=false"],
    );
    let failed = run.failure("elsewhere");
    assert!(failed.contains(BEFORE), "{failed}");
    assert!(
        failed.contains("/opt/kubernetes/kubelet"),
        "the other path is not named: {failed}"
    );
    fleet.assert_serving("elsewhere", BEFORE);
}
