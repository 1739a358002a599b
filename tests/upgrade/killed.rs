//! A run that is killed outright, and the run after it.

use crate::lab::{Lab, TARGET};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Kills a run with SIGKILL as soon as it says `word`.
fn kill_at(lab: &Lab, word: &str) {
    let mut child = lab
        .command(&[
            "run",
            "playbooks/upgrade.yml",
            "-i",
            "inventory",
            "--json",
            "--limit",
            "kube_node",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if line.contains(word) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_next_run_finishes_what_a_killed_one_left() {
    let lab = Lab::new();
    for word in ["Drain the node", "Restart kubelet", "Wait until the node"] {
        kill_at(&lab, word);
    }
    let run = lab.upgrade(&["--limit", "kube_node"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let status = lab.status();
    for host in ["worker1", "worker2", "worker3", "worker4", "worker5"] {
        status.assert_serving(host, TARGET);
    }
}
