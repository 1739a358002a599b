//! What a new cluster holds: namespaces, DaemonSets, a small shop of Deployments, and budgets over some of them.

use super::config::{ClusterConfig, Flavor};
use super::defaults;
use super::resource::Resource;
use super::status::Refusal;
use super::store::Store;
use super::workloads;
use serde_json::{Value, json};

/// Fills an empty store.
pub(super) fn fill(store: &mut Store, config: &ClusterConfig) -> Result<(), Refusal> {
    for name in [
        "default",
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "shop",
    ] {
        namespace(store, name)?;
    }
    let daemons: &[&str] = match config.flavor {
        Flavor::Kubernetes => &["kube-proxy", "cni"],
        Flavor::K3s => &["svclb-traefik", "cni"],
    };
    for name in daemons {
        daemon_set(store, name)?;
    }
    let workers = takers(config);
    // Three pods for two workers, so that at least one worker carries two of them.
    deployment(
        store,
        &Workload::new("shop", "web", (workers * 3).div_ceil(2)),
    )?;
    deployment(
        store,
        &Workload::new("shop", "api", workers.div_ceil(2).max(2)),
    )?;
    deployment(
        store,
        &Workload {
            scratch: true,
            ..Workload::new("shop", "cache", 1)
        },
    )?;
    deployment(store, &Workload::new("kube-system", "coredns", 2))?;
    // With one node that takes pods, a budget could never be kept through a drain.
    if workers > 1 {
        budget(store, "shop", "web", "web", &json!({ "maxUnavailable": 1 }))?;
        budget(
            store,
            "kube-system",
            "coredns",
            "coredns",
            &json!({ "minAvailable": 1 }),
        )?;
    }
    Ok(())
}

/// How many nodes take ordinary pods.
fn takers(config: &ClusterConfig) -> usize {
    let workers = config
        .nodes
        .iter()
        .filter(|node| !node.control_plane)
        .count();
    match config.flavor {
        Flavor::Kubernetes if workers > 0 => workers,
        _ => config.nodes.len(),
    }
}

/// Makes a namespace.
pub(super) fn namespace(store: &mut Store, name: &str) -> Result<(), Refusal> {
    store.create(
        Resource::Namespaces,
        json!({
            "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name } },
            "spec": { "finalizers": ["kubernetes"] },
            "status": { "phase": "Active" },
        }),
    )?;
    Ok(())
}

fn daemon_set(store: &mut Store, name: &str) -> Result<(), Refusal> {
    let mut spec = template(name, false);
    spec["spec"]["tolerations"] = json!([{ "operator": "Exists" }]);
    store.create(
        Resource::DaemonSets,
        json!({
            "metadata": { "namespace": "kube-system", "name": name, "labels": { "app": name } },
            "spec": { "selector": { "matchLabels": { "app": name } }, "template": spec },
        }),
    )?;
    Ok(())
}

/// One Deployment of the lab.
pub(super) struct Workload<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) replicas: usize,
    /// Whether its pods keep files in an `emptyDir`, which a drain has to be told about.
    pub(super) scratch: bool,
    /// The only node that it may run on.
    pub(super) node: Option<&'a str>,
}

impl<'a> Workload<'a> {
    pub(super) fn new(namespace: &'a str, name: &'a str, replicas: usize) -> Self {
        Self {
            namespace,
            name,
            replicas,
            scratch: false,
            node: None,
        }
    }
}

/// Makes a Deployment and its ReplicaSet. The answer is the ReplicaSet.
pub(super) fn deployment(
    store: &mut Store,
    workload: &Workload<'_>,
) -> Result<std::sync::Arc<Value>, Refusal> {
    let Workload {
        namespace,
        name,
        replicas,
        ..
    } = workload;
    let mut template = template(name, workload.scratch);
    if let Some(node) = workload.node {
        template["spec"]["nodeSelector"] = json!({ "kubernetes.io/hostname": node });
    }
    let mut object = json!({
        "metadata": { "namespace": namespace, "name": name, "labels": { "app": name } },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": template,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" } },
        },
    });
    defaults::fill(Resource::Deployments, &mut object);
    let deployment = store.create(Resource::Deployments, object)?;
    workloads::replica_set(store, &deployment)
}

fn template(name: &str, scratch: bool) -> Value {
    let mut spec = json!({
        "containers": [{ "name": name, "image": format!("registry.invalid/{name}:1") }],
    });
    defaults::pod(&mut spec);
    if scratch {
        spec["volumes"] = json!([{ "name": "scratch", "emptyDir": {} }]);
        spec["containers"][0]["volumeMounts"] =
            json!([{ "name": "scratch", "mountPath": "/scratch" }]);
    }
    json!({ "metadata": { "labels": { "app": name } }, "spec": spec })
}

/// Makes a budget over the pods with label `app`.
pub(super) fn budget(
    store: &mut Store,
    namespace: &str,
    name: &str,
    app: &str,
    rule: &Value,
) -> Result<(), Refusal> {
    let mut spec = rule.clone();
    spec["selector"] = json!({ "matchLabels": { "app": app } });
    store.create(
        Resource::Budgets,
        json!({
            "metadata": { "namespace": namespace, "name": name },
            "spec": spec,
            "status": {},
        }),
    )?;
    Ok(())
}
