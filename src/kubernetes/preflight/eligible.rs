//! Which nodes the scheduler would put a pod on, as far as node selectors, taints and volumes decide it. Pure.

use k8s_openapi::api::core::v1::{Node, NodeSelector, NodeSelectorRequirement, Pod};
use std::collections::BTreeMap;

/// Where the volumes of claims are, by namespace and name of the claim.
pub(super) type ClaimPlaces = BTreeMap<(String, String), NodeSelector>;

/// Whether the pod may run on the node: its own choice, the node's taints, and where its volumes are.
pub(super) fn may_run(pod: &Pod, node: &Node, places: &ClaimPlaces) -> bool {
    let Some(spec) = &pod.spec else { return true };
    let labels = node.metadata.labels.clone().unwrap_or_default();
    let chosen = spec
        .node_selector
        .iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| {
            affinity
                .required_during_scheduling_ignored_during_execution
                .as_ref()
        });
    chosen
        && required.is_none_or(|selector| selects(selector, node, &labels))
        && tolerates(pod, node)
        && claims(pod)
            .filter_map(|claim| places.get(&claim))
            .all(|selector| selects(selector, node, &labels))
}

/// The claims that a pod uses.
pub(super) fn claims(pod: &Pod) -> impl Iterator<Item = (String, String)> + '_ {
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    pod.spec
        .iter()
        .filter_map(|spec| spec.volumes.as_deref())
        .flatten()
        .filter_map(move |volume| {
            let claim = volume.persistent_volume_claim.as_ref()?;
            Some((namespace.clone(), claim.claim_name.clone()))
        })
}

/// Any term is enough; in a term everything must hold. A term without conditions selects nothing.
fn selects(selector: &NodeSelector, node: &Node, labels: &BTreeMap<String, String>) -> bool {
    selector.node_selector_terms.iter().any(|term| {
        let labelled = term.match_expressions.as_deref().unwrap_or_default();
        let fields = term.match_fields.as_deref().unwrap_or_default();
        let name = node.metadata.name.as_ref();
        (!labelled.is_empty() || !fields.is_empty())
            && labelled
                .iter()
                .all(|rule| holds(rule, labels.get(&rule.key)))
            && fields
                .iter()
                .all(|rule| holds(rule, name.filter(|_| rule.key == "metadata.name")))
    })
}

fn holds(rule: &NodeSelectorRequirement, value: Option<&String>) -> bool {
    let values = rule.values.as_deref().unwrap_or_default();
    let number = |text: &String| text.parse::<i64>().ok();
    let compare = |wanted: fn(i64, i64) -> bool| {
        value
            .and_then(number)
            .zip(values.first().and_then(number))
            .is_some_and(|(value, limit)| wanted(value, limit))
    };
    match rule.operator.as_str() {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(|value, limit| value > limit),
        "Lt" => compare(|value, limit| value < limit),
        _ => false,
    }
}

/// The cordon's own taint is left out: whether a node is cordoned is another question.
fn tolerates(pod: &Pod, node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref());
    let tolerations = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.tolerations.as_deref())
        .unwrap_or_default();
    taints
        .unwrap_or_default()
        .iter()
        .filter(|taint| taint.effect != "PreferNoSchedule")
        .filter(|taint| taint.key != "node.kubernetes.io/unschedulable")
        .all(|taint| {
            tolerations.iter().any(|each| {
                let effect = each.effect.as_deref().unwrap_or_default();
                let key = each.key.as_deref().unwrap_or_default();
                let exists = each.operator.as_deref() == Some("Exists");
                (effect.is_empty() || effect == taint.effect)
                    && (key == taint.key || key.is_empty() && exists)
                    && (exists
                        || each.value.as_deref().unwrap_or_default()
                            == taint.value.as_deref().unwrap_or_default())
            })
        })
}

#[cfg(test)]
mod tests {
    use super::super::members::tests::node;
    use super::*;
    use serde_json::{Value, json};

    fn pod(spec: &Value) -> Pod {
        let mut object = json!({"metadata": {"name": "p", "namespace": "shop"}, "spec": spec});
        object["spec"]["containers"] = json!([]);
        serde_json::from_value(object).unwrap()
    }

    fn affinity(terms: &Value) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    }

    #[test]
    fn selectors_taints_and_volumes_decide() {
        let plain = node(
            "n1",
            "",
            "",
            &json!({"metadata": {"labels": {"disk": "ssd", "gen": "7"}}}),
        );
        let taint = |effect: &str| json!([{"key": "gpu", "value": "yes", "effect": effect}]);
        let tainted =
            |effect: &str| node("n1", "", "", &json!({"spec": {"taints": taint(effect)}}));
        let rule = |key: &str, operator: &str, values: &Value| {
            affinity(
                &json!([{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}]),
            )
        };
        let cases = [
            (json!({}), &plain, true),
            (json!({"nodeSelector": {"disk": "ssd"}}), &plain, true),
            (json!({"nodeSelector": {"disk": "hdd"}}), &plain, false),
            (rule("disk", "In", &json!(["ssd"])), &plain, true),
            (rule("disk", "NotIn", &json!(["ssd"])), &plain, false),
            (rule("zone", "Exists", &json!([])), &plain, false),
            (rule("zone", "DoesNotExist", &json!([])), &plain, true),
            (rule("gen", "Gt", &json!(["6"])), &plain, true),
            (rule("gen", "Lt", &json!(["7"])), &plain, false),
            (
                affinity(
                    &json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}]),
                ),
                &plain,
                false,
            ),
            (affinity(&json!([{}])), &plain, false),
            (json!({}), &tainted("NoSchedule"), false),
            (json!({}), &tainted("PreferNoSchedule"), true),
            (
                json!({"tolerations": [{"operator": "Exists"}]}),
                &tainted("NoExecute"),
                true,
            ),
            (
                json!({"tolerations": [{"key": "gpu", "value": "yes"}]}),
                &tainted("NoSchedule"),
                true,
            ),
            (
                json!({"tolerations": [{"key": "gpu", "value": "no"}]}),
                &tainted("NoSchedule"),
                false,
            ),
            (
                json!({"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]}),
                &tainted("NoSchedule"),
                false,
            ),
        ];
        for (spec, node, expected) in cases {
            assert_eq!(
                may_run(&pod(&spec), node, &ClaimPlaces::new()),
                expected,
                "{spec}"
            );
        }
        let local = pod(
            &json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}),
        );
        let place = |host: &str| -> ClaimPlaces {
            let selector = json!({"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}]}]});
            [(
                ("shop".to_owned(), "data".to_owned()),
                serde_json::from_value(selector).unwrap(),
            )]
            .into()
        };
        assert!(may_run(&local, &plain, &place("n1")));
        assert!(!may_run(&local, &plain, &place("n2")));
    }
}
