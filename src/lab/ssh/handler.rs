//! What one SSH session is answered: key login, commands, and tunnels to the lab's own API servers.
//!
//! This file must not know processes.

use super::channel::SessionChannel;
use super::connection::Connection;
use super::server::{ServedHost, USER};
use crate::lab::fault::Fault;
use russh::keys::PublicKey;
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty};
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::TcpStream;

/// The answers of one host on one connection.
pub(super) struct Answers {
    host: Arc<ServedHost>,
    connection: Arc<Connection>,
}

impl Answers {
    /// Answers for `host` on `connection`.
    pub(super) fn new(host: Arc<ServedHost>, connection: Arc<Connection>) -> Self {
        Self { host, connection }
    }

    fn judge(&self, user: &str, key: &PublicKey) -> Auth {
        if user == USER && key.key_data() == self.host.shared.client_key.key_data() {
            Auth::Accept
        } else {
            Auth::reject()
        }
    }

    /// The port to connect to, when the tunnel leads to an API server of this lab.
    fn tunnel_port(&self, host: &str, port: u32) -> Option<u16> {
        let port = u16::try_from(port).ok()?;
        let loopback = ["127.0.0.1", "localhost", "::1"].contains(&host);
        let allowed = self.host.shared.may_forward(port) && !self.host.has(Fault::RefuseForwarding);
        (loopback && allowed).then_some(port)
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.connection.close_channels();
    }
}

impl Handler for Answers {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.judge(user, offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.judge(user, key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let closed = self.connection.open_channel(channel.id());
        reply.accept().await;
        let channel = SessionChannel {
            channel,
            session: session.handle(),
            host: Arc::clone(&self.host),
            connection: Arc::clone(&self.connection),
            closed,
        };
        tokio::spawn(channel.serve());
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host_to_connect: &str,
        port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(port) = self.tunnel_port(host_to_connect, port_to_connect) else {
            reply
                .reject(ChannelOpenFailure::AdministrativelyProhibited)
                .await;
            return Ok(());
        };
        tokio::spawn(async move {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                Ok(mut target) => {
                    target.set_nodelay(true).ok();
                    reply.accept().await;
                    let mut source = channel.into_stream();
                    // Either end may break off at any time; both notice.
                    tokio::io::copy_bidirectional(&mut source, &mut target)
                        .await
                        .ok();
                }
                Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
            }
        });
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.connection.close_channel(channel);
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        _variable_name: &str,
        _variable_value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single_connection: bool,
        _x11_auth_protocol: &str,
        _x11_auth_cookie: &str,
        _x11_screen_number: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn agent_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<bool, Self::Error> {
        session.channel_failure(channel)?;
        Ok(false)
    }
}
