//! What must not be told is nowhere: not in what a run prints, not in its journal, not in what it leaves on a host.

use crate::inventory::Inventory;
use crate::lab::Lab;
use crate::mirror::Mirror;
use crate::objects::settled;
use crate::running::{self, DEADLINE};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Planted where users have them.
const K3S_TOKEN: &str = "K10planted-token-83ce::server:5a11";
const ETCD_PASSWORD: &str = "planted-etcd-9b31";
const PROBE_PASSWORD: &str = "planted-probe-77d0";
const HOOK_PASSWORD: &str = "planted-hook-c4f2";

/// A lab with a secret in each place, and all of them with those of its kubeconfigs.
fn planted() -> (Lab, Vec<String>) {
    let site = Mirror::start([("/healthz".to_owned(), "ok".to_owned())].into());
    let site = site.url.trim_start_matches("http://");
    let inventory = Inventory::new()
        .control_planes(1)
        .workers(2)
        .variable("token", K3S_TOKEN)
        .variable("hook_password", HOOK_PASSWORD)
        .variable(
            "datastore_etcdctl_environment",
            json!({"ETCDCTL_USER": "root", "ETCDCTL_PASSWORD": ETCD_PASSWORD}),
        )
        .variable(
            "probe_url",
            format!("http://probe:{PROBE_PASSWORD}@{site}/healthz"),
        )
        .variable(
            "upgrade_hooks",
            json!({"pre_drain": "../hooks/pre_drain.yml"}),
        );
    let lab = settled(&inventory);
    let folder = Path::new(lab.inventory()).join("../hooks");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("pre_drain.yml"),
        "- name: Silence the alert\n  ansible.builtin.shell: 'echo \"$PASSWORD\"; true {{ hook_password }}'\n  \
         environment: {PASSWORD: '{{ hook_password }}'}\n  no_log: true\n",
    )
    .unwrap();
    let mut secrets: Vec<String> = [K3S_TOKEN, ETCD_PASSWORD, PROBE_PASSWORD, HOOK_PASSWORD]
        .map(str::to_owned)
        .into();
    let config = lab
        .host_folder("control1")
        .join("etc/kubernetes/admin.conf");
    let config = fs::read_to_string(config).unwrap();
    for line in config.lines() {
        if let Some((key, value)) = line.split_once("-data: ")
            && key.contains("client-key")
        {
            let value = value.trim().trim_matches(['"', '\'']);
            secrets.push(value[..40].to_owned());
            secrets.push(value[value.len() - 60..].to_owned());
        }
    }
    assert!(secrets.len() >= 6, "the kubeconfig has a key");
    (lab, secrets)
}

fn assert_clean(what: &str, bytes: &[u8], secrets: &[String]) {
    let text = String::from_utf8_lossy(bytes);
    for secret in secrets {
        assert!(
            !text.contains(secret.as_str()),
            "{secret} is in {what}:\n{text}"
        );
    }
}

/// All files under a folder.
fn assert_folder_clean(folder: &Path, secrets: &[String]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_folder_clean(&path, secrets);
        } else if path.is_file() {
            assert_clean(
                &path.display().to_string(),
                &fs::read(&path).unwrap(),
                secrets,
            );
        }
    }
}

/// Folders are the owner's alone, and so are files.
fn assert_private(folder: &Path) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(folder), 0o700, "{}", folder.display());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            assert_private(&path);
        } else {
            assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
        }
    }
}

/// Runs the upgrade with these arguments, and looks for the secrets in all that it leaves.
fn assert_keeps(arguments: &[&str], code: i32, fault: Option<&str>) {
    let (lab, secrets) = planted();
    if let Some(fault) = fault {
        lab.fault("worker1", fault);
    }
    let mut all = vec!["run", "playbooks/upgrade.yml", "-i", lab.inventory()];
    all.extend(arguments);
    let output = running::within(DEADLINE, lab.command(&all));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_clean("the output", &output.stdout, &secrets);
    assert_clean("the errors", &output.stderr, &secrets);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{errors}{text}");
    assert!(text.contains("Silence the alert"), "{errors}{text}");
    assert_folder_clean(&lab.state_folder().join("runs"), &secrets);
    for host in ["control1", "worker1"] {
        let runs = lab.host_folder(host).join("var/lib/windlass/runs");
        assert_folder_clean(&runs, &secrets);
        assert_private(&runs);
    }
    assert_private(&lab.state_folder().join("runs"));
}

/// Scenario 50.
#[test]
fn an_upgrade_at_the_highest_verbosity_tells_no_secret() {
    assert_keeps(&["-vvv", "--diff"], 0, None);
}

/// Scenario 50.
#[test]
fn events_and_the_journal_tell_no_secret() {
    assert_keeps(&["--json"], 0, None);
}

/// Scenario 50.
#[test]
fn a_failure_and_its_way_back_tell_no_secret() {
    let arguments = ["-vvv", "--json", "-e", "gate_timeout=4"];
    assert_keeps(&arguments, 2, Some("never-ready"));
}

/// Scenario 50: snapshots and saved configuration on the controller are the owner's alone.
#[test]
fn what_is_copied_off_a_host_is_private() {
    let (lab, secrets) = planted();
    let run = lab.upgrade(&["--limit", "kube_control_plane"]);
    run.assert_code(0);
    let said = serde_json::to_string(&run.events).unwrap();
    assert_clean("the events", said.as_bytes(), &secrets);
    let backups = lab.state_folder().join("backups");
    assert_private(&backups);
    let kept = fs::read_dir(backups.join(run.id())).unwrap().count();
    assert!(kept > 0);
}
