//! Who a client is: the certificate it showed, judged after the handshake.
//!
//! A real API server lets any certificate through the TLS handshake and answers 401 to one it does not know. rustls
//! would end the handshake instead, so the verifier here lets it pass and [`Clients::who`] asks the real one later.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use std::io;
use std::sync::Arc;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A certificate of the cluster's authority: the only one that it gives out is the administrator's.
    Admin,
    /// No credentials at all; such a client may see versions and health.
    Anonymous,
    /// Credentials that the server does not know.
    Unknown,
}

/// Knows which client certificates the cluster's authority has signed.
#[derive(Clone, Debug)]
pub(super) struct Clients(Arc<dyn ClientCertVerifier>);

impl Clients {
    pub(super) fn new(authority: CertificateDer<'static>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(authority).map_err(io::Error::other)?;
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self(verifier))
    }

    /// The verifier for the handshake.
    pub(super) fn handshake(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::new(LetPass(self.0.clone()))
    }

    /// Who showed this chain.
    pub(super) fn who(&self, chain: Option<&[CertificateDer<'_>]>) -> Who {
        let Some([leaf, between @ ..]) = chain else {
            return Who::Anonymous;
        };
        match self.0.verify_client_cert(leaf, between, UnixTime::now()) {
            Ok(_) => Who::Admin,
            Err(_) => Who::Unknown,
        }
    }
}

#[derive(Debug)]
struct LetPass(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for LetPass {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
