//! A target several minor versions above what runs is reached in hops, in one command.

use crate::events::Ended;
use crate::inventory::Inventory;
use crate::lab::{Lab, TARGET};
use crate::snapshot::assert_only_changed;
use crate::versions::settled;
use serde_json::Value;
use std::fs;
use std::time::Duration;

/// Far more than two hops of a small cluster take.
const LIMIT: Duration = Duration::from_secs(150);
const BEFORE: &str = "v1.33.5";
const BETWEEN: &str = "v1.34.5";
/// Keeps kubelets and API servers in their order, which most tests leave open.
const STRICT: [&str; 2] = ["-e", "kube_allow_newer_kubelet=false"];

/// Two control planes and two workers, two minor versions below the target, with binaries for the version in between.
fn cluster() -> Inventory {
    Inventory::new()
        .control_planes(2)
        .workers(2)
        .variable("kube_controllers_gate_settle", 0)
        .variable("kube_controllers_gate_timeout", 20)
        .variable("kubeadm_gate_settle", 0)
        .variable("kubeadm_gate_timeout", 20)
        .variable("preflight_strict_skew", true)
        .before(BEFORE)
        .via(BETWEEN)
}

/// The names of tasks on a host in the order in which they changed it, as far as one of the words is in them.
fn changes(run: &Ended, host: &str, words: &[&str]) -> Vec<String> {
    let mut names: Vec<(u64, &str)> = Vec::new();
    let mut found = Vec::new();
    for kind in run.kinds() {
        match kind["event"].as_str() {
            Some("task_started") => names.push((
                kind["task"].as_u64().unwrap(),
                kind["name"].as_str().unwrap(),
            )),
            Some("task_finished")
                if kind["host"] == host && kind["result"]["status"] == "changed" =>
            {
                let task = kind["task"].as_u64().unwrap();
                let (_, name) = names.iter().rev().find(|(id, _)| *id == task).unwrap();
                if words.iter().any(|word| name.contains(word)) {
                    // Before it stands the role's name.
                    found.push(name.rsplit(" : ").next().unwrap().to_owned());
                }
            }
            _ => {}
        }
    }
    found
}

/// Which tasks with these words in their names changed a host, by the host, in the order of events.
fn moments(run: &Ended, words: &str) -> Vec<String> {
    let mut named: Vec<u64> = Vec::new();
    let mut found = Vec::new();
    for kind in run.kinds() {
        let task = kind["task"].as_u64().unwrap_or_default();
        match kind["event"].as_str() {
            Some("task_started") => {
                named.retain(|id| *id != task);
                if kind["name"].as_str().unwrap().contains(words) {
                    named.push(task);
                }
            }
            Some("task_finished")
                if named.contains(&task) && kind["result"]["status"] == "changed" =>
            {
                found.push(kind["host"].as_str().unwrap().to_owned());
            }
            _ => {}
        }
    }
    found
}

fn report(run: &Ended) -> String {
    let done = run.of_kind("task_finished");
    let results = done.iter().map(|done| &done["result"]["result"]);
    let texts = results.filter_map(|result: &Value| result["_ansible_report"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// What a run said by itself.
fn said(run: &Ended, words: &str) -> bool {
    run.of_kind("task_finished").into_iter().any(|done| {
        let text = done["result"]["result"]["msg"].as_str();
        text.unwrap_or_default().contains(words)
    })
}

fn on_disk(lab: &Lab, host: &str, binary: &str) -> String {
    let path = lab.host_folder(host).join("usr/local/bin").join(binary);
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION="));
    line.unwrap().to_owned()
}

fn assert_all_serve(lab: &Lab) {
    let status = lab.status();
    for host in ["control1", "control2", "worker1", "worker2"] {
        status.assert_serving(host, TARGET);
    }
}

#[test]
fn one_command_goes_over_two_minor_versions_and_drains_workers_once() {
    let lab = Lab::with(&cluster());
    let run = lab.upgrade_within(LIMIT, &STRICT);
    run.assert_code(0);
    assert_all_serve(&lab);
    // Both API servers are at the first version, and nothing else is below it, before one goes to the second.
    let replaced = ["control1", "control2", "control1", "control2"];
    assert_eq!(moments(&run, "Put kube-apiserver v1"), replaced);
    for host in ["control1", "control2"] {
        let steps = ["Put kube-apiserver", "Put kube-scheduler", "Put kubelet"];
        let expected = [
            format!("Put kube-apiserver {BETWEEN} in place"),
            format!("Put kube-scheduler {BETWEEN} in place"),
            format!("Put kube-apiserver {TARGET} in place"),
            format!("Put kube-scheduler {TARGET} in place"),
            format!("Put kubelet {TARGET} in place"),
        ];
        assert_eq!(changes(&run, host, &steps), expected);
        // 1.33 is not emulated by 1.34 without being asked for; both hops are two steps all the same.
        assert_eq!(run.statuses("Remove the drop-in", host).len(), 2);
    }
    for host in ["worker1", "worker2"] {
        let expected = [format!("Put kubelet {TARGET} in place")];
        assert_eq!(changes(&run, host, &["Put kubelet"]), expected);
    }
    let mut drained = run.changed_by("windlass.drain");
    drained.sort();
    let nodes = ["control1", "control2", "worker1", "worker2"];
    assert!(drained.iter().all(|host| nodes.contains(&host.as_str())));
    drained.dedup_by(|one, other| one == other);
    assert_eq!(drained.len(), run.changed_by("windlass.drain").len());
    assert!(said(
        &run,
        &format!("The cluster is at {BETWEEN}; next is {TARGET}.")
    ));

    let before = lab.snapshot();
    let again = lab.upgrade_within(LIMIT, &STRICT);
    again.assert_code(0);
    again.assert_nobody_disturbed();
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

#[test]
fn a_version_from_the_command_line_is_reached_in_hops_too() {
    // The inventory says where the cluster is; the sources are the target's folder by name.
    let inventory = cluster().via(TARGET).target(BEFORE);
    let lab = Lab::with(&inventory);
    // Without its v, as Kubespray writes it: folders have one, so the source is given too.
    let source = format!("artifact_source={}/artifacts/{TARGET}", lab.inventory());
    let target = format!("kube_version={}", TARGET.trim_start_matches('v'));
    let mut arguments = STRICT.to_vec();
    arguments.extend(["-e", &target, "-e", &source]);
    let run = lab.upgrade_within(LIMIT, &arguments);
    run.assert_code(0);
    assert_all_serve(&lab);
    assert_eq!(
        moments(&run, &format!("Put kube-apiserver {BETWEEN}")).len(),
        2
    );
}

#[test]
fn control_planes_of_kubeadm_go_in_hops_too() {
    let inventory = cluster().variable("lab_control_plane", "kubeadm");
    let lab = Lab::with(&inventory);
    let run = lab.upgrade_within(LIMIT, &STRICT);
    run.assert_code(0);
    assert_all_serve(&lab);
    let upgraded = ["control1", "control2", "control1", "control2"];
    assert_eq!(moments(&run, "control plane to v1"), upgraded);
    assert_eq!(moments(&run, "Put kubelet").len(), 4);
}

/// A failure in the second hop takes that hop's host back to where the first has left it.
#[test]
fn a_failure_in_the_second_hop_leaves_the_first_in_place_and_says_so() {
    let lab = Lab::with(&cluster());
    settled(&lab);
    let broken = format!("{}/artifacts/{TARGET}", lab.inventory());
    let path = format!("{broken}/kube-apiserver");
    let text = fs::read_to_string(&path).unwrap()
        + "# The lab: exits with: unknown flag: --no-such-flag\n";
    fs::write(&path, &text).unwrap();
    let sums = fs::read_to_string(format!("{broken}/SHA256SUMS")).unwrap();
    let sums: String = sums
        .lines()
        .map(|line| match line.strip_suffix("  kube-apiserver") {
            Some(_) => format!(
                "{}  kube-apiserver\n",
                crate::inventory::sha256(text.as_bytes())
            ),
            None => format!("{line}\n"),
        })
        .collect();
    fs::write(format!("{broken}/SHA256SUMS"), sums).unwrap();

    let run = lab.upgrade_within(LIMIT, &STRICT);
    run.assert_code(2);
    assert_eq!(run.recap("control1")["state"], "rolled_back");
    assert!(said(
        &run,
        &format!("The cluster is at {BETWEEN}; next is {TARGET}.")
    ));
    for host in ["control1", "control2"] {
        assert_eq!(on_disk(&lab, host, "kube-apiserver"), BETWEEN);
        assert_eq!(on_disk(&lab, host, "kube-scheduler"), BETWEEN);
        assert_eq!(on_disk(&lab, host, "kubelet"), BEFORE);
    }
    assert_eq!(run.changed_by("windlass.drain"), Vec::<String>::new());
    assert_eq!(on_disk(&lab, "worker1", "kubelet"), BEFORE);
}

/// Scenario 24: the binaries of the version in between.
#[test]
fn a_version_in_between_that_is_not_at_hand_stops_everything_before_it_starts() {
    for (gone, words) in [
        ("", "leads over 1.34, and no version of it is at hand"),
        ("/kube-scheduler", "kube-scheduler v1.34.5"),
    ] {
        let lab = Lab::with(&cluster());
        let before = settled(&lab);
        let path = format!("{}/artifacts/{BETWEEN}{gone}", lab.inventory());
        if gone.is_empty() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        let run = lab.upgrade_within(LIMIT, &STRICT);
        run.assert_code(2);
        let text = report(&run);
        assert!(text.contains(words), "no {words:?} in: {text}");
        run.assert_nobody_disturbed();
        assert_only_changed(&before, &lab.snapshot(), &[]);
    }
}

#[test]
fn a_hop_that_others_must_make_too_is_not_passed() {
    let lab = Lab::with(&cluster().variable("preflight_strict_skew", false));
    let mut arguments = STRICT.to_vec();
    arguments.extend(["--limit", "control1"]);
    let run = lab.upgrade_within(LIMIT, &arguments);
    run.assert_code(2);
    let reason = run.reason("control1");
    assert!(reason.contains("not whole at v1.34.5"), "{reason}");
    assert_eq!(on_disk(&lab, "control1", "kube-apiserver"), BETWEEN);
    assert_eq!(on_disk(&lab, "control2", "kube-apiserver"), BEFORE);
    // The rest is done by the next run, from where this one stopped.
    lab.upgrade_within(LIMIT, &STRICT).assert_code(0);
    assert_all_serve(&lab);
}

#[test]
fn a_check_of_two_hops_changes_nothing() {
    let lab = Lab::with(&cluster());
    let before = settled(&lab);
    let run = lab.upgrade_within(LIMIT, &["-e", STRICT[1], "--check"]);
    run.assert_code(0);
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

#[test]
fn the_plan_shows_what_the_run_does_in_its_order() {
    let lab = Lab::with(&cluster());
    let output = lab
        .command(&[
            "plan",
            "playbooks/upgrade.yml",
            "-i",
            lab.inventory(),
            "--json",
        ])
        .output()
        .unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cluster = &plan["clusters"][0];
    assert_eq!(cluster["hops"], serde_json::json!([BETWEEN, TARGET]));
    assert_eq!(cluster["blocked"], Value::Null, "{cluster}");
    let stages: Vec<String> = cluster["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| {
            let word = |name: &str, yes: &'static str| {
                if stage[name] == true { yes } else { "" }
            };
            let (component, to) = (stage["component"].as_str(), stage["to"].as_str());
            format!(
                "{} {}{}{}",
                component.unwrap(),
                to.unwrap(),
                word("ends_emulation", " commit"),
                word("point_of_no_return", " final")
            )
        })
        .collect();
    let mut expected = Vec::new();
    for version in [BETWEEN, TARGET] {
        expected.extend([
            format!("kube-apiserver {version}"),
            format!("kube-apiserver {version} commit final"),
            format!("kube-controller-manager {version}"),
            format!("kube-scheduler {version}"),
        ]);
    }
    expected.extend([format!("kubelet {TARGET}"), format!("kubelet {TARGET}")]);
    assert_eq!(stages, expected);
}
