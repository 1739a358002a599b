//! A playbook, an inventory of lab hosts and a state folder of their own; the program is run and its events are read.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A place with lab hosts.
pub(crate) struct Place {
    folder: TempDir,
}

/// What a run said and how it ended.
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// All events.
    pub(crate) events: Vec<Value>,
    /// Everything that was printed.
    pub(crate) text: String,
}

impl Place {
    /// Lab hosts of these names; one that starts with `x` cannot be reached.
    pub(crate) fn new(hosts: &[&str]) -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let mut inventory = "all:\n  vars:\n    ansible_connection: lab\n".to_owned();
        let hosts_folder = place.folder.path().join("hosts").display().to_string();
        for part in [
            "    place: ",
            &hosts_folder,
            "/{{ inventory_hostname }}\n  hosts:\n",
        ] {
            inventory += part;
        }
        for host in hosts {
            fs::create_dir_all(place.on(host, "")).unwrap();
            for part in ["    ", host, ":\n"] {
                inventory += part;
            }
            if host.starts_with('x') {
                inventory += "      ansible_connection: ssh\n      ansible_host: 127.0.0.1\n      ansible_port: 1\n";
            }
        }
        place.file("inventory.yml", &inventory);
        place
    }

    /// Writes a file beside the playbook.
    pub(crate) fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A path below the folder that the variable `place` names on a host.
    pub(crate) fn on(&self, host: &str, name: &str) -> PathBuf {
        self.folder.path().join("hosts").join(host).join(name)
    }

    /// The content of such a file; empty when there is none.
    pub(crate) fn read(&self, host: &str, name: &str) -> String {
        fs::read_to_string(self.on(host, name)).unwrap_or_default()
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .current_dir(self.folder.path())
            .env("WINDLASS_STATE_DIR", self.folder.path().join("state"))
            .arg(verb)
            .args(["-i", "inventory.yml"]);
        command
    }

    /// Runs one playbook.
    pub(crate) fn run(&self, playbook: &str) -> Ran {
        self.run_with(playbook, &[])
    }

    /// The same with more arguments.
    pub(crate) fn run_with(&self, playbook: &str, more: &[&str]) -> Ran {
        self.file("playbook.yml", playbook);
        let mut command = self.command("run");
        command.args(["playbook.yml", "--json"]).args(more);
        Ran::of(&command.output().unwrap())
    }

    /// Starts a playbook and returns at once.
    pub(crate) fn start(&self, playbook: &str) -> Child {
        self.file("playbook.yml", playbook);
        self.command("run")
            .args(["playbook.yml", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The folder on the controller for what outlives a run.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts a verb that knows its inventory, and returns at once.
    pub(crate) fn start_bare(&self, verb: &str, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .current_dir(self.folder.path())
            .env("WINDLASS_STATE_DIR", self.state())
            .arg(verb)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a verb that knows its inventory, such as `windlass resume`.
    pub(crate) fn bare(&self, verb: &str, arguments: &[&str]) -> Ran {
        let child = self.start_bare(verb, arguments);
        Ran::of(&child.wait_with_output().unwrap())
    }

    /// `windlass rollback` or `windlass lab`.
    pub(crate) fn other(&self, verb: &str, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(verb).args(arguments).output().unwrap())
    }
}

impl Ran {
    /// Reads what a run printed.
    pub(crate) fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            events: text
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .map(|event| event["kind"].clone())
                .collect(),
            text: text + &String::from_utf8_lossy(&output.stderr),
        }
    }

    /// The events of one kind.
    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        let of_kind = |event: &&Value| event["event"] == kind;
        self.events.iter().filter(of_kind).collect()
    }

    /// Every task with what came of it: `name: h1=ok h2=skipped`; tasks without results are left out.
    pub(crate) fn trace(&self) -> Vec<String> {
        let mut tasks: Vec<(&Value, String, BTreeMap<String, String>)> = Vec::new();
        for event in &self.events {
            if event["event"] == "task_started" {
                let name = event["name"].as_str().unwrap().to_owned();
                tasks.push((&event["task"], name, BTreeMap::new()));
            } else if event["event"] == "task_finished" {
                let task = tasks
                    .iter_mut()
                    .find(|(number, _, _)| **number == event["task"])
                    .unwrap();
                let status = event["result"]["status"].as_str().unwrap().to_owned();
                task.2
                    .insert(event["host"].as_str().unwrap().to_owned(), status);
            }
        }
        tasks
            .iter()
            .filter(|(_, _, results)| !results.is_empty())
            .map(|(_, name, results)| {
                let results: Vec<_> = results.iter().map(|(h, s)| format!("{h}={s}")).collect();
                format!("{name}: {}", results.join(" "))
            })
            .collect()
    }

    /// What `debug` said on a host, in order, each as text.
    pub(crate) fn said(&self, host: &str) -> Vec<String> {
        let numbers: Vec<&Value> = self
            .all("task_started")
            .into_iter()
            .filter(|event| event["action"] == "debug")
            .map(|event| &event["task"])
            .collect();
        self.all("task_finished")
            .into_iter()
            .filter(|event| event["host"] == host && numbers.contains(&&event["task"]))
            .filter(|event| event["result"]["status"] == "ok")
            .flat_map(|event| {
                let result = &event["result"]["result"];
                match result["results"].as_array() {
                    Some(rounds) => rounds.iter().map(|round| plain(&round["msg"])).collect(),
                    None => vec![plain(&result["msg"])],
                }
            })
            .collect()
    }

    /// The recap of a host.
    pub(crate) fn recap(&self, host: &str) -> &Value {
        let last = self.events.last().expect(&self.text);
        let recap = last["recap"].as_array().expect(&self.text);
        let of_host = |counts: &&Value| counts["host"] == host;
        recap.iter().find(of_host).unwrap_or(&Value::Null)
    }

    /// `ok changed unreachable failed skipped rescued ignored` of a host.
    pub(crate) fn counts(&self, host: &str) -> [u64; 7] {
        let recap = self.recap(host);
        let names = [
            "ok",
            "changed",
            "unreachable",
            "failed",
            "skipped",
            "rescued",
            "ignored",
        ];
        names.map(|name| recap[name].as_u64().unwrap_or_default())
    }

    /// How a host stands in the end; empty when it took no part.
    pub(crate) fn state(&self, host: &str) -> &str {
        self.recap(host)["state"].as_str().unwrap_or_default()
    }

    /// Why the run stopped; empty when it did not.
    pub(crate) fn stopped(&self) -> &str {
        self.all("stopped")
            .first()
            .map_or("", |event| event["reason"].as_str().unwrap())
    }

    /// The messages of all warnings.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.all("warning")
            .into_iter()
            .map(|event| event["message"].as_str().unwrap())
            .collect()
    }

    /// How a host's way back ended.
    pub(crate) fn rollback(&self, host: &str) -> &Value {
        self.all("rollback_finished")
            .into_iter()
            .find(|event| event["host"] == host)
            .unwrap_or(&Value::Null)
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
