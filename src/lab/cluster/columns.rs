//! The columns of the tables, resource by resource, with the names that a real server gives them.
//!
//! Descriptions are left empty: no client prints them.

use super::cells::{self, count, joined, or_none, text_or_none};
use super::object::{self, number, text};
use super::resource::Resource;
use serde_json::{Value, json};

/// One column.
pub(super) struct Column {
    name: &'static str,
    kind: &'static str,
    /// Whether it is only shown with `-o wide`.
    wide: bool,
    /// What stands in it for an object.
    pub(super) cell: fn(&Value) -> Value,
}

impl Column {
    /// The column as the head of a table describes it.
    pub(super) fn definition(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.kind,
            "format": if self.name == "Name" { "name" } else { "" },
            "description": "",
            "priority": u8::from(self.wide),
        })
    }
}

const fn column(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name,
        kind: "string",
        wide: false,
        cell,
    }
}

const fn wide(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name,
        kind: "string",
        wide: true,
        cell,
    }
}

const fn integer(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name,
        kind: "integer",
        wide: false,
        cell,
    }
}

const NAME: Column = column("Name", |object| json!(object::name(object)));
const AGE: Column = column("Age", |object| {
    cells::age(text(object, "/metadata/creationTimestamp"))
});

/// The columns of a resource.
pub(super) fn of(resource: Resource) -> Vec<Column> {
    let mut columns = match resource {
        Resource::Events => return events(),
        Resource::Nodes => nodes(),
        Resource::Pods => pods(),
        Resource::Deployments
        | Resource::ReplicaSets
        | Resource::StatefulSets
        | Resource::DaemonSets
        | Resource::Jobs => workloads(resource),
        Resource::Services
        | Resource::EndpointSlices
        | Resource::ValidatingWebhooks
        | Resource::MutatingWebhooks
        | Resource::ApiServices => network(resource),
        Resource::PersistentVolumes
        | Resource::PersistentVolumeClaims
        | Resource::VolumeAttachments
        | Resource::CsiNodes => storage(resource),
        Resource::Budgets => vec![
            column("Min Available", |budget| {
                or_na(&budget["spec"]["minAvailable"])
            }),
            column("Max Unavailable", |budget| {
                or_na(&budget["spec"]["maxUnavailable"])
            }),
            integer("Allowed Disruptions", |budget| {
                json!(number(budget, "/status/disruptionsAllowed"))
            }),
            AGE,
        ],
        Resource::Leases => vec![
            column("Holder", |lease| json!(text(lease, "/spec/holderIdentity"))),
            AGE,
        ],
        Resource::Namespaces => vec![
            column("Status", |namespace| {
                json!(text(namespace, "/status/phase"))
            }),
            AGE,
        ],
        Resource::ConfigMaps => vec![
            integer("Data", |map| {
                json!(count(&map["data"]) + count(&map["binaryData"]))
            }),
            AGE,
        ],
        Resource::PriorityClasses => vec![
            integer("Value", |class| json!(number(class, "/value"))),
            Column {
                kind: "boolean",
                ..column("Global-Default", |class| {
                    json!(class["globalDefault"] == true)
                })
            },
            AGE,
        ],
        Resource::CustomResourceDefinitions => vec![column("Created At", |object| {
            object["metadata"]["creationTimestamp"].clone()
        })],
    };
    columns.insert(0, NAME);
    columns
}

fn or_na(value: &Value) -> Value {
    match value {
        Value::Null => json!("N/A"),
        Value::String(text) => json!(text),
        other => json!(other.to_string()),
    }
}

fn nodes() -> Vec<Column> {
    vec![
        column("Status", cells::node_status),
        column("Roles", cells::node_roles),
        AGE,
        column("Version", |node| {
            json!(text(node, "/status/nodeInfo/kubeletVersion"))
        }),
        wide("Internal-IP", |node| {
            cells::node_address(node, "InternalIP")
        }),
        wide("External-IP", |node| {
            cells::node_address(node, "ExternalIP")
        }),
        wide("OS-Image", |node| {
            json!(text(node, "/status/nodeInfo/osImage"))
        }),
        wide("Kernel-Version", |node| {
            let info = &node["status"]["nodeInfo"];
            json!(format!(
                "{} ({})",
                text(info, "/kernelVersion"),
                text(info, "/architecture")
            ))
        }),
        wide("Container-Runtime", |node| {
            json!(text(node, "/status/nodeInfo/containerRuntimeVersion"))
        }),
    ]
}

fn pods() -> Vec<Column> {
    vec![
        column("Ready", cells::pod_ready),
        column("Status", cells::pod_status),
        column("Restarts", cells::pod_restarts),
        AGE,
        wide("IP", |pod| text_or_none(pod, "/status/podIP")),
        wide("Node", |pod| text_or_none(pod, "/spec/nodeName")),
        wide("Nominated Node", |pod| {
            text_or_none(pod, "/status/nominatedNodeName")
        }),
        wide("Readiness Gates", |_| json!("<none>")),
    ]
}

fn events() -> Vec<Column> {
    vec![
        column("Last Seen", |event| {
            cells::age(text(event, "/lastTimestamp"))
        }),
        column("Type", |event| json!(text(event, "/type"))),
        column("Reason", |event| json!(text(event, "/reason"))),
        column("Object", |event| {
            let involved = &event["involvedObject"];
            let kind = text(involved, "/kind").to_lowercase();
            json!(format!("{kind}/{}", text(involved, "/name")))
        }),
        wide("Subobject", |event| {
            json!(text(event, "/involvedObject/fieldPath"))
        }),
        wide("Source", |event| {
            let parts = ["/source/component", "/source/host"].map(|part| text(event, part));
            json!(
                parts
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        }),
        column("Message", |event| json!(text(event, "/message").trim())),
        wide("First Seen", |event| {
            cells::age(text(event, "/firstTimestamp"))
        }),
        wide("Count", |event| {
            json!(number(event, "/count").max(1).to_string())
        }),
        Column { wide: true, ..NAME },
    ]
}

fn workloads(resource: Resource) -> Vec<Column> {
    let ready = column("Ready", |set| {
        let ready = number(set, "/status/readyReplicas");
        json!(format!("{ready}/{}", number(set, "/spec/replicas")))
    });
    match resource {
        Resource::Deployments => vec![
            ready,
            column("Up-to-date", |set| {
                json!(number(set, "/status/updatedReplicas").to_string())
            }),
            column("Available", |set| {
                json!(number(set, "/status/availableReplicas").to_string())
            }),
            AGE,
            wide("Containers", |set| cells::containers(set, "name")),
            wide("Images", |set| cells::containers(set, "image")),
            wide("Selector", cells::selector),
        ],
        Resource::ReplicaSets => vec![
            integer("Desired", |set| json!(number(set, "/spec/replicas"))),
            integer("Current", |set| json!(number(set, "/status/replicas"))),
            integer("Ready", |set| json!(number(set, "/status/readyReplicas"))),
            AGE,
            wide("Containers", |set| cells::containers(set, "name")),
            wide("Images", |set| cells::containers(set, "image")),
            wide("Selector", cells::selector),
        ],
        Resource::DaemonSets => vec![
            integer("Desired", |set| {
                json!(number(set, "/status/desiredNumberScheduled"))
            }),
            integer("Current", |set| {
                json!(number(set, "/status/currentNumberScheduled"))
            }),
            integer("Ready", |set| json!(number(set, "/status/numberReady"))),
            integer("Up-to-date", |set| {
                json!(number(set, "/status/updatedNumberScheduled"))
            }),
            integer("Available", |set| {
                json!(number(set, "/status/numberAvailable"))
            }),
            column("Node Selector", |set| {
                joined(&set["spec"]["template"]["spec"]["nodeSelector"])
            }),
            AGE,
            wide("Containers", |set| cells::containers(set, "name")),
            wide("Images", |set| cells::containers(set, "image")),
            wide("Selector", cells::selector),
        ],
        Resource::Jobs => vec![
            column("Status", cells::job_status),
            column("Completions", |job| {
                let wanted = job["spec"]["completions"].as_i64().unwrap_or(1);
                json!(format!("{}/{wanted}", number(job, "/status/succeeded")))
            }),
            AGE,
        ],
        _ => vec![
            ready,
            AGE,
            wide("Containers", |set| cells::containers(set, "name")),
            wide("Images", |set| cells::containers(set, "image")),
        ],
    }
}

fn network(resource: Resource) -> Vec<Column> {
    match resource {
        Resource::Services => vec![
            column("Type", |service| {
                let kind = text(service, "/spec/type");
                json!(if kind.is_empty() { "ClusterIP" } else { kind })
            }),
            column("Cluster-IP", |service| {
                text_or_none(service, "/spec/clusterIP")
            }),
            column("External-IP", |service| {
                cells::list(&service["spec"]["externalIPs"])
            }),
            column("Port(s)", cells::ports),
            AGE,
            wide("Selector", |service| joined(&service["spec"]["selector"])),
        ],
        Resource::EndpointSlices => vec![
            column("AddressType", |slice| json!(text(slice, "/addressType"))),
            column("Ports", |slice| {
                let ports = slice["ports"].as_array().into_iter().flatten();
                or_none(
                    &ports
                        .map(|port| port["port"].to_string())
                        .collect::<Vec<_>>(),
                )
            }),
            column("Endpoints", |slice| {
                let endpoints = slice["endpoints"].as_array().into_iter().flatten();
                let addresses = endpoints.filter_map(|endpoint| endpoint["addresses"][0].as_str());
                or_none(&addresses.map(str::to_owned).collect::<Vec<_>>())
            }),
            AGE,
        ],
        Resource::ApiServices => vec![
            column("Service", |service| {
                let to = &service["spec"]["service"];
                json!(if to.is_null() {
                    "Local".to_owned()
                } else {
                    format!("{}/{}", text(to, "/namespace"), text(to, "/name"))
                })
            }),
            column("Available", cells::available),
            AGE,
        ],
        _ => vec![
            integer("Webhooks", |object| json!(count(&object["webhooks"]))),
            AGE,
        ],
    }
}

fn storage(resource: Resource) -> Vec<Column> {
    match resource {
        Resource::PersistentVolumes => vec![
            column("Capacity", |volume| {
                json!(text(volume, "/spec/capacity/storage"))
            }),
            column("Access Modes", |volume| {
                cells::access_modes(&volume["spec"]["accessModes"])
            }),
            column("Reclaim Policy", |volume| {
                json!(text(volume, "/spec/persistentVolumeReclaimPolicy"))
            }),
            column("Status", |volume| json!(text(volume, "/status/phase"))),
            column("Claim", |volume| {
                let claim = &volume["spec"]["claimRef"];
                json!(if claim.is_null() {
                    String::new()
                } else {
                    format!("{}/{}", text(claim, "/namespace"), text(claim, "/name"))
                })
            }),
            column("StorageClass", |volume| {
                json!(text(volume, "/spec/storageClassName"))
            }),
            AGE,
        ],
        Resource::PersistentVolumeClaims => vec![
            column("Status", |claim| json!(text(claim, "/status/phase"))),
            column("Volume", |claim| json!(text(claim, "/spec/volumeName"))),
            column("Capacity", |claim| {
                json!(text(claim, "/status/capacity/storage"))
            }),
            column("Access Modes", |claim| {
                cells::access_modes(&claim["spec"]["accessModes"])
            }),
            column("StorageClass", |claim| {
                json!(text(claim, "/spec/storageClassName"))
            }),
            AGE,
        ],
        Resource::VolumeAttachments => vec![
            column("Attacher", |volume| json!(text(volume, "/spec/attacher"))),
            column("PV", |volume| {
                json!(text(volume, "/spec/source/persistentVolumeName"))
            }),
            column("Node", |volume| json!(text(volume, "/spec/nodeName"))),
            Column {
                kind: "boolean",
                ..column("Attached", |volume| {
                    json!(volume["status"]["attached"] == true)
                })
            },
            AGE,
        ],
        _ => vec![
            integer("Drivers", |node| json!(count(&node["spec"]["drivers"]))),
            AGE,
        ],
    }
}
