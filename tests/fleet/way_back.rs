//! A way back that does not work: what is left, and that a person can finish it.

use crate::artifacts::{BEFORE, Behaviour, TARGET};
use crate::fleet::Fleet;
use crate::operator::Operator;
use crate::or_skip;

/// Scenario 10.
#[test]
fn without_its_backup_a_host_stays_cordoned_and_the_commands_for_a_person_work() {
    let fleet = or_skip!(Fleet::shared());
    let host = fleet.host("nobackup");
    let files = [host.files(), fleet.host("nobackup2").files()];
    let source = format!(
        "artifact_source={}",
        fleet.artifacts(Behaviour::NotReady).display()
    );
    let limits = [
        "--limit",
        "nobackup,nobackup2",
        "-e",
        "serial=1",
        "-e",
        "gate_timeout=8",
        "-e",
        &source,
    ];
    let mut run = Operator::of(fleet).start(&limits);
    run.until_task("Restart kubelet");
    host.run(
        "cd /var/lib/windlass/runs/*/files
         for file in *; do grep -q v1.34.3 $file && mv $file /root/kept-$file; done; ls /root/kept-*",
    );
    let run = run.end();
    run.assert_code(3);
    assert_eq!(run.recap("nobackup")["state"], "rollback_incomplete");
    assert_eq!(run.recap("nobackup2")["state"], "pending");
    let node = fleet.node("nobackup");
    assert_eq!(node["unschedulable"], true, "{node}");
    fleet.assert_serving("nobackup2", BEFORE);
    // The old and the new are not mixed: the service was not restarted over a binary that is not the old one.
    assert_eq!(host.on_disk("kubelet"), TARGET);
    assert_eq!(host.running("kubelet"), TARGET);

    let finished = run.of_kind("rollback_finished");
    let commands = finished[0]["remaining"].as_array().unwrap();
    assert!(!commands.is_empty(), "{finished:?}");
    // Once the backup is back, the printed commands are all that it takes.
    host.run("cd /var/lib/windlass/runs/*/files && for file in /root/kept-*; do mv $file ${file#/root/kept-}; done");
    for command in commands {
        host.run(command.as_str().unwrap());
    }
    host.assert_serves("kubelet", "kubelet", BEFORE);
    assert_eq!([host.files(), fleet.host("nobackup2").files()], files);
}
