//! Starting a shell as the login user or as another one.
//!
//! The started command prints a marker on both streams as soon as it runs as the right user. What comes before it is
//! the noise of start-up files, or the words of a program that refuses. A password is written only when it is asked
//! for, so it can never reach a shell as a command, and it is never part of a command line.

use super::process::{Event, Process, Spawn};
use super::scan::{Scan, unguessable_word};
use crate::connection::ConnectionError;
use crate::shell::{Become, Method, quote};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

/// How long a shell may take to start; sudo can wait for slow name services.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A shell that is ready.
pub(super) struct Started {
    pub(super) process: Process,
    /// Its process number on the host.
    pub(super) pid: i64,
}

/// Starts `then`, one line of shell text without single quotes, as the user asked for.
pub(super) async fn start(
    spawn: &dyn Spawn,
    become_user: Option<&Become>,
    then: &str,
) -> Result<Started, ConnectionError> {
    let ready = unguessable_word();
    let prompt = unguessable_word();
    let inner = format!(r#"printf "\n%s %s\n" {ready} $$; printf "\n%s 0\n" {ready} >&2; {then}"#);
    let line = match become_user {
        None => format!("exec {} -c {}", spawn.shell(), quote(&inner)),
        Some(user) => format!("exec {}", user.wrap_prompting(&inner, &prompt)),
    };
    let attempt = async {
        let process = spawn.spawn(&line).await?;
        await_ready(process, Scan::new(&[&ready]), become_user, &prompt).await
    };
    match timeout(START_LIMIT, attempt).await {
        Ok(Ok(started)) => Ok(started),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(match become_user {
            Some(user) => ConnectionError::Become(format!(
                "{} gave no answer within {} s",
                program(user),
                START_LIMIT.as_secs()
            )),
            None => ConnectionError::Unreachable(format!(
                "the host's shell did not start within {} s",
                START_LIMIT.as_secs()
            )),
        }),
    }
    .map_err(|error| match (error, spawn.gone()) {
        (ConnectionError::Become(_) | ConnectionError::Unreachable(_), Some(why)) => {
            ConnectionError::Lost(why)
        }
        (error, _) => error,
    })
}

/// Reads until the marker, answering a password prompt once.
async fn await_ready(
    mut process: Process,
    mut scan: Scan,
    become_user: Option<&Become>,
    prompt: &str,
) -> Result<Started, ConnectionError> {
    let mut answered = false;
    let mut exit = None;
    loop {
        let event = process.events.next().await;
        if let Some(event) = &event {
            exit = exit.or(scan.take(event));
        }
        if scan.is_done() {
            let pid = scan.number();
            return Ok(Started { process, pid });
        }
        let Some(user) = become_user else {
            match event {
                Some(_) => continue,
                None => return Err(shell_did_not_start(&scan, exit)),
            }
        };
        match event {
            None => return Err(refused(user, &scan, prompt, exit, answered)),
            Some(Event::Stderr(_)) => match (prompts(user, &scan, prompt), answered) {
                (0, _) | (1, true) => {}
                (1, false) => {
                    let Some(password) = &user.password else {
                        return Err(ConnectionError::Become(format!(
                            "{} asks for a password, and none is given",
                            program(user)
                        )));
                    };
                    answered = true;
                    // A failed write shows itself as the end of events.
                    if let Some(input) = &mut process.input {
                        let line = format!("{password}\n");
                        drop(input.write_all(line.as_bytes()).await);
                        drop(input.flush().await);
                    }
                }
                _ => {
                    return Err(ConnectionError::Become(format!(
                        "{} rejects the password for becoming {}",
                        program(user),
                        user.user
                    )));
                }
            },
            Some(_) => {}
        }
    }
}

/// How often a password was asked for. Only sudo lets us choose the prompt.
fn prompts(user: &Become, scan: &Scan, prompt: &str) -> usize {
    let text = scan.stderr_so_far();
    match user.method {
        Method::Sudo => text.matches(prompt).count(),
        Method::Su | Method::Doas => text.matches("assword:").count(),
    }
}

fn program(user: &Become) -> &str {
    user.executable.as_deref().unwrap_or(match user.method {
        Method::Sudo => "sudo",
        Method::Su => "su",
        Method::Doas => "doas",
    })
}

/// The error of a program that ended before the shell ran.
fn refused(
    user: &Become,
    scan: &Scan,
    prompt: &str,
    exit: Option<i32>,
    answered: bool,
) -> ConnectionError {
    let program = program(user);
    let words = last_words(&scan.stderr_so_far().replace(prompt, ""))
        .or_else(|| last_words(&scan.stdout_so_far()));
    let said = words.map_or_else(String::new, |words| format!(": {words}"));
    ConnectionError::Become(match exit {
        Some(127) => format!("{program} is not there{said}"),
        _ if answered => format!(
            "{program} rejects the password or the user for becoming {}{said}",
            user.user
        ),
        _ => format!("{program} refuses to become {}{said}", user.user),
    })
}

fn shell_did_not_start(scan: &Scan, exit: Option<i32>) -> ConnectionError {
    let words = last_words(&scan.stderr_so_far()).or_else(|| last_words(&scan.stdout_so_far()));
    let status = exit.map_or_else(String::new, |status| format!(" (exit status {status})"));
    let said = words.map_or_else(String::new, |words| format!(": {words}"));
    ConnectionError::Unreachable(format!("the host starts no shell{status}{said}"))
}

/// The last lines that say something, on one line.
pub(super) fn last_words(text: &str) -> Option<String> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    (!last.is_empty()).then(|| last.join("; "))
}
