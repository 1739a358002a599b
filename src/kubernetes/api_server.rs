//! Whether one API server, asked directly, really serves: every check of `/readyz`, its version and what it emulates, a
//! write that can be read and watched, and controllers that renew their leases through it.
//!
//! The write is a ConfigMap in a namespace of our own; both are removed again. Nothing else is changed.

use super::cluster::{Call, Endpoint};
use super::objects::checked;
use super::{ApiServer, ClusterError, Dial, GateError, Progress, Version};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The first pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long one API server may take when all are only looked at.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// What is asked of an API server.
#[derive(Debug, Clone)]
pub struct ServerProof {
    /// Which one.
    pub server: ApiServer,
    /// The version of its binary; any when `None`.
    pub version: Option<String>,
    /// The older minor version that it must behave as, such as `1.34`; empty when it must be none. Not asked when `None`.
    pub emulated: Option<String>,
    /// Leases in `kube-system` that must be renewed while we look. One that does not exist is passed over.
    pub leases: Vec<String>,
    /// The namespace for the write that is read and watched; none when empty.
    pub namespace: String,
    /// How long to wait in all.
    pub timeout: Duration,
    /// How long it must be ready on end.
    pub settle: Duration,
}

/// What an API server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// The version of its binary.
    pub version: String,
    /// The older minor version that it behaves as; empty when that is its own.
    pub emulated: String,
}

/// One API server of several that were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenServer {
    /// The control-plane host.
    pub host: String,
    /// What it serves; the reason when it does not.
    pub served: Result<Served, String>,
}

/// Waits until the API server serves as asked. What it did not do at the last look is in the error.
pub async fn prove_api_server(
    dial: &Arc<dyn Dial>,
    proof: &ServerProof,
    progress: &Progress,
) -> Result<Served, GateError> {
    let what = format!("the API server on {}", proof.server.host);
    let until = Instant::now() + proof.timeout;
    let mut open = Open::default();
    let mut missing = Vec::new();
    let mut pause = FIRST_PAUSE;
    let mut good_since: Option<Instant> = None;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let lacks = match timeout(left, look(dial, proof, &mut open)).await {
            // What an earlier look saw says more than that this one was cut off.
            Err(_) if missing.is_empty() => vec!["no answer in time".to_owned()],
            Err(_) => missing.clone(),
            Ok(Err(error)) if error.is_temporary() => {
                good_since = None;
                vec![error.to_string()]
            }
            Ok(Err(error)) => return Err(error.into()),
            Ok(Ok((served, lacks))) if lacks.is_empty() => {
                if good_since.get_or_insert_with(Instant::now).elapsed() >= proof.settle {
                    return Ok(served);
                }
                let settle = proof.settle.as_secs();
                vec![format!("everything holds, but not yet for {settle} s")]
            }
            Ok(Ok((_, lacks))) => {
                // Waiting for what takes its time anyway is no relapse.
                if lacks.iter().any(|lack| !lack.starts_with(LEASE)) {
                    good_since = None;
                }
                lacks
            }
        };
        if lacks != missing {
            (progress)(format!("waiting for {what}: {}", lacks.join("; ")));
            missing = lacks;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(GateError::Expired {
                what,
                limit: proof.timeout,
                missing,
            });
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Looks once at each API server, all at the same time.
pub async fn look_at_api_servers(
    dial: &Arc<dyn Dial>,
    hosts: &[String],
    kubeconfig: &str,
    address: &str,
    port: Option<u16>,
) -> Vec<SeenServer> {
    join_all(hosts.iter().map(|host| async move {
        let look = async {
            let endpoint = Endpoint::direct(dial, host, kubeconfig, address, port).await?;
            served(&endpoint).await
        };
        let served = match timeout(LOOK_LIMIT, look).await {
            Ok(Ok(served)) => Ok(served),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer in {} s", LOOK_LIMIT.as_secs())),
        };
        SeenServer {
            host: host.clone(),
            served,
        }
    }))
    .await
}

/// What is still to be seen, from one look to the next.
#[derive(Default)]
struct Open {
    /// The write was made, read and watched.
    written: bool,
    /// When each lease was renewed as we first saw it; `None` once it was renewed since, or does not exist.
    leases: BTreeMap<String, Option<String>>,
}

/// How what is missing of a lease begins.
const LEASE: &str = "the lease ";

async fn look(
    dial: &Arc<dyn Dial>,
    proof: &ServerProof,
    open: &mut Open,
) -> Result<(Served, Vec<String>), ClusterError> {
    let ApiServer {
        host,
        kubeconfig,
        address,
        port,
    } = &proof.server;
    // Opened anew for each look, since a connection that lives on proves nothing about the next one.
    let endpoint = Endpoint::direct(dial, host, kubeconfig, address, *port).await?;
    let mut missing = not_ready(&endpoint).await?;
    let served = served(&endpoint).await?;
    missing.extend(wrong_version(proof, &served));
    if missing.is_empty() && !proof.namespace.is_empty() && !open.written {
        match write_read_watch(&endpoint, &proof.namespace, host).await? {
            None => open.written = true,
            Some(lack) => missing.push(lack),
        }
    }
    for name in &proof.leases {
        missing.extend(not_renewed(&endpoint, name, open).await?);
    }
    Ok((served, missing))
}

/// The checks of `/readyz` that fail.
async fn not_ready(endpoint: &Endpoint) -> Result<Vec<String>, ClusterError> {
    let text = match endpoint.text(&Call::get("/readyz?verbose")).await {
        Ok(text) => text,
        Err(ClusterError::Refused { code, message, .. }) => format!("{message}\n{code}"),
        Err(error) => return Err(error),
    };
    Ok(failing(&text))
}

/// What a verbose answer of `/readyz` says is wrong; nothing when it passed.
fn failing(text: &str) -> Vec<String> {
    let text = text.trim();
    if text == "ok" || text.ends_with("check passed") {
        return Vec::new();
    }
    let checks: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("[-]"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if checks.is_empty() {
        let last = text.lines().last().unwrap_or("nothing");
        vec![format!("/readyz says {last}")]
    } else {
        vec![format!("/readyz fails in {}", checks.join(", "))]
    }
}

async fn served(endpoint: &Endpoint) -> Result<Served, ClusterError> {
    let info: Value = endpoint.json(&Call::get("/version")).await?;
    Ok(Served::of(&info))
}

impl Served {
    /// From the answer of `/version`. Servers before 1.32 say nothing of emulation, and do none.
    fn of(info: &Value) -> Self {
        let text = |field: &str| info[field].as_str().unwrap_or_default();
        let (major, minor) = (text("emulationMajor"), text("emulationMinor"));
        let own = minor.is_empty() || minor == text("minor").trim_end_matches('+');
        Self {
            version: text("gitVersion").to_owned(),
            emulated: if own {
                String::new()
            } else {
                format!("{major}.{minor}")
            },
        }
    }
}

fn wrong_version(proof: &ServerProof, served: &Served) -> Vec<String> {
    let mut missing = Vec::new();
    if let Some(wanted) = &proof.version
        && !Version::same(wanted, &served.version)
    {
        missing.push(format!("its version is {}, not {wanted}", served.version));
    }
    if let Some(wanted) = &proof.emulated
        && *wanted != served.emulated
    {
        let named = |version: &str| match version {
            "" => "no older version".to_owned(),
            version => format!("version {version}"),
        };
        missing.push(format!(
            "it behaves as {}, not as {}",
            named(&served.emulated),
            named(wanted)
        ));
    }
    missing
}

/// Writes a ConfigMap, changes it, reads it and sees the change in a watch. The answer is what did not happen.
async fn write_read_watch(
    endpoint: &Endpoint,
    namespace: &str,
    host: &str,
) -> Result<Option<String>, ClusterError> {
    let namespace = checked(namespace)?;
    let label = json!({"app.kubernetes.io/managed-by": "windlass"});
    let mine = match endpoint
        .json::<Value>(&Call::get(format!("/api/v1/namespaces/{namespace}")))
        .await
    {
        Ok(found) if found["metadata"]["deletionTimestamp"].is_string() => {
            return Ok(Some(format!(
                "the namespace {namespace} is still being removed"
            )));
        }
        // One that is there was made by somebody, or is left from a look of ours that was cut off.
        Ok(found) => found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "windlass",
        Err(ClusterError::Refused { code: 404, .. }) => {
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": label}});
            endpoint
                .json::<Value>(&Call::post("/api/v1/namespaces", &body))
                .await?;
            true
        }
        Err(error) => return Err(error),
    };
    let name = object_name(host);
    let folder = format!("/api/v1/namespaces/{namespace}/configmaps");
    let path = format!("{folder}/{name}");
    let result = change(endpoint, &folder, &path, &name, &label).await;
    let removed = match endpoint
        .json::<Value>(&Call::delete(&path, &json!({})))
        .await
    {
        Ok(_) | Err(ClusterError::Refused { code: 404, .. }) => Ok(()),
        Err(error) => Err(error),
    };
    if mine {
        endpoint
            .json::<Value>(&Call::delete(
                format!("/api/v1/namespaces/{namespace}"),
                &json!({}),
            ))
            .await?;
    }
    let lack = result?;
    removed?;
    Ok(lack)
}

async fn change(
    endpoint: &Endpoint,
    folder: &str,
    path: &str,
    name: &str,
    label: &Value,
) -> Result<Option<String>, ClusterError> {
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": label},
        "data": {"step": "1"},
    });
    let create = Call::post(folder, &body);
    let made = match endpoint.json::<Value>(&create).await {
        Err(ClusterError::Refused { code: 409, .. }) => {
            endpoint
                .json::<Value>(&Call::delete(path, &json!({})))
                .await?;
            endpoint.json(&create).await?
        }
        other => other?,
    };
    let from = made["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    endpoint
        .json::<Value>(&Call::merge(path, &json!({"data": {"step": "2"}})))
        .await?;
    let read: Value = endpoint.json(&Call::get(path)).await?;
    if read["data"]["step"] != "2" {
        return Ok(Some("a write was accepted and not read back".to_owned()));
    }
    let watch = format!(
        "{folder}?watch=1&timeoutSeconds=10&resourceVersion={from}&fieldSelector=metadata.name%3D{name}"
    );
    match endpoint.first_event(&Call::get(watch)).await? {
        Some(seen) if seen["data"]["step"] == "2" => Ok(None),
        _ => Ok(Some("a watch did not tell of a write".to_owned())),
    }
}

/// A name for the ConfigMap of a host: names in an inventory may hold what an object's name may not.
fn object_name(host: &str) -> String {
    let plain: String = host
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    format!("probe-{}-x", plain.trim_matches('-'))
}

/// What is missing of a lease's renewal.
async fn not_renewed(
    endpoint: &Endpoint,
    name: &str,
    open: &mut Open,
) -> Result<Option<String>, ClusterError> {
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/{}",
        checked(name)?
    );
    let now = match endpoint.json::<Value>(&Call::get(path)).await {
        Ok(lease) => lease["spec"]["renewTime"].as_str().map(str::to_owned),
        Err(ClusterError::Refused { code: 404, .. }) => None,
        Err(error) => return Err(error),
    };
    let first = open
        .leases
        .entry(name.to_owned())
        .or_insert_with(|| now.clone());
    if *first != now {
        *first = None;
    }
    Ok(first
        .as_ref()
        .map(|time| format!("{LEASE}{name} was not renewed since {time}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_in_readyz_is_named() {
        let passed = "[+]ping ok\n[+]etcd ok\nreadyz check passed\n";
        let failed = "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/x failed: reason withheld\nreadyz check failed\n500";
        for (text, expected) in [
            (passed, ""),
            ("ok", ""),
            (failed, "/readyz fails in etcd, poststarthook/x"),
            ("", "/readyz says nothing"),
            ("go away\n500", "/readyz says 500"),
        ] {
            assert_eq!(failing(text).join("; "), expected, "{text}");
        }
    }

    #[test]
    fn emulation_is_read_from_the_version() {
        for (info, version, emulated) in [
            (
                json!({"minor": "36", "gitVersion": "v1.36.2", "emulationMajor": "1", "emulationMinor": "35"}),
                "v1.36.2",
                "1.35",
            ),
            (
                json!({"minor": "36", "gitVersion": "v1.36.2", "emulationMajor": "1", "emulationMinor": "36"}),
                "v1.36.2",
                "",
            ),
            (
                json!({"minor": "30", "gitVersion": "v1.30.1"}),
                "v1.30.1",
                "",
            ),
        ] {
            let served = Served::of(&info);
            assert_eq!((&*served.version, &*served.emulated), (version, emulated));
        }
    }

    #[test]
    fn any_host_has_an_object_of_a_good_name() {
        for (host, expected) in [
            ("cp1", "probe-cp1-x"),
            ("CP_1.example", "probe-cp-1-example-x"),
            ("__", "probe--x"),
        ] {
            assert_eq!(object_name(host), expected);
            checked(&object_name(host)).unwrap();
        }
    }
}
