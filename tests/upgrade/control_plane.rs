//! Control planes that systemd runs: the snapshot before, API servers in two steps, controllers after them.

use crate::events::Ended;
use crate::inventory::{Artifact, Inventory};
use crate::lab::{BEFORE, Lab, TARGET};
use crate::prober::while_asking;
use crate::snapshot::{Snapshot, assert_only_changed};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use windlass::lab::{BinaryKind, binary};

/// Far more than a run of three control planes takes.
const LIMIT: Duration = Duration::from_mins(2);
const PLANES: [&str; 3] = ["control1", "control2", "control3"];

/// Control planes and nothing else.
pub(crate) fn planes(count: usize) -> Inventory {
    Inventory::new()
        .control_planes(count)
        .variable("kube_controllers_gate_settle", 0)
        .variable("kube_controllers_gate_timeout", 20)
        .variable("kubeadm_gate_settle", 0)
        .variable("kubeadm_gate_timeout", 20)
}

/// The lab once its nodes are ready and its pods run: what happens by itself is over.
pub(crate) fn settled(lab: &Lab) -> Snapshot {
    lab.snapshot();
    for _ in 0..100 {
        let status = lab.status();
        let ready = |node: &&Value| node["ready"] == "True" && node["pods"].as_u64() > Some(2);
        if status.nodes().iter().all(ready) {
            return lab.snapshot();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the nodes of the lab never became ready");
}

fn drop_in(lab: &Lab, host: &str) -> PathBuf {
    let folder = lab.host_folder(host).join("etc/systemd/system");
    folder.join("kube-apiserver.service.d/90-windlass-emulation.conf")
}

/// The version of a binary on a host's disk.
fn on_disk(lab: &Lab, host: &str, binary: &str) -> String {
    let path = lab.host_folder(host).join("usr/local/bin").join(binary);
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION="));
    line.unwrap().to_owned()
}

/// What systemd says of a unit: its state and the version that it runs.
fn running(lab: &Lab, host: &str, unit: &str) -> (String, String) {
    let text = fs::read_to_string(lab.host_folder(host).join("run/units").join(unit)).unwrap();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().to_owned()
    };
    (value("ActiveState="), value("Version="))
}

fn assert_runs(lab: &Lab, host: &str, unit: &str, version: &str) {
    assert_eq!(on_disk(lab, host, unit), version, "{unit} of {host}");
    let expected = ("active".to_owned(), version.to_owned());
    assert_eq!(running(lab, host, unit), expected, "{unit} of {host}");
}

/// When tasks with these words in their names started, as places in the order of events.
fn moments(run: &Ended, words: &str) -> Vec<usize> {
    let named = |kind: &&Value| {
        kind["name"]
            .as_str()
            .is_some_and(|name| name.contains(words))
    };
    run.kinds()
        .enumerate()
        .filter(|(_, kind)| kind["event"] == "task_started" && named(kind))
        .map(|(at, _)| at)
        .collect()
}

/// The only file that a run saved on the controller.
fn backup(run: &Ended, lab: &Lab) -> PathBuf {
    let mut files = fs::read_dir(lab.state_folder().join("backups").join(run.id())).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn api_servers_run_as_the_old_version_until_all_have_the_new_one() {
    let lab = Lab::with(&planes(3));
    let run = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    for host in PLANES {
        for unit in [
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
        ] {
            assert_runs(&lab, host, unit, TARGET);
        }
        assert!(!drop_in(&lab, host).exists(), "{host} still emulates");
        assert_eq!(run.statuses("Write the drop-in", host), ["changed"]);
    }
    // The last API server runs the new binary before the first of them gives up the way back, and controllers follow.
    let written = moments(&run, "Write the drop-in");
    let removed = moments(&run, "Remove the drop-in");
    let controllers = moments(&run, "See which controllers systemd runs");
    assert_eq!((written.len(), removed.len(), controllers.len()), (3, 3, 3));
    assert!(written[2] < removed[0] && removed[2] < controllers[0]);

    // The leader of the lab's etcd is its first member, so the snapshot is another's.
    let snapshot = backup(&run, &lab);
    assert_eq!(snapshot.file_name().unwrap(), "etcd-control2.db");
    assert_eq!(
        (mode(&snapshot), mode(snapshot.parent().unwrap())),
        (0o600, 0o700)
    );
    let kept = lab
        .host_folder("control2")
        .join("var/lib/windlass/snapshots");
    let kept = kept.join(format!("{}.db", run.id()));
    assert_eq!(fs::read(snapshot).unwrap(), fs::read(kept).unwrap());

    let before = lab.snapshot();
    let again = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(again.code, Some(0), "{}", again.errors);
    again.assert_nobody_disturbed();
    again.assert_never_ran("Save a snapshot", "control1");
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

#[test]
fn one_control_plane_alone_goes_on_as_the_old_version_until_the_others_follow() {
    let lab = Lab::with(&planes(2));
    let run = lab.upgrade_within(LIMIT, &["--limit", "control1"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    assert_runs(&lab, "control1", "kube-apiserver", TARGET);
    let text = fs::read_to_string(drop_in(&lab, "control1")).unwrap();
    assert!(text.ends_with(" --emulated-version=1.34\n"), "{text}");
    run.assert_never_ran("Remove the drop-in", "control1");
    // A controller must not be newer than any API server.
    assert_runs(&lab, "control1", "kube-scheduler", BEFORE);
    assert_runs(&lab, "control2", "kube-apiserver", BEFORE);

    let run = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    for host in ["control1", "control2"] {
        assert!(!drop_in(&lab, host).exists(), "{host} still emulates");
        assert_runs(&lab, host, "kube-scheduler", TARGET);
    }
    run.assert_never_ran("Write the drop-in", "control1");
}

#[test]
fn without_two_steps_there_is_no_way_back_once_it_served() {
    let lab = Lab::with(&planes(1).variable("kube_apiserver_two_step", false));
    let run = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    run.assert_never_ran("Write the drop-in", "control1");
    run.assert_ran("Declare that the API server stays", "control1");
    assert_runs(&lab, "control1", "kube-apiserver", TARGET);
}

#[test]
fn two_steps_that_are_asked_for_and_impossible_are_refused() {
    let inventory = planes(1)
        .before("v1.29.9")
        .target("v1.30.1")
        .variable("kube_apiserver_two_step", true);
    let lab = Lab::with(&inventory);
    let before = settled(&lab);
    let run = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let reason = run.reason("control1");
    assert!(reason.contains("v1.30.1 cannot be run as 1.29"), "{reason}");
    assert_only_changed(&before, &lab.snapshot(), &["*/var/lib/windlass"]);
}

/// Scenario 27.
#[test]
fn a_second_api_server_that_fails_goes_back_and_the_api_is_there_all_the_time() {
    let lab = Lab::with(&planes(3));
    lab.fault("control2", "crash-on-start");
    let before = settled(&lab);
    let (run, seen) = while_asking(&lab, &PLANES, || lab.upgrade_within(LIMIT, &[]));
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert_eq!(run.recap("control2")["state"], "rolled_back");
    assert_eq!(run.recap("control3")["state"], "pending");
    assert!(seen.good >= 10, "asked too seldom: {seen:?}");
    assert_eq!(seen.bad, 0, "nobody answered: {seen:?}");

    // One new and two old API servers may stay together, all the more as the new one behaves as an old one.
    assert_runs(&lab, "control1", "kube-apiserver", TARGET);
    assert!(drop_in(&lab, "control1").exists());
    for host in ["control2", "control3"] {
        assert_runs(&lab, host, "kube-apiserver", BEFORE);
        assert!(!drop_in(&lab, host).exists());
    }
    let allowed = [
        "control1/usr/local/bin/kube-apiserver",
        "control1/etc/systemd/system/kube-apiserver.service.d",
        "control1/unit/kube-apiserver",
        "control2/unit/kube-apiserver/process",
        "*/var/lib/windlass",
    ];
    assert_only_changed(&before, &lab.snapshot(), &allowed);
    lab.journal_of(&run).assert_intent_before_done("control2");

    lab.clear_fault("control2", "crash-on-start");
    let run = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let status = lab.status();
    for host in PLANES {
        status.assert_serving(host, TARGET);
        assert!(!drop_in(&lab, host).exists());
    }
}

/// Scenario 29.
#[test]
fn without_a_good_snapshot_nothing_starts() {
    for (fault, words) in [
        ("etcd-snapshot-fails", "Save a snapshot on control2"),
        ("etcd-snapshot-corrupt", "is corrupt"),
    ] {
        let lab = Lab::with(&planes(3));
        let before = settled(&lab);
        fs::write(lab.host_folder("control2").join("faults").join(fault), "").unwrap();
        let run = lab.upgrade_within(LIMIT, &[]);
        assert_eq!(run.code, Some(2), "{}", run.errors);
        let reason = run.reason("control1");
        assert!(reason.contains(words), "{reason}");
        lab.journal_of(&run).assert_nobody_disturbed();
        // What was staged, and the snapshot that is no good, are windlass's own.
        assert_only_changed(&before, &lab.snapshot(), &["*/var/lib/windlass"]);
    }
}

#[test]
fn no_member_to_ask_means_no_start() {
    let lab = Lab::with(&planes(2));
    lab.snapshot();
    for host in ["control1", "control2"] {
        let state = lab.host_folder(host).join("run/units/etcd");
        let text = fs::read_to_string(&state).unwrap();
        fs::write(
            state,
            text.replace("ActiveState=active", "ActiveState=failed"),
        )
        .unwrap();
    }
    let run = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let reason = run.reason("control1");
    assert!(
        reason.contains("no healthy member of etcd can be asked"),
        "{reason}"
    );
    run.assert_nobody_disturbed();
}

#[test]
fn a_flag_that_the_new_binary_does_not_know_is_refused_with_its_file() {
    let lab = Lab::with(&planes(1));
    lab.snapshot();
    let units = lab.host_folder("control1").join("etc/systemd/system");
    let mine = units.join("kube-apiserver.service.d/10-mine.conf");
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    let program = lab
        .host_folder("control1")
        .join("usr/local/bin/kube-apiserver");
    let text = format!(
        "[Service]\nExecStart=\nExecStart={} --long-gone=secret\n",
        program.display()
    );
    fs::write(&mine, text).unwrap();
    let before = settled(&lab);
    let run = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let reason = run.reason("control1");
    assert!(reason.contains("does not know --long-gone"), "{reason}");
    assert!(
        reason.contains("10-mine.conf") && !reason.contains("secret"),
        "{reason}"
    );
    run.assert_nobody_disturbed();
    assert_only_changed(&before, &lab.snapshot(), &["*/var/lib/windlass"]);
}

#[test]
fn controllers_go_back_together_and_the_api_server_stays() {
    // A scheduler that does not know a flag of its unit; kube-controller-manager was restarted before it.
    let other = binary(BinaryKind::KubeScheduler, TARGET).replace("leader-elect", "leader-vote");
    let lab = Lab::with(&planes(1).artifact("kube-scheduler", Artifact::Script(other)));
    let run = lab.upgrade_within(LIMIT, &[]);
    assert!(
        matches!(run.code, Some(2 | 3)),
        "{:?} {}",
        run.code,
        run.errors
    );
    let reason = run.reason("control1");
    assert!(reason.contains("does not know --leader-elect"), "{reason}");
    run.assert_ran("Restart kube-controller-manager", "control1");
    for unit in ["kube-controller-manager", "kube-scheduler", "kubelet"] {
        assert_runs(&lab, "control1", unit, BEFORE);
    }
    assert_runs(&lab, "control1", "kube-apiserver", TARGET);
}
