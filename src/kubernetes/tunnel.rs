//! HTTPS to an API server through an SSH connection's `direct-tcpip` channel.
//!
//! The dialler asks for the host's connection each time, so that a client goes on after an SSH reconnect.
//! This file must not know Kubernetes' objects.

use super::access::Access;
use super::{ClusterError, Dial};
use crate::connection::{ByteStream, ConnectionError};
use http::{HeaderValue, Uri, header, uri};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::Body;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower::Service;

/// How long the tunnel may take to open, an SSH reconnect included.
const DIAL_LIMIT: Duration = Duration::from_secs(30);

/// No stream to the API server; nothing was sent. Its own type, so that it can be found under the HTTP client's errors.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct DialError(pub(super) ConnectionError);

/// Opens streams through `host`.
#[derive(Clone)]
pub(super) struct Dialler {
    dial: Arc<dyn Dial>,
    host: String,
    /// Where to, as seen from the host.
    to: (String, u16),
}

/// A tunnel as hyper wants it.
pub(super) struct Stream(Box<dyn ByteStream>);

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Service<Uri> for Dialler {
    type Response = TokioIo<Stream>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let open = async {
                let (connection, _) = this.dial.connection(&this.host).await?;
                connection.tunnel(&this.to.0, this.to.1).await
            };
            match tokio::time::timeout(DIAL_LIMIT, open).await {
                Ok(Ok(stream)) => Ok(TokioIo::new(Stream(stream))),
                Ok(Err(error)) => Err(DialError(error)),
                Err(_) => Err(DialError(ConnectionError::TimedOut(DIAL_LIMIT))),
            }
        })
    }
}

/// A client of the API server that `access` names, dialled from `host` at `to` or else where the kubeconfig says.
pub(super) fn client(
    dial: Arc<dyn Dial>,
    host: &str,
    access: &Access,
    to: Option<(String, u16)>,
) -> Result<kube::Client, ClusterError> {
    let wrong = |message: String| ClusterError::Configuration {
        host: host.to_owned(),
        message,
    };
    let dialler = Dialler {
        dial,
        host: host.to_owned(),
        to: to.unwrap_or_else(|| (access.server_host.clone(), access.server_port)),
    };
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(8)
        .build::<_, Body>(connector(access, dialler));
    let authority: uri::Authority = access
        .authority()
        .parse()
        .map_err(|_| wrong("the kubeconfig's server is not an address".to_owned()))?;
    let bearer = match &access.token {
        None => None,
        Some(token) => {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| wrong("the kubeconfig's token holds control characters".to_owned()))?;
            value.set_sensitive(true);
            Some(value)
        }
    };
    let service = tower::util::MapRequest::new(http, move |mut request: http::Request<Body>| {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(uri::Scheme::HTTPS);
        parts.authority = Some(authority.clone());
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        if let Some(bearer) = &bearer {
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, bearer.clone());
        }
        request
    });
    Ok(kube::Client::new(service, "default"))
}

fn connector(access: &Access, dialler: Dialler) -> HttpsConnector<Dialler> {
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(access.tls.clone())
        .https_only();
    match &access.tls_name {
        Some(name) => builder
            .with_server_name_resolver(FixedServerNameResolver::new(name.clone()))
            .enable_http1()
            .wrap_connector(dialler),
        None => builder.enable_http1().wrap_connector(dialler),
    }
}
