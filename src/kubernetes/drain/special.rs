//! Pods that do not go as others do: virtual machines, storage engines, pods whose volumes cannot leave the node.
//!
//! What is known here of other projects are labels, and what a person should do; none of it is needed to evict.

use crate::kubernetes::{Cluster, ClusterError};
use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A kind of pod with an eviction of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    /// The pod of a KubeVirt machine: its eviction starts a live migration and is refused until that is done.
    VirtualMachine,
    /// Longhorn's engine on this node: its own budget holds it while volumes are attached here.
    Longhorn,
    /// A Ceph OSD of Rook: its budget holds it while data is being made whole.
    CephOsd,
    /// The control plane of a virtual cluster.
    VirtualCluster,
}

impl Special {
    /// What `labels` say that the pod is.
    pub(super) fn of(labels: &BTreeMap<String, String>) -> Option<Self> {
        let has = |key: &str, value: &str| labels.get(key).is_some_and(|found| found == value);
        if has("kubevirt.io", "virt-launcher") {
            Some(Self::VirtualMachine)
        } else if has("longhorn.io/component", "instance-manager") {
            Some(Self::Longhorn)
        } else if has("app", "rook-ceph-osd") {
            Some(Self::CephOsd)
        } else if has("app", "vcluster") {
            Some(Self::VirtualCluster)
        } else {
            None
        }
    }

    /// Whether the pod serves other pods of the node, so that it goes after them.
    pub(super) fn serves_others(self) -> bool {
        matches!(self, Self::Longhorn | Self::CephOsd)
    }

    /// What a person should know while the pod is held.
    pub(super) fn while_held(self) -> &'static str {
        match self {
            Self::VirtualMachine => "its machine moves to another node first",
            Self::Longhorn => {
                "Longhorn lets it go once no volume is attached here and no last replica is here"
            }
            Self::CephOsd => "Rook lets it go once all data is whole without it",
            Self::VirtualCluster => "it is the control plane of a virtual cluster",
        }
    }
}

/// Why the machine of a virt-launcher pod can never leave, if that is so.
pub(super) async fn stuck_machine(
    cluster: &Cluster,
    pod: &Pod,
) -> Result<Option<String>, ClusterError> {
    let label = |key: &str| {
        let labels = pod.metadata.labels.as_ref()?;
        labels.get(key).map(String::as_str)
    };
    let Some(name) = label("vm.kubevirt.io/name") else {
        return Ok(None);
    };
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let machine = cluster
        .patiently(|| cluster.virtual_machine(namespace, name))
        .await?;
    Ok(machine
        .as_ref()
        .and_then(|machine| immovable(name, machine)))
}

/// Why a machine that is to be migrated cannot be. One whose strategy does not ask for a migration just ends.
fn immovable(name: &str, machine: &Value) -> Option<String> {
    let strategy = machine["spec"]["evictionStrategy"].as_str();
    if !matches!(strategy, None | Some("LiveMigrate")) {
        return None;
    }
    let conditions = machine["status"]["conditions"].as_array()?;
    let migratable = conditions
        .iter()
        .find(|condition| condition["type"] == "LiveMigratable")?;
    if migratable["status"] != "False" {
        return None;
    }
    let why = ["message", "reason"]
        .iter()
        .find_map(|key| migratable[*key].as_str().filter(|text| !text.is_empty()))
        .unwrap_or("no reason given");
    Some(format!(
        "virtual machine {name} cannot be migrated: {why} (stop it, or set its evictionStrategy)"
    ))
}

/// The persistent volumes of the pods of one node.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    /// Volumes that exist on one node only, by the claim's namespace and name.
    local: HashMap<(String, String), String>,
    /// All volumes by their claims.
    by_claim: HashMap<(String, String), String>,
}

impl Volumes {
    /// Reads the volumes if one of `pods` has a claim; none where they may not be seen.
    pub(super) async fn read(cluster: &Cluster, pods: &[Pod]) -> Result<Self, ClusterError> {
        if pods.iter().all(|pod| claims(pod).is_empty()) {
            return Ok(Self::default());
        }
        match cluster.patiently(|| cluster.volumes()).await {
            Ok(volumes) => Ok(Self::of(&volumes)),
            Err(error) if matches!(error.code(), Some(403 | 404)) => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn of(volumes: &[PersistentVolume]) -> Self {
        let mut found = Self::default();
        for volume in volumes {
            let (Some(name), Some(spec)) = (&volume.metadata.name, &volume.spec) else {
                continue;
            };
            let Some(claim) = &spec.claim_ref else {
                continue;
            };
            let key = (
                claim.namespace.clone().unwrap_or_default(),
                claim.name.clone().unwrap_or_default(),
            );
            if spec.local.is_some() || spec.host_path.is_some() {
                found.local.insert(key.clone(), name.clone());
            }
            found.by_claim.insert(key, name.clone());
        }
        found
    }

    /// The volumes of `pod` that cannot follow it to another node.
    pub(super) fn local_of(&self, pod: &Pod) -> Vec<String> {
        let keys = claims(pod);
        keys.iter()
            .filter_map(|key| self.local.get(key).cloned())
            .collect()
    }

    /// The volumes of these pods.
    pub(super) fn of_pods<'p>(&self, pods: impl Iterator<Item = &'p Pod>) -> HashSet<String> {
        pods.flat_map(claims)
            .filter_map(|key| self.by_claim.get(&key).cloned())
            .collect()
    }
}

fn claims(pod: &Pod) -> Vec<(String, String)> {
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let name = pod.metadata.name.clone().unwrap_or_default();
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_deref());
    volumes
        .unwrap_or_default()
        .iter()
        .filter_map(|volume| {
            let claim = match (&volume.persistent_volume_claim, &volume.ephemeral) {
                (Some(claim), _) => claim.claim_name.clone(),
                // The claim of a generic ephemeral volume is named after pod and volume.
                (None, Some(_)) => format!("{name}-{}", volume.name),
                (None, None) => return None,
            };
            Some((namespace.clone(), claim))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn special_pods_are_known_by_their_labels() {
        let cases = [
            (
                "kubevirt.io",
                "virt-launcher",
                Some(Special::VirtualMachine),
            ),
            (
                "longhorn.io/component",
                "instance-manager",
                Some(Special::Longhorn),
            ),
            ("app", "rook-ceph-osd", Some(Special::CephOsd)),
            ("app", "vcluster", Some(Special::VirtualCluster)),
            ("app", "web", None),
        ];
        for (key, value, expected) in cases {
            let labels = [(key.to_owned(), value.to_owned())].into();
            assert_eq!(Special::of(&labels), expected, "{key}={value}");
        }
    }

    #[test]
    fn only_a_machine_that_must_migrate_and_cannot_is_stuck() {
        let machine = |strategy: Value, migratable: &str| {
            json!({"spec": {"evictionStrategy": strategy}, "status": {"conditions": [
                {"type": "LiveMigratable", "status": migratable, "message": "a volume is not shared"}]}})
        };
        let text = "virtual machine vm cannot be migrated: a volume is not shared \
                    (stop it, or set its evictionStrategy)";
        let cases = [
            (machine(json!("LiveMigrate"), "False"), Some(text)),
            (machine(Value::Null, "False"), Some(text)),
            (machine(json!("LiveMigrate"), "True"), None),
            (machine(json!("None"), "False"), None),
            (machine(json!("LiveMigrateIfPossible"), "False"), None),
            (json!({}), None),
        ];
        for (machine, expected) in cases {
            assert_eq!(immovable("vm", &machine).as_deref(), expected, "{machine}");
        }
    }

    #[test]
    fn volumes_are_found_by_their_claims() {
        let volumes: Vec<PersistentVolume> = serde_json::from_value(json!([
            {"metadata": {"name": "pv-1"}, "spec": {"local": {"path": "/d"}, "claimRef": {"namespace": "a", "name": "data"}}},
            {"metadata": {"name": "pv-2"}, "spec": {"claimRef": {"namespace": "a", "name": "p-scratch"}}},
            {"metadata": {"name": "pv-3"}, "spec": {}},
        ]))
        .unwrap();
        let volumes = Volumes::of(&volumes);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "a"},
            "spec": {"containers": [], "volumes": [
                {"name": "x", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "scratch", "ephemeral": {}},
                {"name": "tmp", "emptyDir": {}}]},
        }))
        .unwrap();
        assert_eq!(volumes.local_of(&pod), ["pv-1"]);
        let all: HashSet<_> = ["pv-1".to_owned(), "pv-2".to_owned()].into();
        assert_eq!(volumes.of_pods([&pod].into_iter()), all);
    }
}
