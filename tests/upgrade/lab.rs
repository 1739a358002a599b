//! A lab of its own for each test, the binary that runs on it, and what can be read of both.

use crate::events::Ended;
use crate::inventory::Inventory;
use crate::running::{self, DEADLINE};
use crate::snapshot::Snapshot;
use assert_cmd::cargo::CommandCargoExt;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The version that the shipped inventory upgrades to.
pub(crate) const TARGET: &str = "v1.35.1";
/// The version that the lab starts with.
pub(crate) const BEFORE: &str = "v1.34.3";

/// The variable that lets a kubelet be newer than its API servers.
const NEWER: &str = "kube_allow_newer_kubelet";
/// How often a lab is looked at until its nodes are Ready.
const PATIENCE: usize = 15;

/// One lab, gone with the test.
pub(crate) struct Lab {
    state: TempDir,
    inventory: String,
    /// Any of its hosts.
    host: String,
}

impl Lab {
    /// The shipped inventory: fourteen hosts.
    pub(crate) fn new() -> Self {
        Self {
            state: tempfile::tempdir().unwrap(),
            inventory: "inventory".to_owned(),
            host: "worker1".to_owned(),
        }
    }

    /// An inventory of the test's own.
    pub(crate) fn with(inventory: &Inventory) -> Self {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("inventory");
        inventory.write(&folder);
        Self {
            state,
            inventory: folder.to_str().unwrap().to_owned(),
            host: inventory.first_host(),
        }
    }

    /// What stands after `-i`.
    pub(crate) fn inventory(&self) -> &str {
        &self.inventory
    }

    /// The program in the project's folder, with this lab's state.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("windlass").unwrap();
        command
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .env("WINDLASS_STATE_DIR", self.state.path())
            .env("NO_COLOR", "1")
            .args(arguments)
            .stdin(Stdio::null());
        if arguments.first() == Some(&"run") && !arguments.iter().any(|each| each.contains(NEWER)) {
            // Most tests upgrade one worker alone, to be quick; `versions.rs` has those about what that breaks.
            command.args(["-e", &format!("{NEWER}=true")]);
        }
        command
    }

    /// Any verb; it must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = running::within(DEADLINE, self.command(arguments));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}{errors}");
        text
    }

    /// The shipped upgrade, with more arguments.
    pub(crate) fn upgrade(&self, more: &[&str]) -> Ended {
        self.upgrade_within(DEADLINE, more)
    }

    /// The same, with a deadline: a run that takes longer is killed, and the test fails.
    pub(crate) fn upgrade_within(&self, limit: Duration, more: &[&str]) -> Ended {
        self.run_within(limit, "playbooks/upgrade.yml", more)
    }

    /// A playbook with a deadline.
    pub(crate) fn run_within(&self, limit: Duration, playbook: &str, more: &[&str]) -> Ended {
        Ended::of(&running::within(limit, self.run_of(playbook, more)))
    }

    /// The shipped upgrade, killed with SIGKILL as soon as it says an event that `is_the_moment` knows (see
    /// [`crate::events::task_starts`]). The events are those up to that moment.
    pub(crate) fn killed_at(&self, more: &[&str], is_the_moment: impl Fn(&Value) -> bool) -> Ended {
        let command = self.run_of("playbooks/upgrade.yml", more);
        Ended {
            code: None,
            events: running::killed_at(DEADLINE, command, is_the_moment),
            errors: String::new(),
        }
    }

    /// The shipped upgrade to its end, with these signals as soon as it says an event that `is_the_moment` knows.
    pub(crate) fn interrupted_at(
        &self,
        more: &[&str],
        is_the_moment: impl Fn(&Value) -> bool,
        signals: &[Signal],
    ) -> Ended {
        let command = self.run_of("playbooks/upgrade.yml", more);
        Ended::of(&running::interrupted_at(
            DEADLINE,
            command,
            is_the_moment,
            signals,
        ))
    }

    pub(crate) fn run_of(&self, playbook: &str, more: &[&str]) -> Command {
        let mut arguments = vec!["run", playbook, "-i", &self.inventory, "--json"];
        arguments.extend(more);
        self.command(&arguments)
    }

    /// The same as a person sees it without a terminal.
    pub(crate) fn upgrade_text(&self, more: &[&str]) -> String {
        let mut arguments = vec!["run", "playbooks/upgrade.yml", "-i", &self.inventory];
        arguments.extend(more);
        let output = running::within(DEADLINE, self.command(&arguments));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Sets a fault before the first run or between runs.
    pub(crate) fn fault(&self, host: &str, fault: &str) {
        self.ok(&["lab", "fault", host, fault, "-i", &self.inventory]);
    }

    /// Makes a node not ready until its kubelet is at the new version.
    pub(crate) fn not_ready(&self, host: &str) {
        self.fault(host, "never-ready");
        // The fault spares the version that it names.
        let path = self.host_folder(host).join("faults/never-ready");
        fs::write(path, format!("kubelet={TARGET}\n")).unwrap();
    }

    /// Clears a fault between runs.
    pub(crate) fn clear_fault(&self, host: &str, fault: &str) {
        self.ok(&[
            "lab",
            "fault",
            host,
            fault,
            "--clear",
            "-i",
            &self.inventory,
        ]);
    }

    /// Everything that the lab's owner cares about, to compare with later.
    pub(crate) fn snapshot(&self) -> Snapshot {
        if !self.state.path().join("lab").exists() {
            // A lab that has never run has no hosts yet; a change of a fault makes them.
            let host = self.host.clone();
            self.clear_fault(&host, "unreachable");
        }
        Snapshot::take(self)
    }

    /// The folder on the controller for what outlives a run.
    pub(crate) fn state_folder(&self) -> &Path {
        self.state.path()
    }

    /// The folder of the lab; it is there after the first status, fault or run.
    pub(crate) fn folder(&self) -> PathBuf {
        let mut labs = fs::read_dir(self.state.path().join("lab")).unwrap();
        let lab = labs.next().expect("a lab").unwrap().path();
        assert!(labs.next().is_none(), "one inventory, one lab");
        lab
    }

    /// The folder of a host, which is its whole disk.
    pub(crate) fn host_folder(&self, host: &str) -> PathBuf {
        self.folder().join("hosts").join(host)
    }

    /// The names of the lab's hosts.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = fs::read_dir(self.folder().join("hosts"))
            .unwrap()
            .map(|host| host.unwrap().file_name().into_string().unwrap())
            .collect();
        hosts.sort();
        hosts
    }

    /// The file of a run's journal.
    pub(crate) fn journal_file(&self, run: &str) -> PathBuf {
        self.state
            .path()
            .join("runs")
            .join(run)
            .join("events.jsonl")
    }

    /// What the journal holds of this run: all that it said, no more and no less.
    pub(crate) fn journal_of(&self, run: &Ended) -> Ended {
        let journal = Ended::read(&self.journal_file(&run.id()));
        // What two hosts do at once may stand there in another order.
        let sorted = |ended: &Ended| {
            let mut texts: Vec<String> = ended.events.iter().map(Value::to_string).collect();
            texts.sort();
            texts
        };
        let (kept, said) = (sorted(&journal), sorted(run));
        for (kept, said) in kept.iter().zip(&said) {
            assert_eq!(kept, said, "the journal is not what was said");
        }
        assert_eq!(kept.len(), said.len(), "the journal's length");
        journal
    }

    /// The lines of a host's own record of a run: `1 intent ...`, `1 done`, `committed 1`, `1 restored`.
    pub(crate) fn manifest(&self, host: &str, run: &str) -> Vec<String> {
        let folder = self.host_folder(host).join("var/lib/windlass/runs");
        let text = fs::read_to_string(folder.join(run).join("manifest")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How the lab stands, once its nodes are Ready; nodes that are not to be Ready are given up after a moment.
    pub(crate) fn status(&self) -> Status {
        for _ in 0..PATIENCE {
            let status = self.status_now();
            if status.nodes().iter().all(|node| node["ready"] == "True") {
                return status;
            }
            // A kubelet that was just started needs some 300 milliseconds.
            std::thread::sleep(Duration::from_millis(100));
        }
        self.status_now()
    }

    fn status_now(&self) -> Status {
        let text = self.ok(&["lab", "status", "--json", "-i", &self.inventory]);
        Status(serde_json::from_str(&text).unwrap())
    }
}

/// How a lab stands.
pub(crate) struct Status(pub(crate) Value);

impl Status {
    fn host(&self, name: &str) -> &Value {
        self.0["hosts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|host| host["name"] == name)
            .unwrap_or_else(|| panic!("no host {name}"))
    }

    /// All nodes of all clusters.
    pub(crate) fn nodes(&self) -> Vec<&Value> {
        self.0["clusters"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|cluster| cluster["nodes"].as_array().unwrap())
            .collect()
    }

    /// One node.
    pub(crate) fn node(&self, name: &str) -> &Value {
        self.nodes()
            .into_iter()
            .find(|node| node["name"] == name)
            .unwrap_or_else(|| panic!("no node {name}"))
    }

    /// Asserts that a node is in service with a kubelet of this version, on disk and running.
    pub(crate) fn assert_serving(&self, name: &str, version: &str) {
        let node = self.node(name);
        assert_eq!(node["unschedulable"], false, "{name} is cordoned: {node}");
        assert_eq!(node["ready"], "True", "{name}: {node}");
        let plain = |value: &Value| {
            value
                .as_str()
                .unwrap_or("")
                .split('+')
                .next()
                .unwrap()
                .to_owned()
        };
        assert_eq!(plain(&node["version"]), version, "{name}: {node}");
        let host = self.host(name);
        // etcd has versions of its own.
        let of_kubernetes = |name: &String| !name.starts_with("etcd");
        let on_disk = host["on_disk"].as_object().unwrap();
        for (binary, found) in on_disk.iter().filter(|(name, _)| of_kubernetes(name)) {
            // A rolled back worker has one binary; control planes are asked for as a whole.
            assert_eq!(plain(found), version, "{binary} on {name}: {host}");
        }
        let units = host["units"].as_object().unwrap();
        for (unit, state) in units.iter().filter(|(name, _)| of_kubernetes(name)) {
            assert_eq!(state["active"], "active", "{unit} on {name}: {host}");
            assert_eq!(
                plain(&state["version"]),
                version,
                "{unit} on {name}: {host}"
            );
        }
    }
}
