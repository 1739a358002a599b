//! A cluster of one node: enough of an API server's behaviour to cordon, drain and gate against.

use super::api::{Api, Handler};
use super::hosts::{Host, Hosts, refusal};
use crate::kubernetes::kubectl::merge;
use crate::kubernetes::{Cluster, Progress};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the API server holds.
pub(super) struct World {
    pub(super) node: Value,
    pub(super) pods: Vec<Value>,
    pub(super) budgets: Vec<Value>,
    pub(super) volumes: Vec<Value>,
    /// Refusals of evictions to come, by pod.
    pub(super) refusals: HashMap<String, VecDeque<(u16, Value)>>,
    /// Someone else changes the node just before the next so many patches.
    pub(super) interference: usize,
    /// All requests that would change something.
    pub(super) writes: Vec<(String, String, Value)>,
    pub(super) readyz: (u16, Value),
}

pub(super) type Shared = Arc<Mutex<World>>;

pub(super) fn world() -> Shared {
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "n1", "resourceVersion": "1", "annotations": {"other": "kept"}},
        "spec": {"podCIDR": "10.0.0.0/24"},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-11-21T07:00:00Z"}],
            "nodeInfo": {
                "kubeletVersion": "v1.34.1", "architecture": "", "bootID": "", "containerRuntimeVersion": "",
                "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "",
                "osImage": "", "systemUUID": ""},
        },
    });
    Arc::new(Mutex::new(World {
        node,
        pods: Vec::new(),
        budgets: Vec::new(),
        volumes: Vec::new(),
        refusals: HashMap::new(),
        interference: 0,
        writes: Vec::new(),
        readyz: (200, json!("ok")),
    }))
}

/// A pod of a ReplicaSet with the label `app`.
pub(super) fn pod(name: &str, app: &str, ready: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-{name}"), "labels": {"app": app},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "uid": "u", "controller": true}]},
        "spec": {"containers": []},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    })
}

/// A budget over the pods with the label `app`.
pub(super) fn budget(name: &str, app: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": app}}},
        "status": {"currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 0, "expectedPods": 2},
    })
}

impl World {
    fn answer(&mut self, method: &str, uri: &str, body: &Value) -> (u16, Value) {
        let (path, _query) = uri.split_once('?').unwrap_or((uri, ""));
        if method != "GET" {
            self.writes
                .push((method.to_owned(), path.to_owned(), body.clone()));
        }
        match (method, path) {
            ("GET", "/version") => (200, json!({"gitVersion": "v1.35.1"})),
            ("GET", "/readyz") => self.readyz.clone(),
            ("GET", "/api/v1/nodes/n1") => (200, self.node.clone()),
            ("PATCH" | "PUT", "/api/v1/nodes/n1") => self.change(method, body),
            ("GET", "/api/v1/pods") => {
                let here =
                    |pod: &&Value| pod["spec"]["nodeName"].as_str().is_none_or(|it| it == "n1");
                list(&self.pods.iter().filter(here).cloned().collect::<Vec<_>>())
            }
            ("GET", "/api/v1/namespaces/default/pods") => list(&self.pods),
            ("GET", "/apis/policy/v1/namespaces/default/poddisruptionbudgets") => {
                list(&self.budgets)
            }
            ("GET", "/apis/storage.k8s.io/v1/volumeattachments") => list(&self.volumes),
            ("POST", path) if path.ends_with("/eviction") => self.evict(path, body),
            ("DELETE", path) if path.starts_with("/api/v1/namespaces/default/pods/") => {
                let name = path.rsplit('/').next().unwrap_or_default();
                let uid = &body["preconditions"]["uid"];
                self.pods.retain(|pod| {
                    pod["metadata"]["name"] != name || pod["metadata"]["uid"] != *uid
                });
                (200, json!({"kind": "Status", "status": "Success"}))
            }
            (_, path) => {
                let name = path.rsplit('/').next().unwrap_or_default();
                refusal(404, "NotFound", "not found", &json!({"name": name}))
            }
        }
    }

    fn change(&mut self, method: &str, body: &Value) -> (u16, Value) {
        if self.interference > 0 {
            self.interference -= 1;
            self.bump();
        }
        if body["metadata"]["resourceVersion"] != self.node["metadata"]["resourceVersion"] {
            return refusal(
                409,
                "Conflict",
                "the object has been modified",
                &json!({"name": "n1"}),
            );
        }
        if method == "PUT" {
            self.node = body.clone();
        } else {
            merge(&mut self.node, body);
        }
        self.bump();
        (200, self.node.clone())
    }

    fn bump(&mut self) {
        let version = &mut self.node["metadata"]["resourceVersion"];
        let next: u64 = version.as_str().unwrap().parse::<u64>().unwrap() + 1;
        *version = json!(next.to_string());
    }

    fn evict(&mut self, path: &str, body: &Value) -> (u16, Value) {
        let name = path.split('/').nth(6).unwrap();
        if let Some(refused) = self.refusals.get_mut(name).and_then(VecDeque::pop_front) {
            return refused;
        }
        let Some(at) = self
            .pods
            .iter()
            .position(|pod| pod["metadata"]["name"] == name)
        else {
            return refusal(404, "NotFound", "not found", &json!({"name": name}));
        };
        assert_eq!(
            body["deleteOptions"]["preconditions"]["uid"],
            self.pods[at]["metadata"]["uid"]
        );
        self.pods.remove(at);
        (
            201,
            json!({"kind": "Status", "status": "Success", "code": 201}),
        )
    }

    /// What was sent to evict pods.
    pub(super) fn evictions(&self) -> usize {
        self.writes
            .iter()
            .filter(|(method, ..)| method == "POST")
            .count()
    }

    pub(super) fn mark(&self) -> Option<&str> {
        self.node["metadata"]["annotations"]["windlass.dev/cordoned-by"].as_str()
    }
}

fn list(items: &[Value]) -> (u16, Value) {
    (
        200,
        json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}),
    )
}

pub(super) fn handler(world: &Shared) -> Handler {
    let world = world.clone();
    Arc::new(move |method, path, body| world.lock().unwrap().answer(method, path, &body))
}

/// The cluster over a tunnel; the server lives as long as the first value.
pub(super) async fn tunnelled(world: &Shared) -> (Api, Cluster) {
    let api = Api::start(handler(world)).await;
    let host = Host {
        kubeconfig: api.kubeconfig.clone(),
        forwarding: true,
        kubectl: None,
    };
    let cluster = open(Hosts([("cp1", host)].into()), &["cp1"]).await.unwrap();
    (api, cluster)
}

pub(super) async fn open(
    hosts: Hosts,
    names: &[&str],
) -> Result<Cluster, crate::kubernetes::ClusterError> {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Cluster::open_within(
        Arc::new(hosts),
        names,
        "/etc/kubernetes/admin.conf",
        Duration::ZERO,
    )
    .await
}

/// A progress that keeps its lines.
pub(super) fn listening() -> (Progress, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    (Arc::new(move |line| sink.lock().unwrap().push(line)), lines)
}
