//! The resources that this API serves, and which verbs each of them takes.
//!
//! One row per resource; discovery, routing and refusals all read this table.

use serde_json::{Value, json};

/// A resource of the API. The order is the order in the state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Resource {
    Namespaces,
    Nodes,
    Leases,
    ConfigMaps,
    PriorityClasses,
    PersistentVolumes,
    PersistentVolumeClaims,
    CsiNodes,
    Services,
    EndpointSlices,
    ValidatingWebhooks,
    MutatingWebhooks,
    ApiServices,
    CustomResourceDefinitions,
    Deployments,
    ReplicaSets,
    StatefulSets,
    DaemonSets,
    Jobs,
    Budgets,
    Pods,
    VolumeAttachments,
    Events,
}

impl Resource {
    /// All of them.
    pub(super) const ALL: [Self; 23] = [
        Self::Namespaces,
        Self::Nodes,
        Self::Leases,
        Self::ConfigMaps,
        Self::PriorityClasses,
        Self::PersistentVolumes,
        Self::PersistentVolumeClaims,
        Self::CsiNodes,
        Self::Services,
        Self::EndpointSlices,
        Self::ValidatingWebhooks,
        Self::MutatingWebhooks,
        Self::ApiServices,
        Self::CustomResourceDefinitions,
        Self::Deployments,
        Self::ReplicaSets,
        Self::StatefulSets,
        Self::DaemonSets,
        Self::Jobs,
        Self::Budgets,
        Self::Pods,
        Self::VolumeAttachments,
        Self::Events,
    ];

    /// API group, plural, kind, and whether objects live in namespaces.
    const fn row(self) -> (&'static str, &'static str, &'static str, bool) {
        match self {
            Self::Namespaces => ("", "namespaces", "Namespace", false),
            Self::Nodes => ("", "nodes", "Node", false),
            Self::Leases => ("coordination.k8s.io", "leases", "Lease", true),
            Self::ConfigMaps => ("", "configmaps", "ConfigMap", true),
            Self::PriorityClasses => (
                "scheduling.k8s.io",
                "priorityclasses",
                "PriorityClass",
                false,
            ),
            Self::PersistentVolumes => ("", "persistentvolumes", "PersistentVolume", false),
            Self::PersistentVolumeClaims => {
                ("", "persistentvolumeclaims", "PersistentVolumeClaim", true)
            }
            Self::CsiNodes => ("storage.k8s.io", "csinodes", "CSINode", false),
            Self::Services => ("", "services", "Service", true),
            Self::EndpointSlices => ("discovery.k8s.io", "endpointslices", "EndpointSlice", true),
            Self::ValidatingWebhooks => (
                "admissionregistration.k8s.io",
                "validatingwebhookconfigurations",
                "ValidatingWebhookConfiguration",
                false,
            ),
            Self::MutatingWebhooks => (
                "admissionregistration.k8s.io",
                "mutatingwebhookconfigurations",
                "MutatingWebhookConfiguration",
                false,
            ),
            Self::ApiServices => ("apiregistration.k8s.io", "apiservices", "APIService", false),
            Self::CustomResourceDefinitions => (
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                "CustomResourceDefinition",
                false,
            ),
            Self::Deployments => ("apps", "deployments", "Deployment", true),
            Self::ReplicaSets => ("apps", "replicasets", "ReplicaSet", true),
            Self::StatefulSets => ("apps", "statefulsets", "StatefulSet", true),
            Self::DaemonSets => ("apps", "daemonsets", "DaemonSet", true),
            Self::Jobs => ("batch", "jobs", "Job", true),
            Self::Budgets => (
                "policy",
                "poddisruptionbudgets",
                "PodDisruptionBudget",
                true,
            ),
            Self::Pods => ("", "pods", "Pod", true),
            Self::VolumeAttachments => (
                "storage.k8s.io",
                "volumeattachments",
                "VolumeAttachment",
                false,
            ),
            Self::Events => ("", "events", "Event", true),
        }
    }

    pub(super) const fn group(self) -> &'static str {
        self.row().0
    }

    pub(super) const fn plural(self) -> &'static str {
        self.row().1
    }

    pub(super) const fn kind(self) -> &'static str {
        self.row().2
    }

    pub(super) const fn namespaced(self) -> bool {
        self.row().3
    }

    /// `v1`, `apps/v1` and so on: every group here is at version `v1`.
    pub(super) fn api_version(self) -> String {
        match self.group() {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    /// The name in messages: `nodes`, `deployments.apps`.
    pub(super) fn qualified(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    /// The `details` of a refusal that is about one object.
    pub(super) fn details(self, name: &str) -> Value {
        let mut details = json!({ "name": name });
        if !self.group().is_empty() {
            details["group"] = json!(self.group());
        }
        details["kind"] = json!(self.plural());
        details
    }

    /// The verbs that are served. Nodes come from the lab's own description and cannot be made or removed by clients.
    pub(super) const fn verbs(self) -> &'static [&'static str] {
        match self {
            Self::Nodes => &["get", "list", "patch", "update", "watch"],
            _ => &[
                "create", "delete", "get", "list", "patch", "update", "watch",
            ],
        }
    }

    /// The verbs of a subresource, or nothing where there is no such subresource.
    pub(super) fn subresource_verbs(self, subresource: &str) -> &'static [&'static str] {
        match (self, subresource) {
            (resource, "status") if resource.has_status() => &["get", "patch", "update"],
            (Self::Pods, "eviction") => &["create"],
            _ => &[],
        }
    }

    /// The resource with this group and plural.
    pub(super) fn find(group: &str, plural: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|resource| resource.group() == group && resource.plural() == plural)
    }

    /// The resource of this kind.
    pub(super) fn of_kind(kind: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|resource| resource.kind() == kind)
    }

    /// Whether `metadata.generation` counts changes of the spec.
    pub(super) const fn counts_generations(self) -> bool {
        matches!(
            self,
            Self::Deployments
                | Self::ReplicaSets
                | Self::StatefulSets
                | Self::DaemonSets
                | Self::Jobs
                | Self::Budgets
        )
    }

    /// Whether the object has a status that an ordinary write leaves alone.
    pub(super) const fn has_status(self) -> bool {
        matches!(
            self,
            Self::Namespaces
                | Self::Nodes
                | Self::Pods
                | Self::Budgets
                | Self::Deployments
                | Self::ReplicaSets
                | Self::StatefulSets
                | Self::DaemonSets
                | Self::Jobs
                | Self::Services
                | Self::PersistentVolumes
                | Self::PersistentVolumeClaims
                | Self::VolumeAttachments
                | Self::ApiServices
                | Self::CustomResourceDefinitions
        )
    }
}
