//! Control planes of kubeadm's: upgraded by it, saved before, and looked at after it failed.

use crate::control_plane::{planes, settled};
use crate::inventory::{Artifact, Inventory};
use crate::lab::{BEFORE, Lab, TARGET};
use crate::snapshot::assert_only_changed;
use std::fs;
use std::time::Duration;
use windlass::lab::{BinaryKind, binary};

const LIMIT: Duration = Duration::from_mins(2);
const COMPONENTS: [&str; 3] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
];

fn kubeadm(count: usize) -> Inventory {
    planes(count).variable("lab_control_plane", "kubeadm")
}

/// A kubeadm that fails in the middle; it puts its manifests back, or only says so.
fn failing(reverts: bool) -> Artifact {
    let mut text = binary(BinaryKind::Kubeadm, TARGET).replace("\nBREAKS=no\n", "\nBREAKS=yes\n");
    if !reverts {
        text = text.replace("\nREVERTS=yes\n", "\nREVERTS=no\n");
    }
    Artifact::Script(text)
}

fn assert_manifests(lab: &Lab, host: &str, version: &str) {
    for name in COMPONENTS {
        let path = lab
            .host_folder(host)
            .join(format!("etc/kubernetes/manifests/{name}.yaml"));
        let text = fs::read_to_string(path).unwrap();
        assert!(
            text.contains(&format!("/{name}:{version}\n")),
            "{host}: {text}"
        );
    }
}

#[test]
fn the_first_is_applied_the_others_follow_and_kubelets_come_last() {
    let lab = Lab::with(&kubeadm(2).workers(1));
    let run = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    for host in ["control1", "control2"] {
        assert_manifests(&lab, host, TARGET);
        run.assert_ran("Declare that the control plane stays", host);
    }
    run.assert_ran("Have kubeadm plan", "control1");
    run.assert_never_ran("Have kubeadm plan", "control2");
    let status = lab.status();
    for host in ["control1", "control2", "worker1"] {
        status.assert_serving(host, TARGET);
    }
    let place = |words: &str, last: bool| {
        let mut named = run.kinds().enumerate().filter(|(_, kind)| {
            let name = kind["name"].as_str().unwrap_or_default();
            kind["event"] == "task_started" && name.contains(words)
        });
        let found = if last { named.last() } else { named.next() };
        found.unwrap_or_else(|| panic!("no task {words}")).0
    };
    assert!(place("Wait until the controllers are well", true) < place("Cordon the node", false));

    let before = lab.snapshot();
    let again = lab.upgrade_within(LIMIT, &[]);
    assert_eq!(again.code, Some(0), "{}", again.errors);
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

#[test]
fn a_kubeadm_that_fails_is_checked_and_the_host_is_as_it_was() {
    for (reverts, words) in [
        (true, "and put its manifests back"),
        (
            false,
            "kube-apiserver.yaml; they are put back from the copy",
        ),
    ] {
        let lab = Lab::with(&kubeadm(2).artifact("kubeadm", failing(reverts)));
        let before = settled(&lab);
        let run = lab.upgrade_within(LIMIT, &[]);
        assert_eq!(run.code, Some(2), "{}", run.errors);
        assert_eq!(run.recap("control1")["state"], "rolled_back");
        assert_eq!(run.recap("control2")["state"], "pending");
        let reason = run.reason("control1");
        assert!(reason.contains(words), "{reason}");
        assert!(
            reason.contains("timed out waiting for the condition"),
            "{reason}"
        );
        assert_manifests(&lab, "control1", BEFORE);
        // kubeadm keeps its own backup, too.
        let allowed = ["*/var/lib/windlass", "control1/etc/kubernetes/tmp"];
        assert_only_changed(&before, &lab.snapshot(), &allowed);
    }
}
