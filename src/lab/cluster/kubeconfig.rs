//! The administrator's kubeconfig for one endpoint, with everything inline.

use super::certs::Authority;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::SocketAddr;

/// The text of a kubeconfig. It is a secret.
pub(super) fn render(cluster: &str, endpoint: SocketAddr, authority: &Authority) -> String {
    let (certificate, key) = authority.admin();
    let [authority, certificate, key] =
        [authority.certificate_pem(), certificate, key].map(|pem| STANDARD.encode(pem));
    // A JSON string is a YAML string: names of any content stay one scalar.
    let name = serde_json::Value::from(cluster).to_string();
    let context = serde_json::Value::from(format!("kubernetes-admin@{cluster}")).to_string();
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: {name}\n\
         \x20 cluster:\n\
         \x20   certificate-authority-data: {authority}\n\
         \x20   server: https://{endpoint}\n\
         contexts:\n\
         - name: {context}\n\
         \x20 context:\n\
         \x20   cluster: {name}\n\
         \x20   user: kubernetes-admin\n\
         current-context: {context}\n\
         preferences: {{}}\n\
         users:\n\
         - name: kubernetes-admin\n\
         \x20 user:\n\
         \x20   client-certificate-data: {certificate}\n\
         \x20   client-key-data: {key}\n"
    )
}
