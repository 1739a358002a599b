//! What the version rules forbid is refused by name, by the plan and by the run, and a plan touches nothing.

use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::snapshot::{Snapshot, assert_only_changed};
use serde_json::Value;
use std::time::Duration;

/// Two control planes and two workers at `before`, to be upgraded to `target`.
fn lab(before: &str, target: &str) -> Lab {
    let inventory = Inventory::new().control_planes(2).workers(2);
    Lab::with(&inventory.before(before).target(target))
}

/// A snapshot of a lab whose clusters have come to rest after their first start.
pub(crate) fn settled(lab: &Lab) -> Snapshot {
    let mut last = lab.snapshot();
    for _ in 0..20 {
        let next = lab.snapshot();
        let ready = lab
            .hosts()
            .iter()
            .all(|host| next.fact(&format!("node/{host}/ready")) == Some("True"));
        if ready && last == next {
            return next;
        }
        last = next;
    }
    panic!("the lab does not come to rest");
}

/// The plan as text, with its exit code.
fn plan(lab: &Lab, more: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["plan", "playbooks/upgrade.yml", "-i", lab.inventory()];
    arguments.extend(more);
    let output = lab.command(&arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text + &errors)
}

/// The plan, which must block with this rule and leave no trace.
fn assert_blocked(lab: &Lab, more: &[&str], rule: &str, hint: &str) {
    let before = settled(lab);
    let (code, text) = plan(lab, more);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains(&format!("BLOCKED    by {rule}: ")), "{text}");
    assert!(text.contains(hint), "{text}");
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

/// A run that must end with a failure and have disturbed no host.
fn assert_refused(lab: &Lab, more: &[&str], host: &str, words: &[&str]) {
    let before = settled(lab);
    let strict = [&["-e", "preflight_strict_skew=true"], more].concat();
    let run = lab.upgrade_within(Duration::from_mins(1), &strict);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    lab.journal_of(&run).assert_nobody_disturbed();
    assert_only_changed(&before, &lab.snapshot(), &[]);

    // Without the preflight the roles refuse it, each in its own words.
    let mut arguments = vec!["-e", "kube_allow_newer_kubelet=false"];
    arguments.extend(["-e", "preflight=false"]);
    arguments.extend(more);
    let run = lab.upgrade_within(Duration::from_mins(1), &arguments);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let reason = run.reason(host);
    for word in words {
        assert!(reason.contains(word), "no {word:?} in: {reason}");
    }
    lab.journal_of(&run).assert_nobody_disturbed();
    // Binaries may wait in the stage.
    assert_only_changed(&before, &lab.snapshot(), &["*/var/lib/windlass"]);
}

#[test]
fn a_plan_says_what_happens_and_leaves_no_trace() {
    let lab = Lab::new();
    let before = settled(&lab);
    let (code, text) = plan(&lab, &[]);
    assert_eq!(code, Some(0), "{text}");
    for piece in [
        "control1, control2, control3   v1.34.3 -> v1.35.1",
        "kube-apiserver  v1.35.1  control1 | control2 | control3",
        "worker1 | worker2 | worker3 | worker4 | worker5",
        "server1, server2, server3   v1.34.3+k3s1 -> v1.35.1+k3s1",
        "staged     on no host yet; from inventory/artifacts/v1.35.1 (verified)",
        "no return  2: once a host has served it",
        "Legal in every state. Nothing was changed.\n  windlass run playbooks/upgrade.yml -i inventory",
    ] {
        assert!(text.contains(piece), "{piece} is not in\n{text}");
    }
    assert!(text.lines().count() < 36, "{text}");
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

#[test]
fn a_plan_is_data_too() {
    let lab = lab(BEFORE, TARGET);
    let (code, text) = plan(&lab, &["--json"]);
    assert_eq!(code, Some(0), "{text}");
    let plan: Value = serde_json::from_str(&text).unwrap();
    let cluster = &plan["clusters"][0];
    assert_eq!(plan["blocked"], false);
    assert_eq!(cluster["hops"], serde_json::json!([TARGET]));
    assert_eq!(cluster["stages"][0]["component"], "kube-apiserver");
    // Where the new binary first runs as the old version, the end of that is the point of no return.
    assert_eq!(cluster["stages"][0]["point_of_no_return"], false);
    assert_eq!(cluster["stages"][1]["point_of_no_return"], true);
    assert_eq!(cluster["stages"][1]["ends_emulation"], true);
    let step = &cluster["stages"][0]["batches"][1]["steps"][0];
    assert_eq!(step["host"], "control2");
    assert_eq!(
        (&step["from"], &step["to"]),
        (&BEFORE.into(), &TARGET.into())
    );
    assert!(cluster["time"]["at_most"].as_u64().unwrap() > 0);
}

/// Scenario 24.
#[test]
fn a_target_that_skips_a_minor_is_refused_with_the_way_there() {
    let lab = lab("v1.33.5", TARGET);
    let hint = "put the binaries of a 1.34 release beside the target's";
    assert_blocked(&lab, &[], "control-plane-hop", hint);
    assert_refused(&lab, &[], "control1", &["rule control-plane-hop", hint]);
}

/// Scenario 25: lower.
#[test]
fn a_lower_target_is_refused() {
    let lab = lab(TARGET, BEFORE);
    assert_blocked(&lab, &[], "control-plane-hop", "windlass rollback");
    assert_refused(&lab, &[], "control1", &["does not go back to v1.34.3"]);
}

/// Scenario 25: equal.
#[test]
fn an_equal_target_is_nothing_to_do() {
    let lab = lab(TARGET, TARGET);
    let before = settled(&lab);
    let (code, text) = plan(&lab, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("nothing to do"), "{text}");
    assert_only_changed(&before, &lab.snapshot(), &[]);
    let run = lab.upgrade_within(Duration::from_mins(1), &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    lab.journal_of(&run).assert_nobody_disturbed();
    // Nobody has put the binaries into the stage of this fleet before.
    assert_only_changed(&before, &lab.snapshot(), &["*/var/lib/windlass"]);
}

/// Scenario 26.
#[test]
fn a_kubelet_before_its_api_servers_is_refused() {
    let lab = lab(BEFORE, TARGET);
    let only = ["--limit", "worker1"];
    assert_blocked(
        &lab,
        &only,
        "kubelet-apiserver",
        "upgrade the API servers first",
    );
    assert_refused(&lab, &only, "worker1", &["rule kubelet-apiserver", BEFORE]);
}

/// Scenario 26, and 32: a k3s agent before its servers.
#[test]
fn a_k3s_agent_before_its_servers_is_refused() {
    let lab = Lab::with(&Inventory::new().servers(1).agents(1));
    let only = ["--limit", "agent1"];
    assert_blocked(
        &lab,
        &only,
        "k3s-agent-server",
        "upgrade the API servers first",
    );
    assert_refused(&lab, &only, "agent1", &["rule k3s-agent-server"]);
}

#[test]
fn rules_of_the_users_own_are_laid_over_ours_and_mistakes_in_them_are_shown() {
    let lab = lab(BEFORE, TARGET);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my-rules.yml");
    let path = file.to_str().unwrap().to_owned();
    std::fs::write(&file, "skew:\n  - {id: kubelet-apiserver, newer: 1}\n").unwrap();
    let (code, text) = plan(&lab, &["--limit", "worker1", "--rules", &path]);
    assert_eq!(code, Some(0), "{text}");
    std::fs::write(&file, "skew:\n  - {id: kubelet-apiserver, newr: 1}\n").unwrap();
    let (code, text) = plan(&lab, &["--rules", &path]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("my-rules.yml:2:29") && text.contains("did you mean `newer`?"),
        "{text}"
    );
}
