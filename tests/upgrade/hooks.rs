//! Task files of the user's at the points of a node's way.

use crate::events::Ended;
use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::objects::settled;
use crate::snapshot::{assert_only_changed, assert_only_upgraded};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

const POINTS: [&str; 6] = [
    "pre_drain",
    "post_drain",
    "pre_upgrade",
    "post_upgrade",
    "pre_uncordon",
    "post_uncordon",
];

/// A lab whose inventory names a hook for each of these points, with this text.
fn lab_with(points: &[&str], text: impl Fn(&str) -> String) -> Lab {
    let hooks: Map<String, Value> = points
        .iter()
        .map(|point| ((*point).to_owned(), json!(format!("../hooks/{point}.yml"))))
        .collect();
    let inventory = Inventory::new()
        .control_planes(1)
        .workers(1)
        .variable("upgrade_hooks", hooks);
    let lab = settled(&inventory);
    let folder = Path::new(lab.inventory()).join("../hooks");
    fs::create_dir_all(&folder).unwrap();
    for point in points {
        fs::write(folder.join(format!("{point}.yml")), text(point)).unwrap();
    }
    lab
}

/// What the debug tasks of hooks said on worker1, in order.
fn messages(run: &Ended) -> Vec<String> {
    run.of_kind("task_finished")
        .into_iter()
        .filter_map(|done| done["result"]["result"]["msg"].as_str())
        .filter_map(|text| text.strip_prefix("hook "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn hooks_run_in_order_and_know_the_node_the_run_and_both_versions() {
    let lab = lab_with(&POINTS, |point| {
        format!(
            "- ansible.builtin.debug:\n    msg: \"hook {point} {{{{ NODE }}}} {{{{ FROM }}}} {{{{ TO }}}} {{{{ RUN_ID }}}}\"\n"
        )
    });
    let run = lab.upgrade(&["--limit", "worker1"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let id = run.id();
    let expected: Vec<String> = POINTS
        .iter()
        .map(|point| format!("{point} worker1 {BEFORE} {TARGET} {id}"))
        .collect();
    assert_eq!(messages(&run), expected);
    lab.status().assert_serving("worker1", TARGET);
}

#[test]
fn a_hook_that_is_not_there_stops_the_run_before_any_host_is_disturbed() {
    let cases = [
        (
            json!({"pre_drain": "hooks/nothing.yml"}),
            "pre_drain names hooks/nothing.yml",
        ),
        (
            json!({"pre_drian": "x.yml"}),
            "there is no point pre_drian; there are pre_drain,",
        ),
    ];
    for (hooks, expected) in cases {
        let inventory = Inventory::new()
            .control_planes(1)
            .workers(1)
            .variable("upgrade_hooks", hooks);
        let lab = settled(&inventory);
        let before = lab.snapshot();
        let run = lab.upgrade(&[]);
        assert_eq!(run.code, Some(2), "{}", run.errors);
        let reasons: String = ["control1", "worker1"]
            .map(|host| run.reason(host))
            .concat();
        assert!(reasons.contains(expected), "{reasons}");
        run.assert_nobody_disturbed();
        assert!(before.differences(&lab.snapshot()).is_empty());
    }
}

/// Scenario 42, where the play goes back: the old version serves again.
#[test]
fn a_failing_hook_before_the_uncordon_takes_the_node_back() {
    let lab = lab_with(&["pre_uncordon"], |_| {
        "- ansible.builtin.fail:\n    msg: the load balancer says no\n".to_owned()
    });
    let before = lab.snapshot();
    let run = lab.upgrade(&["--limit", "worker1"]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert_eq!(run.recap("worker1")["state"], "rolled_back");
    assert!(run.reason("worker1").contains("the load balancer says no"));
    lab.status().assert_serving("worker1", BEFORE);
    let journal = lab.journal_of(&run);
    journal.assert_intent_before_done("worker1");
    assert_eq!(journal.of_kind("rollback_finished").len(), 1);
    let allowed = [
        "worker1/var/lib/windlass",
        "worker1/unit/kubelet/process",
        "node/worker1/annotations",
        "node/*/pod_names",
    ];
    assert_only_changed(&before, &lab.snapshot(), &allowed);
}

/// Scenario 42, where the play does not go back: the node stays cordoned at the new version, with the reason.
#[test]
fn a_failing_hook_before_the_uncordon_leaves_the_node_cordoned() {
    let lab = lab_with(&["pre_uncordon"], |_| {
        "- ansible.builtin.fail:\n    msg: the load balancer says no\n".to_owned()
    });
    let staged = lab.run_within(crate::running::DEADLINE, "playbooks/stage.yml", &[]);
    assert_eq!(staged.code, Some(0), "{}", staged.errors);
    let before = lab.snapshot();
    let folder = tempfile::tempdir().unwrap();
    let roles = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/roles");
    std::os::unix::fs::symlink(roles, folder.path().join("roles")).unwrap();
    let playbook = folder.path().join("upgrade.yml");
    let text = "- hosts: worker1\n  gather_facts: false\n  become: true\n  roles: [kubelet]\n";
    fs::write(&playbook, text).unwrap();
    let run = lab.run_within(crate::running::DEADLINE, playbook.to_str().unwrap(), &[]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert_eq!(run.recap("worker1")["state"], "failed");
    assert!(run.reason("worker1").contains("the load balancer says no"));
    run.assert_never_ran("Put the node back in service", "worker1");
    let status = lab.status();
    let node = status.node("worker1");
    assert_eq!(node["unschedulable"], true, "{node}");
    assert_eq!(node["version"], TARGET, "{node}");
    let journal = lab.journal_of(&run);
    for kind in ["undo_recorded", "rollback_started"] {
        assert!(journal.of_kind(kind).is_empty(), "{kind}");
    }
    let cordon = ["node/worker1/unschedulable", "node/worker1/taints"];
    assert_only_upgraded(&before, &lab.snapshot(), &["worker1"], &cordon);
}

/// Without a terminal there is nobody to ask.
#[test]
fn a_confirmation_without_a_terminal_fails_before_the_node_is_touched() {
    let inventory = Inventory::new().control_planes(1).workers(1);
    let lab = settled(&inventory);
    let run = lab.upgrade(&["--limit", "worker1", "-e", "upgrade_node_confirm=true"]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let reason = run.reason("worker1");
    assert!(reason.contains("a prompt needs a terminal"), "{reason}");
    run.assert_nobody_disturbed();
    lab.status().assert_serving("worker1", BEFORE);
}
