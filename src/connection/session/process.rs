//! A running process as this room sees it: something to write to, and events.

use crate::connection::ConnectionError;
use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;
use tokio::io::AsyncWrite;

/// What a process says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A piece of standard output.
    Stdout(Bytes),
    /// A piece of standard error.
    Stderr(Bytes),
    /// The process ended; 128 + n when signal n ended it. Output may still follow.
    Exit(i32),
}

/// The events of one process, in order.
#[async_trait]
pub(crate) trait Events: Send {
    /// The next event, or `None` when nothing will come any more. Dropping the future loses nothing.
    async fn next(&mut self) -> Option<Event>;
}

/// A running process. Dropping it closes its channel, or kills it when it runs here.
pub(crate) struct Process {
    /// Its standard input, until it was ended.
    pub(crate) input: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// What it says.
    pub(crate) events: Box<dyn Events>,
}

/// A way to start processes on one host.
#[async_trait]
pub(crate) trait Spawn: Send + Sync + fmt::Debug {
    /// Starts a command line of the login user's shell.
    async fn spawn(&self, command_line: &str) -> Result<Process, ConnectionError>;

    /// The POSIX shell to run scripts with, as shell words.
    fn shell(&self) -> &str;

    /// Why the host is gone, if it is.
    fn gone(&self) -> Option<String>;
}
