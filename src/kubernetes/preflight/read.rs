//! Reads what the cluster holds: each kind in one list, all at once. Nothing is changed; the pod that is made is a dry run.

use super::drains::DrainSight;
use super::eligible::{ClaimPlaces, claims};
use super::objects::{Extensions, ServiceReference, any_ready};
use super::{Finding, Group};
use crate::kubernetes::cluster::Call;
use crate::kubernetes::objects::{checked, encoded};
use crate::kubernetes::{Cluster, ClusterError};
use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Objects in one answer; a list of 10,000 pods would be one of 60 MB.
const PAGE: u32 = 500;
/// Services that are looked up at once.
const PARALLEL: usize = 8;

/// What the cluster holds.
#[derive(Debug, Default)]
pub(super) struct ClusterSight {
    /// Nodes, pods, budgets: what drains are played through on.
    pub(super) drain: DrainSight,
    /// Webhooks, API groups of others, custom resources.
    pub(super) extensions: Extensions,
    /// All leases.
    pub(super) leases: Vec<Lease>,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    #[serde(default)]
    metadata: PageMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PageMetadata {
    r#continue: Option<String>,
}

/// All objects at `path`, page by page.
async fn list<T: DeserializeOwned>(
    cluster: &Cluster,
    path: &str,
    query: &str,
) -> Result<Vec<T>, ClusterError> {
    let mut items = Vec::new();
    let mut from = String::new();
    loop {
        let call = Call::get(format!("{path}?limit={PAGE}{query}{from}"));
        let page: Page<T> = cluster.json(&call).await?;
        items.extend(page.items);
        match page.metadata.r#continue.filter(|token| !token.is_empty()) {
            Some(token) => from = format!("&continue={}", encoded(&token)),
            None => return Ok(items),
        }
    }
}

/// The same, of what a cluster may not have or not show: then there is nothing.
async fn optional<T: DeserializeOwned>(
    cluster: &Cluster,
    path: &str,
) -> Result<Vec<T>, ClusterError> {
    match list(cluster, path, "").await {
        Err(error) if matches!(error.code(), Some(403 | 404)) => Ok(Vec::new()),
        other => other,
    }
}

/// All nodes.
pub async fn read_nodes(cluster: &Cluster) -> Result<Vec<Node>, ClusterError> {
    cluster
        .patiently(|| list(cluster, "/api/v1/nodes", ""))
        .await
}

/// Everything but the nodes, which the caller has; `selector` is the drain's.
pub(super) async fn read_cluster(
    cluster: &Cluster,
    nodes: Vec<Node>,
    selector: Option<&str>,
) -> Result<ClusterSight, ClusterError> {
    let hooks = "/apis/admissionregistration.k8s.io/v1";
    let (validating, mutating) = (
        format!("{hooks}/validatingwebhookconfigurations"),
        format!("{hooks}/mutatingwebhookconfigurations"),
    );
    let (pods, selected, budgets, sets, leases, mut webhooks, mutating, services, definitions) = futures::try_join!(
        list::<Pod>(cluster, "/api/v1/pods", ""),
        select(cluster, selector),
        list(cluster, "/apis/policy/v1/poddisruptionbudgets", ""),
        list::<DaemonSet>(cluster, "/apis/apps/v1/daemonsets", ""),
        list::<Lease>(cluster, "/apis/coordination.k8s.io/v1/leases", ""),
        optional(cluster, &validating),
        optional(cluster, &mutating),
        optional(cluster, "/apis/apiregistration.k8s.io/v1/apiservices"),
        optional(
            cluster,
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        ),
    )?;
    webhooks.extend(mutating);
    let mut extensions = Extensions {
        webhooks,
        services,
        definitions,
        ..Extensions::default()
    };
    let called: Vec<ServiceReference> = extensions.called().into_iter().collect();
    extensions.ready = stream::iter(called)
        .map(|service| async move {
            let ready = is_ready(cluster, &service).await?;
            Ok::<_, ClusterError>((service, ready))
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await?;
    let places = places(cluster, &pods).await?;
    let name = |set: DaemonSet| {
        let metadata = set.metadata;
        (
            metadata.namespace.unwrap_or_default(),
            metadata.name.unwrap_or_default(),
        )
    };
    Ok(ClusterSight {
        drain: DrainSight {
            nodes,
            pods,
            selected,
            budgets,
            daemonsets: Some(sets.into_iter().map(name).collect()),
            places,
        },
        extensions,
        leases,
    })
}

/// Uids of the pods that the drain's selector chooses.
async fn select(
    cluster: &Cluster,
    selector: Option<&str>,
) -> Result<Option<std::collections::BTreeSet<String>>, ClusterError> {
    let Some(selector) = selector else {
        return Ok(None);
    };
    let query = format!("&labelSelector={}", encoded(selector));
    let pods: Vec<Pod> = list(cluster, "/api/v1/pods", &query).await?;
    Ok(Some(
        pods.into_iter()
            .filter_map(|pod| pod.metadata.uid)
            .collect(),
    ))
}

async fn is_ready(cluster: &Cluster, service: &ServiceReference) -> Result<bool, ClusterError> {
    let path = format!(
        "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
        checked(&service.namespace)?
    );
    let label = format!("kubernetes.io/service-name={}", checked(&service.name)?);
    let query = format!("&labelSelector={}", encoded(&label));
    let slices: Vec<EndpointSlice> = list(cluster, &path, &query).await?;
    Ok(any_ready(&slices))
}

/// Where the volumes are that cannot be everywhere. Asked for only where a pod has a claim.
async fn places(cluster: &Cluster, pods: &[Pod]) -> Result<ClaimPlaces, ClusterError> {
    if !pods.iter().any(|pod| claims(pod).next().is_some()) {
        return Ok(ClaimPlaces::new());
    }
    let volumes: Vec<PersistentVolume> = optional(cluster, "/api/v1/persistentvolumes").await?;
    Ok(volumes
        .into_iter()
        .filter_map(|volume| {
            let spec = volume.spec?;
            let claim = spec.claim_ref?;
            let place = spec.node_affinity?.required?;
            Some(((claim.namespace?, claim.name?), place))
        })
        .collect())
}

/// Whether a pod could be made in kube-system now: all admission runs, nothing is stored.
pub(super) async fn dry_run_pod(cluster: &Cluster) -> Option<Finding> {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "windlass-preflight", "namespace": "kube-system"},
        "spec": {"containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10"}]},
    });
    let call = Call::post("/api/v1/namespaces/kube-system/pods?dryRun=All", &pod);
    match cluster.json::<Value>(&call).await {
        Ok(_) => None,
        // It stands there from somebody's own try; that it can be made is then proven.
        Err(error) if error.code() == Some(409) => None,
        Err(error) if error.code() == Some(403) => Some(Finding::warn(
            Group::Admission,
            "admission",
            format!("a pod in kube-system is refused: {error}"),
            "look whether the policy that refuses it would refuse system pods too",
        )),
        Err(error) => Some(Finding::block(
            Group::Admission,
            "admission",
            format!("no pod can be made in kube-system: {error}"),
            "repair admission first (webhooks, quotas): evicted pods could not be made anew",
        )),
    }
}
