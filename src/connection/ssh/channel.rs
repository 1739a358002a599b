//! SSH channels as processes and as streams.

use super::client::{Client, Notes};
use crate::connection::ConnectionError;
use crate::connection::session::{Event, Events, Process, Spawn};
use async_trait::async_trait;
use bytes::Bytes;
use russh::client::{Handle, Msg};
use russh::{
    ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelStream, ChannelWriteHalf, Sig,
};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

/// How long the server may take to open a channel, which it does by itself.
const OPEN_LIMIT: Duration = Duration::from_secs(30);

/// How long a tunnel's far end may take to answer.
const TUNNEL_LIMIT: Duration = Duration::from_secs(30);

/// A logged-in connection and how it ended.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) handle: Arc<Handle<Client>>,
    pub(super) notes: Notes,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

impl Link {
    /// Why the connection is gone, if it is.
    pub(super) fn gone(&self) -> Option<String> {
        self.handle.is_closed().then(|| {
            let why = self.notes.end();
            why.unwrap_or_else(|| "the SSH connection is gone".to_owned())
        })
    }

    fn lost(&self, error: &russh::Error) -> ConnectionError {
        let why = self.gone().or_else(|| self.notes.end());
        ConnectionError::Lost(why.unwrap_or_else(|| error.to_string().to_lowercase()))
    }

    /// A stream to `host:port` as seen from the far side.
    pub(super) async fn tunnel(&self, host: &str, port: u16) -> Result<Tunnel, ConnectionError> {
        let opening = self
            .handle
            .channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0);
        match timeout(TUNNEL_LIMIT, opening).await {
            Ok(Ok(channel)) => Ok(Tunnel {
                stream: channel.into_stream(),
                link: self.clone(),
            }),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => Err(match reason {
                ChannelOpenFailure::AdministrativelyProhibited
                | ChannelOpenFailure::UnknownChannelType => {
                    ConnectionError::ForwardingRefused(reason.description().to_lowercase())
                }
                reason => ConnectionError::TunnelEnd(format!(
                    "{host}:{port}: {}",
                    reason.description().to_lowercase()
                )),
            }),
            Ok(Err(error)) => Err(self.lost(&error)),
            Err(_) => Err(ConnectionError::TunnelEnd(format!(
                "{host}:{port}: no answer within {} s",
                TUNNEL_LIMIT.as_secs()
            ))),
        }
    }
}

/// Starts processes through exec channels.
#[derive(Debug)]
pub(super) struct SshSpawn(pub(super) Link);

#[async_trait]
impl Spawn for SshSpawn {
    async fn spawn(&self, command_line: &str) -> Result<Process, ConnectionError> {
        let link = &self.0;
        let opening = async {
            let channel = link.handle.channel_open_session().await?;
            channel.exec(true, command_line).await?;
            Ok(channel)
        };
        let channel = match timeout(OPEN_LIMIT, opening).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                return Err(ConnectionError::Unsupported(format!(
                    "the SSH server opens no session (is MaxSessions too low?): {}",
                    reason.description().to_lowercase()
                )));
            }
            Ok(Err(error)) => return Err(link.lost(&error)),
            Err(_) => {
                return Err(ConnectionError::Unreachable(format!(
                    "the SSH server opened no session within {} s",
                    OPEN_LIMIT.as_secs()
                )));
            }
        };
        let (read, write) = channel.split();
        Ok(Process {
            input: Some(Box::new(write.make_writer())),
            events: Box::new(ChannelEvents {
                read,
                write: Some(write),
            }),
        })
    }

    fn shell(&self) -> &'static str {
        "/bin/sh"
    }

    fn gone(&self) -> Option<String> {
        self.0.gone()
    }
}

struct ChannelEvents {
    read: ChannelReadHalf,
    /// Taken when the channel is closed.
    write: Option<ChannelWriteHalf<Msg>>,
}

#[async_trait]
impl Events for ChannelEvents {
    async fn next(&mut self) -> Option<Event> {
        loop {
            return Some(match self.read.wait().await? {
                ChannelMsg::Data { data } => Event::Stdout(data),
                ChannelMsg::ExtendedData { data, .. } => Event::Stderr(data),
                // An exit status can come after the end of output, so that end alone says nothing.
                ChannelMsg::ExitStatus { exit_status } => {
                    Event::Exit(i32::try_from(exit_status).unwrap_or(-1))
                }
                ChannelMsg::ExitSignal { signal_name, .. } => {
                    Event::Exit(128 + signal_number(&signal_name))
                }
                ChannelMsg::Failure => Event::Stderr(Bytes::from_static(
                    b"the SSH server refuses to run commands\n",
                )),
                ChannelMsg::Close => return None,
                _ => continue,
            });
        }
    }
}

impl Drop for ChannelEvents {
    /// An open channel would keep its place among the server's sessions.
    fn drop(&mut self) {
        if let (Some(write), Ok(runtime)) =
            (self.write.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move { write.close().await });
        }
    }
}

/// Signals that SSH names; others count as 0.
fn signal_number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(_) => 0,
    }
}

/// A forwarded stream. russh shows a dead connection as the end of the stream; here it is an error.
pub(super) struct Tunnel {
    stream: ChannelStream<Msg>,
    link: Link,
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() == before && buffer.remaining() > 0 {
            if let Some(why) = self.link.gone() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, why)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if data.is_empty() {
            // russh takes an empty write for an error.
            return Poll::Ready(Ok(0));
        }
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
