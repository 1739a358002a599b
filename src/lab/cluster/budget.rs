//! Pod disruption budgets: which pods they cover, and how many of these may go.

use super::object;
use super::resource::Resource;
use super::selector::Labels;
use super::store::{Key, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;

/// The numbers of a budget, as they are this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) expected: i64,
    /// Covered pods that are Ready and not Terminating.
    pub(super) current: i64,
    pub(super) desired: i64,
}

impl Count {
    pub(super) fn allowed(self) -> i64 {
        if self.expected > 0 {
            (self.current - self.desired).max(0)
        } else {
            0
        }
    }
}

/// The budgets that cover a pod.
pub(super) fn covering(store: &Store, pod: &Value) -> Vec<Arc<Value>> {
    let budgets = store.list(Resource::Budgets, Some(object::namespace(pod)));
    budgets
        .filter(|budget| covers(budget, pod))
        .cloned()
        .collect()
}

fn covers(budget: &Value, pod: &Value) -> bool {
    let selector = &budget["spec"]["selector"];
    // No selector covers nothing; an empty one covers everything.
    selector.is_object() && Labels::from_object(selector).select(pod)
}

/// Counts the pods of a budget.
pub(super) fn count(store: &Store, budget: &Value) -> Count {
    let namespace = object::namespace(budget);
    let pods: Vec<&Arc<Value>> = store
        .list(Resource::Pods, Some(namespace))
        .filter(|pod| covers(budget, pod))
        .collect();
    let healthy = pods
        .iter()
        .filter(|pod| object::ready(pod) && !object::terminating(pod))
        .count();
    let spec = &budget["spec"];
    let (expected, desired) = if let Some(most) = spec.get("maxUnavailable") {
        let expected = scale(store, namespace, &pods);
        (expected, (expected - share(most, expected)).max(0))
    } else {
        let least = spec
            .get("minAvailable")
            .cloned()
            .unwrap_or_else(|| json!(1));
        if least.is_string() {
            let expected = scale(store, namespace, &pods);
            (expected, share(&least, expected))
        } else {
            (as_count(pods.len()), share(&least, 0))
        }
    };
    Count {
        expected,
        current: as_count(healthy),
        desired,
    }
}

fn as_count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number, or a percentage of a number, rounded up.
fn share(value: &Value, of: i64) -> i64 {
    match value
        .as_str()
        .map(|text| text.trim_end_matches('%').parse::<i64>())
    {
        Some(Ok(percent)) => (percent * of + 99) / 100,
        Some(Err(_)) => 0,
        None => value.as_i64().unwrap_or_default(),
    }
}

/// How many pods the controllers of these pods want to have.
fn scale(store: &Store, namespace: &str, pods: &[&Arc<Value>]) -> i64 {
    let replicas = store.list(Resource::ReplicaSets, Some(namespace));
    let sets = replicas.chain(store.list(Resource::StatefulSets, Some(namespace)));
    let owns = |set: &Value| {
        pods.iter()
            .any(|pod| object::controller_uid(pod) == Some(object::uid(set)))
    };
    sets.filter(|set| owns(set))
        .map(|set| object::number(set, "/spec/replicas"))
        .sum()
}

/// The annotation with the time from which on a budget allows everything.
pub(super) const UNTIL: &str = "lab.windlass.dev/until";

/// The annotation with how long a budget refuses from its first refusal on.
pub(super) const AFTER: &str = "lab.windlass.dev/after";

/// Notes that the budgets which cover this pod have refused its eviction: for some the clock starts.
pub(super) fn refused(store: &mut Store, pod: &Value, now: Timestamp) {
    for before in covering(store, pod) {
        let notes = &before["metadata"]["annotations"];
        let wait = notes[AFTER]
            .as_str()
            .and_then(|text| text.parse::<SignedDuration>().ok());
        if let Some(wait) = wait
            && !notes[UNTIL].is_string()
        {
            let mut budget = before.as_ref().clone();
            budget["metadata"]["annotations"][UNTIL] = json!((now + wait).to_string());
            store.update(&Key::of(Resource::Budgets, &before), budget);
        }
    }
}

/// Whether some budget waits for its time to come.
pub(super) fn timed(store: &Store) -> bool {
    let mut budgets = store.list(Resource::Budgets, None);
    budgets.any(|budget| budget["metadata"]["annotations"][UNTIL].is_string())
}

/// Lifts the budgets whose time has come.
pub(super) fn ease(store: &mut Store, now: Timestamp) {
    let until = |budget: &Value| {
        let text = budget["metadata"]["annotations"][UNTIL].as_str()?;
        object::time(text)
    };
    let due: Vec<Arc<Value>> = store
        .list(Resource::Budgets, None)
        .filter(|budget| until(budget).is_some_and(|until| until <= now))
        .cloned()
        .collect();
    for before in due {
        let mut budget = before.as_ref().clone();
        budget["spec"]["minAvailable"] = json!(0);
        if let Some(annotations) = budget["metadata"]["annotations"].as_object_mut() {
            annotations.shift_remove(UNTIL);
        }
        store.update(&Key::of(Resource::Budgets, &before), budget);
    }
}

/// Writes the status of all budgets, or of those of one namespace.
pub(super) fn sync(store: &mut Store, namespace: Option<&str>) {
    ease(store, Timestamp::now());
    let budgets: Vec<Arc<Value>> = store.list(Resource::Budgets, namespace).cloned().collect();
    for before in budgets {
        let count = count(store, &before);
        let allowed = count.allowed();
        let (status, reason) = if allowed > 0 {
            ("True", "SufficientPods")
        } else {
            ("False", "InsufficientPods")
        };
        let mut budget = before.as_ref().clone();
        let condition = &before["status"]["conditions"][0];
        let since = if condition["status"] == status && condition["lastTransitionTime"].is_string()
        {
            condition["lastTransitionTime"].clone()
        } else {
            json!(object::seconds(Timestamp::now()))
        };
        budget["status"] = json!({
            "conditions": [{
                "type": "DisruptionAllowed",
                "status": status,
                "reason": reason,
                "message": "",
                "lastTransitionTime": since,
                "observedGeneration": before["metadata"]["generation"],
            }],
            "currentHealthy": count.current,
            "desiredHealthy": count.desired,
            "disruptionsAllowed": allowed,
            "expectedPods": count.expected,
            "observedGeneration": before["metadata"]["generation"],
        });
        store.update(&Key::of(Resource::Budgets, &before), budget);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_count_as_the_disruption_controller_does() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.json")).unwrap();
        let set = store
            .create(Resource::ReplicaSets, json!({ "metadata": { "namespace": "shop", "name": "web" }, "spec": { "replicas": 5 } }))
            .unwrap();
        for (index, ready) in [true, true, true, false].into_iter().enumerate() {
            let status = if ready { "True" } else { "False" };
            let pod = json!({
                "metadata": {
                    "namespace": "shop", "name": format!("web-{index}"), "labels": { "app": "web" },
                    "ownerReferences": [{ "uid": object::uid(&set), "controller": true }],
                },
                "status": { "conditions": [{ "type": "Ready", "status": status }] },
            });
            store.create(Resource::Pods, pod).unwrap();
        }
        let cases = [
            (
                json!({ "minAvailable": 2 }),
                Count {
                    expected: 4,
                    current: 3,
                    desired: 2,
                },
                1,
            ),
            (
                json!({ "minAvailable": 4 }),
                Count {
                    expected: 4,
                    current: 3,
                    desired: 4,
                },
                0,
            ),
            (
                json!({ "minAvailable": "50%" }),
                Count {
                    expected: 5,
                    current: 3,
                    desired: 3,
                },
                0,
            ),
            (
                json!({ "maxUnavailable": 1 }),
                Count {
                    expected: 5,
                    current: 3,
                    desired: 4,
                },
                0,
            ),
            (
                json!({ "maxUnavailable": 3 }),
                Count {
                    expected: 5,
                    current: 3,
                    desired: 2,
                },
                1,
            ),
            (
                json!({ "maxUnavailable": "30%" }),
                Count {
                    expected: 5,
                    current: 3,
                    desired: 3,
                },
                0,
            ),
        ];
        for (mut spec, wanted, allowed) in cases {
            spec["selector"] = json!({ "matchLabels": { "app": "web" } });
            let budget = json!({ "metadata": { "namespace": "shop", "name": "b" }, "spec": spec });
            let found = count(&store, &budget);
            assert_eq!(
                (found, found.allowed()),
                (wanted, allowed),
                "{}",
                budget["spec"]
            );
        }
    }
}
