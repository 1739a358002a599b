//! Whether a node, or an API server, is what it should be after a change.
//!
//! A gate changes nothing. It passes once everything holds at the same time, and for the settle time on end.

use super::cluster::{Call, Endpoint};
use super::cordon::kubelet_version;
use super::drain::{daemonset_of, is_finished, is_ready};
use super::{Cluster, ClusterError, Dial, PodKey, Progress, Version};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::version::Info;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The first pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Conditions of a node that must not be true.
const TROUBLES: [&str; 4] = [
    "MemoryPressure",
    "DiskPressure",
    "PIDPressure",
    "NetworkUnavailable",
];

/// What a gate asks for.
#[derive(Debug, Clone)]
pub struct GateOptions {
    /// The kubelet's, or the API server's, version.
    pub version: Option<String>,
    /// A sign of life of the kubelet must be newer than this; by the node's own clock.
    pub since: Option<Timestamp>,
    /// How long to wait in all.
    pub timeout: Duration,
    /// How long everything must hold on end.
    pub settle: Duration,
}

impl Default for GateOptions {
    fn default() -> Self {
        Self {
            version: None,
            since: None,
            timeout: Duration::from_mins(5),
            settle: Duration::ZERO,
        }
    }
}

/// Why a gate did not open.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Waiting cannot help.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The time is over.
    #[error("{what} did not pass within {} s: {}", limit.as_secs(), missing.join("; "))]
    Expired {
        /// What was looked at.
        what: String,
        /// The limit.
        limit: Duration,
        /// What was missing at the last look, with the values seen.
        missing: Vec<String>,
    },
}

/// What was seen when the gate opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The version that is there.
    pub version: String,
}

/// A moment as hosts print it: RFC 3339, or seconds since 1970 with or without a fraction.
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Timestamp::from_second(whole).ok();
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && let Ok(whole) = whole.parse::<i64>()
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        return Timestamp::new(whole, nanos).ok();
    }
    text.parse().ok()
}

/// Waits until `node` is ready, at the version, alive since the moment, without pressure, its DaemonSet pods ready.
pub async fn gate(
    cluster: &Cluster,
    node: &str,
    options: &GateOptions,
    progress: &Progress,
) -> Result<Passed, GateError> {
    wait(&format!("node {node}"), options, progress, || async {
        let found = cluster.node(node).await?;
        let lease = cluster.lease(node).await?;
        let pods = cluster.pods_on(node, None).await?;
        let Some(found) = found else {
            return Ok((
                String::new(),
                vec!["the cluster does not know it".to_owned()],
            ));
        };
        let missing = judge(&found, lease.as_ref(), &pods, options);
        Ok((kubelet_version(&found).to_owned(), missing))
    })
    .await
}

/// Which API server to look at.
#[derive(Debug, Clone)]
pub struct ApiServer {
    /// The host it runs on, by its name in the inventory.
    pub host: String,
    /// The kubeconfig's path on that host.
    pub kubeconfig: String,
    /// Where it listens, as seen from that host.
    pub address: String,
    /// Its port; the one of the kubeconfig's server without it.
    pub port: Option<u16>,
}

/// Waits until one API server, asked directly, is ready and at the version. `options.since` has no meaning here.
pub async fn gate_api(
    dial: &Arc<dyn Dial>,
    server: &ApiServer,
    options: &GateOptions,
    progress: &Progress,
) -> Result<Passed, GateError> {
    let what = format!("the API server on {}", server.host);
    wait(&what, options, progress, || async {
        // Opened anew for each look, since a connection that lives on proves nothing about the next one.
        let endpoint = Endpoint::direct(
            dial,
            &server.host,
            &server.kubeconfig,
            &server.address,
            server.port,
        )
        .await?;
        let mut missing = Vec::new();
        match endpoint.text(&Call::get("/readyz")).await {
            Ok(text) if text.trim() == "ok" => {}
            Ok(text) => missing.push(format!("/readyz says {}", text.trim())),
            Err(ClusterError::Refused { code, message, .. }) => {
                missing.push(format!("/readyz answers {code}: {message}"));
            }
            Err(error) => return Err(error),
        }
        let info: Info = endpoint.json(&Call::get("/version")).await?;
        missing.extend(version_missing("its version", &info.git_version, options));
        Ok((info.git_version, missing))
    })
    .await
}

/// Looks until nothing is missing, for the settle time on end.
async fn wait<F>(
    what: &str,
    options: &GateOptions,
    progress: &Progress,
    look: impl Fn() -> F,
) -> Result<Passed, GateError>
where
    F: Future<Output = Result<(String, Vec<String>), ClusterError>>,
{
    let until = Instant::now() + options.timeout;
    let mut missing = Vec::new();
    let mut pause = FIRST_PAUSE;
    let mut good_since: Option<Instant> = None;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let lacks = match timeout(left, look()).await {
            // What an earlier look saw says more than that this one was cut off.
            Err(_) if missing.is_empty() => vec!["no answer in time".to_owned()],
            Err(_) => missing.clone(),
            Ok(Err(error)) if error.is_temporary() => {
                good_since = None;
                vec![error.to_string()]
            }
            Ok(Err(error)) => return Err(error.into()),
            Ok(Ok((version, lacks))) if lacks.is_empty() => {
                if good_since.get_or_insert_with(Instant::now).elapsed() >= options.settle {
                    return Ok(Passed { version });
                }
                let settle = options.settle.as_secs();
                vec![format!("everything holds, but not yet for {settle} s")]
            }
            Ok(Ok((_, lacks))) => {
                good_since = None;
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
                what: what.to_owned(),
                limit: options.timeout,
                missing,
            });
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn version_missing(what: &str, seen: &str, options: &GateOptions) -> Option<String> {
    let wanted = options.version.as_deref()?;
    (!Version::same(wanted, seen)).then(|| format!("{what} is {seen}, not {wanted}"))
}

/// What is missing for the node to pass.
fn judge(node: &Node, lease: Option<&Lease>, pods: &[Pod], options: &GateOptions) -> Vec<String> {
    let status = node.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let mut missing = Vec::new();
    let ready = conditions.iter().find(|each| each.type_ == "Ready");
    match ready {
        None => missing.push("it has no condition Ready".to_owned()),
        Some(ready) if ready.status != "True" => missing.push(format!(
            "Ready is {} ({})",
            ready.status,
            ready
                .message
                .as_deref()
                .or(ready.reason.as_deref())
                .unwrap_or("no reason given")
        )),
        Some(_) => {}
    }
    if let Some(since) = options.since {
        let beat = ready
            .and_then(|each| each.last_heartbeat_time.as_ref())
            .map(|time| time.0);
        let renewed = lease
            .and_then(|lease| lease.spec.as_ref())
            .and_then(|spec| spec.renew_time.as_ref())
            .map(|time| time.0);
        let newest = beat.max(renewed);
        if newest.is_none_or(|newest| newest <= since) {
            let seen = newest.map_or_else(|| "none".to_owned(), |time| time.to_string());
            missing.push(format!(
                "its last sign of life is {seen}, not after {since}"
            ));
        }
    }
    missing.extend(version_missing(
        "its kubelet",
        kubelet_version(node),
        options,
    ));
    for condition in &conditions {
        if TROUBLES.contains(&condition.type_.as_str()) && condition.status == "True" {
            missing.push(format!(
                "{} ({})",
                condition.type_,
                condition.message.as_deref().unwrap_or("no reason given")
            ));
        }
    }
    let unready: Vec<_> = pods
        .iter()
        .filter(|pod| daemonset_of(pod).is_some() && !is_finished(pod) && !is_ready(pod))
        .map(|pod| PodKey::from(pod).to_string())
        .collect();
    if !unready.is_empty() {
        missing.push(format!("DaemonSet pods not ready: {}", unready.join(", ")));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn node(ready: &str, beat: &str, version: &str, more: &[Value]) -> Node {
        let mut conditions = vec![
            json!({"type": "Ready", "status": ready, "message": "seen", "lastHeartbeatTime": beat}),
        ];
        conditions.extend_from_slice(more);
        serde_json::from_value(json!({
            "metadata": {"name": "n"},
            "status": {"conditions": conditions, "nodeInfo": {
                "kubeletVersion": version, "architecture": "", "bootID": "", "containerRuntimeVersion": "",
                "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "",
                "osImage": "", "systemUUID": ""}},
        }))
        .unwrap()
    }

    fn lease(at: &str) -> Lease {
        serde_json::from_value(json!({"metadata": {}, "spec": {"renewTime": at}})).unwrap()
    }

    fn daemon_pod(ready: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "cni-x", "namespace": "kube-system", "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "cni", "uid": "u", "controller": true}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    const OLD: &str = "2026-11-21T07:00:00Z";
    const NEW: &str = "2026-11-21T07:10:00Z";

    #[test]
    fn each_condition_is_named_with_what_was_seen() {
        let options = GateOptions {
            version: Some("v1.35.1".to_owned()),
            since: moment("2026-11-21T07:05:00Z"),
            ..GateOptions::default()
        };
        let good = node("True", NEW, "v1.35.1", &[]);
        let pressure = json!({"type": "DiskPressure", "status": "True", "message": "full"});
        let cases = [
            (good.clone(), None, vec![daemon_pod("True")], ""),
            (
                node("True", OLD, "v1.35.1", &[]),
                Some(lease("2026-11-21T07:06:00.000000Z")),
                vec![],
                "",
            ),
            (
                node("True", OLD, "v1.35.1", &[]),
                Some(lease("2026-11-21T07:00:01.000000Z")),
                vec![],
                "its last sign of life is 2026-11-21T07:00:01Z, not after 2026-11-21T07:05:00Z",
            ),
            (
                node("False", NEW, "v1.35.1", &[]),
                None,
                vec![],
                "Ready is False (seen)",
            ),
            (
                node("True", NEW, "v1.34.3", &[]),
                None,
                vec![],
                "its kubelet is v1.34.3, not v1.35.1",
            ),
            (
                node("True", NEW, "v1.35.1", &[pressure]),
                None,
                vec![],
                "DiskPressure (full)",
            ),
            (
                good,
                None,
                vec![daemon_pod("False")],
                "DaemonSet pods not ready: kube-system/cni-x",
            ),
        ];
        for (node, lease, pods, expected) in cases {
            assert_eq!(
                judge(&node, lease.as_ref(), &pods, &options).join("; "),
                expected
            );
        }
    }

    #[test]
    fn moments_are_read_as_hosts_print_them() {
        let cases = [
            ("1700000000", "2023-11-14T22:13:20Z"),
            ("1700000000.5\n", "2023-11-14T22:13:20.5Z"),
            ("1700000000.123456789123", "2023-11-14T22:13:20.123456789Z"),
            ("2026-11-21T08:00:00+01:00", "2026-11-21T07:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(moment(text).unwrap().to_string(), expected, "{text}");
        }
        assert!(moment("yesterday").is_none() && moment("1.x").is_none());
    }
}
