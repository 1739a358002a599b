//! From a host's kubeconfig to what a TLS client needs.
//!
//! Keys live in rustls' own types from here on. Nothing here has `Debug`, and no error quotes a file's content.

use super::kubeconfig::{Identity, Kubeconfig, Material};
use super::{ClusterError, Dial};
use crate::connection::Command;
use crate::shell::quote;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// How long one file may take to be read.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// Where an API server is and how to prove who we are.
pub(super) struct Access {
    /// Host of the kubeconfig's `server`, without brackets.
    pub(super) server_host: String,
    /// Its port.
    pub(super) server_port: u16,
    /// The name to verify instead of the server's.
    pub(super) tls_name: Option<ServerName<'static>>,
    /// Trusts the kubeconfig's CA and nothing else.
    pub(super) tls: ClientConfig,
    /// Bearer token, where there is no client certificate.
    pub(super) token: Option<String>,
}

impl Access {
    /// `host:port` as it stands in a URL.
    pub(super) fn authority(&self) -> String {
        if self.server_host.contains(':') {
            format!("[{}]:{}", self.server_host, self.server_port)
        } else {
            format!("{}:{}", self.server_host, self.server_port)
        }
    }

    /// Reads `kubeconfig`, and the files it points to, on `host` as the user that the host's become names.
    pub(super) async fn read(
        dial: &dyn Dial,
        host: &str,
        kubeconfig: &str,
    ) -> Result<Self, ClusterError> {
        let reader = Reader {
            dial,
            host,
            kubeconfig,
        };
        let text = reader.file(kubeconfig).await?;
        let text = std::str::from_utf8(&text).map_err(|_| reader.wrong("it is not UTF-8"))?;
        let parsed = Kubeconfig::parse(text).map_err(|error| reader.wrong(&error.to_string()))?;
        let uri: http::Uri = parsed
            .server
            .parse()
            .map_err(|_| reader.wrong("its server is not a URL"))?;
        let server_host = uri
            .host()
            .ok_or_else(|| reader.wrong("its server is not a URL"))?
            .trim_matches(['[', ']'])
            .to_owned();
        if !matches!(uri.path(), "" | "/") {
            return Err(reader.wrong("its server has a path, which is not supported"));
        }
        let tls_name = match parsed.tls_server_name {
            None => None,
            Some(name) => Some(
                ServerName::try_from(name)
                    .map_err(|_| reader.wrong("its tls-server-name is not a name"))?,
            ),
        };
        let roots = reader.bytes(&parsed.authority).await?;
        let (tls, token) = reader.identity(&roots, &parsed.identity).await?;
        Ok(Self {
            server_host,
            server_port: uri.port_u16().unwrap_or(443),
            tls_name,
            tls,
            token,
        })
    }
}

struct Reader<'a> {
    dial: &'a dyn Dial,
    host: &'a str,
    kubeconfig: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, message: &str) -> ClusterError {
        ClusterError::Configuration {
            host: self.host.to_owned(),
            message: format!(
                "the kubeconfig {} cannot be used: {message}",
                self.kubeconfig
            ),
        }
    }

    async fn file(&self, path: &str) -> Result<Vec<u8>, ClusterError> {
        let lost = |error| ClusterError::from_connection(self.host, &error);
        let (connection, become_user) = self.dial.connection(self.host).await.map_err(lost)?;
        let mut command = Command::new(format!("cat < {}", quote(path)));
        command.become_user = become_user;
        command.timeout = Some(READ_LIMIT);
        let output = connection.run(command).await.map_err(lost)?;
        if output.status == 0 {
            return Ok(output.stdout.to_vec());
        }
        let stderr = output.stderr_text();
        Err(ClusterError::Configuration {
            host: self.host.to_owned(),
            message: format!(
                "cannot read {path}: {}",
                stderr.lines().last().unwrap_or("no reason given").trim()
            ),
        })
    }

    /// A relative path counts from the kubeconfig's folder, as in kubectl.
    async fn bytes(&self, material: &Material) -> Result<Vec<u8>, ClusterError> {
        match material {
            Material::Inline(text) => STANDARD
                .decode(text.split_whitespace().collect::<String>())
                .map_err(|_| self.wrong("one of its ...-data values is not base64")),
            Material::File(path) if path.starts_with('/') => self.file(path).await,
            Material::File(path) => {
                let folder = self.kubeconfig.rsplit_once('/').map_or(".", |(dir, _)| dir);
                self.file(&format!("{folder}/{path}")).await
            }
        }
    }

    async fn identity(
        &self,
        roots: &[u8],
        identity: &Identity,
    ) -> Result<(ClientConfig, Option<String>), ClusterError> {
        let mut store = RootCertStore::empty();
        for der in self.certificates(roots)? {
            store
                .add(der)
                .map_err(|_| self.wrong("its certificate authority is not a CA certificate"))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| self.wrong(&error.to_string()))?
            .with_root_certificates(store);
        match identity {
            Identity::Certificate { certificate, key } => {
                let chain = self.certificates(&self.bytes(certificate).await?)?;
                let key = PrivateKeyDer::from_pem_slice(&self.bytes(key).await?)
                    .map_err(|_| self.wrong("its client key is not a PEM private key"))?;
                let tls = builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|_| self.wrong("its client certificate and key do not fit"))?;
                Ok((tls, None))
            }
            Identity::Token(token) => {
                let token = match token {
                    Material::Inline(token) => token.clone(),
                    Material::File(_) => {
                        String::from_utf8_lossy(&self.bytes(token).await?).into_owned()
                    }
                };
                let token = token.trim().to_owned();
                Ok((builder.with_no_client_auth(), Some(token)))
            }
        }
    }

    fn certificates(&self, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ClusterError> {
        let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| self.wrong("one of its certificates is not PEM"))?;
        if found.is_empty() {
            return Err(self.wrong("one of its certificates is empty"));
        }
        Ok(found)
    }
}
