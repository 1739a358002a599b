//! What every connection can do.

use crate::shell::Become;
use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// A command for a host's POSIX shell.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// The script, run by `/bin/sh` in a subshell of its own: `exit`, `cd`, `umask` and variables stay inside it.
    pub script: String,
    /// What the script reads; nothing (`/dev/null`) without it. It never becomes part of a command line.
    pub stdin: Option<Bytes>,
    /// Whom to become first.
    pub become_user: Option<Become>,
    /// After this long the command is ended on the host and the answer is `TimedOut`.
    pub timeout: Option<Duration>,
}

impl Command {
    /// A script with no input, as the login user, without a limit.
    pub fn new(script: impl Into<String>) -> Self {
        Self {
            script: script.into(),
            ..Self::default()
        }
    }
}

/// What a command left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 + n when signal n ended it.
    pub status: i32,
    /// All of standard output.
    pub stdout: Bytes,
    /// All of standard error.
    pub stderr: Bytes,
}

impl Output {
    /// A command that did well and printed this.
    pub fn success(stdout: impl Into<Bytes>) -> Self {
        Self {
            stdout: stdout.into(),
            ..Self::default()
        }
    }

    /// A command that failed and said this on standard error.
    pub fn failure(status: i32, stderr: impl Into<Bytes>) -> Self {
        Self {
            status,
            stdout: Bytes::new(),
            stderr: stderr.into(),
        }
    }

    /// Standard output as text, bad UTF-8 replaced.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text, bad UTF-8 replaced.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// An absolute path on a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemotePath(String);

impl RemotePath {
    /// Takes any text; the host judges it.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Owner, group and mode that a file is to have; what is `None` is left to the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// User name or number.
    pub owner: Option<String>,
    /// Group name or number.
    pub group: Option<String>,
    /// As `chmod` takes it: octal digits or symbolic.
    pub mode: Option<String>,
}

/// Bytes for a new file on a host. The file appears whole, with its checksum verified there, or not at all.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The bytes, shared by all hosts that get them.
    pub content: Bytes,
    /// Lower-case hex SHA-256 of `content`.
    pub sha256: String,
    /// Where the file goes. Its folder must exist.
    pub path: RemotePath,
    /// Applied before the file appears under its name.
    pub attributes: Attributes,
    /// Whom to become first.
    pub become_user: Option<Become>,
}

/// A stream to a port that the host reaches.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A host that commands can be run on.
#[async_trait]
pub trait Connection: Send + Sync + fmt::Debug {
    /// Runs a command to its end; when the future is dropped before, it is ended on the host, with all that it started. A command that fails is an `Output` with its status, not an error.
    async fn run(&self, command: Command) -> Result<Output, ConnectionError>;

    /// Puts a file in place atomically: written beside its place, verified, then renamed.
    async fn upload(&self, upload: Upload) -> Result<(), ConnectionError>;

    /// Opens a stream to `host:port` as seen from the host (SSH `direct-tcpip`).
    async fn tunnel(&self, host: &str, port: u16) -> Result<Box<dyn ByteStream>, ConnectionError>;

    /// Whether the connection is known to be gone.
    fn is_closed(&self) -> bool;

    /// Ends the connection. Commands that nobody waits for any more are ended on the host first; others end as `Lost`.
    async fn close(&self);
}

/// Why a host gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectionError {
    /// No connection could be made; nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// The host's key is not the one that is known, or none is known.
    #[error("{0}")]
    HostKey(String),
    /// No way to log in was accepted.
    #[error("{0}")]
    Authentication(String),
    /// The connection was lost after the command was sent: what became of it is unknown.
    #[error("connection lost: {0}")]
    Lost(String),
    /// The command did not end in time and was ended.
    #[error("timed out after {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The host refuses to become the user that was asked for.
    #[error("{0}")]
    Become(String),
    /// The server refuses to forward connections.
    #[error("the SSH server refuses forwarding: {0}")]
    ForwardingRefused(String),
    /// A tunnel's far end does not answer.
    #[error("nothing answers behind the tunnel: {0}")]
    TunnelEnd(String),
    /// An upload did not arrive whole; the old file is untouched.
    #[error("{0}")]
    Upload(String),
    /// This kind of connection cannot do that.
    #[error("{0}")]
    Unsupported(String),
}

impl ConnectionError {
    /// Whether the host, rather than the command, is the trouble: Ansible's `unreachable`.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::HostKey(_) | Self::Authentication(_) | Self::Lost(_)
        )
    }
}
