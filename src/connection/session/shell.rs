//! A long-lived shell on a host, and commands that run beside it.
//!
//! A task owns the shell's process and always reads it: a daemon that an earlier command left behind may go on
//! writing, and an unread SSH channel would stop the whole connection.

use super::frame::Frame;
use super::process::{Process, Spawn};
use super::scan::Scan;
use super::start::start;
use crate::connection::{ConnectionError, Output};
use crate::shell::Become;
use bytes::Bytes;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{mpsc, oneshot};

/// How long output may still come after a process ended, before the output is given up.
const AFTER_EXIT: Duration = Duration::from_secs(1);

/// The process ended, or the connection did, before the command's end was seen.
#[derive(Debug)]
pub(super) struct Gone {
    /// The exit status, when the process ended and not the connection.
    pub(super) exit: Option<i32>,
}

struct Request {
    frame: Frame,
    reply: oneshot::Sender<Result<Output, Gone>>,
}

/// A shell that runs one framed command after the other. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Shell {
    requests: mpsc::Sender<Request>,
    pid: i64,
}

impl Shell {
    /// Starts a shell as the user asked for.
    pub(super) async fn start(
        spawn: &dyn Spawn,
        become_user: Option<&Become>,
    ) -> Result<Self, ConnectionError> {
        let started = start(spawn, become_user, &format!("exec {}", spawn.shell())).await?;
        let (requests, receiver) = mpsc::channel(1);
        tokio::spawn(serve(started.process, receiver));
        Ok(Self {
            requests,
            pid: started.pid,
        })
    }

    /// Its process number on the host.
    pub(super) fn pid(&self) -> i64 {
        self.pid
    }

    /// Whether it can take another command.
    pub(super) fn is_alive(&self) -> bool {
        !self.requests.is_closed()
    }

    /// Runs one command. When this future is dropped, the shell ends.
    pub(super) async fn run(&self, frame: Frame) -> Result<Output, Gone> {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(Request { frame, reply }).await.is_err() {
            return Err(Gone { exit: None });
        }
        answer.await.unwrap_or(Err(Gone { exit: None }))
    }
}

/// Owns the shell until it ends, a command fails to end, or nobody wants it any more.
async fn serve(mut process: Process, mut requests: mpsc::Receiver<Request>) {
    loop {
        let request = tokio::select! {
            // What comes between commands belongs to no command.
            event = process.events.next() => match event {
                Some(_) => continue,
                None => return,
            },
            request = requests.recv() => request,
        };
        let Some(Request { frame, mut reply }) = request else {
            return;
        };
        let result = tokio::select! {
            result = exchange(&mut process, frame.text().as_bytes(), None, frame.scan()) => result,
            () = reply.closed() => return,
        };
        let over = result.is_err();
        if reply.send(result).is_err() || over {
            return;
        }
    }
}

/// Starts a process for one command with a lot of input, and gives it with its number on the host.
pub(super) async fn start_single(
    spawn: &dyn Spawn,
    become_user: Option<&Become>,
) -> Result<(Process, i64), ConnectionError> {
    // `read` takes byte by byte, so the input that follows is left for the script. The script is no argument: it
    // cannot be seen in the host's list of processes and may be longer than an argument.
    let then = r#"IFS= read -r s; s=$(printf "$s."); eval "${s%.}""#;
    let started = start(spawn, become_user, then).await?;
    Ok((started.process, started.pid))
}

/// Runs one command with `input` in a process of its own.
pub(super) async fn run_single(
    process: &mut Process,
    frame: &Frame,
    input: &Bytes,
) -> Result<Output, Gone> {
    exchange(process, frame.line().as_bytes(), Some(input), frame.scan()).await
}

/// Writes and reads at once until both end markers were seen.
async fn exchange(
    process: &mut Process,
    text: &[u8],
    rest: Option<&Bytes>,
    mut scan: Scan,
) -> Result<Output, Gone> {
    let Process { input, events } = process;
    let writing = async {
        let Some(writer) = input.as_mut() else {
            return Ok(());
        };
        writer.write_all(text).await?;
        if let Some(rest) = rest {
            writer.write_all(rest).await?;
            // A channel's end is a message, a pipe's end is that nobody holds it.
            writer.shutdown().await?;
            *input = None;
            return Ok(());
        }
        writer.flush().await
    };
    tokio::pin!(writing);
    let mut written = false;
    let mut exit = None;
    while !scan.is_done() {
        tokio::select! {
            // A script may end before it has read everything; a dead host shows itself as the end of events.
            _ = &mut writing, if !written => written = true,
            event = events.next() => match event {
                Some(event) => exit = exit.or(scan.take(&event)),
                None => return Err(Gone { exit }),
            },
            () = tokio::time::sleep(AFTER_EXIT), if exit.is_some() => return Err(Gone { exit }),
        }
    }
    let status = i32::try_from(scan.number()).unwrap_or(-1);
    let (stdout, stderr) = scan.into_outputs();
    Ok(Output {
        status,
        stdout: stdout.into(),
        stderr: stderr.into(),
    })
}
