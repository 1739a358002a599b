//! A run that is killed outright, and what happens then: by itself, and by the next run.

use crate::artifacts::{BEFORE, TARGET};
use crate::fleet::Fleet;
use crate::operator::Operator;
use crate::or_skip;

/// Scenario 14.
#[test]
fn a_run_killed_after_the_cordon_is_finished_by_the_next_one() {
    let fleet = or_skip!(Fleet::shared());
    let operator = Operator::of(fleet);
    let mut run = operator.start(&["--limit", "killed"]);
    run.until_task("Drain the node");
    run.kill();
    let node = fleet.node("killed");
    assert_eq!(node["unschedulable"], true, "{node}");
    fleet
        .host("killed")
        .assert_serves("kubelet", "kubelet", BEFORE);

    let next = operator.upgrade(&["--limit", "killed"]);
    next.assert_code(0);
    fleet.assert_serving("killed", TARGET);
}
