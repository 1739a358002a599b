//! Whether a controller on a host is well: its own `/healthz`, over HTTPS through the host's connection.
//!
//! A controller signs its certificate for itself, so it cannot be checked; the way to it is the SSH connection, and it
//! listens on the host's loopback. No credentials are sent.

use super::{ClusterError, Dial, GateError, Progress};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const ANSWER: usize = 64 * 1024;

/// A port that says whether a service is well.
#[derive(Debug, Clone)]
pub struct HealthPort {
    /// The host, by its name in the inventory.
    pub host: String,
    /// Where it listens, as seen from that host.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// The path to ask for, such as `/healthz`.
    pub path: String,
}

/// Waits until the port answers 200, for the settle time on end.
pub async fn gate_health(
    dial: &Arc<dyn Dial>,
    at: &HealthPort,
    limit: Duration,
    settle: Duration,
    progress: &Progress,
) -> Result<(), GateError> {
    let what = format!("{}:{}{} on {}", at.address, at.port, at.path, at.host);
    let until = Instant::now() + limit;
    let mut missing = String::new();
    let mut good_since: Option<Instant> = None;
    loop {
        let lack = match timeout(LOOK_LIMIT, look(dial, at)).await {
            Ok(Ok(())) => {
                if good_since.get_or_insert_with(Instant::now).elapsed() >= settle {
                    return Ok(());
                }
                format!("it is well, but not yet for {} s", settle.as_secs())
            }
            Ok(Err(Failure::Final(error))) => return Err(error.into()),
            Ok(Err(Failure::Now(lack))) => {
                good_since = None;
                lack
            }
            Err(_) => {
                good_since = None;
                "no answer in time".to_owned()
            }
        };
        if lack != missing {
            (progress)(format!("waiting for {what}: {lack}"));
            missing = lack;
        }
        if Instant::now() >= until {
            return Err(GateError::Expired {
                what,
                limit,
                missing: vec![missing],
            });
        }
        sleep(PAUSE.min(until.saturating_duration_since(Instant::now()))).await;
    }
}

/// Why a look did not succeed.
enum Failure {
    /// It may yet.
    Now(String),
    /// Waiting cannot help.
    Final(ClusterError),
}

impl Failure {
    fn now(error: &impl std::fmt::Display) -> Self {
        Self::Now(error.to_string())
    }
}

async fn look(dial: &Arc<dyn Dial>, at: &HealthPort) -> Result<(), Failure> {
    let opened = async {
        let (connection, _) = dial.connection(&at.host).await?;
        connection.tunnel(&at.address, at.port).await
    };
    let stream = opened.await.map_err(|error| {
        let error = ClusterError::from_connection(&at.host, &error);
        if error.is_temporary() {
            Failure::now(&error)
        } else {
            Failure::Final(error)
        }
    })?;
    let name = ServerName::try_from(at.address.clone()).map_err(|_| {
        Failure::Final(ClusterError::Invalid(format!(
            "`{}` is not an address",
            at.address
        )))
    })?;
    let tls = TlsConnector::from(Arc::new(anyone().map_err(|error| Failure::now(&error))?))
        .connect(name, stream)
        .await
        .map_err(|error| Failure::now(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
        .await
        .map_err(|error| Failure::now(&error))?;
    let request = Request::get(&at.path)
        .header(header::HOST, format!("{}:{}", at.address, at.port))
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| {
            Failure::Final(ClusterError::Invalid(format!(
                "`{}` is not a path",
                at.path
            )))
        })?;
    let talk = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER).collect().await;
        let text = body
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        Ok::<_, hyper::Error>((status, String::from_utf8_lossy(&text).into_owned()))
    };
    let (answer, _) = tokio::join!(talk, connection);
    match answer {
        Ok((status, _)) if status.is_success() => Ok(()),
        Ok((status, text)) => {
            let line = text.lines().last().unwrap_or_default();
            Err(Failure::Now(format!("it answers {status}: {line}")))
        }
        Err(error) => Err(Failure::now(&error)),
    }
}

fn anyone() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth())
}

/// Takes any certificate; that whoever shows it has its key is still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
