//! The person at the controller: runs the shipped playbooks by the real program, and reads what it says.

use super::fleet::Fleet;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that a run may take. One that takes longer hangs, and is killed.
const LONGEST: Duration = Duration::from_mins(3);

/// One controller, with a state of its own.
pub(crate) struct Operator {
    fleet: &'static Fleet,
    state: Arc<TempDir>,
}

/// A run that goes on; its events as they come.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// Where the run keeps its journal; there as long as the run is.
    state: Arc<TempDir>,
    errors: std::thread::JoinHandle<String>,
    events: Vec<Value>,
    deadline: Instant,
}

/// A run that ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) errors: String,
}

impl Operator {
    pub(crate) fn of(fleet: &'static Fleet) -> Self {
        Self {
            fleet,
            state: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .env("WINDLASS_STATE_DIR", self.state.path())
            .env("NO_COLOR", "1")
            .env_remove("SSH_AUTH_SOCK")
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Starts the shipped upgrade, with more arguments.
    pub(crate) fn start(&self, more: &[&str]) -> Running {
        let inventory = self.fleet.folder.join("hosts.yml");
        let mut arguments = vec!["run", "playbooks/upgrade.yml", "--json", "-i"];
        arguments.push(inventory.to_str().unwrap());
        arguments.extend(more);
        let mut child = self
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = listen(child.stdout.take().unwrap());
        let stderr = child.stderr.take().unwrap();
        let errors =
            std::thread::spawn(move || std::io::read_to_string(stderr).unwrap_or_default());
        Running {
            child,
            lines,
            state: Arc::clone(&self.state),
            errors,
            events: Vec::new(),
            deadline: Instant::now() + LONGEST,
        }
    }

    /// The whole run.
    pub(crate) fn upgrade(&self, more: &[&str]) -> Ended {
        self.start(more).end()
    }
}

fn listen(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

impl Running {
    /// The next event; `None` when the run has said its last.
    fn next(&mut self) -> Option<&Value> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Ok(event) = serde_json::from_str(&line) {
                        self.events.push(event);
                        return self.events.last();
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    drop(self.child.kill());
                    let last = self.events.len().saturating_sub(10);
                    panic!("not over after {LONGEST:?}: {:#?}", &self.events[last..]);
                }
            }
        }
    }

    /// Waits until a task whose name ends so has started.
    pub(crate) fn until_task(&mut self, name: &str) {
        self.until(name, |kind| {
            kind["event"] == "task_started"
                && kind["name"].as_str().is_some_and(|it| it.ends_with(name))
        });
    }

    /// Waits for an event.
    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) {
        while let Some(event) = self.next() {
            if wanted(&event["kind"]) {
                return;
            }
        }
        let last = self.events.len().saturating_sub(10);
        panic!("the run ended before: {what}: {:#?}", &self.events[last..]);
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for the end. What the run said must stand in its journal, too.
    pub(crate) fn end(mut self) -> Ended {
        while self.next().is_some() {}
        let status = self.child.wait().unwrap();
        let ended = Ended {
            code: status.code(),
            events: self.events,
            errors: self.errors.join().unwrap(),
        };
        let journal = self.state.path().join("runs").join(ended.id());
        let text = std::fs::read_to_string(journal.join("events.jsonl")).unwrap();
        let mut kept: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        if ended.code.is_none() {
            // One that was killed had no time to say what it had just written.
            kept.retain(|event| ended.events.contains(event));
        }
        // What two hosts do at once may stand there in another order.
        let sorted = |events: &[Value]| {
            let mut texts: Vec<String> = events.iter().map(Value::to_string).collect();
            texts.sort();
            texts
        };
        for (kept, said) in sorted(&kept).iter().zip(sorted(&ended.events)) {
            assert_eq!(*kept, said, "the journal is not what was said");
        }
        assert_eq!(kept.len(), ended.events.len(), "the journal's length");
        ended
    }
}

impl Ended {
    /// Asserts how the run ended.
    pub(crate) fn assert_code(&self, code: i32) {
        let told: String = self
            .events
            .iter()
            .map(|event| &event["kind"])
            .filter(|kind| {
                !matches!(
                    kind["event"].as_str(),
                    Some("task_started" | "undo_recorded" | "host_connected")
                ) && !matches!(
                    kind["result"]["status"].as_str(),
                    Some("ok" | "skipped" | "changed")
                )
            })
            .map(|kind| format!("{kind}\n"))
            .collect();
        assert_eq!(self.code, Some(code), "{}\n{told}", self.errors);
    }

    /// The events of one kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.events
            .iter()
            .map(|event| &event["kind"])
            .filter(|event| event["event"] == kind)
            .collect()
    }

    /// The id of the run.
    pub(crate) fn id(&self) -> &str {
        self.of_kind("run_started")[0]["run"].as_str().unwrap()
    }

    /// The recap's line of a host.
    pub(crate) fn recap(&self, host: &str) -> &Value {
        let finished = self.of_kind("run_finished");
        let recap = &finished.first().expect("the run ended")["recap"];
        let lines = recap.as_array().unwrap();
        lines
            .iter()
            .find(|counts| counts["host"] == host)
            .unwrap_or_else(|| panic!("{host} is not in the recap {recap}"))
    }

    /// All that was said of the tasks that failed on a host.
    pub(crate) fn failure(&self, host: &str) -> String {
        self.of_kind("task_finished")
            .into_iter()
            .filter(|done| done["host"] == host && done["result"]["status"] == "failed")
            .map(|done| format!("{}\n", done["result"]["result"]))
            .collect()
    }

    /// Hosts on which a task of this action changed something, in order.
    pub(crate) fn changed_by(&self, action: &str) -> Vec<&str> {
        let tasks: Vec<&Value> = self
            .of_kind("task_started")
            .into_iter()
            .filter(|task| task["action"] == action)
            .map(|task| &task["task"])
            .collect();
        self.of_kind("task_finished")
            .into_iter()
            .filter(|done| tasks.contains(&&done["task"]) && done["result"]["status"] == "changed")
            .map(|done| done["host"].as_str().unwrap())
            .collect()
    }
}
