//! A run that is killed outright, and the run after it.

use crate::events::task_starts;
use crate::lab::{Lab, TARGET};

#[test]
fn the_next_run_finishes_what_a_killed_one_left() {
    let lab = Lab::new();
    for words in ["Drain the node", "Restart kubelet", "Wait until the node"] {
        lab.killed_at(&["--limit", "kube_node"], task_starts(words));
    }
    let run = lab.upgrade(&["--limit", "kube_node"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let status = lab.status();
    for host in ["worker1", "worker2", "worker3", "worker4", "worker5"] {
        status.assert_serving(host, TARGET);
    }
}
