//! What can go wrong between us and an API server, by what may be done about it.
//!
//! No message here ever holds text of a kubeconfig or a header.

use super::tunnel::DialError;
use crate::connection::ConnectionError;
use std::error::Error;
use std::io;

/// One cause that the API server named for a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Its machine-readable name, such as `DisruptionBudget`.
    pub reason: String,
    /// Its text.
    pub message: String,
}

/// Why the cluster did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClusterError {
    /// The API server answered, and refused. Whether trying again helps depends on the code.
    #[error("the API server refuses ({code}{}): {message}", spaced(reason))]
    Refused {
        /// HTTP status code.
        code: u16,
        /// Kubernetes' reason, such as `NotFound`; may be empty.
        reason: String,
        /// What it says.
        message: String,
        /// The object it is about, when it says so.
        name: String,
        /// What lies behind it.
        causes: Vec<Cause>,
    },
    /// The API server does not know our credentials.
    #[error("{host}: the API server does not accept the kubeconfig's credentials: {message}")]
    Credentials {
        /// The control-plane host we went through.
        host: String,
        /// What it says.
        message: String,
    },
    /// Nothing was sent: the host, or the API server behind it, is not there. Trying again is safe and may help.
    #[error("{host}: no API server reached: {message}")]
    Unreachable {
        /// The control-plane host.
        host: String,
        /// What was seen.
        message: String,
    },
    /// The connection ended after the request was sent: what became of it is unknown.
    #[error(
        "{host}: the connection was lost before the API server answered, so what became of the request is unknown: {message}"
    )]
    Lost {
        /// The control-plane host.
        host: String,
        /// What was seen.
        message: String,
    },
    /// The host's SSH server refuses `direct-tcpip` channels.
    #[error(
        "{host}: the SSH server refuses forwarding; allow it there (AllowTcpForwarding local), or install kubectl there"
    )]
    ForwardingRefused {
        /// The control-plane host.
        host: String,
    },
    /// Something that does not become right by waiting: the kubeconfig, a certificate, the login.
    #[error("{host}: {message}")]
    Configuration {
        /// The control-plane host.
        host: String,
        /// What is wrong.
        message: String,
    },
    /// What was asked for cannot be asked.
    #[error("{0}")]
    Invalid(String),
    /// No control-plane host did it; each with its own reason.
    #[error("no control-plane host could be used: {}", joined(.0))]
    NoHost(Vec<ClusterError>),
}

fn spaced(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(" {reason}")
    }
}

fn joined(errors: &[ClusterError]) -> String {
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl ClusterError {
    /// Whether the same request may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } => true,
            Self::NoHost(errors) => errors.iter().any(Self::is_temporary),
            _ => false,
        }
    }

    /// Whether another control-plane host may do better.
    pub(super) fn is_about_the_host(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::Invalid(_))
    }

    /// The HTTP status code of a refusal.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the named object is known not to exist. A 404 for the path itself names no object, and proves nothing.
    pub(super) fn is_missing(&self, object: &str) -> bool {
        matches!(self, Self::Refused { code: 404, name, .. } if name == object)
    }

    /// What a connection's trouble means for the API server behind `host`.
    pub(super) fn from_connection(host: &str, error: &ConnectionError) -> Self {
        let host = host.to_owned();
        let message = error.to_string();
        match error {
            ConnectionError::Unreachable(_)
            | ConnectionError::TunnelEnd(_)
            | ConnectionError::Lost(_)
            | ConnectionError::TimedOut(_) => Self::Unreachable { host, message },
            ConnectionError::ForwardingRefused(_) => Self::ForwardingRefused { host },
            ConnectionError::HostKey(_)
            | ConnectionError::Authentication(_)
            | ConnectionError::Become(_)
            | ConnectionError::Upload(_)
            | ConnectionError::Unsupported(_) => Self::Configuration { host, message },
        }
    }

    /// What kube's error means. The order of the tests matters: the dialler's error is inside a connect error.
    pub(super) fn from_kube(host: &str, error: &kube::Error) -> Self {
        let host = host.to_owned();
        if let kube::Error::Api(status) = error {
            return Self::from_status(host, status);
        }
        if let Some(dial) = find::<DialError>(error) {
            return Self::from_connection(&host, &dial.0);
        }
        if let Some(local) = find::<Self>(error) {
            return local.clone();
        }
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::Configuration {
                host,
                message: format!("TLS with the API server failed: {tls}"),
            };
        }
        if let Some(http) = find::<hyper_util::client::legacy::Error>(error) {
            let message = innermost(http);
            return if http.is_connect() {
                Self::Unreachable { host, message }
            } else {
                Self::Lost { host, message }
            };
        }
        match error {
            // We read no Secrets, so the parser may quote what it stumbled over.
            kube::Error::SerdeError(error) => Self::Configuration {
                host,
                message: format!("the answer is not what an API server sends: {error}"),
            },
            kube::Error::FromUtf8(_) => Self::Configuration {
                host,
                message: "the answer is not UTF-8".to_owned(),
            },
            other => Self::Lost {
                host,
                message: innermost(other),
            },
        }
    }

    fn from_status(host: String, status: &kube::core::Status) -> Self {
        let message = status.message.trim().to_owned();
        match status.code {
            401 => Self::Credentials { host, message },
            // Shutting down, or not ready yet: nothing was done, and another one may serve.
            503 => Self::Unreachable {
                host,
                message: format!("the API server is not available (503): {message}"),
            },
            code => Self::Refused {
                code,
                reason: status.reason.clone(),
                message,
                name: status
                    .details
                    .as_ref()
                    .map(|details| details.name.clone())
                    .unwrap_or_default(),
                causes: status
                    .details
                    .iter()
                    .flat_map(|details| &details.causes)
                    .map(|cause| Cause {
                        reason: cause.reason.clone(),
                        message: cause.message.clone(),
                    })
                    .collect(),
            },
        }
    }
}

/// The first `T` in the chain of causes. `io::Error::source` skips the error that it wraps, so it is opened by hand.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    if let Some(inner) = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        return find(inner);
    }
    error.source().and_then(find)
}

/// The text of the last cause: the outer ones only say that something failed.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use serde_json::{Value, json};

    fn of(status: Value) -> ClusterError {
        let status: Status = serde_json::from_value(status).unwrap();
        ClusterError::from_kube("cp1", &kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn answers_are_classified_by_code() {
        let budget = of(
            json!({"code": 429, "reason": "TooManyRequests", "message": "Cannot evict pod",
            "details": {"causes": [{"reason": "DisruptionBudget", "message": "The disruption budget web needs 1 healthy pods and has 1 currently"}]}}),
        );
        assert!(
            matches!(&budget, ClusterError::Refused { code: 429, causes, .. }
                if causes[0].reason == "DisruptionBudget"),
            "{budget:?}"
        );
        assert!(!budget.is_temporary() && !budget.is_about_the_host());

        let gone = of(
            json!({"code": 404, "reason": "NotFound", "message": "pods \"a\" not found", "details": {"name": "a"}}),
        );
        assert!(gone.is_missing("a") && !gone.is_missing("b"));
        let path =
            of(json!({"code": 404, "message": "the server could not find the requested resource"}));
        assert!(!path.is_missing("a"));

        let unknown = of(json!({"code": 401, "reason": "Unauthorized", "message": "Unauthorized"}));
        assert!(matches!(unknown, ClusterError::Credentials { .. }) && !unknown.is_temporary());

        let down = of(json!({"code": 503, "message": "shutting down"}));
        assert!(down.is_temporary() && down.is_about_the_host());
    }

    #[test]
    fn a_dial_error_is_found_through_every_wrapping() {
        let cases = [
            (
                ConnectionError::ForwardingRefused("no".into()),
                "ForwardingRefused",
            ),
            (ConnectionError::TunnelEnd("refused".into()), "Unreachable"),
            (ConnectionError::Lost("gone".into()), "Unreachable"),
            (ConnectionError::HostKey("changed".into()), "Configuration"),
        ];
        for (inner, expected) in cases {
            let wrapped = io::Error::other(io::Error::other(DialError(inner)));
            let error = ClusterError::from_kube("cp1", &kube::Error::Service(Box::new(wrapped)));
            assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        }
    }

    #[test]
    fn a_bad_certificate_is_final_and_a_broken_answer_is_unknown() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = ClusterError::from_kube(
            "cp1",
            &kube::Error::Service(Box::new(io::Error::other(tls))),
        );
        assert!(matches!(error, ClusterError::Configuration { .. }));
        let broken = io::Error::new(io::ErrorKind::UnexpectedEof, "eof");
        let error = ClusterError::from_kube("cp1", &kube::Error::Service(Box::new(broken)));
        assert!(matches!(error, ClusterError::Lost { .. }));
    }

    #[test]
    fn all_hosts_are_named() {
        let errors = ClusterError::NoHost(vec![
            ClusterError::ForwardingRefused { host: "cp1".into() },
            ClusterError::Unreachable {
                host: "cp2".into(),
                message: "refused".into(),
            },
        ]);
        assert!(errors.is_temporary());
        let text = errors.to_string();
        assert!(
            text.contains("cp1: the SSH server refuses forwarding"),
            "{text}"
        );
        assert!(
            text.contains("cp2: no API server reached: refused"),
            "{text}"
        );
    }
}
