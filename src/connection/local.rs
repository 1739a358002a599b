//! This machine as a host.
//!
//! It runs commands exactly as SSH hosts do, over a child shell instead of a channel. Tests of modules use it to run
//! their scripts in real shells.

use super::session::{Event, Events, Process, Sessions, Spawn};
use super::{ByteStream, Command, Connection, ConnectionError, Output, Upload};
use crate::shell::join;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdout};

/// Most processes at once.
const SESSIONS: usize = 8;

/// A connection to this machine.
#[derive(Debug)]
pub struct Local {
    sessions: Sessions,
    spawn: Arc<LocalSpawn>,
}

impl Default for Local {
    fn default() -> Self {
        Self::new()
    }
}

impl Local {
    /// With `/bin/sh`.
    pub fn new() -> Self {
        Self::with_shell(&["/bin/sh"])
    }

    /// With another POSIX shell, given as words: `["busybox", "sh"]`.
    pub fn with_shell(words: &[&str]) -> Self {
        let spawn = Arc::new(LocalSpawn {
            shell: join(words.iter().copied()),
            closed: AtomicBool::new(false),
        });
        Self {
            sessions: Sessions::new(spawn.clone(), SESSIONS),
            spawn,
        }
    }
}

#[async_trait]
impl Connection for Local {
    async fn run(&self, command: Command) -> Result<Output, ConnectionError> {
        self.sessions.run(command).await
    }

    async fn upload(&self, upload: Upload) -> Result<(), ConnectionError> {
        self.sessions.upload(upload).await
    }

    async fn tunnel(&self, host: &str, port: u16) -> Result<Box<dyn ByteStream>, ConnectionError> {
        match tokio::net::TcpStream::connect((host, port)).await {
            Ok(stream) => {
                // Small requests must not wait for acknowledgements; a stream that refuses is merely slower.
                drop(stream.set_nodelay(true));
                Ok(Box::new(stream))
            }
            Err(error) => Err(ConnectionError::TunnelEnd(format!(
                "{host}:{port}: {error}"
            ))),
        }
    }

    fn is_closed(&self) -> bool {
        self.spawn.closed.load(Ordering::Acquire)
    }

    async fn close(&self) {
        // Commands are ended through a shell of its own, so it is not closed before.
        self.sessions.close().await;
        self.spawn.closed.store(true, Ordering::Release);
    }
}

#[derive(Debug)]
struct LocalSpawn {
    shell: String,
    closed: AtomicBool,
}

#[async_trait]
impl Spawn for LocalSpawn {
    async fn spawn(&self, command_line: &str) -> Result<Process, ConnectionError> {
        let failed = |error: io::Error| {
            ConnectionError::Unreachable(format!("cannot start a shell on this machine: {error}"))
        };
        let mut child = tokio::process::Command::new("/bin/sh")
            .args(["-c", command_line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // An interrupt from the terminal is for the program, which decides what becomes of its hosts.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let input = child.stdin.take().ok_or_else(|| failed(no_pipe()))?;
        let events = LocalEvents {
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            buffers: [BytesMut::new(), BytesMut::new()],
            child,
            exited: false,
        };
        Ok(Process {
            input: Some(Box::new(input)),
            events: Box::new(events),
        })
    }

    fn shell(&self) -> &str {
        &self.shell
    }

    fn gone(&self) -> Option<String> {
        let closed = self.closed.load(Ordering::Acquire);
        closed.then(|| "the connection was closed here".to_owned())
    }
}

fn no_pipe() -> io::Error {
    io::Error::other("it has no standard input")
}

struct LocalEvents {
    child: Child,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    buffers: [BytesMut; 2],
    exited: bool,
}

#[async_trait]
impl Events for LocalEvents {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.exited && self.stdout.is_none() && self.stderr.is_none() {
                return None;
            }
            let [out, err] = &mut self.buffers;
            tokio::select! {
                data = read(&mut self.stdout, out), if self.stdout.is_some() => match data {
                    Some(data) => return Some(Event::Stdout(data)),
                    None => self.stdout = None,
                },
                data = read(&mut self.stderr, err), if self.stderr.is_some() => match data {
                    Some(data) => return Some(Event::Stderr(data)),
                    None => self.stderr = None,
                },
                status = self.child.wait(), if !self.exited => {
                    self.exited = true;
                    let status = status.map_or(-1, |status| {
                        status.code().or_else(|| status.signal().map(|n| 128 + n)).unwrap_or(-1)
                    });
                    return Some(Event::Exit(status));
                }
            }
        }
    }
}

/// The next piece, or `None` at the end.
async fn read(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &mut BytesMut) -> Option<Bytes> {
    buffer.reserve(32 * 1024);
    match stream.as_mut()?.read_buf(buffer).await {
        Ok(length) if length > 0 => Some(buffer.split().freeze()),
        _ => None,
    }
}
