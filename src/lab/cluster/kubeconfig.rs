//! The administrator's kubeconfig for one endpoint, with everything inline.

use super::certs::Authority;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::net::SocketAddr;

/// The text of a kubeconfig. It is a secret.
pub(super) fn render(
    cluster: &str,
    endpoint: SocketAddr,
    authority: &Authority,
) -> serde_yaml::Result<String> {
    let (certificate, key) = authority.admin();
    let [authority, certificate, key] =
        [authority.certificate_pem(), certificate, key].map(|pem| STANDARD.encode(pem));
    let context = format!("kubernetes-admin@{cluster}");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": {
                "certificate-authority-data": authority,
                "server": format!("https://{endpoint}"),
            },
        }],
        "contexts": [{
            "name": context,
            "context": {"cluster": cluster, "user": "kubernetes-admin"},
        }],
        "current-context": context,
        "preferences": {},
        "users": [{
            "name": "kubernetes-admin",
            "user": {"client-certificate-data": certificate, "client-key-data": key},
        }],
    });
    serde_yaml::to_string(&config)
}
