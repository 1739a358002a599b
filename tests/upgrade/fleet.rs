//! The whole fleet, one host, and a look without touching.

use crate::events::Ended;
use crate::lab::{BEFORE, Lab, TARGET};
use std::collections::BTreeSet;

const ALL: [&str; 14] = [
    "control1", "control2", "control3", "worker1", "worker2", "worker3", "worker4", "worker5",
    "server1", "server2", "server3", "agent1", "agent2", "agent3",
];

#[test]
fn the_fleet_ends_at_the_target_and_a_second_run_changes_nothing() {
    let lab = Lab::new();
    let first = lab.upgrade(&[]);
    assert_eq!(first.code, Some(0), "{}", first.errors);
    let status = lab.status();
    for host in ALL {
        status.assert_serving(host, TARGET);
    }
    assert_one_at_a_time(&first);

    let second = lab.upgrade(&[]);
    assert_eq!(second.code, Some(0), "{}", second.errors);
    for host in ALL {
        assert_eq!(second.recap(host)["changed"], 0, "{host}");
    }
    assert_eq!(second.changed_by("windlass.cordon"), Vec::<String>::new());
    assert!(second.of_kind("undo_recorded").is_empty());
}

/// Between its cordon and its uncordon a node is out of service; between its restart and its gate an API server is.
fn assert_one_at_a_time(run: &Ended) {
    let mut actions = std::collections::HashMap::new();
    let mut cordoned: BTreeSet<String> = BTreeSet::new();
    let mut restarting: BTreeSet<String> = BTreeSet::new();
    let mut seen = 0;
    for event in run.events.iter().map(|event| &event["kind"]) {
        if event["event"] == "task_started" {
            actions.insert(event["task"].as_u64(), event.clone());
            let text = event["name"].as_str().unwrap();
            if text.contains("Restart kube-apiserver") || text.contains("Restart k3s") {
                for host in event["hosts"].as_array().unwrap() {
                    restarting.insert(host.as_str().unwrap().to_owned());
                }
                let planes = restarting
                    .iter()
                    .filter(|host| host.starts_with("control") || host.starts_with("server"));
                assert!(planes.count() <= 1, "{restarting:?}");
            }
        }
        if event["event"] != "task_finished" {
            continue;
        }
        let host = event["host"].as_str().unwrap().to_owned();
        let action = &actions[&event["task"].as_u64()]["action"];
        let changed = event["result"]["status"] == "changed";
        if action == "windlass.cordon" && changed {
            seen += 1;
            cordoned.insert(host.clone());
        }
        if action == "windlass.uncordon" {
            cordoned.remove(&host);
        }
        // An API server has a gate of its own; a k3s server has its node's.
        if action == "windlass.gate" || action == "windlass.api_server" {
            restarting.remove(&host);
        }
        for group in ["control", "worker", "server", "agent"] {
            let out = cordoned
                .iter()
                .filter(|host| host.starts_with(group))
                .count();
            assert!(out <= 1, "out of service at once: {cordoned:?}");
        }
    }
    assert_eq!(seen, ALL.len(), "every node was cordoned once");
    assert!(cordoned.is_empty(), "left cordoned: {cordoned:?}");
}

#[test]
fn a_limit_of_one_worker_upgrades_that_one_only() {
    let lab = Lab::new();
    let run = lab.upgrade(&["--limit", "worker3"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let status = lab.status();
    status.assert_serving("worker3", TARGET);
    for host in ALL.iter().filter(|host| **host != "worker3") {
        status.assert_serving(host, BEFORE);
    }
}

#[test]
fn check_and_diff_change_nothing_and_say_what_would() {
    let lab = Lab::new();
    let run = lab.upgrade(&["--check", "--diff"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    assert!(run.recap("worker1")["changed"].as_u64().unwrap() > 0);
    let status = lab.status();
    for host in ALL {
        status.assert_serving(host, BEFORE);
    }
}

#[test]
fn a_finished_run_can_be_taken_back() {
    let lab = Lab::new();
    let run = lab.upgrade(&["--limit", "worker1,worker2"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let id = run.of_kind("run_started")[0]["run"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(lab.ok(&["rollback", "-i", "inventory"]).contains(&id));
    lab.ok(&["rollback", &id, "-i", "inventory", "--limit", "worker2"]);
    let status = lab.status();
    status.assert_serving("worker1", TARGET);
    status.assert_serving("worker2", BEFORE);
}
