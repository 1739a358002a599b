//! The whole upgrade of a small fleet, what it leaves on the hosts, and that the next run finds nothing to do.

use crate::artifacts::{BEFORE, TARGET};
use crate::fleet::Fleet;
use crate::operator::{Ended, Operator};
use crate::or_skip;

const HOSTS: [&str; 5] = ["control1", "worker1", "worker2", "server1", "agent1"];

#[test]
fn the_fleet_is_upgraded_over_ssh_and_sudo_and_a_second_run_changes_nothing() {
    let fleet = or_skip!(Fleet::small());
    for host in HOSTS {
        fleet.assert_serving(host, BEFORE);
    }
    let operator = Operator::of(fleet);
    let mut first = operator.start(&[]);
    first.until_task("Drain the node");
    let late = Operator::of(fleet).upgrade(&[]);
    let first = first.end();
    first.assert_code(0);
    assert_refused(&late, first.id());
    for host in HOSTS {
        let left = fleet.host(host).run("ls -A /var/lib/windlass/lock");
        assert_eq!(left, "", "{host} is still locked");
    }
    for host in HOSTS {
        fleet.assert_serving(host, TARGET);
    }
    for host in HOSTS {
        assert_undo_log(fleet, host, first.id());
    }

    let boots = |host: &str| {
        fleet
            .host(host)
            .run("systemctl show -P MainPID kubelet k3s k3s-agent")
    };
    let processes = HOSTS.map(boots);
    let second = operator.upgrade(&[]);
    second.assert_code(0);
    for host in HOSTS {
        assert_eq!(second.recap(host)["changed"], 0, "{host}");
    }
    assert!(second.changed_by("windlass.cordon").is_empty());
    assert!(second.of_kind("undo_recorded").is_empty());
    assert_eq!(HOSTS.map(boots), processes, "a service was restarted");
}

/// Somebody else at the same hosts, with a controller of their own.
fn assert_refused(late: &Ended, holder: &str) {
    late.assert_code(5);
    assert!(late.of_kind("task_started").is_empty());
    let reason = late.of_kind("stopped")[0]["reason"].to_string();
    assert!(reason.contains(&format!("run {holder} of ")), "{reason}");
}

/// The log of a run that committed: private, whole, and with the old binary in it.
fn assert_undo_log(fleet: &Fleet, name: &str, run: &str) {
    let host = fleet.host(name);
    let folder = format!("/var/lib/windlass/runs/{run}");
    assert_eq!(
        host.run(&format!("stat -c '%a %U' {folder}")),
        "700 root",
        "{name}"
    );
    let manifest = host.run(&format!("cat {folder}/manifest"));
    let saved = host.run(&format!(
        "for file in {folder}/files/*; do sh $file --version 2>/dev/null; done"
    ));
    assert!(saved.contains(BEFORE), "{name}: {saved}: {manifest}");
    // Every step lies before the last commit, so nothing of this run would go back by itself.
    let number = |line: &str, word: &str| -> Option<u32> { line.strip_prefix(word)?.parse().ok() };
    let committed = manifest
        .lines()
        .filter_map(|line| number(line, "committed "))
        .max();
    let steps = manifest
        .lines()
        .filter(|line| line.contains(" intent "))
        .count();
    assert_eq!(
        committed.map(|last| last as usize),
        Some(steps),
        "{name}: {manifest}"
    );
}
