//! What a server fills into workloads and pods where nothing was given.

use super::resource::Resource;
use serde_json::{Value, json};

/// Fills in the defaults of a new object.
pub(super) fn fill(resource: Resource, object: &mut Value) {
    match resource {
        Resource::Pods => pod(&mut object["spec"]),
        Resource::Deployments
        | Resource::ReplicaSets
        | Resource::StatefulSets
        | Resource::DaemonSets
        | Resource::Jobs => workload(resource, &mut object["spec"]),
        _ => {}
    }
}

fn workload(resource: Resource, spec: &mut Value) {
    let rolling = json!({
        "type": "RollingUpdate",
        "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" },
    });
    let replicas = ("replicas", json!(1));
    let history = ("revisionHistoryLimit", json!(10));
    let defaults = match resource {
        Resource::Deployments => vec![
            replicas,
            ("strategy", rolling),
            history,
            ("progressDeadlineSeconds", json!(600)),
        ],
        Resource::ReplicaSets => vec![replicas],
        Resource::StatefulSets => vec![
            replicas,
            ("podManagementPolicy", json!("OrderedReady")),
            history,
        ],
        Resource::DaemonSets => vec![history],
        _ => vec![
            ("completions", json!(1)),
            ("parallelism", json!(1)),
            ("backoffLimit", json!(6)),
        ],
    };
    put(spec, defaults);
    if spec["template"]["spec"].is_object() {
        pod(&mut spec["template"]["spec"]);
    }
}

/// The defaults of the spec of a pod.
pub(super) fn pod(spec: &mut Value) {
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        let image = container["image"].as_str().unwrap_or_default();
        let tag = image.rsplit('/').next().unwrap_or_default().split_once(':');
        let newest = tag.is_none_or(|(_, tag)| tag == "latest");
        let pull = if newest { "Always" } else { "IfNotPresent" };
        put(
            container,
            vec![
                ("resources", json!({})),
                ("terminationMessagePath", json!("/dev/termination-log")),
                ("terminationMessagePolicy", json!("File")),
                ("imagePullPolicy", json!(pull)),
            ],
        );
    }
    put(
        spec,
        vec![
            ("restartPolicy", json!("Always")),
            ("terminationGracePeriodSeconds", json!(30)),
            ("dnsPolicy", json!("ClusterFirst")),
            ("securityContext", json!({})),
            ("schedulerName", json!("default-scheduler")),
        ],
    );
}

fn put(object: &mut Value, defaults: Vec<(&str, Value)>) {
    for (field, value) in defaults {
        if object.get(field).is_none() {
            object[field] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_deployment_becomes_the_recorded_one() {
        let recorded: Value =
            serde_json::from_str(include_str!("recorded/deployment.json")).unwrap();
        let mut bare = json!({ "spec": {
            "selector": { "matchLabels": { "app": "cap" } },
            "template": {
                "metadata": { "labels": { "app": "cap" } },
                "spec": { "containers": [{ "name": "pause", "image": "pause" }] },
            },
        } });
        fill(Resource::Deployments, &mut bare);
        assert_eq!(bare["spec"], recorded["spec"]);
    }

    #[test]
    fn what_was_given_stays() {
        let mut pod = json!({ "spec": { "terminationGracePeriodSeconds": 0, "containers": [{ "name": "a", "image": "r:5000/a:1" }] } });
        fill(Resource::Pods, &mut pod);
        assert_eq!(pod["spec"]["terminationGracePeriodSeconds"], 0);
        assert_eq!(
            pod["spec"]["containers"][0]["imagePullPolicy"],
            "IfNotPresent"
        );
    }
}
