//! `--tags` with the name of a role of the shipped upgrade: that role acts, and what it is made of, and no other.

use crate::events::{Ended, task_starts};
use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::objects::settled;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

/// Roles that other playbooks than the upgrade run.
const NOT_OF_THE_UPGRADE: [&str; 1] = ["k3s_restore"];

/// What belongs to each hop of k3s, beside the role that it is about.
const OF_A_K3S_HOP: [&str; 4] = ["datastore_snapshot", "k3s_images", "k3s_server", "stage"];

/// The roles of which a task changed something, by the names of tasks, `ROLE : NAME`.
fn actors(run: &Ended) -> BTreeSet<String> {
    let names: HashMap<Option<u64>, &str> = run
        .of_kind("task_started")
        .into_iter()
        .map(|task| (task["task"].as_u64(), task["name"].as_str().unwrap()))
        .collect();
    run.of_kind("task_finished")
        .into_iter()
        .filter(|done| done["result"]["status"] == "changed")
        .map(|done| names[&done["task"].as_u64()])
        .map(|name| name.split(" : ").next().unwrap().to_owned())
        .collect()
}

/// Runs the upgrade with one tag; it must succeed, and these roles must have changed something and no others.
fn tagged(lab: &Lab, tag: &str, more: &[&str], expected: &[&str]) {
    let mut arguments = vec!["--tags", tag];
    arguments.extend(more);
    let run = lab.upgrade(&arguments);
    let failed = run.of_kind("run_finished");
    assert_eq!(run.code, Some(0), "--tags {tag}: {}{failed:?}", run.errors);
    let mut acted = actors(&run);
    if tag.starts_with("k3s_") {
        // A hop of k3s stages and saves by itself.
        acted.retain(|role| !OF_A_K3S_HOP.contains(&role.as_str()));
    }
    let expected: BTreeSet<String> = expected.iter().map(|role| (*role).to_owned()).collect();
    assert_eq!(acted, expected, "--tags {tag}");
}

#[test]
fn each_role_of_kubernetes_acts_alone() {
    let lab = settled(&Inventory::new().control_planes(1).workers(2));
    let one = ["--limit", "worker1"];
    for looks in [
        "preflight",
        "cluster",
        "hooks",
        "upgrade_path",
        "binary",
        "kubeadm",
    ] {
        tagged(&lab, looks, &[], &[]);
    }
    tagged(&lab, "stage", &[], &["stage"]);
    tagged(&lab, "datastore_snapshot", &[], &["datastore_snapshot"]);
    let plane = ["datastore_snapshot", "binary", "kube_apiserver"];
    tagged(&lab, "kube_apiserver", &[], &plane);
    tagged(&lab, "kube_controllers", &[], &["binary"]);
    let status = lab.status();
    assert_eq!(status.node("control1")["version"], BEFORE);

    tagged(&lab, "drain", &one, &["drain"]);
    let status = lab.status();
    assert_eq!(status.node("worker1")["unschedulable"], true);
    assert_eq!(status.node("worker1")["version"], BEFORE);

    // Killed before the node is back in service, so that there is something to release.
    let healthy = task_starts("Wait until the node is healthy");
    lab.killed_at(&["--tags", "kubelet", "--limit", "worker1"], healthy);
    let status = lab.status();
    assert_eq!(status.node("worker1")["unschedulable"], true);
    assert_eq!(status.node("worker1")["version"], TARGET);

    tagged(&lab, "release", &one, &["release"]);
    lab.status().assert_serving("worker1", TARGET);

    tagged(&lab, "kubelet", &[], &["binary", "drain", "release"]);
    for host in ["control1", "worker1", "worker2"] {
        lab.status().assert_serving(host, TARGET);
    }
}

#[test]
fn each_role_of_k3s_acts_alone() {
    let lab = settled(&Inventory::new().servers(1).agents(1));
    tagged(&lab, "stage", &[], &["stage"]);
    tagged(&lab, "k3s_server", &[], &["binary", "drain", "release"]);
    lab.status().assert_serving("server1", TARGET);
    let status = lab.status();
    assert_eq!(status.node("agent1")["unschedulable"], false);
    tagged(&lab, "k3s_agent", &[], &["binary", "drain", "release"]);
    lab.status().assert_serving("agent1", TARGET);
}

/// The tests above know every role that ships.
#[test]
fn no_role_is_forgotten() {
    let roles = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/roles");
    let source = include_str!("tags.rs");
    for entry in fs::read_dir(roles).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if NOT_OF_THE_UPGRADE.contains(&name.as_str()) {
            continue;
        }
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
}
