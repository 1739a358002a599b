//! One connection to a lab host, seen from outside: it can be cut, as if the cable were pulled.
//!
//! This file must not know what runs over the connection.

use futures::task::AtomicWaker;
use russh::ChannelId;
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// What happens to the commands of a connection that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commands {
    /// They end with it.
    End,
    /// They run to their own end, as on a real host whose network fails.
    Complete,
}

/// The state that the socket, the SSH session and the channels of one connection share.
#[derive(Debug, Default)]
pub(super) struct Connection {
    cut: AtomicBool,
    complete: AtomicBool,
    waker: AtomicWaker,
    channels: Mutex<HashMap<ChannelId, watch::Sender<bool>>>,
}

impl Connection {
    /// Ends the connection at once, with nothing said to the client.
    pub(super) fn cut(&self, commands: Commands) {
        if commands == Commands::Complete {
            self.complete.store(true, Ordering::SeqCst);
        }
        self.cut.store(true, Ordering::SeqCst);
        self.waker.wake();
        self.close_channels();
    }

    /// What is to happen to the commands now that the client has gone.
    pub(super) fn commands(&self) -> Commands {
        if self.complete.load(Ordering::SeqCst) {
            Commands::Complete
        } else {
            Commands::End
        }
    }

    /// Registers a channel; the receiver turns true when the channel or the connection closes.
    pub(super) fn open_channel(&self, id: ChannelId) -> watch::Receiver<bool> {
        let (sender, receiver) = watch::channel(self.cut.load(Ordering::SeqCst));
        self.channels().insert(id, sender);
        receiver
    }

    /// The client closed one channel.
    pub(super) fn close_channel(&self, id: ChannelId) {
        if let Some(closed) = self.channels().remove(&id) {
            closed.send_replace(true);
        }
    }

    /// The connection is over for all channels.
    pub(super) fn close_channels(&self) {
        for (_, closed) in self.channels().drain() {
            closed.send_replace(true);
        }
    }

    fn channels(&self) -> std::sync::MutexGuard<'_, HashMap<ChannelId, watch::Sender<bool>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection was cut; if not, the task is woken when it is.
    fn is_cut(&self, context: &Context<'_>) -> bool {
        self.waker.register(context.waker());
        self.cut.load(Ordering::SeqCst)
    }
}

/// A socket that ends with an error once its connection is cut.
pub(super) struct Cuttable {
    socket: TcpStream,
    connection: Arc<Connection>,
}

impl Cuttable {
    /// Puts the socket under the control of the connection.
    pub(super) fn new(socket: TcpStream, connection: Arc<Connection>) -> Self {
        Self { socket, connection }
    }
}

fn cut() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionAborted)
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.connection.is_cut(context) {
            return Poll::Ready(Err(cut()));
        }
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.connection.is_cut(context) {
            return Poll::Ready(Err(cut()));
        }
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
