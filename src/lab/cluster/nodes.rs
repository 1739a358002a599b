//! Nodes: what a kubelet and the node lifecycle controller write into them, from how their hosts stand.

use super::config::{ClusterConfig, Flavor, NodeConfig, Observation};
use super::events::{self, Happening};
use super::object;
use super::pods;
use super::resource::Resource;
use super::state::{Shared, State};
use super::store::Key;
use super::taints;
use crate::lab::machine_id::machine_id;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// How long a kubelet needs from its start to its first good heartbeat.
const START_UP: SignedDuration = SignedDuration::from_millis(300);
/// After how long a silent node is `Unknown`. A real cluster takes 40 seconds; a lab should not.
const GRACE: SignedDuration = SignedDuration::from_secs(1);

/// What is remembered of a kubelet between two looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    /// The newest heartbeat.
    heartbeat: Option<Timestamp>,
    /// Since when it is known not to run.
    silent_since: Option<Timestamp>,
}

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Ready,
    /// Ready is still true, but the heartbeat is from before the last start.
    Stale,
    Starting,
    NeverReady,
    /// Silent, but not long enough to be given up.
    Silent,
    Lost,
}

/// Brings these nodes up to date.
pub(super) fn refresh(shared: &Shared, names: &[String]) {
    let seen: Vec<Observation> = names.iter().map(|name| shared.observe(name)).collect();
    shared.with(|state| {
        for (name, observation) in names.iter().zip(&seen) {
            apply(state, name, observation, Timestamp::now());
        }
    });
}

/// Brings all nodes up to date.
pub(super) fn refresh_all(shared: &Shared) {
    let names: Vec<String> = shared
        .config
        .nodes
        .iter()
        .map(|node| node.name.clone())
        .collect();
    refresh(shared, &names);
}

fn apply(state: &mut State, name: &str, seen: &Observation, now: Timestamp) {
    let key = Key::new(Resource::Nodes, "", name);
    let Some(before) = state.store.get(&key) else {
        return;
    };
    let life = state
        .lives
        .entry(name.to_owned())
        .or_insert_with(|| remember(&before));
    let standing = live(life, seen, now);
    let heartbeat = life.heartbeat.map(object::seconds).unwrap_or_default();
    let mut node = before.as_ref().clone();
    write(&mut node, standing, seen, &heartbeat, now);
    // A new heartbeat alone is no change that anyone is told of.
    let mut same = before.as_ref().clone();
    set_heartbeat(&mut same, &heartbeat);
    if same == node {
        if *before != node {
            state.store.touch(&key, node);
        }
        return;
    }
    let was_lost =
        object::condition(&before, "Ready").is_some_and(|ready| ready["status"] == "Unknown");
    let after = state.store.update(&key, node);
    if let Some(reason) = happened(&before, &after) {
        let happening = Happening {
            reason,
            warning: false,
            message: format!("Node {name} status is now: {reason}"),
            component: if standing == Standing::Lost {
                "node-controller"
            } else {
                "kubelet"
            },
        };
        events::note(state, &after, &happening, now);
    }
    if was_lost != (standing == Standing::Lost) {
        pods::node_lost(state, name, standing == Standing::Lost, now);
    }
}

/// The event that a change of the `Ready` condition is worth.
fn happened(before: &Value, after: &Value) -> Option<&'static str> {
    match (object::ready(before), object::ready(after)) {
        (false, true) => Some("NodeReady"),
        (true, false) => Some("NodeNotReady"),
        _ => None,
    }
}

/// What the object in the state file tells about a kubelet that this process has not seen yet.
fn remember(node: &Value) -> Life {
    let heartbeat = object::condition(node, "Ready")
        .and_then(|ready| object::time(ready["lastHeartbeatTime"].as_str()?));
    Life {
        heartbeat,
        silent_since: None,
    }
}

/// Moves a life on and says how the node stands.
fn live(life: &mut Life, seen: &Observation, now: Timestamp) -> Standing {
    if !seen.kubelet_running {
        let since = *life.silent_since.get_or_insert(now);
        return if now.duration_since(since) >= GRACE {
            Standing::Lost
        } else {
            Standing::Silent
        };
    }
    life.silent_since = None;
    if seen.stale_heartbeat && !seen.never_ready {
        let before_start = seen.kubelet_started.unwrap_or(now) - SignedDuration::from_secs(1);
        life.heartbeat = Some(
            life.heartbeat
                .map_or(before_start, |last| last.min(before_start)),
        );
        return Standing::Stale;
    }
    if seen
        .kubelet_started
        .is_some_and(|started| now.duration_since(started) < START_UP)
    {
        return Standing::Starting;
    }
    life.heartbeat = Some(now);
    if seen.never_ready {
        Standing::NeverReady
    } else {
        Standing::Ready
    }
}

fn write(
    node: &mut Value,
    standing: Standing,
    seen: &Observation,
    heartbeat: &str,
    now: Timestamp,
) {
    if seen.kubelet_running {
        let version = format!("v{}", seen.kubelet_version.trim_start_matches('v'));
        node["status"]["nodeInfo"]["kubeletVersion"] = json!(version);
        let id = machine_id(object::name(node));
        node["status"]["nodeInfo"]["machineID"] = json!(id);
    }
    let ready = match standing {
        Standing::Silent => None,
        Standing::Ready | Standing::Stale => {
            Some(("True", "KubeletReady", "kubelet is posting ready status"))
        }
        Standing::Starting => Some((
            "False",
            "KubeletNotReady",
            "container runtime status check may not have completed yet",
        )),
        Standing::NeverReady => Some((
            "False",
            "KubeletNotReady",
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network \
             plugin returns error: cni plugin not initialized",
        )),
        Standing::Lost => Some(LOST),
    };
    if let Some(ready) = ready {
        set_condition(node, "Ready", ready, now);
        for (kind, fine) in PRESSURES {
            set_condition(
                node,
                kind,
                if standing == Standing::Lost {
                    LOST
                } else {
                    *fine
                },
                now,
            );
        }
    }
    set_heartbeat(node, heartbeat);
    taints::sync(node);
}

/// Status, reason and message of a condition.
type Judgement = (&'static str, &'static str, &'static str);

const LOST: Judgement = (
    "Unknown",
    "NodeStatusUnknown",
    "Kubelet stopped posting node status.",
);

const PRESSURES: &[(&str, Judgement)] = &[
    (
        "MemoryPressure",
        (
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
    ),
    (
        "DiskPressure",
        (
            "False",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
        ),
    ),
    (
        "PIDPressure",
        (
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
        ),
    ),
];

fn set_condition(
    node: &mut Value,
    kind: &str,
    (status, reason, message): Judgement,
    now: Timestamp,
) {
    let Some(conditions) = node["status"]["conditions"].as_array_mut() else {
        return;
    };
    let Some(condition) = conditions
        .iter_mut()
        .find(|condition| condition["type"] == kind)
    else {
        return;
    };
    if condition["status"] != status {
        condition["lastTransitionTime"] = json!(object::seconds(now));
    }
    condition["status"] = json!(status);
    condition["reason"] = json!(reason);
    condition["message"] = json!(message);
}

fn set_heartbeat(node: &mut Value, heartbeat: &str) {
    if heartbeat.is_empty() {
        return;
    }
    let known =
        |kind: &Value| kind == "Ready" || PRESSURES.iter().any(|(pressure, _)| kind == pressure);
    for condition in node["status"]["conditions"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        if known(&condition["type"]) {
            condition["lastHeartbeatTime"] = json!(heartbeat);
        }
    }
}

/// A node that has just joined; the first look at its host fills in the rest.
pub(super) fn build(config: &ClusterConfig, node: &NodeConfig) -> Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let mut labels = json!({
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
    });
    let mut spec = json!({});
    let workers = config.nodes.iter().any(|node| !node.control_plane);
    if node.control_plane {
        let value = if config.flavor == Flavor::K3s {
            "true"
        } else {
            ""
        };
        labels["node-role.kubernetes.io/control-plane"] = json!(value);
        if config.flavor == Flavor::Kubernetes && workers {
            spec["taints"] =
                json!([{ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }]);
        }
    }
    let time = object::seconds(Timestamp::now());
    let conditions: Vec<Value> = PRESSURES
        .iter()
        .map(|(kind, _)| *kind)
        .chain(["Ready"])
        .map(|kind| json!({ "type": kind, "status": "Unknown", "lastHeartbeatTime": time, "lastTransitionTime": time,
            "reason": "NodeStatusNeverUpdated", "message": "Kubelet never posted node status." }))
        .collect();
    json!({
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": { "name": node.name, "labels": labels },
        "spec": spec,
        "status": {
            "capacity": { "cpu": "4", "memory": "8Gi", "pods": "110" },
            "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "110" },
            "conditions": conditions,
            "addresses": [
                { "type": "InternalIP", "address": node.internal_ip },
                { "type": "Hostname", "address": node.name },
            ],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } },
            "nodeInfo": {
                "machineID": machine_id(&node.name),
                "systemUUID": object::new_uid(),
                "bootID": object::new_uid(),
                "kernelVersion": "6.1.0",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "containerRuntimeVersion": "containerd://2.0.0",
                "kubeletVersion": "",
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": architecture,
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation() -> Observation {
        Observation {
            kubelet_running: true,
            kubelet_version: "v1.35.6".to_owned(),
            kubelet_started: None,
            never_ready: false,
            stale_heartbeat: false,
            api_running: true,
            api_version: "v1.35.6".to_owned(),
            api_emulated: None,
            control_plane: crate::lab::cluster::ControlPlane::default(),
        }
    }

    #[test]
    fn a_life_moves_as_a_kubelet_does() {
        let start: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let at = |millis: i64| start + SignedDuration::from_millis(millis);
        let mut seen = observation();
        let mut life = Life::default();
        assert_eq!(live(&mut life, &seen, at(0)), Standing::Ready);
        assert_eq!(life.heartbeat, Some(at(0)));

        seen.kubelet_running = false;
        assert_eq!(live(&mut life, &seen, at(5_000)), Standing::Silent);
        assert_eq!(live(&mut life, &seen, at(6_000)), Standing::Lost);
        assert_eq!(life.heartbeat, Some(at(0)));

        seen.kubelet_running = true;
        seen.kubelet_started = Some(at(7_000));
        assert_eq!(live(&mut life, &seen, at(7_200)), Standing::Starting);
        assert_eq!(life.heartbeat, Some(at(0)));
        assert_eq!(live(&mut life, &seen, at(7_300)), Standing::Ready);
        assert_eq!(life.heartbeat, Some(at(7_300)));

        seen.never_ready = true;
        assert_eq!(live(&mut life, &seen, at(8_000)), Standing::NeverReady);
        assert_eq!(life.heartbeat, Some(at(8_000)));

        seen.never_ready = false;
        seen.stale_heartbeat = true;
        seen.kubelet_started = Some(at(9_000));
        assert_eq!(live(&mut life, &seen, at(12_000)), Standing::Stale);
        assert!(life.heartbeat.unwrap() < at(9_000));
    }

    #[test]
    fn conditions_are_worded_as_a_kubelet_words_them() {
        let config = ClusterConfig {
            name: "lab".to_owned(),
            flavor: Flavor::Kubernetes,
            nodes: Vec::new(),
            state_file: "state.json".into(),
        };
        let node = NodeConfig {
            name: "w1".to_owned(),
            control_plane: false,
            internal_ip: "192.0.2.1".to_owned(),
        };
        let now = Timestamp::now();
        let mut node = build(&config, &node);
        let cases = [
            (Standing::Ready, "True", "KubeletReady"),
            (Standing::Stale, "True", "KubeletReady"),
            (Standing::Starting, "False", "KubeletNotReady"),
            (Standing::NeverReady, "False", "KubeletNotReady"),
            (Standing::Lost, "Unknown", "NodeStatusUnknown"),
            (Standing::Silent, "Unknown", "NodeStatusUnknown"),
        ];
        for (standing, status, reason) in cases {
            write(
                &mut node,
                standing,
                &observation(),
                "2026-11-21T10:00:00Z",
                now,
            );
            let ready = object::condition(&node, "Ready").unwrap();
            assert_eq!(
                (ready["status"].as_str(), ready["reason"].as_str()),
                (Some(status), Some(reason))
            );
            assert_eq!(ready["lastHeartbeatTime"], "2026-11-21T10:00:00Z");
        }
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.35.6");
        assert_eq!(
            object::condition(&node, "DiskPressure").unwrap()["status"],
            "Unknown"
        );
    }
}
