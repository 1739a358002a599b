//! A session channel: one command with its three streams and its exit status.
//!
//! A command ends when its channel or connection closes. Back-pressure works both ways: a command that does not read
//! stops the client, and a client that does not read stops the command. This file must not know what commands do.

use super::connection::{Commands, Connection};
use super::process::Group;
use super::server::ServedHost;
use crate::lab::fault::Fault;
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, Sig};
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::sync::watch;

/// The number of the stream that carries standard error (RFC 4254, 5.2).
const STDERR: u32 = 1;
/// First size of a stream's buffer; most commands write little, and a lab has many of them.
const SMALL: usize = 2 * 1024;
/// The size that a busy stream's buffer grows to.
const LARGE: usize = 32 * 1024;
/// What the start of a shell takes on a host that is slow with it.
const SLOW_START: Duration = Duration::from_secs(1);
/// How long the end of a command waits for output that its children still hold open.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);

/// Everything that one channel needs.
pub(super) struct SessionChannel {
    /// The channel.
    pub(super) channel: Channel<Msg>,
    /// The session it belongs to.
    pub(super) session: Handle,
    /// The host.
    pub(super) host: Arc<ServedHost>,
    /// The connection.
    pub(super) connection: Arc<Connection>,
    /// Turns true when the channel or the connection closes.
    pub(super) closed: watch::Receiver<bool>,
}

impl SessionChannel {
    /// Waits for a command, then runs it.
    pub(super) async fn serve(mut self) {
        let line = loop {
            match self.channel.wait().await {
                Some(ChannelMsg::Exec { command, .. }) => break Some(command),
                Some(ChannelMsg::RequestShell { .. }) => break None,
                Some(ChannelMsg::Close) | None => return,
                Some(_) => {}
            }
        };
        if self.host.has(Fault::SlowShell) {
            tokio::time::sleep(SLOW_START).await;
        }
        match self.host.start(line.as_deref()) {
            Ok(child) => self.run(child).await,
            Err(error) => self.refuse(&format!("/bin/sh: {error}\n")).await,
        }
    }

    /// Answers as a shell does whose command could not be started.
    async fn refuse(self, message: &str) {
        let id = self.channel.id();
        let message = message.to_owned().into_bytes();
        self.session.extended_data(id, STDERR, message).await.ok();
        self.session.exit_status_request(id, 126).await.ok();
        self.session.close(id).await.ok();
    }

    async fn run(self, mut child: Child) {
        let group = Group::of(&child);
        let (messages, output) = self.channel.split();
        let stdin = child.stdin.take();
        let pump_out = pump(child.stdout.take(), output.make_writer(), &self.closed);
        let pump_err = pump(
            child.stderr.take(),
            output.make_writer_ext(Some(STDERR)),
            &self.closed,
        );
        let pumps = async {
            tokio::join!(pump_out, pump_err);
        };
        let session = &self.session;
        let mut talk = pin!(talk(&mut child, pumps, &group, session, output.id()));
        tokio::select! {
            () = &mut talk => return,
            () = feed(messages, stdin, &group, self.closed.clone()) => {}
        }
        if self.connection.commands() == Commands::Complete {
            talk.await;
        }
        // Otherwise the group goes out of scope here, and its processes with it.
    }
}

/// Waits for the command's end and reports it after its output.
async fn talk(
    child: &mut Child,
    pumps: impl Future<Output = ()>,
    group: &Group,
    session: &Handle,
    id: ChannelId,
) {
    let mut pumps = pin!(pumps);
    let mut drained = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = &mut pumps, if !drained => drained = true,
        }
    };
    group.ended();
    if !drained {
        drained = tokio::time::timeout(OUTPUT_GRACE, &mut pumps).await.is_ok();
    }
    // A client that has gone makes these fail; then nobody is interested.
    if let Ok(status) = status {
        report(session, id, status).await;
    }
    if !drained {
        // Something in the background keeps the streams open: the channel stays, as it does with sshd.
        pumps.await;
    }
    session.eof(id).await.ok();
    session.close(id).await.ok();
}

async fn report(session: &Handle, id: ChannelId, status: ExitStatus) {
    if let Some(code) = status.code() {
        let code = u32::try_from(code).unwrap_or(u32::MAX);
        session.exit_status_request(id, code).await.ok();
    } else {
        let name = signal_name(status.signal().unwrap_or_default());
        let (message, language) = (String::new(), String::new());
        session
            .exit_signal_request(id, name, status.core_dumped(), message, language)
            .await
            .ok();
    }
}

/// Hands the client's data to the command until the channel closes.
async fn feed(
    mut messages: ChannelReadHalf,
    mut stdin: Option<ChildStdin>,
    group: &Group,
    mut closed: watch::Receiver<bool>,
) {
    loop {
        let message = tokio::select! {
            message = messages.wait() => message,
            _ = closed.wait_for(|closed| *closed) => return,
        };
        match message {
            Some(ChannelMsg::Data { data }) => {
                let Some(pipe) = &mut stdin else { continue };
                let written = tokio::select! {
                    written = pipe.write_all(&data) => written,
                    _ = closed.wait_for(|closed| *closed) => return,
                };
                if written.is_err() {
                    // The command does not want more; what still comes is thrown away.
                    stdin = None;
                }
            }
            Some(ChannelMsg::Eof) => stdin = None,
            Some(ChannelMsg::Signal { signal }) => {
                if let Some(signal) = signal_number(&signal) {
                    group.signal(signal);
                }
            }
            Some(ChannelMsg::Close) | None => return,
            Some(_) => {}
        }
    }
}

/// Copies one output stream to the client. When the client has gone, the rest is read and thrown away, so that a
/// command that is allowed to complete is not stopped by a full pipe.
async fn pump(
    source: Option<impl AsyncRead + Unpin>,
    target: impl AsyncWrite,
    closed: &watch::Receiver<bool>,
) {
    let Some(mut source) = source else { return };
    let mut target = pin!(target);
    let mut closed = closed.clone();
    let mut gone = false;
    let mut buffer = vec![0; SMALL];
    loop {
        let count = match source.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        if !gone {
            tokio::select! {
                written = target.write_all(&buffer[..count]) => gone = written.is_err(),
                _ = closed.wait_for(|closed| *closed) => gone = true,
            }
        }
        if count == buffer.len() && count < LARGE {
            buffer.resize(count * 4, 0);
        }
    }
}

fn signal_number(signal: &Sig) -> Option<Signal> {
    Some(match signal {
        Sig::ABRT => Signal::ABORT,
        Sig::ALRM => Signal::ALARM,
        Sig::HUP => Signal::HUP,
        Sig::INT => Signal::INT,
        Sig::KILL => Signal::KILL,
        Sig::PIPE => Signal::PIPE,
        Sig::QUIT => Signal::QUIT,
        Sig::TERM => Signal::TERM,
        Sig::USR1 => Signal::USR1,
        Sig::FPE | Sig::ILL | Sig::SEGV | Sig::Custom(_) => return None,
    })
}

fn signal_name(number: i32) -> Sig {
    let known = [
        Sig::ABRT,
        Sig::ALRM,
        Sig::HUP,
        Sig::INT,
        Sig::KILL,
        Sig::PIPE,
        Sig::QUIT,
        Sig::TERM,
        Sig::USR1,
    ];
    known
        .into_iter()
        .find(|signal| signal_number(signal).is_some_and(|signal| signal.as_raw() == number))
        .unwrap_or_else(|| Sig::Custom(format!("{number}@windlass")))
}
