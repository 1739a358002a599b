//! A lab of its own for each test, the binary that runs on it, and what can be read of both.

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The version that the shipped inventory upgrades to.
pub(crate) const TARGET: &str = "v1.35.1";
/// The version that the lab starts with.
pub(crate) const BEFORE: &str = "v1.34.3";

/// One lab, gone with the test.
pub(crate) struct Lab {
    state: TempDir,
}

/// A run that ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) errors: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self {
            state: tempfile::tempdir().unwrap(),
        }
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
        command
    }

    /// Any verb; it must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}{errors}");
        text
    }

    /// The shipped upgrade, with more arguments.
    pub(crate) fn upgrade(&self, more: &[&str]) -> Ended {
        let mut arguments = vec!["run", "playbooks/upgrade.yml", "-i", "inventory", "--json"];
        arguments.extend(more);
        Ended::of(&self.command(&arguments).output().unwrap())
    }

    /// The same as a person sees it without a terminal.
    pub(crate) fn upgrade_text(&self, more: &[&str]) -> String {
        let mut arguments = vec!["run", "playbooks/upgrade.yml", "-i", "inventory"];
        arguments.extend(more);
        let output = self.command(&arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Sets a fault before the first run or between runs.
    pub(crate) fn fault(&self, host: &str, fault: &str) {
        self.ok(&["lab", "fault", host, fault]);
    }

    /// How the lab stands.
    pub(crate) fn status(&self) -> Status {
        let text = self.ok(&["lab", "status", "--json"]);
        Status(serde_json::from_str(&text).unwrap())
    }
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        Self {
            code: output.status.code(),
            events: text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The events of one kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.events
            .iter()
            .map(|event| &event["kind"])
            .filter(|event| event["event"] == kind)
            .collect()
    }

    /// The recap's line of a host.
    pub(crate) fn recap(&self, host: &str) -> Value {
        let finished = self.of_kind("run_finished");
        let recap = finished.first().expect("the run ended")["recap"].clone();
        recap
            .as_array()
            .unwrap()
            .iter()
            .find(|counts| counts["host"] == host)
            .unwrap_or_else(|| panic!("{host} is not in the recap {recap}"))
            .clone()
    }

    /// Hosts on which a task of this action changed something.
    pub(crate) fn changed_by(&self, action: &str) -> Vec<String> {
        let tasks: Vec<&Value> = self
            .of_kind("task_started")
            .into_iter()
            .filter(|task| task["action"] == action)
            .map(|task| &task["task"])
            .collect();
        self.of_kind("task_finished")
            .into_iter()
            .filter(|done| tasks.contains(&&done["task"]) && done["result"]["status"] == "changed")
            .map(|done| done["host"].as_str().unwrap().to_owned())
            .collect()
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
        for (binary, found) in host["on_disk"].as_object().unwrap() {
            // A rolled back worker has one binary; control planes are asked for as a whole.
            assert_eq!(plain(found), version, "{binary} on {name}: {host}");
        }
        for (unit, state) in host["units"].as_object().unwrap() {
            assert_eq!(state["active"], "active", "{unit} on {name}: {host}");
            assert_eq!(
                plain(&state["version"]),
                version,
                "{unit} on {name}: {host}"
            );
        }
    }
}
