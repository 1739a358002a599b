//! How much of the fleet may be out of service, and what stops the batches that follow.

use crate::events::Ended;
use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::objects::settled;
use crate::snapshot::{assert_only_changed, assert_only_upgraded};
use std::time::Duration;

/// Far more than a run of four workers takes.
const LIMIT: Duration = Duration::from_secs(90);
/// A node that is down may be upgraded; otherwise the preflight stops there.
const ALLOWED: [&str; 2] = ["-e", "drain_allow_not_ready=true"];

fn workers(count: usize) -> Lab {
    settled(&Inventory::new().control_planes(1).workers(count))
}

/// The upgrade of the workers.
fn upgrade(lab: &Lab, more: &[&str]) -> Ended {
    lab.upgrade_within(LIMIT, &[&["--limit", "kube_node"], more].concat())
}

/// The hosts of each batch of workers that upgraded something.
fn batches(run: &Ended) -> Vec<Vec<&str>> {
    run.of_kind("batch_started")
        .into_iter()
        .map(|batch| {
            let hosts = batch["hosts"].as_array().unwrap().iter();
            hosts.map(|host| host.as_str().unwrap()).collect()
        })
        .collect()
}

/// Why the run stopped before its end.
fn stopped(run: &Ended) -> &str {
    let stops = run.of_kind("stopped");
    let stop = stops.first().expect("the run went on to its end");
    stop["reason"].as_str().unwrap()
}

/// The hosts that were done with an upgrade for good, in order.
fn committed(run: &Ended) -> Vec<&str> {
    run.of_kind("host_committed")
        .into_iter()
        .map(|event| event["host"].as_str().unwrap())
        .collect()
}

/// Scenario 22: the others end the task that they are at, then the batch goes back, and none follows.
#[test]
fn one_of_three_that_fails_takes_its_batch_back_and_no_other_starts() {
    let lab = workers(5);
    lab.fault("worker2", "crash-on-start");
    let before = lab.snapshot();
    let run = upgrade(&lab, &["-e", "serial=3"]);
    run.assert_code(2);
    let batch = ["worker1", "worker2", "worker3"];
    assert_eq!(batches(&run), [batch]);
    assert!(
        stopped(&run).contains("1 of 3 hosts of the batch failed"),
        "{}",
        stopped(&run)
    );
    for host in batch {
        assert_eq!(run.recap(host)["state"], "rolled_back", "{host}");
    }
    // Nobody is torn out of a task: both had restarted their kubelets when the third one's crash was judged.
    for host in ["worker1", "worker3"] {
        assert_eq!(run.statuses("Restart kubelet", host), ["changed"], "{host}");
    }
    for host in ["worker4", "worker5"] {
        assert_eq!(run.recap(host)["state"], "pending", "{host}");
        run.assert_never_ran("Cordon", host);
    }
    let journal = lab.journal_of(&run);
    for host in batch {
        journal.assert_intent_before_done(host);
    }
    assert_eq!(journal.of_kind("rollback_finished").len(), 3);
    let status = lab.status();
    for host in ["worker1", "worker2", "worker3", "worker4", "worker5"] {
        status.assert_serving(host, BEFORE);
    }
    let allowed = [
        "*/var/lib/windlass",
        "worker1/unit/kubelet/process",
        "worker2/unit/kubelet/process",
        "worker3/unit/kubelet/process",
        "node/*/pod_names",
        "node/*/annotations",
    ];
    assert_only_changed(&before, &lab.snapshot(), &allowed);
}

/// Scenario 22, where one node at a time may be out of service: a batch of three is taken one by one.
#[test]
fn a_batch_is_cut_to_what_may_be_out_of_service() {
    let lab = workers(4);
    lab.fault("worker2", "crash-on-start");
    let before = lab.snapshot();
    let run = upgrade(&lab, &["-e", "serial=3", "-e", "upgrade_max_unavailable=1"]);
    run.assert_code(2);
    assert_eq!(batches(&run), [["worker1"], ["worker2"]]);
    assert_eq!(committed(&run), ["worker1"]);
    assert_eq!(run.recap("worker2")["state"], "rolled_back");
    for host in ["worker3", "worker4"] {
        assert_eq!(run.recap(host)["state"], "pending", "{host}");
    }
    let journal = lab.journal_of(&run);
    journal.assert_intent_before_done("worker1");
    journal.assert_intent_before_done("worker2");
    assert_eq!(journal.of_kind("rollback_finished").len(), 1);
    let status = lab.status();
    status.assert_serving("worker1", TARGET);
    for host in ["worker2", "worker3", "worker4"] {
        status.assert_serving(host, BEFORE);
    }
    let allowed = [
        "*/var/lib/windlass",
        "worker1/usr/local/bin/kubelet",
        "worker1/unit/kubelet",
        "worker2/unit/kubelet/process",
        "node/worker1/version",
        "node/*/pod_names",
        "node/*/annotations",
    ];
    assert_only_changed(&before, &lab.snapshot(), &allowed);
}

/// Scenario 22: what was down before the run counts.
#[test]
fn a_node_that_is_not_ready_takes_room() {
    let lab = workers(4);
    lab.not_ready("worker4");
    let before = lab.snapshot();
    let more = ["-e", "serial=2", "-e", "upgrade_max_unavailable=1"];
    let run = upgrade(&lab, &[&more[..], &ALLOWED].concat());
    run.assert_code(2);
    assert_eq!(
        stopped(&run),
        "out of service already: worker4 (not ready); max_unavailable 1 allows no more"
    );
    lab.journal_of(&run).assert_nobody_disturbed();
    for host in ["worker1", "worker2", "worker3", "worker4"] {
        assert_eq!(run.recap(host)["state"], "pending", "{host}");
    }
    assert_only_changed(&before, &lab.snapshot(), &["*/var/lib/windlass"]);

    // Room for one more. The broken node is down anyway, so its own upgrade takes no more room.
    let more = ["-e", "serial=2", "-e", "upgrade_max_unavailable=2"];
    let run = upgrade(&lab, &[&more[..], &ALLOWED].concat());
    run.assert_code(0);
    assert_eq!(
        batches(&run),
        [vec!["worker1"], vec!["worker2"], vec!["worker3", "worker4"]]
    );
    let status = lab.status();
    let journal = lab.journal_of(&run);
    let all = ["worker1", "worker2", "worker3", "worker4"];
    for host in all {
        status.assert_serving(host, TARGET);
        journal.assert_intent_before_done(host);
    }
    let ready = ["node/worker4/ready", "node/worker4/taints"];
    assert_only_upgraded(&before, &lab.snapshot(), &all, &ready);
}

/// Scenario 23: silence is failure.
#[test]
fn a_batch_that_is_unreachable_stops_the_run() {
    let lab = workers(4);
    let staged = lab.run_within(LIMIT, "playbooks/stage.yml", &[]);
    staged.assert_code(0);
    for host in ["worker1", "worker2"] {
        lab.fault(host, "unreachable");
    }
    let before = lab.snapshot();
    let more = ["--limit", "kube_node", "-e", "serial=2"];
    let run = lab.run_within(LIMIT, "playbooks/kubernetes.yml", &more);
    run.assert_code(4);
    assert_eq!(batches(&run), [["worker1", "worker2"]]);
    for host in ["worker1", "worker2"] {
        assert_eq!(run.recap(host)["state"], "unreachable", "{host}");
    }
    for host in ["worker3", "worker4"] {
        assert_eq!(run.recap(host)["state"], "pending", "{host}");
    }
    assert!(stopped(&run).contains("2 of 2 hosts"), "{}", stopped(&run));
    lab.journal_of(&run).assert_nobody_disturbed();
    for host in ["worker1", "worker2"] {
        lab.clear_fault(host, "unreachable");
    }
    assert_only_changed(&before, &lab.snapshot(), &[]);
    let status = lab.status();
    for host in ["worker1", "worker2", "worker3", "worker4"] {
        status.assert_serving(host, BEFORE);
    }
}

/// A batch that was fine at its gate is watched before the next one: what it shows then stops the run, and is not taken
/// back by itself, since it had been in service.
#[test]
fn a_node_that_does_not_stay_ready_stops_the_run_at_the_soak() {
    let place = tempfile::tempdir().unwrap();
    let hook = place.path().join("sick.yml");
    let text = "- ansible.builtin.shell: echo kubelet=none >$LAB_ROOT/faults/never-ready\n";
    std::fs::write(&hook, text).unwrap();
    let hooks = serde_json::json!({"post_uncordon": hook.to_str().unwrap()});
    let inventory = Inventory::new().control_planes(1).workers(2);
    let lab = settled(&inventory.variable("upgrade_hooks", hooks));
    let before = lab.snapshot();
    let run = upgrade(&lab, &["-e", "serial=1", "-e", "upgrade_soak=2s"]);
    run.assert_code(2);
    assert_eq!(run.of_kind("soaking").len(), 1);
    assert_eq!(
        stopped(&run),
        "worker1 did not stay ready for 2 s after the upgrade"
    );
    assert_eq!(committed(&run), ["worker1"]);
    assert_eq!(run.recap("worker2")["state"], "pending");
    lab.journal_of(&run).assert_intent_before_done("worker1");
    let status = lab.status();
    assert_eq!(status.node("worker1")["version"], TARGET);
    assert_eq!(status.node("worker1")["unschedulable"], false);
    status.assert_serving("worker2", BEFORE);
    let allowed = [
        "*/var/lib/windlass",
        "worker1/usr/local/bin/kubelet",
        "worker1/unit/kubelet",
        "node/worker1",
        "node/*/pod_names",
        "budget",
    ];
    assert_only_changed(&before, &lab.snapshot(), &allowed);
}
