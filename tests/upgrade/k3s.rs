//! k3s: what is saved before a server changes, the leader of etcd last, a start that hangs, agents that are too early, images
//! from files, and the whole cluster's way back.

use crate::events::Ended;
use crate::inventory::{Inventory, sha256};
use crate::lab::{BEFORE, Lab, TARGET};
use crate::snapshot::assert_only_changed;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(2);
/// In the token, in the password and in the key that the lab's servers have.
const SECRETS: [&str; 3] = [
    "the-labs-own-token",
    "the-labs-own-password",
    "cluster-wide-secret",
];

/// A cluster as k3s-ansible describes it: its groups, and its variables for what windlass takes from the hosts themselves.
fn cluster(servers: usize, agents: usize) -> Inventory {
    let inventory = Inventory::new()
        .servers(servers)
        .variable("token", "cluster-wide-secret")
        .variable("api_endpoint", "{{ groups['server'][0] }}")
        .variable("extra_server_args", "--tls-san=k3s.example.com");
    if agents == 0 {
        inventory
    } else {
        inventory.agents(agents)
    }
}

/// What a run saved on the controller.
fn backups(lab: &Lab, run: &Ended) -> PathBuf {
    lab.state_folder().join("backups").join(run.id())
}

fn note(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("k3s.json")).unwrap()).unwrap()
}

fn assert_private(path: &Path) {
    let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let wanted = if path.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(mode, wanted, "{}", path.display());
}

/// Neither what the run said nor its journal holds a secret.
fn assert_no_secret(lab: &Lab, run: &Ended) {
    for events in [&run.events, &lab.journal_of(run).events] {
        let text = serde_json::to_string(events).unwrap();
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} was told");
        }
    }
}

/// The place of the first event, or of the last, of a task with these words in its name.
fn place(run: &Ended, words: &str, last: bool) -> usize {
    let mut named = run.kinds().enumerate().filter(|(_, kind)| {
        let name = kind["name"].as_str().unwrap_or_default();
        kind["event"] == "task_started" && name.contains(words)
    });
    let found = if last { named.last() } else { named.next() };
    found.unwrap_or_else(|| panic!("no task {words}")).0
}

#[test]
fn the_cluster_is_saved_the_leader_comes_last_and_agents_after_all_servers() {
    let lab = Lab::with(&cluster(3, 2));
    let run = lab.upgrade_within(LIMIT, &[]);
    run.assert_code(0);
    let plays = run.of_kind("play_started");
    let servers = plays
        .iter()
        .find(|play| play["name"].as_str().unwrap().contains("k3s servers"))
        .unwrap();
    // The first server that runs leads the lab's etcd.
    assert_eq!(
        servers["hosts"],
        serde_json::json!(["server2", "server3", "server1"])
    );
    assert!(
        place(&run, "Declare that the server stays", true)
            < place(&run, "Restart k3s-agent", false)
    );

    let folder = backups(&lab, &run);
    assert_private(&folder);
    for name in ["k3s.json", "k3s-keys.tar", "k3s-etcd-v1.35.1+k3s1"] {
        assert_private(&folder.join(name));
    }
    let note = note(&folder);
    assert_eq!(
        (&note["host"], &note["kind"]),
        (&"server2".into(), &"etcd".into())
    );
    let saved = fs::read(folder.join(note["file"].as_str().unwrap())).unwrap();
    assert_eq!(note["sha256"], sha256(&saved));
    assert_eq!(note["size"], saved.len());
    let keys = fs::read(folder.join("k3s-keys.tar")).unwrap();
    let keys = String::from_utf8_lossy(&keys).into_owned();
    for part in ["token", "cred/passwd", "tls/service.key"] {
        assert!(keys.contains(part), "{part} is not saved");
    }
    assert_no_secret(&lab, &run);
    let left = lab
        .host_folder("server2")
        .join("var/lib/windlass/snapshots");
    assert_eq!(fs::read_dir(left).unwrap().count(), 0, "keys lie about");
    let status = lab.status();
    for host in ["server1", "server2", "server3", "agent1", "agent2"] {
        status.assert_serving(host, TARGET);
    }

    let before = lab.snapshot();
    let again = lab.upgrade_within(LIMIT, &[]);
    again.assert_code(0);
    assert!(!backups(&lab, &again).exists());
    assert_only_changed(&before, &lab.snapshot(), &[]);
}

/// Scenario 29 for k3s.
#[test]
fn without_a_good_snapshot_no_server_is_touched() {
    for (fault, words) in [
        ("k3s-snapshot-fails", "transport is closing"),
        ("k3s-snapshot-corrupt", "is corrupt"),
    ] {
        let lab = Lab::with(&cluster(2, 1));
        let before = lab.snapshot();
        fs::write(lab.host_folder("server2").join("faults").join(fault), "").unwrap();
        let run = lab.upgrade_within(LIMIT, &[]);
        run.assert_code(2);
        let reason = run.reason("server1");
        assert!(reason.contains(words), "{reason}");
        run.assert_nobody_disturbed();
        let allowed = [
            "*/var/lib/windlass",
            "server2/var/lib/rancher/k3s/server/db/snapshots",
        ];
        assert_only_changed(&before, &lab.snapshot(), &allowed);
    }
}

#[test]
fn sqlite_is_copied_and_an_external_datastore_needs_a_dump() {
    let lab = Lab::with(&cluster(1, 0));
    lab.snapshot();
    let server = lab
        .host_folder("server1")
        .join("var/lib/rancher/k3s/server/db");
    fs::remove_dir(server.join("etcd")).unwrap();
    fs::write(server.join("state.db"), "SQLite format 3\0 and rows").unwrap();
    // It stands in for one that is not there, so that the server is stopped for the copy.
    let none = lab.host_folder("server1").join("bin/sqlite3");
    fs::write(&none, "#!/bin/sh\nexit 127\n").unwrap();
    fs::set_permissions(&none, fs::Permissions::from_mode(0o755)).unwrap();
    let run = lab.upgrade_within(LIMIT, &[]);
    run.assert_code(0);
    let folder = backups(&lab, &run);
    assert_eq!(note(&folder)["kind"], "sqlite");
    let copy = fs::read(folder.join("k3s-sqlite-v1.35.1+k3s1")).unwrap();
    assert!(String::from_utf8_lossy(&copy).contains("SQLite format 3\0 and rows"));
    lab.status().assert_serving("server1", TARGET);

    let place = tempfile::tempdir().unwrap();
    let dump = place.path().join("dump.yml");
    let text = "- ansible.builtin.shell: touch {{ windlass_state_dir }}/dumped\n";
    fs::write(&dump, text).unwrap();
    let lab = Lab::with(&cluster(1, 0));
    lab.snapshot();
    let config = lab
        .host_folder("server1")
        .join("etc/rancher/k3s/config.yaml");
    fs::write(
        config,
        "datastore-endpoint: postgres://k3s:cluster-wide-secret@db/k3s\n",
    )
    .unwrap();
    let run = lab.upgrade_within(LIMIT, &[]);
    run.assert_code(2);
    let reason = run.reason("server1");
    assert!(
        reason.contains("k3s_datastore_dump names no task file"),
        "{reason}"
    );
    run.assert_nobody_disturbed();
    assert_no_secret(&lab, &run);
    let run = lab.upgrade_within(
        LIMIT,
        &["-e", &format!("k3s_datastore_dump={}", dump.display())],
    );
    run.assert_code(0);
    assert!(
        lab.host_folder("server1")
            .join("var/lib/windlass/dumped")
            .exists()
    );
}

/// Scenario 31.
#[test]
fn a_server_whose_start_hangs_goes_back_and_the_others_are_untouched() {
    let lab = Lab::with(&cluster(3, 1));
    lab.fault("server2", "hang-on-start");
    let before = lab.snapshot();
    let run = lab.upgrade_within(LIMIT, &["-e", "k3s_restart_timeout=2"]);
    run.assert_code(2);
    assert_eq!(run.recap("server2")["state"], "rolled_back");
    let reason = run.reason("server2");
    assert!(
        reason.contains("k3s did not start: the task did not end within 2 s"),
        "{reason}"
    );
    for host in ["server1", "server3", "agent1"] {
        assert_eq!(run.recap(host)["state"], "pending", "{host}");
        run.assert_never_ran("Restart k3s", host);
    }
    run.assert_ran("End the start of k3s if it hangs", "server2");
    run.assert_never_ran("Keep a server that has served", "server2");
    run.assert_intent_before_done("server2");
    lab.status().assert_serving("server2", BEFORE);
    let allowed = [
        "server2/unit/k3s/process",
        "server2/var/lib/rancher/k3s/server/db/snapshots",
        "server3/var/lib/rancher/k3s/server/db/snapshots",
        "*/var/lib/windlass",
        "node/*/pod_names",
        "node/server2/annotations",
    ];
    assert_only_changed(&before, &lab.snapshot(), &allowed);
}

#[test]
fn a_server_that_has_served_a_new_minor_stays_and_says_what_can_be_done() {
    let lab = Lab::with(&cluster(3, 0));
    lab.fault("server2", "never-ready");
    let run = lab.upgrade_within(LIMIT, &["-e", "gate_timeout=3"]);
    run.assert_code(3);
    run.assert_ran("Declare that the server stays", "server2");
    let text = serde_json::to_string(&run.events).unwrap();
    assert!(
        text.contains("playbooks/k3s-restore.yml -e k3s_restore_run="),
        "{text}"
    );
    let status = lab.status();
    status.assert_serving("server1", BEFORE);
    status.assert_serving("server3", BEFORE);
    assert!(
        status.node("server2")["version"]
            .as_str()
            .unwrap()
            .starts_with(TARGET)
    );
}

/// Scenario 32.
#[test]
fn an_agent_before_its_servers_is_refused_with_the_rule() {
    let lab = Lab::with(&cluster(2, 2));
    let before = lab.snapshot();
    let run = lab.upgrade_within(
        LIMIT,
        &["--limit", "agent1", "-e", "kube_allow_newer_kubelet=false"],
    );
    run.assert_code(2);
    let reason = run.reason("agent1");
    assert!(
        reason.contains("agent") && reason.contains(BEFORE),
        "{reason}"
    );
    run.assert_nobody_disturbed();
    assert_only_changed(
        &before,
        &lab.snapshot(),
        &["*/var/lib/windlass", "node/*/pod_names"],
    );
}

#[test]
fn images_from_files_are_replaced_only_once_the_host_is_well() {
    let name = match std::env::consts::ARCH {
        "aarch64" => "k3s-airgap-images-arm64.tar.zst",
        _ => "k3s-airgap-images-amd64.tar.zst",
    };
    let lab = Lab::with(&cluster(1, 0));
    lab.snapshot();
    let images = lab
        .host_folder("server1")
        .join("var/lib/rancher/k3s/agent/images");
    fs::create_dir_all(&images).unwrap();
    fs::write(images.join(name), "old images").unwrap();
    let source = Path::new(lab.inventory()).join("artifacts/v1.35.1+k3s1");
    fs::write(source.join(name), "new images").unwrap();
    let sums = source.join("SHA256SUMS");
    let text = fs::read_to_string(&sums).unwrap();
    fs::write(sums, format!("{text}{}  {name}\n", sha256(b"new images"))).unwrap();
    let there = || {
        let files = fs::read_dir(&images).unwrap();
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };

    lab.fault("server1", "hang-on-start");
    let run = lab.upgrade_within(LIMIT, &["-e", "k3s_restart_timeout=2"]);
    run.assert_code(2);
    assert_eq!(there(), [name]);
    lab.clear_fault("server1", "hang-on-start");
    let run = lab.upgrade_within(LIMIT, &[]);
    run.assert_code(0);
    let new = name.replace(".tar.zst", "-v1.35.1-k3s1.tar.zst");
    assert_eq!(there(), [new.as_str()]);
    assert_eq!(fs::read_to_string(images.join(new)).unwrap(), "new images");
}

#[test]
fn a_whole_cluster_goes_back_once_it_is_confirmed() {
    let lab = Lab::with(&cluster(3, 1));
    let upgrade = lab.upgrade_within(LIMIT, &[]);
    upgrade.assert_code(0);
    let of = format!("k3s_restore_run={}", upgrade.id());
    let restore = |more: &[&str]| {
        let mut arguments = vec!["-e", &of, "-e", "k3s_restore_drain_timeout=2"];
        arguments.extend(more);
        lab.run_within(LIMIT, "playbooks/k3s-restore.yml", &arguments)
    };
    let before = lab.snapshot();
    for (more, words) in [
        (&[][..], "by -e k3s_restore_confirm=restore"),
        (
            &["-e", "k3s_restore_confirm=yes"][..],
            "the word is restore",
        ),
        (
            &["--limit", "server", "-e", "k3s_restore_confirm=restore"][..],
            "these hosts are left out: agent1",
        ),
        (
            &[
                "-e",
                "k3s_restore_run=",
                "-e",
                "k3s_restore_confirm=restore",
            ][..],
            "say which run is to be taken back",
        ),
    ] {
        let run = restore(more);
        run.assert_code(2);
        let reason = run.reason("server1");
        assert!(reason.contains(words), "{reason}");
        run.assert_nobody_disturbed();
    }
    assert_only_changed(&before, &lab.snapshot(), &[]);

    // The snapshot is lost with the host's disk, and the token with it; the controller has both.
    let server = lab
        .host_folder("server2")
        .join("var/lib/rancher/k3s/server");
    let token = fs::read_to_string(server.join("token")).unwrap();
    fs::remove_dir_all(server.join("db/snapshots")).unwrap();
    fs::create_dir(server.join("db/snapshots")).unwrap();
    fs::write(server.join("token"), "another").unwrap();
    let run = restore(&["-e", "k3s_restore_confirm=restore"]);
    run.assert_code(0);
    let restored = fs::read_to_string(server.join("db/etcd/restored-from")).unwrap();
    assert_eq!(restored.trim(), "v1.34.3+k3s1");
    assert_eq!(fs::read_to_string(server.join("token")).unwrap(), token);
    let status = lab.status();
    for host in ["server1", "server2", "server3", "agent1"] {
        status.assert_serving(host, BEFORE);
        run.assert_ran("Stop k3s with all of its containers", host);
    }
    assert!(place(&run, "Stop k3s with all", true) < place(&run, "Reset etcd", false));
    assert!(
        place(&run, "Reset etcd", true)
            < place(&run, "Set the server's own datastore aside", false)
    );
    for other in ["server1", "server3"] {
        let db = lab.host_folder(other).join("var/lib/rancher/k3s/server");
        assert!(
            db.join(format!("db.windlass-{}", run.id())).exists(),
            "{other}"
        );
    }
    assert_no_secret(&lab, &run);
    let keys = lab.host_folder("server2").join("var/lib/windlass");
    assert!(!keys.join(format!("k3s-restore-{}.tar", run.id())).exists());

    let again = lab.upgrade_within(LIMIT, &[]);
    again.assert_code(0);
    lab.status().assert_serving("server1", TARGET);
}
