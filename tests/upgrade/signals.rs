//! Signals: what Ctrl-C, SIGTERM and a closed terminal do to a run that waits, that works, and that is told twice.

use crate::events::{Ended, task_starts, undo_recorded};
use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::running::{self, DEADLINE};
use assert_cmd::cargo::CommandCargoExt;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;

const WORKERS: [&str; 2] = ["--limit", "kube_node"];

/// Much longer than any test may take.
const AN_HOUR: &str = "3600";

fn two_workers() -> Lab {
    Lab::with(&Inventory::new().control_planes(1).workers(2))
}

/// This machine as two hosts, and playbooks for them.
struct Here {
    folder: TempDir,
}

impl Here {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let line = |name: &str| {
            let state = folder.path().join(name);
            format!(
                "{name} ansible_connection=local windlass_state_dir={}\n",
                state.display()
            )
        };
        fs::write(folder.path().join("hosts"), line("one") + &line("two")).unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, playbook: &Value) -> Command {
        // JSON is YAML.
        fs::write(self.at("play.yml"), playbook.to_string()).unwrap();
        let mut command = Command::cargo_bin("windlass").unwrap();
        command
            .current_dir(self.folder.path())
            .env("WINDLASS_STATE_DIR", self.at("state"))
            .env("NO_COLOR", "1")
            .args(["run", "play.yml", "-i", "hosts", "--json"]);
        command
    }

    fn journal(&self, run: &Ended) -> Ended {
        Ended::read(&self.at("state/runs").join(run.id()).join("events.jsonl"))
    }
}

fn interrupted(
    command: Command,
    is_the_moment: impl Fn(&Value) -> bool,
    signals: &[Signal],
) -> Ended {
    Ended::of(&running::interrupted_at(
        DEADLINE,
        command,
        is_the_moment,
        signals,
    ))
}

/// Waits until a file is there; the run's deadline watches over it.
fn wait_for(path: &Path) {
    while !path.exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process has ended; what nobody has waited for yet has, too.
fn is_gone(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z")
}

fn assert_gone(pid: &str) {
    for _ in 0..250 {
        if is_gone(pid) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("process {pid} goes on");
}

/// Each of these would take an hour.
#[test]
fn whatever_waits_hears_the_first_signal() {
    let waits = [
        json!({"name": "Wait", "wait_for": {"port": 1, "timeout": 3600}}),
        json!({"name": "Wait", "wait_for": {"timeout": 3600}}),
        json!({"name": "Wait", "pause": {"seconds": 3600}, "timeout": 3600}),
        json!({"name": "Wait", "command": "false", "retries": 3, "delay": 3600}),
        json!({"name": "Wait", "command": "true", "loop": [1, 2], "loop_control": {"pause": 3600}}),
    ];
    for wait in waits {
        let here = Here::new();
        let play = json!([{"hosts": "one", "gather_facts": false, "tasks": [
            wait, {"name": "Later", "command": "true"}
        ]}]);
        let run = interrupted(here.run(&play), task_starts("Wait"), &[Signal::INT]);
        assert_eq!(run.code, Some(130), "{wait}: {}", run.errors);
        run.assert_never_ran("Later", "one");
        assert_eq!(here.journal(&run).of_kind("interrupted")[0]["now"], false);
    }
}

#[test]
fn a_soak_hears_the_first_signal() {
    let here = Here::new();
    let play = json!([{"hosts": "all", "gather_facts": false, "serial": 1, "soak": 3600, "tasks": [
        {"name": "Work", "command": "true"}
    ]}]);
    let soaks = |kind: &Value| kind["event"] == "soaking";
    let run = interrupted(here.run(&play), soaks, &[Signal::INT]);
    assert_eq!(run.code, Some(130), "{}", run.errors);
    assert_eq!(run.recap("one")["state"], "done");
    assert_eq!(run.recap("two")["state"], "pending");
}

/// The checks of a host that goes back are not in a hurry: they are what the interrupt has brought about.
#[test]
fn checks_of_a_restored_host_are_waited_for() {
    let here = Here::new();
    let file = here.at("file");
    let tries = here.at("tries");
    // The third try is good: `wc -l` counts them.
    let check = json!([{"name": "Check", "register": "made", "until": "made.stdout == '3'",
        "retries": 5, "delay": 0.3, "changed_when": false,
        "shell": format!("echo x >>{0}; wc -l <{0}", tries.display())}]);
    fs::write(here.at("check.yml"), check.to_string()).unwrap();
    let play = json!([{"hosts": "one", "gather_facts": false,
        "rollback": {"on": "failure", "verify": "check.yml"}, "tasks": [
            {"name": "Put", "copy": {"dest": file, "content": "new"}},
            {"name": "Wait", "wait_for": {"timeout": 3600}}
    ]}]);
    let run = interrupted(here.run(&play), task_starts("Wait"), &[Signal::INT]);
    assert_eq!(run.code, Some(130), "{}", run.errors);
    assert_eq!(
        run.recap("one")["state"],
        "rolled_back",
        "{:?}",
        run.recap("one")
    );
    assert!(!file.exists());
    assert_eq!(fs::read_to_string(tries).unwrap().lines().count(), 3);
}

#[test]
fn a_drain_and_a_gate_hear_the_first_signal_and_the_host_goes_back() {
    let lab = two_workers();
    lab.fault("worker1", "budget-blocked");
    let hour = format!("drain_timeout={AN_HOUR}");
    let drains = |kind: &Value| kind["event"] == "task_progress";
    let arguments = [&WORKERS[..], &["-e", &hour]].concat();
    let run = lab.interrupted_at(&arguments, drains, &[Signal::INT]);
    assert_eq!(run.code, Some(130), "{}", run.errors);
    lab.clear_fault("worker1", "budget-blocked");
    lab.status().assert_serving("worker1", BEFORE);

    lab.fault("worker1", "never-ready");
    let hour = format!("gate_timeout={AN_HOUR}");
    let arguments = [&WORKERS[..], &["-e", &hour]].concat();
    let gate = task_starts("Wait until the node");
    let run = lab.interrupted_at(&arguments, gate, &[Signal::INT]);
    assert_eq!(run.code, Some(130), "{}", run.errors);
    assert_eq!(run.recap("worker1")["state"], "rolled_back");
    assert_eq!(run.recap("worker2")["state"], "pending");
    lab.journal_of(&run).assert_intent_before_done("worker1");
    lab.status().assert_serving("worker1", BEFORE);
}

/// Scenario 18, by the other signals.
#[test]
fn sigterm_and_a_closed_terminal_are_as_good_as_ctrl_c() {
    let lab = two_workers();
    for signal in [Signal::TERM, Signal::HUP] {
        let run = lab.interrupted_at(&WORKERS, task_starts("Restart kubelet"), &[signal]);
        assert_eq!(run.code, Some(130), "{signal:?}: {}", run.errors);
        assert_eq!(run.recap("worker1")["state"], "rolled_back");
        assert_eq!(run.recap("worker2")["state"], "pending");
        let journal = lab.journal_of(&run);
        journal.assert_intent_before_done("worker1");
        assert_eq!(journal.of_kind("interrupted").len(), 1);
        let status = lab.status();
        status.assert_serving("worker1", BEFORE);
        status.assert_serving("worker2", BEFORE);
    }
}

/// As `nohup` starts it.
#[test]
fn a_run_that_was_started_with_hangups_ignored_goes_on() {
    let here = Here::new();
    let (gate, marks) = (here.at("gate"), here.at("marks"));
    let wait = format!(
        "touch {}; until [ -e {} ]; do sleep 0.05; done",
        marks.display(),
        gate.display()
    );
    let play = json!([{"hosts": "one", "gather_facts": false, "tasks": [
        {"name": "Wait", "shell": wait}, {"name": "Later", "command": "true"}
    ]}]);
    let run = here.run(&play);
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(run.get_program())
        .args(run.get_args())
        .current_dir(here.at("."))
        .env("WINDLASS_STATE_DIR", here.at("state"));
    let moment = |kind: &Value| {
        let starts = kind["event"] == "task_started" && kind["name"] == "Wait";
        if starts {
            wait_for(&marks);
            fs::write(&gate, "").unwrap();
        }
        starts
    };
    // The gate is open by the time that the signal comes, or a moment later: the run ends by itself.
    let run = interrupted(command, moment, &[Signal::HUP]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    run.assert_ran("Later", "one");
}

/// Scenario 18, twice: what runs on the hosts is ended, and the last lines say how to go on.
#[test]
fn told_twice_a_run_ends_what_it_started_and_says_what_is_left() {
    let here = Here::new();
    let (pids, file) = (here.at("pids"), here.at("file"));
    let sleep = format!(
        "echo $$ >{0}.part; sleep 3600 & echo $! >>{0}.part; mv {0}.part {0}; wait",
        pids.display()
    );
    let play = json!([{"hosts": "one", "gather_facts": false, "rollback": {"on": "failure"}, "tasks": [
        {"name": "Put", "copy": {"dest": file, "content": "new"}},
        {"name": "Sleep", "shell": sleep}
    ]}]);
    let moment = |kind: &Value| {
        let starts = kind["event"] == "task_started" && kind["name"] == "Sleep";
        if starts {
            wait_for(&pids);
        }
        starts
    };
    let signals = [Signal::TERM, Signal::INT];
    let run = interrupted(here.run(&play), moment, &signals);
    assert_eq!(run.code, Some(130), "{}", run.errors);
    for pid in fs::read_to_string(&pids).unwrap().lines() {
        assert_gone(pid);
    }
    let journal = here.journal(&run);
    let told: Vec<&Value> = journal
        .of_kind("interrupted")
        .into_iter()
        .map(|event| &event["now"])
        .collect();
    assert_eq!(told, [false, true]);
    for end in ["rollback_started", "host_committed", "run_finished"] {
        assert!(journal.of_kind(end).is_empty(), "{end}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    let id = run.id();
    let state = here.at("state");
    let state = format!("--state-dir {}", state.display());
    let last: Vec<&str> = run.errors.lines().collect();
    assert_eq!(
        last,
        [
            "stopped at once; nothing was taken back; 1 host is in flight:",
            "  one: at `Sleep` (1 change not committed)",
            &format!("to go back: windlass rollback {id} {state} -i hosts"),
            &format!("to go on: windlass resume {id} {state}"),
        ]
    );
    // Nobody holds the lock any more, and the way back is open.
    let mut back = Command::cargo_bin("windlass").unwrap();
    back.current_dir(here.at("."))
        .env("WINDLASS_STATE_DIR", here.at("state"))
        .args(["rollback", &id, "-i", "hosts"]);
    let output: Output = running::within(DEADLINE, back);
    assert!(output.status.success(), "{output:?}");
    assert!(!file.exists());
}

/// A task that runs out of time leaves nothing behind either.
#[test]
fn a_task_that_takes_too_long_is_ended_with_what_it_started() {
    let here = Here::new();
    let pid = here.at("pid");
    let sleep = format!("echo $$ >{}; sleep 3600", pid.display());
    let play = json!([{"hosts": "one", "gather_facts": false, "tasks": [
        {"name": "Sleep", "shell": sleep, "timeout": 1}
    ]}]);
    let run = Ended::of(&running::within(DEADLINE, here.run(&play)));
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert_gone(&fs::read_to_string(pid).unwrap());
}

/// Stopped at once in the middle of an upgrade; the next run finishes it.
#[test]
fn a_run_that_is_told_twice_names_the_host_in_flight() {
    let lab = two_workers();
    lab.fault("worker1", "budget-blocked");
    let signals = [Signal::HUP, Signal::TERM];
    let run = lab.interrupted_at(&WORKERS, undo_recorded("ordon"), &signals);
    assert_eq!(run.code, Some(130), "{}", run.errors);
    assert!(run.errors.contains("  worker1: "), "{}", run.errors);
    assert!(!run.errors.contains("  worker2: "), "{}", run.errors);
    let go_on = format!("to go on: windlass resume {} ", run.id());
    assert!(run.errors.contains(&go_on), "{}", run.errors);
    lab.journal_of(&run);
    lab.clear_fault("worker1", "budget-blocked");
    let next = lab.upgrade(&WORKERS);
    assert_eq!(next.code, Some(0), "{}", next.errors);
    lab.status().assert_serving("worker1", TARGET);
}
