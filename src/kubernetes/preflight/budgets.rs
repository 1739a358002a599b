//! What the disruption budgets would say to the eviction of a pod, before anyone asks for it. Pure.

use super::{Finding, Group};
use crate::kubernetes::PodKey;
use crate::kubernetes::drain::{is_ready, selects};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// What holds `pod` back; `all` are the cluster's pods.
pub(super) fn held(pod: &Pod, budgets: &[PodDisruptionBudget], all: &[Pod]) -> Option<Finding> {
    // The eviction of a pod that never ran is granted whatever its budget says.
    if phase(pod) == "Pending" {
        return None;
    }
    let covering: Vec<&PodDisruptionBudget> = budgets
        .iter()
        .filter(|budget| covers(budget, pod))
        .collect();
    let name = PodKey::from(pod);
    match covering.as_slice() {
        [] => None,
        [budget] => refusal(pod, budget, all).map(|(why, never)| {
            let todo = if never {
                "loosen the budget or add replicas; else the drain gives up after drain_timeout and the node is put back"
            } else {
                "look at its pods; the drain waits for it until drain_timeout, then the node is put back"
            };
            let id = if never { "budget-never" } else { "budget" };
            let budget = budget.metadata.name.as_deref().unwrap_or_default();
            Finding::warn(
                Group::Drain,
                id,
                format!("{name}: its budget {budget} {why}"),
                todo,
            )
        }),
        several => {
            let names: Vec<&str> = several
                .iter()
                .filter_map(|budget| budget.metadata.name.as_deref())
                .collect();
            Some(Finding::block(
                Group::Drain,
                "two-budgets",
                format!(
                    "{name}: {} budgets cover it: {}",
                    names.len(),
                    names.join(", ")
                ),
                "leave one of them: an eviction fails with more than one, and waiting does not help",
            ))
        }
    }
}

fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default()
}

fn covers(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    budget.metadata.namespace == pod.metadata.namespace
        && budget
            .spec
            .as_ref()
            .and_then(|spec| spec.selector.as_ref())
            .is_some_and(|selector| selects(selector, &labels))
}

/// Why the budget would refuse, and whether it always will.
fn refusal(pod: &Pod, budget: &PodDisruptionBudget, all: &[Pod]) -> Option<(String, bool)> {
    let spec = budget.spec.as_ref()?;
    let Some(status) = &budget.status else {
        return Some(("has no status yet".to_owned(), false));
    };
    if status.disruptions_allowed > 0 {
        return None;
    }
    if !is_ready(pod) {
        let policy = spec.unhealthy_pod_eviction_policy.as_deref();
        let enough = status.current_healthy >= status.desired_healthy && status.desired_healthy > 0;
        if policy == Some("AlwaysAllow") || enough {
            return None;
        }
    }
    if let Some(why) = never(
        spec.max_unavailable.as_ref(),
        spec.min_available.as_ref(),
        status,
    ) {
        return Some((why, true));
    }
    if status.current_healthy < status.desired_healthy {
        let unready: Vec<String> = all
            .iter()
            .filter(|other| covers(budget, other) && !is_ready(other))
            .map(|other| PodKey::from(other).name)
            .take(3)
            .collect();
        let names = if unready.is_empty() {
            String::new()
        } else {
            format!("; not ready: {}", unready.join(", "))
        };
        return Some((
            format!(
                "has {} healthy pods and needs {}{names}",
                status.current_healthy, status.desired_healthy
            ),
            false,
        ));
    }
    Some(("allows no disruption at this moment".to_owned(), false))
}

/// A budget that no healthy state satisfies.
fn never(
    most: Option<&IntOrString>,
    least: Option<&IntOrString>,
    status: &PodDisruptionBudgetStatus,
) -> Option<String> {
    if let Some(most) = most {
        let zero = match most {
            IntOrString::Int(number) => *number == 0,
            IntOrString::String(text) => text.trim() == "0%",
        };
        return zero.then(|| "has maxUnavailable 0".to_owned());
    }
    let least = least?;
    let all = match least {
        IntOrString::Int(number) => *number >= status.expected_pods,
        IntOrString::String(text) => text.trim() == "100%",
    };
    let wanted = match least {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    };
    all.then(|| {
        format!(
            "wants all of its {} pods (minAvailable {wanted})",
            status.expected_pods
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use serde_json::{Value, json};

    fn pod(name: &str, ready: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}},
            "spec": {"containers": []},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    /// A budget over `app: web` with healthy, desired, expected and allowed counts.
    fn budget(name: &str, spec: &Value, counts: [i32; 4]) -> PodDisruptionBudget {
        let mut object = json!({
            "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
            "status": {"currentHealthy": counts[0], "desiredHealthy": counts[1], "expectedPods": counts[2],
                "disruptionsAllowed": counts[3]},
        });
        object["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
        serde_json::from_value(object).unwrap()
    }

    /// Scenarios 1 and 3.
    #[test]
    fn a_budget_that_would_refuse_is_named_with_its_reason() {
        let two = json!({"minAvailable": 2});
        let cases = [
            (json!({"maxUnavailable": 1}), [3, 2, 3, 1], "True", ""),
            (
                json!({"maxUnavailable": 0}),
                [3, 3, 3, 0],
                "True",
                "has maxUnavailable 0",
            ),
            (
                json!({"maxUnavailable": "0%"}),
                [3, 3, 3, 0],
                "True",
                "has maxUnavailable 0",
            ),
            (
                json!({"minAvailable": 1}),
                [1, 1, 1, 0],
                "True",
                "wants all of its 1 pods (minAvailable 1)",
            ),
            (
                json!({"minAvailable": "100%"}),
                [3, 3, 3, 0],
                "True",
                "wants all of its 3 pods (minAvailable 100%)",
            ),
            (
                two.clone(),
                [1, 2, 3, 0],
                "True",
                "has 1 healthy pods and needs 2; not ready: sick",
            ),
            (
                two.clone(),
                [2, 2, 3, 0],
                "True",
                "allows no disruption at this moment",
            ),
            // An unready pod goes when enough others are healthy, or when the budget always lets such pods go.
            (two.clone(), [2, 2, 3, 0], "False", ""),
            (
                two,
                [1, 2, 3, 0],
                "False",
                "has 1 healthy pods and needs 2; not ready: a, sick",
            ),
            (
                json!({"minAvailable": 2, "unhealthyPodEvictionPolicy": "AlwaysAllow"}),
                [1, 2, 3, 0],
                "False",
                "",
            ),
        ];
        for (spec, counts, ready, expected) in cases {
            let all = [pod("a", ready), pod("sick", "False")];
            let found = held(&all[0], &[budget("b", &spec, counts)], &all);
            match found {
                None => assert_eq!(expected, "", "{spec}"),
                Some(finding) => {
                    assert_eq!(finding.what, format!("shop/a: its budget b {expected}"));
                    assert_eq!(finding.severity, Severity::Warn);
                }
            }
        }
        let free = [3, 2, 3, 1];
        let spec = json!({"maxUnavailable": 1});
        let both = [budget("one", &spec, free), budget("two", &spec, free)];
        let found = held(&pod("a", "True"), &both, &[]).unwrap();
        assert_eq!(
            (found.severity, found.what.as_str()),
            (Severity::Block, "shop/a: 2 budgets cover it: one, two")
        );
        let mut pending = pod("a", "False");
        pending.status.as_mut().unwrap().phase = Some("Pending".to_owned());
        assert_eq!(held(&pending, &both, &[]), None);
    }
}
