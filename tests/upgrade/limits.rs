//! One worker upgraded while no control plane can be reached by SSH: what the API says must suffice.

use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::objects::settled;
use crate::snapshot::assert_only_changed;
use std::fs;
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(1);
const PLANES: [&str; 2] = ["control1", "control2"];

/// What the upgrade of worker1 may change: the host, its node, and where its pods are.
const OF_THE_WORKER: [&str; 7] = [
    "worker1/var/lib/windlass",
    "worker1/usr/local/bin/kubelet",
    "worker1/unit/kubelet",
    "node/*/pod_names",
    "node/*/pods",
    "node/worker1/annotations",
    "node/worker1/version",
];

/// A lab whose control planes serve the target already and whose SSH ports are then closed.
fn cut_off() -> Lab {
    let lab = settled(&Inventory::new().control_planes(2).workers(2));
    let first = lab.upgrade(&["--limit", "kube_control_plane"]);
    first.assert_code(0);
    for plane in PLANES {
        lab.fault(plane, "unreachable");
    }
    lab
}

/// The variable that names the kubeconfig of a lab's control plane as one on the controller.
fn kubeconfig(lab: &Lab) -> String {
    let path = lab
        .host_folder("control1")
        .join("etc/kubernetes/admin.conf");
    format!("kube_config=controller:{}", path.display())
}

/// Scenario 39.
#[test]
fn a_worker_is_upgraded_by_a_kubeconfig_on_the_controller() {
    let lab = cut_off();
    let before = lab.snapshot();
    let config = kubeconfig(&lab);
    let arguments = [
        "--limit",
        "worker1",
        "-e",
        &config,
        "-e",
        "kube_allow_newer_kubelet=false",
    ];
    let run = lab.upgrade_within(LIMIT, &arguments);
    run.assert_code(0);
    run.assert_ran("Drain the node", "worker1");
    run.assert_ran("Check that the kubelet will not be newer", "worker1");
    lab.journal_of(&run).assert_intent_before_done("worker1");
    let status = lab.status();
    status.assert_serving("worker1", TARGET);
    status.assert_serving("worker2", BEFORE);
    assert_only_changed(&before, &lab.snapshot(), &OF_THE_WORKER);

    let again = lab.upgrade_within(LIMIT, &arguments);
    again.assert_code(0);
    again.assert_nobody_disturbed();
}

/// Scenario 39, without such a kubeconfig: there is no way to the API, which is found out before anything is touched.
#[test]
fn without_one_the_run_says_what_would_help_and_touches_nothing() {
    let lab = cut_off();
    let before = lab.snapshot();
    let run = lab.upgrade_within(Duration::from_secs(150), &["--limit", "worker1"]);
    run.assert_code(2);
    run.assert_nobody_disturbed();
    let said = serde_json::to_string(&run.events).unwrap();
    assert!(said.contains("kube_config"), "{said}");
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

/// A login program would run on the controller for each of a run's requests and may want a person.
#[test]
fn a_kubeconfig_that_runs_a_program_is_refused() {
    let lab = cut_off();
    let before = lab.snapshot();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("config");
    let mark = place.path().join("ran");
    let own = fs::read_to_string(
        lab.host_folder("control1")
            .join("etc/kubernetes/admin.conf"),
    );
    let own = own.unwrap();
    let (head, _) = own.split_once("users:").expect("users come last");
    fs::write(
        &path,
        format!(
            "{head}users:\n- name: kubernetes-admin\n  user:\n    exec: {{apiVersion: client.authentication.k8s.io/v1, command: touch, args: [{}]}}\n",
            mark.display()
        ),
    )
    .unwrap();
    let config = format!("kube_config=controller:{}", path.display());
    let run = lab.upgrade_within(LIMIT, &["--limit", "worker1", "-e", &config]);
    run.assert_code(2);
    run.assert_nobody_disturbed();
    let said = serde_json::to_string(&run.events).unwrap();
    assert!(said.contains("`exec`, which is not supported"), "{said}");
    assert!(!mark.exists());
    assert_only_changed(&before, &lab.snapshot(), &[]);
}
