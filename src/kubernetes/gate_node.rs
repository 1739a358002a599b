//! Whether a node is what it should be after its kubelet was replaced. A gate changes nothing.

use super::baseline::{NodeBaseline, crashing, owner_key, sets};
use super::cordon::{kubelet_version, not_ready};
use super::drain::{daemonset_of, is_finished, is_ready};
use super::gate::{version_missing, wait};
use super::healthz::Healthz;
use super::{Cluster, ClusterError, GateError, GateOptions, Passed, PodKey, Progress};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use std::sync::Arc;

/// Conditions of a node that must not be true.
const TROUBLES: [&str; 4] = [
    "MemoryPressure",
    "DiskPressure",
    "PIDPressure",
    "NetworkUnavailable",
];

/// What a node's gate looks at beside the node itself.
#[derive(Clone, Default)]
pub struct NodeChecks {
    /// How the node was before; what was wrong then is not asked for.
    pub before: Option<Arc<NodeBaseline>>,
    /// The kubelet's own word, if it gave one before.
    pub healthz: Option<Healthz>,
    /// The program that the service starts, and the one that was replaced: told where the version is wrong.
    pub programs: Option<(String, String)>,
}

/// What one look finds.
struct Look {
    node: Node,
    lease: Option<Lease>,
    pods: Vec<Pod>,
    drivers: Vec<String>,
}

/// Waits until `node` is ready, at the version, alive since the moment, without pressure, its DaemonSet pods ready.
pub async fn gate(
    cluster: &Cluster,
    node: &str,
    options: &GateOptions,
    checks: &NodeChecks,
    progress: &Progress,
) -> Result<Passed, GateError> {
    let drivers_before = checks
        .before
        .as_ref()
        .is_some_and(|before| !before.drivers.is_empty());
    wait(&format!("node {node}"), options, progress, || async {
        let Some(look) = Box::pin(look(cluster, node, drivers_before)).await? else {
            let lacks = vec!["the cluster does not know it".to_owned()];
            return Ok((String::new(), lacks));
        };
        let mut missing = judge(&look, options, checks);
        // Asked last, since it costs a connection of its own.
        if let Some(healthz) = checks.healthz.as_ref().filter(|_| missing.is_empty()) {
            missing.extend(healthz.trouble().await);
        }
        Ok((kubelet_version(&look.node).to_owned(), missing))
    })
    .await
}

/// One look, all requests at once; `None` when the cluster does not know the node.
async fn look(cluster: &Cluster, node: &str, drivers: bool) -> Result<Option<Look>, ClusterError> {
    let drivers = async {
        if drivers {
            cluster.csi_drivers(node).await
        } else {
            Ok(Vec::new())
        }
    };
    let (found, lease, pods, drivers) = futures::try_join!(
        cluster.node(node),
        cluster.lease(node),
        cluster.pods_on(node, None),
        drivers
    )?;
    Ok(found.map(|node| Look {
        node,
        lease,
        pods,
        drivers,
    }))
}

/// What is missing for the node to pass.
fn judge(look: &Look, options: &GateOptions, checks: &NodeChecks) -> Vec<String> {
    let mut missing: Vec<String> = not_ready(&look.node).into_iter().collect();
    missing.extend(stale(look, options));
    if let Some(wrong) = version_missing("its kubelet", kubelet_version(&look.node), options) {
        missing.push(wrong + &mismatch(checks));
    }
    for condition in look
        .node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
    {
        if TROUBLES.contains(&condition.type_.as_str()) && condition.status == "True" {
            missing.push(format!(
                "{} ({})",
                condition.type_,
                condition.message.as_deref().unwrap_or("no reason given")
            ));
        }
    }
    missing.extend(pods_missing(look, checks.before.as_deref()));
    missing
}

/// What tells of a sign of life that is not newer than it must be.
fn stale(look: &Look, options: &GateOptions) -> Option<String> {
    let since = options.since?;
    let conditions = look.node.status.as_ref()?.conditions.as_deref();
    let beat = conditions
        .unwrap_or_default()
        .iter()
        .find(|each| each.type_ == "Ready")
        .and_then(|each| each.last_heartbeat_time.as_ref())
        .map(|time| time.0);
    let spec = look.lease.as_ref().and_then(|lease| lease.spec.as_ref());
    let renewed = spec
        .and_then(|spec| spec.renew_time.as_ref())
        .map(|time| time.0);
    let newest = beat.max(renewed);
    if newest.is_some_and(|newest| newest > since) {
        return None;
    }
    let seen = newest.map_or_else(|| "none".to_owned(), |time| time.to_string());
    Some(format!(
        "its last sign of life is {seen}, not after {since}"
    ))
}

/// The likely cause of a wrong version: the service starts another program than the one that was replaced.
fn mismatch(checks: &NodeChecks) -> String {
    match &checks.programs {
        Some((started, replaced)) if started != replaced && !started.is_empty() => {
            format!(" (its service starts {started}, but {replaced} was replaced)")
        }
        _ => String::new(),
    }
}

/// Pods of the node that are worse than before, and what else is not back.
fn pods_missing(look: &Look, before: Option<&NodeBaseline>) -> Vec<String> {
    let mut missing = Vec::new();
    let blamed = |pod: &&Pod| before.is_none_or(|before| !before.unready.contains(&owner_key(pod)));
    let unready: Vec<_> = look
        .pods
        .iter()
        .filter(|pod| daemonset_of(pod).is_some() && !is_finished(pod) && !is_ready(pod))
        .filter(blamed)
        .map(|pod| PodKey::from(pod).to_string())
        .collect();
    if !unready.is_empty() {
        missing.push(format!("DaemonSet pods not ready: {}", unready.join(", ")));
    }
    let Some(before) = before else {
        return missing;
    };
    let now = sets(&look.pods);
    let mut add = |what: &str, gone: Vec<&str>| {
        if !gone.is_empty() {
            missing.push(format!("{what}: {}", gone.join(", ")));
        }
    };
    let absent = before.sets.difference(&now).map(String::as_str);
    add("DaemonSets without a pod here", absent.collect());
    let now = crashing(&look.pods);
    let new = now.difference(&before.crashing).map(String::as_str);
    add("pods that crash now and did not before", new.collect());
    let gone = before
        .drivers
        .iter()
        .filter(|driver| !look.drivers.contains(driver))
        .map(String::as_str);
    add("storage drivers not registered", gone.collect());
    missing
}

#[cfg(test)]
mod tests {
    use super::super::gate::moment;
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
                "Ready is False: seen",
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
            let look = Look {
                node,
                lease,
                pods,
                drivers: Vec::new(),
            };
            let missing = judge(&look, &options, &NodeChecks::default());
            assert_eq!(missing.join("; "), expected);
        }
    }

    #[test]
    fn what_was_wrong_before_is_not_asked_for() {
        let look = |ready: &str, drivers: &[&str]| Look {
            node: node("True", NEW, "v1.34.3", &[]),
            lease: None,
            pods: vec![daemon_pod(ready)],
            drivers: drivers.iter().map(|&name| name.to_owned()).collect(),
        };
        let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect();
        let before = |unready: &[&str], sets: &[&str], drivers: &[&str]| NodeChecks {
            before: Some(Arc::new(NodeBaseline {
                unready: names(unready),
                sets: names(sets),
                drivers: drivers.iter().map(|&name| name.to_owned()).collect(),
                ..NodeBaseline::default()
            })),
            programs: Some((
                "/opt/kubelet".to_owned(),
                "/usr/local/bin/kubelet".to_owned(),
            )),
            ..NodeChecks::default()
        };
        let any = GateOptions::default();
        let wanted = GateOptions {
            version: Some("v1.35.1".to_owned()),
            ..GateOptions::default()
        };
        let cni = "kube-system/cni";
        let cases = [
            (look("False", &[]), before(&[cni], &[], &[]), &any, ""),
            (
                look("False", &[]),
                before(&[], &[cni], &[]),
                &any,
                "DaemonSet pods not ready: kube-system/cni-x",
            ),
            (
                look("True", &["a"]),
                before(&[], &[cni, "kube-system/proxy"], &["a", "b"]),
                &any,
                "DaemonSets without a pod here: kube-system/proxy; storage drivers not registered: b",
            ),
            (
                look("True", &[]),
                before(&[], &[], &[]),
                &wanted,
                "its kubelet is v1.34.3, not v1.35.1 (its service starts /opt/kubelet, but /usr/local/bin/kubelet \
                 was replaced)",
            ),
        ];
        for (look, checks, options, expected) in cases {
            assert_eq!(judge(&look, options, &checks).join("; "), expected);
        }
    }

    #[test]
    fn only_new_crashes_count() {
        let crash: Pod = serde_json::from_value(json!({
            "metadata": {"name": "web-1", "namespace": "shop", "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": true}]},
            "status": {"containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": false,
                "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
        }))
        .unwrap();
        let look = Look {
            node: node("True", NEW, "v1.35.1", &[]),
            lease: None,
            pods: vec![crash],
            drivers: Vec::new(),
        };
        for (known, expected) in [
            (None, "pods that crash now and did not before: shop/web"),
            (Some("shop/web"), ""),
        ] {
            let before = NodeBaseline {
                crashing: known.into_iter().map(str::to_owned).collect(),
                ..NodeBaseline::default()
            };
            assert_eq!(pods_missing(&look, Some(&before)).join("; "), expected);
        }
    }
}
