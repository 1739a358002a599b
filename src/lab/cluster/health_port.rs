//! The ports at which kube-controller-manager and kube-scheduler say whether they are well: HTTPS, `/healthz`, open to
//! everyone. This file must not know the cluster's objects.

use super::certs::Authority;
use super::state::Shared;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(25);

/// A controller with a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// `kube-controller-manager`, in reality at port 10257.
    ControllerManager,
    /// `kube-scheduler`, in reality at port 10259.
    Scheduler,
}

impl Component {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ControllerManager, Self::Scheduler];

    /// The variable by which roles know the port.
    pub fn variable(self) -> &'static str {
        match self {
            Self::ControllerManager => "kube_controller_manager_port",
            Self::Scheduler => "kube_scheduler_port",
        }
    }
}

/// The port of one controller on one node. Dropping its future ends all of its connections.
pub(super) struct HealthPort {
    node: String,
    component: Component,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
}

impl HealthPort {
    /// Binds a free port on loopback.
    pub(super) async fn bind(
        shared: Arc<Shared>,
        node: &str,
        component: Component,
        authority: &Authority,
    ) -> io::Result<Self> {
        // Real controllers sign a certificate for themselves, which nobody can check either.
        let (certificate, key) = authority.server(node)?;
        let tls = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .map_err(io::Error::other)?;
        Ok(Self {
            node: node.to_owned(),
            component,
            listener: TcpListener::bind(("127.0.0.1", 0)).await?,
            acceptor: TlsAcceptor::from(Arc::new(tls)),
            shared,
        })
    }

    /// Its number.
    pub(super) fn number(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Answers while the controller runs; otherwise connections end at once, as if nothing listened.
    pub(super) async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if self.runs() => {
                    while connections.try_join_next().is_some() {}
                    connections.spawn(converse(self.acceptor.clone(), stream));
                }
                Ok(_) => {}
                // Out of file descriptors, or the client is gone already: neither is helped by spinning.
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn runs(&self) -> bool {
        let seen = self.shared.observe(&self.node).control_plane;
        match self.component {
            Component::ControllerManager => seen.manager_running,
            Component::Scheduler => seen.scheduler_running,
        }
    }
}

async fn converse(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        return;
    };
    // A client that breaks off is no concern of the server's.
    let _ = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let known = matches!(request.uri().path(), "/healthz" | "/livez" | "/readyz");
    let (status, text) = if known {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::NOT_FOUND, "404 page not found")
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}
