//! The API servers, each asked directly, and the controllers behind them.
//!
//! The reader asks every control plane for its health, its version and what deprecated APIs it was asked for; the rest is pure.

use super::members::Hosts;
use super::{Finding, Group};
use crate::kubernetes::cluster::{Call, Endpoint};
use crate::kubernetes::{ClusterError, Dial};
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::version::Info;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long one API server may take for all of its answers.
const LIMIT: Duration = Duration::from_secs(20);
/// API servers that are asked at once.
const PARALLEL: usize = 8;
/// Seconds that a controller's lease may be older than the newest lease of the cluster. A holder renews every two seconds, and
/// gives up its place after fifteen.
const LEASE_AGE: i64 = 60;
/// The family of metrics that counts requests for deprecated APIs.
const DEPRECATED: &str = "apiserver_requested_deprecated_apis{";

/// Which API servers to ask, and how.
#[derive(Debug, Clone)]
pub struct ServerQuery {
    /// Control-plane hosts by their names in the inventory, each with the address its API server has there.
    pub servers: Vec<(String, String)>,
    /// The kubeconfig's path on each of them.
    pub kubeconfig: String,
    /// Whether to ask for the metrics too, which are large.
    pub metrics: bool,
}

/// What one API server said.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerAnswer {
    /// Checks of `/readyz` that fail.
    pub(super) not_ready: Vec<String>,
    /// Checks of `/livez` that fail.
    pub(super) not_live: Vec<String>,
    /// Its version.
    pub(super) version: String,
    /// The deprecated APIs that it was asked for.
    pub(super) deprecated: Vec<DeprecatedApi>,
}

/// An API that was asked for and will be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DeprecatedApi {
    /// Its group, empty for the core.
    pub(super) group: String,
    /// Its version.
    pub(super) version: String,
    /// The resource.
    pub(super) resource: String,
    /// The minor release that no longer has it, such as `1.36`.
    pub(super) removed_release: String,
}

/// Asks all API servers at once.
pub(super) async fn ask_servers(
    dial: &Arc<dyn Dial>,
    query: &ServerQuery,
) -> BTreeMap<String, Result<ServerAnswer, ClusterError>> {
    stream::iter(query.servers.clone())
        .map(|(host, address)| async move {
            let answer = match timeout(LIMIT, ask(dial, query, &host, &address)).await {
                Ok(answer) => answer,
                Err(_) => Err(ClusterError::Unreachable {
                    host: host.clone(),
                    message: format!("no answer in {} s", LIMIT.as_secs()),
                }),
            };
            (host, answer)
        })
        .buffer_unordered(PARALLEL)
        .collect()
        .await
}

async fn ask(
    dial: &Arc<dyn Dial>,
    query: &ServerQuery,
    host: &str,
    address: &str,
) -> Result<ServerAnswer, ClusterError> {
    let endpoint = Endpoint::direct(dial, host, &query.kubeconfig, address, None).await?;
    let (ready, live) = (Call::get("/readyz?verbose"), Call::get("/livez?verbose"));
    let version = Call::get("/version");
    let (ready, live, version) = futures::join!(
        endpoint.text(&ready),
        endpoint.text(&live),
        endpoint.json::<Info>(&version)
    );
    let mut answer = ServerAnswer {
        not_ready: failing(ready)?,
        not_live: failing(live)?,
        version: version?.git_version,
        deprecated: Vec::new(),
    };
    if query.metrics {
        // Metrics may be forbidden or switched off; then nothing is known of old clients.
        if let Ok(text) = endpoint.text(&Call::get("/metrics")).await {
            answer.deprecated = deprecated_apis(&text);
        }
    }
    Ok(answer)
}

/// The checks that fail, of the verbose answer; a server that refuses says so with 500 and the same text.
fn failing(answer: Result<String, ClusterError>) -> Result<Vec<String>, ClusterError> {
    let text = match answer {
        Ok(text) => text,
        Err(ClusterError::Refused { code, message, .. }) => {
            let checks = failed_checks(&message);
            return Ok(if checks.is_empty() {
                vec![format!("it answers {code}")]
            } else {
                checks
            });
        }
        Err(error) => return Err(error),
    };
    Ok(failed_checks(&text))
}

fn failed_checks(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("[-]"))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The deprecated APIs in the text of `/metrics`.
pub(super) fn deprecated_apis(metrics: &str) -> Vec<DeprecatedApi> {
    let mut found: Vec<DeprecatedApi> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(DEPRECATED))
        .filter_map(|rest| rest.rsplit_once('}'))
        .filter(|(_, value)| value.trim() != "0")
        .map(|(labels, _)| {
            let mut api = DeprecatedApi::default();
            for (name, value) in labels.split(',').filter_map(|label| label.split_once('=')) {
                let value = value.trim_matches('"').to_owned();
                match name {
                    "group" => api.group = value,
                    "version" => api.version = value,
                    "resource" => api.resource = value,
                    "removed_release" => api.removed_release = value,
                    _ => {}
                }
            }
            api
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// What the API servers' answers mean.
pub(super) fn servers(
    hosts: &Hosts,
    answers: &BTreeMap<String, Result<ServerAnswer, ClusterError>>,
) -> Vec<Finding> {
    // While one API server is taken down, all others must serve.
    let blocks = hosts.control_plane_needed();
    let mut findings = Vec::new();
    for (host, answer) in answers {
        let open = hosts.is_open(host);
        let trouble = match answer {
            Ok(answer) => trouble(answer),
            Err(error) => Some(not_asked(error)),
        };
        let Some((id, what)) = trouble else { continue };
        let todo = if open {
            "nothing: an earlier run left it so, and this one goes on with it"
        } else if id == "not-asked" {
            "look at that control plane; workers can be upgraded as long as one API server answers"
        } else {
            "repair it before the upgrade takes another one down: journalctl -u kube-apiserver"
        };
        findings.push(
            Finding::warn(Group::Api, id, what, todo)
                .blocking(blocks && !open)
                .on(host),
        );
    }
    findings
}

fn trouble(answer: &ServerAnswer) -> Option<(&'static str, String)> {
    let failing = |checks: &[String]| checks.join(", ");
    if !answer.not_live.is_empty() {
        let what = format!("/livez fails: {}", failing(&answer.not_live));
        return Some(("not-live", what));
    }
    (!answer.not_ready.is_empty()).then(|| {
        let what = format!("/readyz fails: {}", failing(&answer.not_ready));
        ("not-ready-api", what)
    })
}

fn not_asked(error: &ClusterError) -> (&'static str, String) {
    let what = match error {
        ClusterError::ForwardingRefused { .. } => {
            "its API server could not be asked directly, since its SSH server refuses forwarding"
                .to_owned()
        }
        ClusterError::Unreachable { message, .. } | ClusterError::Lost { message, .. } => {
            format!("its API server does not answer: {message}")
        }
        ClusterError::Configuration { message, .. } | ClusterError::Credentials { message, .. } => {
            format!("its API server could not be asked: {message}")
        }
        other => format!("its API server could not be asked: {other}"),
    };
    ("not-asked", what)
}

/// APIs that clients still ask for and that are gone at the target.
pub(super) fn removed_apis(
    answers: &BTreeMap<String, Result<ServerAnswer, ClusterError>>,
    target: (u64, u64),
) -> Vec<Finding> {
    let mut apis: Vec<&DeprecatedApi> = answers
        .values()
        .filter_map(|answer| answer.as_ref().ok())
        .flat_map(|answer| &answer.deprecated)
        .filter(|api| minor(&api.removed_release).is_some_and(|removed| removed <= target))
        .collect();
    apis.sort();
    apis.dedup();
    apis.into_iter()
        .map(|api| {
            let group = if api.group.is_empty() {
                String::new()
            } else {
                format!(".{}", api.group)
            };
            Finding::block(
                Group::Objects,
                "removed-api",
                format!(
                    "somebody still asks for {}{group}/{}, which {} no longer has",
                    api.resource, api.version, api.removed_release
                ),
                "move the clients and manifests to the newer version first; the API server's audit log names them",
            )
        })
        .collect()
}

fn minor(release: &str) -> Option<(u64, u64)> {
    let (major, minor) = release.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Controllers whose lease is not renewed. Ages are counted from the newest lease, so no clock but the cluster's matters.
pub(super) fn controllers(leases: &[Lease]) -> Vec<Finding> {
    let renewed =
        |lease: &Lease| -> Option<Timestamp> { Some(lease.spec.as_ref()?.renew_time.as_ref()?.0) };
    let Some(newest) = leases.iter().filter_map(renewed).max() else {
        return Vec::new();
    };
    leases
        .iter()
        .filter(|lease| lease.metadata.namespace.as_deref() == Some("kube-system"))
        .filter_map(|lease| {
            let name = lease.metadata.name.as_deref()?;
            if !matches!(name, "kube-controller-manager" | "kube-scheduler") {
                return None;
            }
            let age = newest.as_second() - renewed(lease)?.as_second();
            (age > LEASE_AGE).then(|| {
                Finding::block(
                    Group::Api,
                    "controller",
                    format!("{name} has not renewed its lease for {age} s"),
                    format!(
                        "repair it first: without it no pod finds a new node; journalctl -u {name}"
                    ),
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::members::tests::host;
    use super::*;
    use serde_json::json;

    #[test]
    fn deprecated_apis_are_read_from_the_metrics_and_judged_by_the_target() {
        let metrics = "\
# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group=\"flowcontrol.apiserver.k8s.io\",removed_release=\"1.32\",resource=\"flowschemas\",subresource=\"\",version=\"v1beta3\"} 1
apiserver_requested_deprecated_apis{group=\"\",removed_release=\"\",resource=\"endpoints\",subresource=\"\",version=\"v1\"} 1
apiserver_request_total{code=\"200\"} 7
";
        let apis = deprecated_apis(metrics);
        assert_eq!(apis.len(), 2);
        let answer = ServerAnswer {
            deprecated: apis,
            ..ServerAnswer::default()
        };
        let answers = [
            ("cp1".to_owned(), Ok(answer.clone())),
            ("cp2".to_owned(), Ok(answer)),
        ]
        .into();
        for (target, found) in [((1, 31), 0), ((1, 32), 1), ((1, 33), 1)] {
            let findings = removed_apis(&answers, target);
            assert_eq!(findings.len(), found, "{findings:?}");
            for finding in findings {
                assert_eq!(
                    finding.what,
                    "somebody still asks for flowschemas.flowcontrol.apiserver.k8s.io/v1beta3, which 1.32 no longer has"
                );
            }
        }
    }

    #[test]
    fn an_api_server_that_fails_blocks_only_where_control_planes_are_upgraded() {
        let recorded = include_str!("../../lab/cluster/recorded/readyz-verbose.txt");
        assert_eq!(failed_checks(recorded), Vec::<String>::new());
        let broken = format!("{recorded}[-]etcd failed: reason withheld\nreadyz check failed\n");
        let refused = ClusterError::Refused {
            code: 500,
            reason: String::new(),
            message: broken,
            name: String::new(),
            causes: Vec::new(),
        };
        let not_ready = ServerAnswer {
            not_ready: failing(Err(refused)).unwrap(),
            ..ServerAnswer::default()
        };
        let gone = ClusterError::Unreachable {
            host: "cp2".to_owned(),
            message: "connection refused".to_owned(),
        };
        let answers = [
            ("cp1".to_owned(), Ok(not_ready)),
            ("cp2".to_owned(), Err(gone)),
            ("cp3".to_owned(), Ok(ServerAnswer::default())),
        ]
        .into();
        for (control_plane, open, severity) in [
            (true, false, Severity::Block),
            (false, false, Severity::Warn),
            (true, true, Severity::Warn),
        ] {
            let mut planned = host("cp1", "", "");
            planned.control_plane = control_plane;
            if open {
                planned.open_runs.push("r1".to_owned());
            }
            let mut other = planned.clone();
            other.node = "cp2".to_owned();
            let hosts = Hosts {
                planned: [("cp1".to_owned(), planned), ("cp2".to_owned(), other)].into(),
                ..Hosts::default()
            };
            let found = servers(&hosts, &answers);
            let text: Vec<_> = found
                .iter()
                .map(|each| (each.host.as_str(), each.severity, each.what.as_str()))
                .collect();
            assert_eq!(
                text,
                [
                    ("cp1", severity, "/readyz fails: etcd"),
                    (
                        "cp2",
                        severity,
                        "its API server does not answer: connection refused"
                    ),
                ]
            );
        }
    }

    #[test]
    fn a_controller_that_stopped_renewing_is_found_by_the_clusters_own_clock() {
        let lease = |namespace: &str, name: &str, at: &str| -> Lease {
            serde_json::from_value(json!({
                "metadata": {"name": name, "namespace": namespace}, "spec": {"renewTime": at},
            }))
            .unwrap()
        };
        let leases = [
            lease("kube-node-lease", "n1", "2020-01-01T00:10:00.000000Z"),
            lease("kube-node-lease", "dead", "2020-01-01T00:00:00.000000Z"),
            lease(
                "kube-system",
                "kube-scheduler",
                "2020-01-01T00:09:58.000000Z",
            ),
            lease(
                "kube-system",
                "kube-controller-manager",
                "2020-01-01T00:05:00.000000Z",
            ),
        ];
        let found = controllers(&leases);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].what,
            "kube-controller-manager has not renewed its lease for 300 s"
        );
        assert_eq!(controllers(&[]), []);
    }
}
