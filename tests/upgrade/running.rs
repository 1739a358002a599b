//! Runs with a deadline, and runs that are killed at a moment of the test's choice.
//!
//! A test never measures time. It says how long a run may take at most; one that takes longer is killed with everything
//! that it started, and the test fails.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long a run may take when the test does not say it: far more than any should, on a machine that is busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(150);

/// Runs a command to its end, or kills its process group and fails.
pub(crate) fn within(limit: Duration, mut command: Command) -> Output {
    let said = format!("{command:?}");
    let mut child = started(&mut command);
    let watch = Watch::over(&child, limit);
    let stderr = read(child.stderr.take().unwrap());
    let stdout = read(child.stdout.take().unwrap());
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let status = child.wait().unwrap();
    let output = Output {
        status,
        stdout,
        stderr,
    };
    watch.end(&said, limit, &output);
    output
}

/// Runs a command that says events until one of them is what is waited for, then kills it with SIGKILL, and it alone: what
/// it left running on the lab's hosts goes on. Returns the events up to that moment.
pub(crate) fn killed_at(
    limit: Duration,
    mut command: Command,
    is_the_moment: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let said = format!("{command:?}");
    let mut child = started(&mut command);
    let watch = Watch::over(&child, limit);
    let stderr = read(child.stderr.take().unwrap());
    let mut events = Vec::new();
    let mut came = false;
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let Ok(event) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        came = is_the_moment(&event["kind"]);
        events.push(event);
        if came {
            break;
        }
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    let output = Output {
        status,
        stdout: Vec::new(),
        stderr: stderr.join().unwrap(),
    };
    watch.end(&said, limit, &output);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(came, "the run ended before it was to be killed: {errors}");
    events
}

/// Runs a command to its end, with these signals, one after the other, from the moment on that is waited for.
pub(crate) fn interrupted_at(
    limit: Duration,
    mut command: Command,
    is_the_moment: impl Fn(&Value) -> bool,
    signals: &[Signal],
) -> Output {
    let said = format!("{command:?}");
    let mut child = started(&mut command);
    let process = Pid::from_child(&child);
    let watch = Watch::over(&child, limit);
    let stderr = read(child.stderr.take().unwrap());
    let mut stdout = Vec::new();
    let mut left = signals.iter();
    let mut came = false;
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let event = serde_json::from_str::<Value>(&line).unwrap_or_default();
        let begins = !came && is_the_moment(&event["kind"]);
        came |= begins;
        // The next one comes when the last one was heard: two at once would be one.
        let heard = event["kind"]["event"] == "interrupted";
        if (begins || came && heard)
            && let Some(signal) = left.next()
        {
            kill_process(process, *signal).unwrap();
        }
        stdout.extend_from_slice(line.as_bytes());
        stdout.push(b'\n');
    }
    let status = child.wait().unwrap();
    let output = Output {
        status,
        stdout,
        stderr: stderr.join().unwrap(),
    };
    watch.end(&said, limit, &output);
    assert!(came, "the run ended before it was to be interrupted");
    output
}

/// Runs a command to its end, and does something else in the meantime, from the moment on that is waited for.
pub(crate) fn meanwhile<T>(
    limit: Duration,
    mut command: Command,
    is_the_moment: impl Fn(&Value) -> bool,
    other: impl FnOnce(&[u8]) -> T,
) -> (Output, T) {
    let said = format!("{command:?}");
    let mut child = started(&mut command);
    let watch = Watch::over(&child, limit);
    let stderr = read(child.stderr.take().unwrap());
    let mut stdout = Vec::new();
    let mut other = Some(other);
    let mut done = None;
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        stdout.extend_from_slice(line.as_bytes());
        stdout.push(b'\n');
        let event = serde_json::from_str::<Value>(&line).unwrap_or_default();
        if is_the_moment(&event["kind"])
            && let Some(other) = other.take()
        {
            done = Some(other(&stdout));
        }
    }
    let status = child.wait().unwrap();
    let output = Output {
        status,
        stdout,
        stderr: stderr.join().unwrap(),
    };
    watch.end(&said, limit, &output);
    (output, done.expect("the run ended before its moment came"))
}

fn started(command: &mut Command) -> Child {
    hear_hangups();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// Where the tests themselves are run by `nohup`, they ignore SIGHUP, and so would all that they start. What is heard is
/// set to its default when a program is started.
fn hear_hangups() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let _inside = runtime.enter();
        // The handler stays when the receiver is gone.
        drop(signal(SignalKind::hangup()).unwrap());
    });
}

fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// Kills a process group when its time is over.
struct Watch {
    ended: Sender<()>,
    watching: JoinHandle<bool>,
}

impl Watch {
    fn over(child: &Child, limit: Duration) -> Self {
        let leader = Pid::from_child(child);
        let (ended, news) = channel::<()>();
        let watching = spawn(move || {
            let late = news.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if late {
                // It may end at this very moment; then there is nobody left to kill.
                kill_process_group(leader, Signal::KILL).ok();
            }
            late
        });
        Self { ended, watching }
    }

    fn end(self, said: &str, limit: Duration, output: &Output) {
        self.ended.send(()).ok();
        let late = self.watching.join().unwrap();
        let (text, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(!late, "{said} took longer than {limit:?}: {text}{errors}");
    }
}

#[test]
fn a_run_that_takes_too_long_is_killed_and_fails() {
    let failure = std::panic::catch_unwind(|| {
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; sleep 600 & sleep 600"]);
        within(Duration::from_millis(100), command)
    });
    let message = failure.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("took longer than 100ms"), "{message}");
}

#[test]
fn a_command_is_killed_at_the_event_that_is_waited_for() {
    let mut command = Command::new("sh");
    let script =
        r#"echo '{"kind": {"event": "one"}}'; echo '{"kind": {"event": "two"}}'; exec sleep 600"#;
    command.args(["-c", script]);
    let events = killed_at(DEADLINE, command, |kind| kind["event"] == "two");
    assert_eq!(events.len(), 2);
}
