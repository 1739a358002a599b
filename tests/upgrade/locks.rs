//! Two users with state folders of their own at one lab, whose hosts both reach over SSH.
//!
//! The lab runs in the test's own process, so that neither user's run takes it with it.

use crate::events::{Ended, task_starts};
use crate::inventory::Inventory;
use crate::lab::TARGET;
use crate::running::{self, DEADLINE};
use assert_cmd::cargo::CommandCargoExt;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use windlass::lab::{Fleet, LabConfig, LabHostConfig, Role};

const HOSTS: [&str; 3] = ["control1", "worker1", "worker2"];
const UPGRADE: &str = "playbooks/upgrade.yml";
const WORKERS: [&str; 2] = ["--limit", "kube_node"];

/// Takes its time on each worker, then replaces a file.
const SLOW: &str = r#"
- hosts: kube_node
  gather_facts: false
  serial: 1
  rollback:
    on: failure
  tasks:
    - name: Take a while
      ansible.builtin.command: sleep 1.5
      changed_when: false
    - name: Replace a file
      ansible.builtin.copy:
        content: new
        dest: "{{ lab_root }}/replaced"
"#;

/// A lab that several users work on.
struct Site {
    place: TempDir,
    fleet: Option<Fleet>,
    runtime: tokio::runtime::Runtime,
}

impl Site {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let hosts = HOSTS.map(|name| LabHostConfig {
            name: name.to_owned(),
            role: if name == "control1" {
                Role::KubeControlPlane
            } else {
                Role::KubeNode
            },
            version: Some(crate::lab::BEFORE.to_owned()),
        });
        let config = LabConfig {
            folder: place.path().join("lab"),
            hosts: hosts.to_vec(),
        };
        let fleet = runtime.block_on(Fleet::start(config)).unwrap();
        let inventory = place.path().join("inventory");
        Inventory::new()
            .control_planes(1)
            .workers(2)
            .variable("kube_allow_newer_kubelet", true)
            .write(&inventory);
        fs::create_dir(inventory.join("host_vars")).unwrap();
        for host in HOSTS {
            let path = inventory.join("host_vars").join(format!("{host}.json"));
            let variables = Value::Object(fleet.variables(host).unwrap());
            fs::write(path, variables.to_string()).unwrap();
        }
        fs::write(place.path().join("slow.yml"), SLOW).unwrap();
        Self {
            place,
            fleet: Some(fleet),
            runtime,
        }
    }

    fn path(&self, name: &str) -> String {
        self.place.path().join(name).to_str().unwrap().to_owned()
    }

    /// A user with a state folder of their own.
    fn user<'a>(&'a self, name: &'static str) -> User<'a> {
        User { site: self, name }
    }

    /// Who has the lock on a host, by its file.
    fn holder(&self, host: &str) -> Option<String> {
        let folder = self.root(host).join("var/lib/windlass/lock/holder");
        let text = fs::read_to_string(folder).ok()?;
        let first = text.lines().next()?;
        first.strip_prefix("run ").map(str::to_owned)
    }

    fn root(&self, host: &str) -> PathBuf {
        self.place.path().join("lab/hosts").join(host)
    }

    fn replaced(&self, host: &str) -> bool {
        self.root(host).join("replaced").exists()
    }

    /// The Leases that windlass has in the cluster.
    fn assert_nothing_is_locked(&self) {
        for host in HOSTS {
            assert_eq!(self.holder(host), None, "{host}");
        }
        let text = fs::read_to_string(self.place.path().join("lab/clusters/kubernetes.json"));
        let leases = text
            .unwrap_or_default()
            .matches("windlass.dev/holder")
            .count();
        assert_eq!(leases, 0, "a Lease is left");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        drop(self.fleet.take());
    }
}

/// Somebody at a machine of their own.
struct User<'a> {
    site: &'a Site,
    name: &'static str,
}

impl User<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("windlass").unwrap();
        command
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .env("WINDLASS_STATE_DIR", self.site.path(self.name))
            .env("LOGNAME", self.name)
            .env("USER", self.name)
            .env("NO_COLOR", "1")
            .args(arguments)
            .args(["-i", &self.site.path("inventory")]);
        command
    }

    fn run_of(&self, playbook: &str, more: &[&str]) -> Command {
        let mut command = self.command(&["run", playbook, "--json"]);
        command.args(more);
        command
    }

    fn run(&self, playbook: &str, more: &[&str]) -> Ended {
        Ended::of(&running::within(DEADLINE, self.run_of(playbook, more)))
    }

    fn lock(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let all = [&["lock"], arguments].concat();
        let Output {
            status,
            stdout,
            stderr,
        } = running::within(DEADLINE, self.command(&all));
        let text = [stdout, stderr].concat();
        (status.code(), String::from_utf8_lossy(&text).into_owned())
    }
}

fn begun(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    first["kind"]["run"].as_str().unwrap().to_owned()
}

/// The run was refused before it did anything, and says by whom.
fn assert_refused(run: &Ended, by: &str, of: &str) -> String {
    run.assert_code(5);
    assert_eq!(run.of_kind("task_started").len(), 0);
    assert_eq!(run.of_kind("play_started").len(), 0);
    let reason = run.of_kind("stopped")[0]["reason"].clone();
    let reason = reason.as_str().unwrap();
    let who = format!("run {by} of {of} on ");
    assert!(reason.starts_with(&who), "{reason}");
    assert!(
        reason.contains("(process ") && reason.contains(", for "),
        "{reason}"
    );
    reason.to_owned()
}

#[test]
fn of_two_users_at_once_one_upgrades_and_the_other_is_told_who_does() {
    let site = Site::new();
    let (ann, bob) = (site.user("ann"), site.user("bob"));
    let (output, (first, refused, held)) = running::meanwhile(
        DEADLINE,
        ann.run_of(UPGRADE, &WORKERS),
        task_starts("Drain the node"),
        |said| {
            let run = begun(said);
            let held = site.holder("worker2");
            (run, bob.run(UPGRADE, &WORKERS), held)
        },
    );
    let upgraded = Ended::of(&output);
    upgraded.assert_code(0);
    assert_eq!(
        held.as_ref(),
        Some(&first),
        "hosts that wait are locked, too"
    );
    let reason = assert_refused(&refused, &first, "ann");
    assert!(
        reason.contains(" holds the cluster of control1 since "),
        "{reason}"
    );
    site.assert_nothing_is_locked();
    // Now it is his turn, and there is nothing left to do.
    let second = bob.run(UPGRADE, &WORKERS);
    second.assert_code(0);
    second.assert_nobody_disturbed();
    let version = site.root("worker2").join("usr/local/bin/kubelet");
    assert!(fs::read_to_string(version).unwrap().contains(TARGET));
    site.assert_nothing_is_locked();
}

#[test]
fn without_a_cluster_the_locks_on_the_hosts_keep_the_second_run_away() {
    let site = Site::new();
    let (ann, bob) = (site.user("ann"), site.user("bob"));
    let slow = site.path("slow.yml");
    let (output, (first, refused, shown)) = running::meanwhile(
        DEADLINE,
        ann.run_of(&slow, &[]),
        task_starts("Take a while"),
        |said| {
            let run = begun(said);
            (run, bob.run(&slow, &[]), bob.lock(&["--hosts"]))
        },
    );
    Ended::of(&output).assert_code(0);
    let reason = assert_refused(&refused, &first, "ann");
    assert!(reason.contains(" holds worker"), "{reason}");
    assert!(reason.contains("last sign of life was "), "{reason}");
    let (code, shown) = shown;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("control1  free"), "{shown}");
    let line = format!("worker1   held: run {first} of ann on ");
    assert!(shown.contains(&line), "{shown}");
    assert!(shown.contains("under way on this machine"), "{shown}");
    assert!(HOSTS[1..].iter().all(|host| site.replaced(host)));
    site.assert_nothing_is_locked();
}

#[test]
fn what_a_killed_run_held_is_its_users_to_take_over_and_others_are_told_how_to_break_it() {
    let site = Site::new();
    let (ann, bob) = (site.user("ann"), site.user("bob"));
    let slow = site.path("slow.yml");
    let killed = running::killed_at(DEADLINE, ann.run_of(&slow, &[]), task_starts("Take"));
    let dead = killed[0]["kind"]["run"].as_str().unwrap().to_owned();
    assert_eq!(site.holder("worker2").as_ref(), Some(&dead));

    let refused = bob.run(&slow, &[]);
    assert_refused(&refused, &dead, "ann");
    let hint = refused.of_kind("warning")[0]["message"].to_string();
    assert!(
        hint.contains(&format!("windlass lock break {dead}")),
        "{hint}"
    );
    assert_eq!(
        site.holder("worker1").as_ref(),
        Some(&dead),
        "nothing is given away"
    );

    let (code, text) = bob.lock(&["break", &dead]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("no terminal to ask") && text.contains("--yes"),
        "{text}"
    );
    assert!(text.contains("stale"), "{text}");
    assert_eq!(site.holder("worker1").as_ref(), Some(&dead));

    // Her own next run goes on by itself.
    ann.run(&slow, &["--limit", "worker1"]).assert_code(0);
    assert_eq!(site.holder("worker1"), None);
    assert_eq!(
        site.holder("worker2").as_ref(),
        Some(&dead),
        "out of its limit"
    );

    let (code, text) = bob.lock(&["break", "--yes", &dead]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 lock broken"), "{text}");
    bob.run(&slow, &[]).assert_code(0);
    assert!(site.replaced("worker2"));
    site.assert_nothing_is_locked();
    let (code, text) = bob.lock(&["break", "--yes", &dead]);
    assert_eq!(
        (code, text.trim()),
        (Some(0), &*format!("no lock of run {dead} was found"))
    );
}

/// Kills a run in the middle of an upgrade: the same user goes on, Lease and all.
#[test]
fn the_lease_of_a_killed_run_does_not_hold_up_its_user() {
    let site = Site::new();
    let (ann, bob) = (site.user("ann"), site.user("bob"));
    let command = ann.run_of(UPGRADE, &WORKERS);
    let killed = running::killed_at(DEADLINE, command, task_starts("Drain the node"));
    let dead = killed[0]["kind"]["run"].as_str().unwrap().to_owned();
    let reason = assert_refused(&bob.run(UPGRADE, &WORKERS), &dead, "ann");
    assert!(reason.contains("the cluster of control1"), "{reason}");
    let (_, shown) = bob.lock(&["--limit", "worker1"]);
    assert!(shown.contains("cluster of control1  held: run"), "{shown}");
    let (_, shown) = bob.lock(&["--limit", "worker1", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["inventories"][0]["state"], "free", "{shown}");
    let (host, cluster) = (&shown["hosts"][0], &shown["clusters"][0]);
    assert_eq!(
        (&host["host"], &host["state"], &host["stand"]),
        (&json!("worker1"), &json!("held"), &json!("stale")),
        "{shown}"
    );
    assert_eq!(
        (&cluster["hosts"], &cluster["state"]),
        (&json!(["control1"]), &json!("held")),
        "{shown}"
    );
    for by in [host, cluster] {
        assert_eq!((&by["run"], &by["user"]), (&json!(dead), &json!("ann")));
    }
    let run = ann.run(UPGRADE, &WORKERS);
    run.assert_code(0);
    site.assert_nothing_is_locked();
}

#[test]
fn a_run_whose_locks_are_broken_stops_before_its_next_batch() {
    let site = Site::new();
    let (ann, bob) = (site.user("ann"), site.user("bob"));
    let slow = site.path("slow.yml");
    let (output, (refused, broken)) = running::meanwhile(
        DEADLINE,
        ann.run_of(&slow, &[]),
        task_starts("Take a while"),
        |said| {
            let run = begun(said);
            let refused = bob.lock(&["break", "--yes", &run]);
            let limited = ["break", "--yes", "--force", &run, "--limit", "worker2"];
            (refused, bob.lock(&limited))
        },
    );
    assert_eq!(refused.0, Some(1), "{}", refused.1);
    assert!(
        refused.1.contains("is under way on this machine"),
        "{}",
        refused.1
    );
    assert_eq!(broken.0, Some(0), "{}", broken.1);
    let run = Ended::of(&output);
    run.assert_code(5);
    assert!(site.replaced("worker1") && !site.replaced("worker2"));
    assert_eq!(run.recap("worker2")["state"], "pending");
    let reason = run.of_kind("stopped")[0]["reason"].to_string();
    assert!(
        reason.contains("the lock of this run on worker2 was broken"),
        "{reason}"
    );
    site.assert_nothing_is_locked();
}

#[test]
fn a_step_is_not_made_on_a_host_whose_lock_was_broken() {
    let site = Site::new();
    let (ann, bob) = (site.user("ann"), site.user("bob"));
    let slow = site.path("slow.yml");
    let (output, broken) = running::meanwhile(
        DEADLINE,
        ann.run_of(&slow, &[]),
        task_starts("Take a while"),
        |said| bob.lock(&["break", "--yes", "--force", &begun(said)]),
    );
    assert_eq!(broken.0, Some(0), "{}", broken.1);
    let run = Ended::of(&output);
    run.assert_code(2);
    assert!(
        run.reason("worker1").contains("the lock of this run"),
        "{run:?}",
        run = run.reason("worker1")
    );
    assert!(!site.replaced("worker1") && !site.replaced("worker2"));
    assert_eq!(run.recap("worker2")["state"], "pending");
}

#[test]
fn a_cluster_that_cannot_be_locked_is_no_reason_to_stop() {
    let site = Site::new();
    let ann = site.user("ann");
    let slow = site.path("slow.yml");
    let cluster = json!({"kube_api_hosts": ["control1"], "kube_config": "/nowhere/admin.conf"});
    let run = ann.run(&slow, &["-e", &cluster.to_string()]);
    run.assert_code(0);
    let warnings: Vec<String> = run
        .of_kind("warning")
        .iter()
        .map(|event| event["message"].to_string())
        .filter(|message| message.contains("no Lease in the cluster of control1"))
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(site.replaced("worker2"));
    // In check mode nothing is locked, so nothing is asked for, either.
    let check = ann.run(&slow, &["--check", "-e", &cluster.to_string()]);
    check.assert_code(0);
    assert_eq!(check.of_kind("warning").len(), 0);
}

#[test]
fn an_interrupted_run_gives_its_locks_back_and_so_does_one_that_is_stopped_at_once() {
    for signals in [&[Signal::INT][..], &[Signal::INT, Signal::INT]] {
        let site = Site::new();
        let slow = site.path("slow.yml");
        let output = running::interrupted_at(
            DEADLINE,
            site.user("ann").run_of(&slow, &[]),
            task_starts("Take a while"),
            signals,
        );
        assert_eq!(output.status.code(), Some(130));
        site.assert_nothing_is_locked();
    }
}

#[test]
fn a_run_that_is_taken_back_is_locked_as_well() {
    let site = Site::new();
    let (ann, bob) = (site.user("ann"), site.user("bob"));
    let slow = site.path("slow.yml");
    let first = ann.run(&slow, &[]);
    first.assert_code(0);
    let (output, refused) = running::meanwhile(
        DEADLINE,
        bob.run_of(&slow, &[]),
        task_starts("Take a while"),
        |said| {
            let command = ann.command(&["rollback", &first.id(), "--json"]);
            let refused = Ended::of(&running::within(DEADLINE, command));
            (begun(said), refused)
        },
    );
    let (by, refused) = refused;
    Ended::of(&output).assert_code(0);
    assert_refused(&refused, &by, "bob");
    assert_eq!(refused.of_kind("rollback_started").len(), 0);
    let command = ann.command(&["rollback", &first.id(), "--json"]);
    let back = Ended::of(&running::within(DEADLINE, command));
    back.assert_code(0);
    assert!(!site.replaced("worker1") && !site.replaced("worker2"));
    site.assert_nothing_is_locked();
}

#[test]
fn a_run_is_not_taken_back_while_another_one_works_elsewhere_in_its_cluster() {
    let site = Site::new();
    let (ann, bob) = (site.user("ann"), site.user("bob"));
    let first = ann.run(UPGRADE, &["--limit", "worker1"]);
    first.assert_code(0);
    let taken = first.of_kind("lease_taken");
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(taken[0]["hosts"], json!(["control1"]));

    let (output, (by, refused)) = running::meanwhile(
        DEADLINE,
        bob.run_of(UPGRADE, &["--limit", "worker2"]),
        task_starts("Drain the node"),
        |said| {
            let command = ann.command(&["rollback", &first.id(), "--json"]);
            let refused = Ended::of(&running::within(DEADLINE, command));
            (begun(said), refused)
        },
    );
    Ended::of(&output).assert_code(0);
    let reason = assert_refused(&refused, &by, "bob");
    assert!(
        reason.contains(" holds the cluster of control1 since "),
        "{reason}"
    );
    let command = ann.command(&["rollback", &first.id(), "--json"]);
    let back = Ended::of(&running::within(DEADLINE, command));
    back.assert_code(0);
    assert_eq!(back.of_kind("lease_taken").len(), 1);
    site.assert_nothing_is_locked();
}
