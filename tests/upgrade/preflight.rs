//! What is looked for before anything is changed: found, named with what to do, and nothing disturbed.

use crate::events::Ended;
use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::running::DEADLINE;
use crate::snapshot::{Snapshot, assert_only_changed, assert_only_upgraded};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The preflight alone.
fn preflight(lab: &Lab, more: &[&str]) -> Ended {
    lab.run_within(DEADLINE, "playbooks/preflight.yml", more)
}

/// The report's lines; it is made once in a run.
fn report(run: &Ended) -> String {
    let results: Vec<&Value> = run
        .of_kind("task_finished")
        .into_iter()
        .map(|done| &done["result"]["result"])
        .filter(|result| result.get("blocks").is_some())
        .collect();
    assert_eq!(results.len(), 1, "one report: {}", run.errors);
    let text = results[0]["_ansible_report"].as_str();
    text.unwrap_or_default().to_owned()
}

/// How the lab stands once its nodes are ready and its pods are where they stay.
fn settled(lab: &Lab) -> Snapshot {
    let mut last = lab.snapshot();
    for _ in 0..50 {
        let now = lab.snapshot();
        let status = lab.status();
        let ready = status.nodes().iter().all(|node| {
            let path = format!("node/{}/ready", node["name"].as_str().unwrap());
            now.fact(&path) == Some("True")
        });
        if ready && last.differences(&now).is_empty() {
            return now;
        }
        last = now;
    }
    panic!("the lab does not settle");
}

fn small() -> Inventory {
    Inventory::new().control_planes(1).workers(2)
}

/// Asserts that the preflight blocks and the upgrade stops there, with these words in the report and nothing changed.
fn assert_stops(lab: &Lab, words: &[&str]) {
    let before = settled(lab);
    let run = lab.upgrade(&[]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let text = report(&run);
    assert!(text.starts_with("BLOCK"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    lab.journal_of(&run).assert_nobody_disturbed();
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

/// Changes what the lab's API server holds, while the lab does not run.
fn edit_cluster(lab: &Lab, edit: impl FnOnce(&mut Vec<Value>)) {
    let hosts = lab.host_folder("worker1");
    let folder = hosts.parent().and_then(Path::parent).unwrap();
    let path = folder.join("clusters/kubernetes.json");
    // The next start reads the log too; a status folds it.
    lab.status();
    let mut state: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(state["objects"].as_array_mut().unwrap());
    fs::write(&path, state.to_string()).unwrap();
}

/// Puts a program of the test's own in place.
fn plant(lab: &Lab, host: &str, path: &str, script: &str) {
    let path = lab.host_folder(host).join(path);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_shipped_lab_passes_and_is_left_as_it_is() {
    let lab = Lab::new();
    let before = settled(&lab);
    let run = preflight(&lab, &[]);
    assert_eq!(run.code, Some(0), "{}\n{}", run.errors, report(&run));
    assert!(!report(&run).contains("BLOCK"), "{}", report(&run));
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

#[test]
fn a_fleet_that_is_at_its_version_is_left_in_peace() {
    let lab = Lab::with(&small().before(TARGET));
    let run = preflight(&lab, &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    assert_eq!(report(&run), "");
    // What would block an upgrade does not matter where there is none.
    let unit = lab
        .host_folder("worker1")
        .join("etc/systemd/system/kubelet.service");
    fs::write(&unit, "[Service]\nExecStart=/usr/bin/kubelet\n").unwrap();
    let run = preflight(&lab, &[]);
    assert_eq!((run.code, report(&run).as_str()), (Some(0), ""));
}

/// Scenario 1, its warning.
#[test]
fn a_budget_that_allows_nothing_warns() {
    let lab = Lab::with(&small());
    lab.fault("worker1", "budget-blocked");
    let before = settled(&lab);
    let run = preflight(&lab, &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    lab.journal_of(&run).assert_nobody_disturbed();
    assert_only_changed(&before, &lab.snapshot(), &[]);
    let text = report(&run);
    assert!(text.contains("worker1: shop/blocked-worker1"), "{text}");
    assert!(
        text.contains("its budget blocked-worker1 wants all of its 1 pods"),
        "{text}"
    );
}

/// Scenario 3, as far as it can be seen before.
#[test]
fn a_pod_under_two_budgets_blocks_unless_it_is_ignored() {
    let lab = Lab::with(&small());
    lab.fault("worker1", "two-budgets");
    assert_stops(
        &lab,
        &["2 budgets cover it: budgets-worker1, budgets-worker1-too"],
    );
    for name in ["drain", "two-budgets"] {
        let ignore = format!("{{\"preflight_ignore\": [\"{name}\"]}}");
        let run = preflight(&lab, &["-e", &ignore]);
        assert_eq!(run.code, Some(0), "{}", run.errors);
        let text = report(&run);
        assert!(
            text.contains("would block; `two-budgets` is ignored"),
            "{text}"
        );
    }
}

/// Scenario 8, before it can happen.
#[test]
fn a_unit_that_starts_another_binary_is_found_with_both_paths() {
    let lab = Lab::with(&small());
    lab.snapshot();
    let unit = lab
        .host_folder("worker2")
        .join("etc/systemd/system/kubelet.service");
    let text = fs::read_to_string(&unit).unwrap();
    let other = text.replace("/usr/local/bin/kubelet", "/usr/bin/kubelet");
    assert_ne!(text, other);
    fs::write(&unit, other).unwrap();
    assert_stops(
        &lab,
        &[
            "worker2: kubelet starts",
            "/usr/bin/kubelet, not",
            "[unit-path]",
        ],
    );
}

/// Scenario 21.
#[test]
fn a_node_that_is_not_ready_stops_the_run_with_its_reason() {
    let lab = Lab::with(&small());
    lab.snapshot();
    let state = lab.host_folder("worker1").join("run/units/kubelet");
    let text = fs::read_to_string(&state).unwrap();
    let dead = text
        .replace("ActiveState=active", "ActiveState=inactive")
        .replace("SubState=running", "SubState=dead");
    fs::write(&state, dead).unwrap();
    edit_cluster(&lab, |objects| {
        let node = objects
            .iter_mut()
            .find(|object| object["kind"] == "Node" && object["metadata"]["name"] == "worker1");
        for condition in node.unwrap()["status"]["conditions"]
            .as_array_mut()
            .unwrap()
        {
            condition["status"] = json!("Unknown");
            condition["message"] = json!("Kubelet stopped posting node status.");
        }
    });
    let run = lab.upgrade(&[]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    let text = report(&run);
    let line = "worker1: the node is not Ready (Unknown): Kubelet stopped posting node status.";
    assert!(text.contains(line), "{text}");
    lab.journal_of(&run).assert_nobody_disturbed();
}

/// An `etcdctl` that says this of members, health, status and alarms.
fn etcdctl(members: &Value, health: &Value, version: &str, alarms: &Value) -> String {
    let status = json!([{"Endpoint": "x", "Status": {"header": {"cluster_id": 1}, "version": version, "leader": 1}}]);
    format!(
        "#!/bin/sh\ncase \"$*\" in\n*'member list'*) echo '{members}' ;;\n*'endpoint health'*) echo '{health}' ;;\n\
         *'endpoint status'*) echo '{status}' ;;\n*'alarm list'*) echo '{alarms}' ;;\nesac\n"
    )
}

fn members(count: u64, learner: bool) -> Value {
    let all: Vec<Value> = (1..=count)
        .map(|id| json!({"ID": id, "name": format!("control{id}"), "isLearner": learner && id == count}))
        .collect();
    json!({ "members": all })
}

/// Scenarios 28 and 30.
#[test]
fn an_etcd_in_trouble_blocks() {
    let well = json!([{"endpoint": "x", "health": true}]);
    let down = json!([{"endpoint": "https://control2:2379", "health": false, "error": "context deadline exceeded"}]);
    let nospace = json!({"alarms": [{"memberID": 2, "alarm": 1}]});
    let none = json!({});
    let lab = Lab::new();
    settled(&lab);
    let cases = [
        (
            members(3, false),
            &down,
            "3.6.6",
            &none,
            "the member at https://control2:2379 is not healthy",
        ),
        (
            members(3, false),
            &well,
            "3.6.6",
            &nospace,
            "control2 raises NOSPACE",
        ),
        (
            members(3, true),
            &well,
            "3.6.6",
            &none,
            "still learning: control3",
        ),
        (
            members(2, false),
            &well,
            "3.6.6",
            &none,
            "etcd has 2 members: it stops",
        ),
        (
            members(3, false),
            &well,
            "3.5.20",
            &none,
            "etcd 3.5.20 where",
        ),
    ];
    for (members, health, version, alarms, words) in cases {
        let script = etcdctl(&members, health, version, alarms);
        for host in ["control1", "control2", "control3"] {
            plant(&lab, host, "usr/local/bin/etcdctl", &script);
            plant(&lab, host, "usr/local/bin/etcdutl", "#!/bin/sh\n");
        }
        let before = lab.snapshot();
        let run = preflight(
            &lab,
            &["--limit", "kube_control_plane", "-e", "etcd_version=3.6.6"],
        );
        assert_eq!(run.code, Some(2), "{words}: {}", run.errors);
        let text = report(&run);
        assert!(
            text.starts_with("BLOCK  etcd") && text.contains(words),
            "{words}:\n{text}"
        );
        lab.journal_of(&run).assert_nobody_disturbed();
        assert_only_changed(&before, &lab.snapshot(), &[]);
        // Three hosts say it, and it is said once.
        assert_eq!(text.matches(words).count(), 1, "{text}");
    }
}

/// Scenario 41.
#[test]
fn a_webhook_that_must_answer_and_cannot_blocks() {
    let lab = Lab::with(&small());
    lab.snapshot();
    edit_cluster(&lab, |objects| {
        objects.push(json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "policy", "uid": "6f1d", "resourceVersion": "1", "creationTimestamp": "2026-11-21T07:00:00Z"},
            "webhooks": [{
                "name": "pods.policy.example", "failurePolicy": "Fail", "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"service": {"namespace": "policy", "name": "gone"}},
            }],
        }));
    });
    assert_stops(
        &lab,
        &[
            "webhook pods.policy.example of policy must answer",
            "policy/gone has no ready endpoint",
        ],
    );
}

/// Scenario 39.
#[test]
fn one_worker_is_upgraded_although_a_control_plane_is_out_of_reach() {
    let lab = Lab::with(&Inventory::new().control_planes(3).workers(2));
    lab.fault("control1", "unreachable");
    let before = settled(&lab);
    let run = lab.upgrade(&["--limit", "worker1"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    lab.journal_of(&run).assert_intent_before_done("worker1");
    assert_only_upgraded(&before, &lab.snapshot(), &["worker1"], &[]);
    let text = report(&run);
    assert!(
        text.contains("control1: its API server does not answer"),
        "{text}"
    );
    let status = lab.status();
    status.assert_serving("worker1", TARGET);
    status.assert_serving("worker2", BEFORE);
}

#[test]
fn the_report_is_shown_as_it_stands() {
    let lab = Lab::with(&small());
    lab.fault("worker1", "two-budgets");
    let text = lab.upgrade_text(&[]);
    assert!(text.contains("\nBLOCK  drain"), "{text}");
    assert!(!text.contains("_ansible_report"), "{text}");
}
