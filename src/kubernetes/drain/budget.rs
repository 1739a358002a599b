//! Which disruption budget holds a pod, and which pod of that budget is not healthy.

use super::is_ready;
use crate::kubernetes::{Cause, Cluster, PodKey};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::BTreeMap;

/// What holds `pod`, in words: the API server's own cause, the budget's counts, and the pods that are not ready.
pub(super) async fn explain(
    cluster: &Cluster,
    pod: &PodKey,
    causes: &[Cause],
    message: &str,
) -> String {
    let Some(cause) = causes
        .iter()
        .find(|cause| cause.reason == "DisruptionBudget")
    else {
        return message.to_owned();
    };
    let mut text = cause.message.clone();
    // These are only for the explanation, so a failure of theirs is not the drain's.
    let Ok(budgets) = cluster.budgets(&pod.namespace).await else {
        return text;
    };
    let Some(budget) = budgets
        .iter()
        .find(|budget| budget_name(&cause.message) == budget.metadata.name.as_deref())
    else {
        return text;
    };
    if let Some(status) = &budget.status {
        let counts = format!(
            " ({} of {} healthy, {} needed, {} disruptions allowed)",
            status.current_healthy,
            status.expected_pods,
            status.desired_healthy,
            status.disruptions_allowed
        );
        text.push_str(&counts);
    }
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    if let Some(selector) = selector
        && let Ok(pods) = cluster
            .pods_selected(&pod.namespace, &selector_text(selector))
            .await
    {
        let unready: Vec<_> = pods
            .iter()
            .filter(|pod| !is_ready(pod))
            .map(|pod| PodKey::from(pod).to_string())
            .collect();
        if !unready.is_empty() {
            text.push_str("; not ready: ");
            text.push_str(&unready.join(", "));
        }
    }
    text
}

/// Names of the budgets of the pod's namespace that cover it.
pub(super) async fn covering(
    cluster: &Cluster,
    pod: &PodKey,
    labels: &BTreeMap<String, String>,
) -> Vec<String> {
    let budgets: Vec<PodDisruptionBudget> =
        cluster.budgets(&pod.namespace).await.unwrap_or_default();
    budgets
        .into_iter()
        .filter(|budget| {
            budget
                .spec
                .as_ref()
                .and_then(|spec| spec.selector.as_ref())
                .is_some_and(|selector| matches(selector, labels))
        })
        .filter_map(|budget| budget.metadata.name)
        .collect()
}

/// The name in `The disruption budget web needs 1 healthy pods and has 1 currently`.
fn budget_name(cause: &str) -> Option<&str> {
    cause
        .strip_prefix("The disruption budget ")?
        .split_whitespace()
        .next()
}

/// Whether a selector chooses these labels; the empty selector chooses everything.
pub(in crate::kubernetes) fn matches(
    selector: &LabelSelector,
    labels: &BTreeMap<String, String>,
) -> bool {
    let equal = selector
        .match_labels
        .iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let fits = selector.match_expressions.iter().flatten().all(|rule| {
        let value = labels.get(&rule.key);
        let listed =
            value.is_some_and(|value| rule.values.iter().flatten().any(|each| each == value));
        match rule.operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    });
    equal && fits
}

/// A selector as the query parameter `labelSelector` takes it.
fn selector_text(selector: &LabelSelector) -> String {
    let equal = selector
        .match_labels
        .iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"));
    let rules = selector.match_expressions.iter().flatten().map(|rule| {
        let values = rule.values.clone().unwrap_or_default().join(",");
        match rule.operator.as_str() {
            "In" => format!("{} in ({values})", rule.key),
            "NotIn" => format!("{} notin ({values})", rule.key),
            "DoesNotExist" => format!("!{}", rule.key),
            _ => rule.key.clone(),
        }
    });
    equal.chain(rules).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_choose_and_print() {
        let labels: BTreeMap<String, String> = [
            ("app".to_owned(), "web".to_owned()),
            ("tier".to_owned(), "front".to_owned()),
        ]
        .into();
        let cases = [
            (json!({}), true, ""),
            (json!({"matchLabels": {"app": "web"}}), true, "app=web"),
            (json!({"matchLabels": {"app": "db"}}), false, "app=db"),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}),
                true,
                "app in (web,db)",
            ),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}),
                false,
                "app notin (web)",
            ),
            (
                json!({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["web"]}]}),
                true,
                "x notin (web)",
            ),
            (
                json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
                true,
                "tier",
            ),
            (
                json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}),
                false,
                "app=web,!tier",
            ),
        ];
        for (selector, expected, text) in cases {
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            assert_eq!(matches(&selector, &labels), expected, "{text}");
            assert_eq!(selector_text(&selector), text);
        }
        assert_eq!(
            budget_name("The disruption budget web needs 1 healthy pods and has 1 currently"),
            Some("web")
        );
    }
}
