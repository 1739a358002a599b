//! k3s servers, whose unit has no limit of its own for a start.

use crate::artifacts::{BEFORE, Behaviour, TARGET};
use crate::fleet::Fleet;
use crate::operator::Operator;
use crate::or_skip;

/// Scenario 31.
#[test]
fn a_k3s_server_that_hangs_at_its_start_goes_back_and_the_others_are_left_alone() {
    let fleet = or_skip!(Fleet::shared());
    let host = fleet.host("server2");
    assert_eq!(
        host.run("systemctl show -P TimeoutStartUSec k3s"),
        "infinity"
    );
    let process = |name: &str, unit: &str| {
        fleet
            .host(name)
            .run(&format!("systemctl show -P MainPID {unit}"))
    };
    let others = || [process("server1", "k3s"), process("agent1", "k3s-agent")];
    let before = others();
    let files = host.files();
    let source = format!(
        "artifact_source={}",
        fleet.artifacts(Behaviour::Hang).display()
    );
    let limits = [
        "--limit",
        "server2,agent1",
        "-e",
        &source,
        "-e",
        "k3s_restart_timeout=6",
    ];
    let run = Operator::of(fleet).upgrade(&limits);
    run.assert_code(2);
    assert_eq!(run.recap("server2")["state"], "rolled_back");
    assert_eq!(run.recap("agent1")["state"], "pending");
    fleet.assert_serving("server2", BEFORE);
    fleet.assert_serving("server1", TARGET);
    fleet.assert_serving("agent1", BEFORE);
    assert_eq!(others(), before);
    assert_eq!(host.files(), files);
}
