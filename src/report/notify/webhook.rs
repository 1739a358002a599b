//! One try to bring a notice to a webhook. Must not say the URL: it may be a secret.

use std::time::Duration;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// Where systems keep the authorities that they trust.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why a try came to nothing, and whether another one may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) is_final: bool,
}

/// Something to send with.
pub(super) fn agent(timeout: Duration) -> ureq::Agent {
    let tls = match system_authorities() {
        Some(authorities) => TlsConfig::builder().root_certs(authorities).build(),
        None => TlsConfig::default(),
    };
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .tls_config(tls)
        .http_status_as_error(false)
        // What follows a redirect is a GET, which would look like success and tell nobody.
        .max_redirects(0)
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// What the system trusts, a company's own authority included; without it, the list that is built in counts.
fn system_authorities() -> Option<RootCerts> {
    let named = std::env::var("SSL_CERT_FILE").ok();
    let mut paths = named.iter().map(String::as_str).chain(BUNDLES);
    let pem = paths.find_map(|path| std::fs::read(path).ok())?;
    let authorities: Vec<_> = parse_pem(&pem)
        .filter_map(Result::ok)
        .filter_map(|item| match item {
            PemItem::Certificate(authority) => Some(authority),
            _ => None,
        })
        .collect();
    (!authorities.is_empty()).then(|| RootCerts::from(authorities.into_iter()))
}

/// Sends a body; blocks until it is taken, refused or too late.
pub(super) fn post(
    agent: &ureq::Agent,
    url: &str,
    token: Option<&str>,
    body: &[u8],
) -> Result<(), Failure> {
    let mut request = agent.post(url).header("Content-Type", "application/json");
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let answer = request.send(body).map_err(|error| Failure {
        is_final: matches!(error, ureq::Error::BadUri(_) | ureq::Error::Http(_)),
        reason: match error {
            // These may repeat the URL.
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                "the URL or the token is not valid".to_owned()
            }
            ureq::Error::RequireHttpsOnly(_) => "only https is allowed".to_owned(),
            other => other.to_string(),
        },
    })?;
    let code = answer.status().as_u16();
    match code {
        200..300 => Ok(()),
        _ => Err(Failure {
            reason: format!("the server answers {code}"),
            // Too early or too often is another matter than wrong.
            is_final: (300..500).contains(&code) && !matches!(code, 408 | 425 | 429),
        }),
    }
}
