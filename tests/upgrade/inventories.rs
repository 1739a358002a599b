//! Inventories of other projects' shape run as they are: a second file makes lab hosts of theirs and says nothing else.

use crate::events::Ended;
use crate::lab::{Status, TARGET};
use crate::mirror::Mirror;
use crate::running;
use assert_cmd::cargo::CommandCargoExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(200);

/// A lab of somebody else's inventory.
struct Foreign {
    state: TempDir,
    inventories: [PathBuf; 2],
}

impl Foreign {
    fn new(inventory: &str, hosts: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade/inventories");
        Self {
            state: tempfile::tempdir().unwrap(),
            inventories: [folder.join(inventory), folder.join(hosts)],
        }
    }

    fn kubespray() -> Self {
        Self::new("kubespray/hosts.yaml", "kubespray.lab.yml")
    }

    fn k3s_ansible() -> Self {
        Self::new("k3s-ansible/inventory.yml", "k3s-ansible.lab.yml")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::cargo_bin("windlass").unwrap();
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("WINDLASS_STATE_DIR", self.state.path())
            .env("XDG_CACHE_HOME", self.state.path().join("cache"))
            .env("NO_COLOR", "1")
            .args(arguments)
            .stdin(Stdio::null());
        for inventory in &self.inventories {
            command.arg("-i").arg(inventory);
        }
        running::within(LIMIT, command)
    }

    fn upgrade(&self, variables: &[String]) -> Ended {
        let mut arguments = vec!["run", "playbooks/upgrade.yml", "--json"];
        for variable in variables {
            arguments.extend(["-e", variable]);
        }
        Ended::of(&self.run(&arguments))
    }

    fn status(&self) -> Status {
        for _ in 0..30 {
            let output = self.run(&["lab", "status", "--json"]);
            let status = Status(serde_json::from_slice(&output.stdout).unwrap());
            if status.nodes().iter().all(|node| node["ready"] == "True") {
                return status;
            }
            // A kubelet that was just started needs some 300 milliseconds.
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the nodes do not get Ready");
    }

    /// Upgrades, asserts that each host ends at the target, and that a second run finds nothing to do.
    fn assert_upgrades(&self, hosts: &[&str], variables: &[String]) -> Ended {
        let run = self.upgrade(variables);
        run.assert_code(0);
        let status = self.status();
        assert_eq!(status.nodes().len(), hosts.len());
        for host in hosts {
            status.assert_serving(host, TARGET);
        }
        let second = self.upgrade(variables);
        second.assert_code(0);
        for host in hosts {
            assert_eq!(second.recap(host)["changed"], 0, "{host}");
        }
        second.assert_nobody_disturbed();
        run
    }
}

fn source(folder: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    format!("artifact_source={root}/inventory/artifacts/{folder}")
}

const KUBESPRAY: [&str; 5] = ["node1", "node2", "node3", "node4", "node5"];
const K3S: [&str; 5] = [
    "192.0.2.11",
    "192.0.2.12",
    "192.0.2.13",
    "192.0.2.14",
    "192.0.2.15",
];

#[test]
fn kubesprays_inventory_runs_as_it_is() {
    let lab = Foreign::kubespray();
    let run = lab.assert_upgrades(&KUBESPRAY, &[source(TARGET)]);
    run.assert_ran("Have kubeadm plan", "node1");
    run.assert_ran("Drain the node", "node5");
}

#[test]
fn k3s_ansibles_inventory_runs_as_it_is() {
    let lab = Foreign::k3s_ansible();
    let run = lab.assert_upgrades(&K3S, &[source(&format!("{TARGET}+k3s1"))]);
    run.assert_ran("Drain the node", "192.0.2.15");
}

#[test]
fn kubernetes_is_downloaded_once_for_all_hosts_where_nobody_says_where_it_is() {
    let mirror = Mirror::of(TARGET, "amd64");
    let lab = Foreign::kubespray();
    lab.assert_upgrades(&KUBESPRAY, &mirror.variables());
    let base = format!("/release/{TARGET}/bin/linux/amd64");
    let binaries = ["kubeadm", "kubelet"];
    let expected: Vec<String> = binaries
        .iter()
        .flat_map(|name| [format!("{base}/{name}"), format!("{base}/{name}.sha256")])
        .collect();
    let mut asked = mirror.asked();
    // The second run asks for the checksums again; the binaries it has.
    asked.dedup();
    assert_eq!(asked, expected);
}

#[test]
fn k3s_is_downloaded_for_the_architecture_that_is_asked_for() {
    let mirror = Mirror::of(TARGET, "arm64");
    let lab = Foreign::k3s_ansible();
    let mut variables = mirror.variables().to_vec();
    variables.push("artifact_arch=arm64".to_owned());
    lab.assert_upgrades(&K3S, &variables);
    let base = format!("/k3s/{TARGET}%2Bk3s1");
    let mut asked = mirror.asked();
    asked.dedup();
    assert_eq!(
        asked,
        [
            format!("{base}/k3s-arm64"),
            format!("{base}/sha256sum-arm64.txt")
        ]
    );
}

#[test]
fn a_release_that_the_mirror_does_not_have_is_named_before_anything_is_touched() {
    let mirror = Mirror::of("v1.35.2", "amd64");
    let lab = Foreign::kubespray();
    let run = lab.upgrade(&mirror.variables());
    run.assert_code(2);
    run.assert_nobody_disturbed();
    let said = serde_json::to_string(&run.events).unwrap();
    let missing = format!("{}/release/{TARGET}/bin/linux/amd64/kubelet", mirror.url);
    assert!(said.contains(&missing), "{said}");
    assert!(said.contains("artifact_source"), "{said}");
}

/// What the plan says of the new binaries when they are to be downloaded.
#[test]
fn the_plan_names_where_binaries_come_from() {
    let lab = Foreign::kubespray();
    let output = lab.run(&["plan", "playbooks/upgrade.yml"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("https://dl.k8s.io/release/v1.35.1/bin/linux/amd64/"),
        "{said}{errors}"
    );
}
