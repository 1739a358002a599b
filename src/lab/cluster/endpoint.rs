//! The TLS endpoint of one control-plane node: accepting, and falling silent when its API server is not running.

use super::certs::Authority;
use super::identity::Clients;
use super::server;
use super::state::Shared;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How often a living API server is looked after. Connections end within this time after it has died.
const LOOK: Duration = Duration::from_millis(25);
/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// One endpoint. Dropping its future ends all of its connections.
pub(super) struct Endpoint {
    node: String,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    clients: Clients,
    shared: Arc<Shared>,
}

impl Endpoint {
    /// Binds a free port on loopback.
    pub(super) async fn bind(
        shared: Arc<Shared>,
        node: &str,
        authority: &Authority,
    ) -> io::Result<Self> {
        let clients = Clients::new(authority.certificate()?)?;
        let (certificate, key) = authority.server(node)?;
        let mut tls =
            rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(io::Error::other)?
                .with_client_cert_verifier(clients.handshake())
                .with_single_cert(vec![certificate], key)
                .map_err(io::Error::other)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            node: node.to_owned(),
            listener: TcpListener::bind(("127.0.0.1", 0)).await?,
            acceptor: TlsAcceptor::from(Arc::new(tls)),
            clients,
            shared,
        })
    }

    pub(super) fn address(&self) -> io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped.
    pub(super) async fn serve(self) {
        let endpoint = Arc::new(self);
        let mut connections = JoinSet::new();
        let (alive, _) = watch::channel(true);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick(), if !connections.is_empty() => {
                    endpoint.look(&alive);
                    while connections.try_join_next().is_some() {}
                }
                accepted = endpoint.listener.accept() => match accepted {
                    // Dropped at once: to the client it looks as if nothing listened.
                    Ok((stream, _)) if endpoint.look(&alive) => {
                        connections.spawn(endpoint.clone().connection(stream, alive.subscribe()));
                    }
                    Ok(_) => {}
                    // Out of file descriptors, or the client is gone already: neither is helped by spinning.
                    Err(_) => tokio::time::sleep(LOOK).await,
                }
            }
        }
    }

    /// Whether this node's API server runs; ends all connections when it has stopped.
    fn look(&self, alive: &watch::Sender<bool>) -> bool {
        let running = self.shared.observe(&self.node).api_running;
        alive.send_if_modified(|alive| std::mem::replace(alive, running) != running);
        running
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, mut alive: watch::Receiver<bool>) {
        tokio::select! {
            () = self.converse(stream) => {}
            _ = alive.wait_for(|alive| !alive) => {}
        }
    }

    async fn converse(&self, stream: TcpStream) {
        // A client that breaks off is no concern of the server's.
        let _ = stream.set_nodelay(true);
        let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream)).await
        else {
            return;
        };
        let who = self.clients.who(stream.get_ref().1.peer_certificates());
        let service = service_fn(|request| async move {
            Ok::<_, std::convert::Infallible>(
                server::respond(&self.shared, &self.node, who, request).await,
            )
        });
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }
}
