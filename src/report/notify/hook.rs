//! One try to bring a notice to a command: it gets the notice on standard input, and has so much time.

use super::webhook::Failure;
use crate::report::text::one_line;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether the command has ended.
const LOOK: Duration = Duration::from_millis(20);
/// How long its last words are waited for: a child that it left running may hold them open for ever.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// So much of what it says on standard error is kept.
const KEPT: usize = 4096;
/// So much of that is told.
const TOLD: usize = 200;

/// Runs `line` with `input`; it is killed with all that it started when `timeout` is over or `given_up` is set.
pub(super) fn run(
    line: &str,
    input: &[u8],
    timeout: Duration,
    given_up: &AtomicBool,
) -> Result<(), Failure> {
    let again = |reason: String| Failure {
        reason,
        is_final: false,
    };
    let mut child = Command::new("sh")
        .args(["-c", line])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A group of its own: a Ctrl-C is for the run, and all of it can be ended.
        .process_group(0)
        .spawn()
        .map_err(|error| again(format!("sh: {error}")))?;
    feed(&mut child, input.to_owned());
    let said = listen(&mut child);
    let Some(status) = ended(&mut child, timeout, given_up) else {
        return Err(again(format!(
            "it did not end within {} s and was ended",
            timeout.as_secs()
        )));
    };
    if status.success() {
        return Ok(());
    }
    let mut reason = status.to_string();
    let words = said.recv_timeout(LAST_WORDS).unwrap_or_default();
    let words = one_line(&String::from_utf8_lossy(&words));
    if !words.is_empty() {
        let words: String = words.chars().take(TOLD).collect();
        reason = format!("{reason}: {words}");
    }
    Err(again(reason))
}

/// Writes beside the command, which need not read.
fn feed(child: &mut Child, input: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        thread::spawn(move || {
            // A command that does not want to know is no failure.
            let _written = stdin.write_all(&input);
        });
    }
}

/// Reads what it says on standard error, all of it, so that it never waits for a reader.
fn listen(child: &mut Child) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    if let Some(mut stderr) = child.stderr.take() {
        thread::spawn(move || {
            let mut kept = Vec::new();
            let _read = stderr.by_ref().take(KEPT as u64).read_to_end(&mut kept);
            let _heard = sender.send(kept);
            let _rest = std::io::copy(&mut stderr, &mut std::io::sink());
        });
    }
    receiver
}

/// Waits until it has ended, or ends it.
fn ended(child: &mut Child, timeout: Duration, given_up: &AtomicBool) -> Option<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if started.elapsed() >= timeout || given_up.load(Ordering::Relaxed) {
            // It may end at this very moment; then there is nobody left to kill.
            let _killed = kill_process_group(Pid::from_child(child), Signal::KILL);
            let _reaped = child.wait();
            return None;
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_it(line: &str, input: &[u8], timeout: Duration) -> Result<(), Failure> {
        run(line, input, timeout, &AtomicBool::new(false))
    }

    #[test]
    fn a_command_gets_the_notice_and_its_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("got");
        let long = Duration::from_mins(1);
        try_it(&format!("cat >{}", path.display()), b"{}", long).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
        // More than a pipe holds, and nobody reads it.
        try_it("true", &vec![b'x'; 1 << 20], long).unwrap();
        let failure = try_it("echo no such room >&2; exit 3", b"", long).unwrap_err();
        assert_eq!(failure.reason, "exit status: 3: no such room");
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("child");
        let line = format!("sleep 600 & echo $! >{}; wait", path.display());
        let failure = try_it(&line, b"", Duration::from_secs(1)).unwrap_err();
        assert_eq!(failure.reason, "it did not end within 1 s and was ended");
        let child = std::fs::read_to_string(&path).unwrap();
        // Gone, or a zombie that nobody has waited for yet.
        let is_gone = || {
            std::fs::read_to_string(format!("/proc/{}/stat", child.trim()))
                .map_or(true, |status| status.contains(") Z "))
        };
        let gone = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            is_gone()
        });
        assert!(gone, "what the command started is still there");
        let given_up = AtomicBool::new(true);
        assert!(run("sleep 600", b"", Duration::from_mins(9), &given_up).is_err());
    }
}
