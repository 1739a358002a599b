//! A kubeconfig from a host, read by an allow-list.
//!
//! The text is hostile input and a secret at once: an `exec` user in it would run on the controller, a path would be read
//! there, and its keys open the cluster. So it never reaches kube's own loader, and no message quotes a value from it.

use crate::yaml::{Mapping, Node, parse_text};

/// Bytes that stand in the kubeconfig, or in a file on the host beside it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Material {
    /// Base64 text, as it stands in a `...-data` key.
    Inline(String),
    /// A path on the host.
    File(String),
}

/// What we take from a kubeconfig. It has no `Debug`: nearly all of it is secret.
pub(super) struct Kubeconfig {
    /// `https://host:port`.
    pub(super) server: String,
    /// The name to verify the certificate against, when it is not the server's.
    pub(super) tls_server_name: Option<String>,
    /// The CA's certificates.
    pub(super) authority: Material,
    /// How we prove who we are.
    pub(super) identity: Identity,
}

/// How we prove who we are.
pub(super) enum Identity {
    /// By a client certificate and its key.
    Certificate {
        /// The chain.
        certificate: Material,
        /// The key.
        key: Material,
    },
    /// By a bearer token.
    Token(Material),
}

/// What is wrong with a kubeconfig; names keys, never values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadKubeconfig(String);

fn bad<T>(message: impl Into<String>) -> Result<T, BadKubeconfig> {
    Err(BadKubeconfig(message.into()))
}

/// Keys of a cluster that we know.
const CLUSTER_KEYS: [&str; 8] = [
    "certificate-authority",
    "certificate-authority-data",
    "disable-compression",
    "extensions",
    "insecure-skip-tls-verify",
    "proxy-url",
    "server",
    "tls-server-name",
];

/// Keys of a user that we know.
const USER_KEYS: [&str; 15] = [
    "as",
    "as-groups",
    "as-uid",
    "as-user-extra",
    "auth-provider",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "exec",
    "extensions",
    "password",
    "token",
    "tokenFile",
    "username",
];

/// Keys of a user that change who acts or how; we support none, and must not pass over them.
const REFUSED_USER_KEYS: [&str; 8] = [
    "exec",
    "auth-provider",
    "username",
    "password",
    "as",
    "as-groups",
    "as-uid",
    "as-user-extra",
];

impl Kubeconfig {
    /// Reads the cluster and the user of the current context.
    pub(super) fn parse(text: &str) -> Result<Self, BadKubeconfig> {
        // The parser's own diagnostics quote the line, which may hold a key.
        let Ok(root) = parse_text("kubeconfig", text) else {
            return bad("it is not valid YAML");
        };
        let Some(root) = root.as_mapping() else {
            return bad("it is not a mapping");
        };
        let Some(current) = string(root, "current-context")? else {
            return bad("it has no current-context");
        };
        let context = named(root, "contexts", &current, "context")?;
        let part = |key: &str| match string(context, key)? {
            Some(name) => Ok(name),
            None => bad(format!("its current context has no {key}")),
        };
        let cluster = named(root, "clusters", &part("cluster")?, "cluster")?;
        let user = named(root, "users", &part("user")?, "user")?;
        let (server, tls_server_name, authority) = read_cluster(cluster)?;
        Ok(Self {
            server,
            tls_server_name,
            authority,
            identity: read_user(user)?,
        })
    }
}

fn read_cluster(cluster: &Mapping) -> Result<(String, Option<String>, Material), BadKubeconfig> {
    only(cluster, &CLUSTER_KEYS, "cluster")?;
    if cluster.get("proxy-url").is_some_and(|node| !is_empty(node)) {
        return bad("proxy-url is not supported");
    }
    if cluster
        .get("insecure-skip-tls-verify")
        .is_some_and(|node| node.to_value() != serde_json::Value::Bool(false))
    {
        return bad("insecure-skip-tls-verify is refused: the API server must prove who it is");
    }
    let Some(server) = string(cluster, "server")? else {
        return bad("its cluster has no server");
    };
    if !server.starts_with("https://") {
        return bad("its server does not start with https://");
    }
    let Some(authority) = material(
        cluster,
        "certificate-authority-data",
        "certificate-authority",
    )?
    else {
        return bad("its cluster has no certificate-authority-data");
    };
    Ok((server, string(cluster, "tls-server-name")?, authority))
}

fn read_user(user: &Mapping) -> Result<Identity, BadKubeconfig> {
    for key in REFUSED_USER_KEYS {
        if user.get(key).is_some_and(|node| !is_empty(node)) {
            return bad(format!(
                "its user has `{key}`, which is not supported; a client certificate or a token is"
            ));
        }
    }
    only(user, &USER_KEYS, "user")?;
    let certificate = material(user, "client-certificate-data", "client-certificate")?;
    let key = material(user, "client-key-data", "client-key")?;
    let token = match string(user, "token")? {
        Some(token) => Some(Material::Inline(token)),
        None => string(user, "tokenFile")?.map(Material::File),
    };
    match (certificate, key, token) {
        (Some(certificate), Some(key), _) => Ok(Identity::Certificate { certificate, key }),
        (None, None, Some(token)) => Ok(Identity::Token(token)),
        (None, None, None) => bad("its user has neither a client certificate nor a token"),
        _ => bad("its user has a client certificate without a key, or a key without a certificate"),
    }
}

fn only(mapping: &Mapping, known: &[&str], what: &str) -> Result<(), BadKubeconfig> {
    for (key, _) in mapping {
        let name = key.key_text();
        if !known.contains(&name.as_str()) {
            // A key is not a secret by itself, but a broken file may have one where a key should be.
            return bad(format!("its {what} has a key that is not known"));
        }
    }
    Ok(())
}

fn is_empty(node: &Node) -> bool {
    node.is_null() || node.as_str() == Some("")
}

/// The text under `key`; absent, null and empty are the same, as in kubectl.
fn string(mapping: &Mapping, key: &str) -> Result<Option<String>, BadKubeconfig> {
    match mapping.get(key) {
        Some(node) if !is_empty(node) => match node.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => bad(format!("its {key} is {}, not a string", node.kind_name())),
        },
        _ => Ok(None),
    }
}

/// Data before file, as in kubectl.
fn material(mapping: &Mapping, data: &str, file: &str) -> Result<Option<Material>, BadKubeconfig> {
    Ok(match string(mapping, data)? {
        Some(text) => Some(Material::Inline(text)),
        None => string(mapping, file)?.map(Material::File),
    })
}

/// The mapping under `key` in the entry of `list` that is called `name`.
fn named<'a>(
    root: &'a Mapping,
    list: &str,
    name: &str,
    key: &str,
) -> Result<&'a Mapping, BadKubeconfig> {
    root.get(list)
        .and_then(Node::as_sequence)
        .unwrap_or_default()
        .iter()
        .filter_map(Node::as_mapping)
        .find(|entry| {
            entry
                .get("name")
                .is_some_and(|node| node.key_text() == name)
        })
        .and_then(|entry| entry.get(key))
        .and_then(Node::as_mapping)
        .map_or_else(
            || {
                bad(format!(
                    "its current context needs an entry of {list} that is not there"
                ))
            },
            Ok,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "c2VjcmV0LWtleQ==";

    fn config(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
             contexts:\n- name: other\n  context: {{cluster: x, user: x}}\n- name: here\n  context: {{cluster: c, user: u}}\n\
             clusters:\n- name: c\n  cluster: {{{cluster}}}\nusers:\n- name: u\n  user: {{{user}}}\n"
        )
    }

    const CLUSTER: &str = "server: 'https://10.0.0.1:6443', certificate-authority-data: Q0E=";

    fn user() -> String {
        format!("client-certificate-data: Q0VSVA==, client-key-data: {SECRET}")
    }

    #[test]
    fn the_current_context_is_followed() {
        let parsed = Kubeconfig::parse(&config(CLUSTER, &user())).ok().unwrap();
        assert_eq!(parsed.server, "https://10.0.0.1:6443");
        assert!(parsed.tls_server_name.is_none());
        assert!(parsed.authority == Material::Inline("Q0E=".to_owned()));
        assert!(
            matches!(parsed.identity, Identity::Certificate { key: Material::Inline(key), .. } if key == SECRET)
        );
    }

    #[test]
    fn paths_are_paths_on_the_host_and_tokens_serve() {
        let parsed = Kubeconfig::parse(&config(
            "server: 'https://h:1', certificate-authority: pki/ca.crt",
            "tokenFile: /t",
        ))
        .ok()
        .unwrap();
        assert!(parsed.authority == Material::File("pki/ca.crt".to_owned()));
        assert!(matches!(parsed.identity, Identity::Token(Material::File(path)) if path == "/t"));
    }

    #[test]
    fn hostile_and_broken_ones_are_refused_without_a_word_of_their_values() {
        let user = user();
        let cases = [
            (
                config(CLUSTER, &format!("{user}, exec: {{command: evil}}")),
                "`exec`",
            ),
            (
                config(CLUSTER, "auth-provider: {name: evil}"),
                "`auth-provider`",
            ),
            (
                config(CLUSTER, "username: evil, password: evil"),
                "`username`",
            ),
            (config(CLUSTER, &format!("{user}, as: evil")), "`as`"),
            (
                config(&format!("{CLUSTER}, proxy-url: 'http://evil'"), &user),
                "proxy-url",
            ),
            (
                config(&format!("{CLUSTER}, insecure-skip-tls-verify: true"), &user),
                "insecure-skip-tls-verify",
            ),
            (
                config(
                    &format!("{CLUSTER}, insecure-skip-tls-verify: 'true'"),
                    &user,
                ),
                "insecure-skip-tls-verify",
            ),
            (
                config("server: 'https://h:1'", &user),
                "no certificate-authority-data",
            ),
            (
                config(
                    "server: 'http://h:1', certificate-authority-data: Q0E=",
                    &user,
                ),
                "https://",
            ),
            (
                config("certificate-authority-data: Q0E=", &user),
                "no server",
            ),
            (
                config(&format!("{CLUSTER}, evil-new-key: 1"), &user),
                "not known",
            ),
            (config(CLUSTER, ""), "neither"),
            (
                config(CLUSTER, &format!("client-key-data: {SECRET}")),
                "without a certificate",
            ),
            (
                config(CLUSTER, "token: 12345"),
                "its token is a whole number",
            ),
            (
                format!("client-key-data: {SECRET}\n\tx: ["),
                "not valid YAML",
            ),
            ("[]".to_owned(), "not a mapping"),
            ("{}".to_owned(), "no current-context"),
            ("current-context: nowhere".to_owned(), "contexts"),
        ];
        for (text, expected) in cases {
            let error = Kubeconfig::parse(&text).err().unwrap().to_string();
            assert!(error.contains(expected), "{error} for {text}");
            assert!(
                !error.contains("evil") && !error.contains(SECRET),
                "{error}"
            );
        }
    }
}
