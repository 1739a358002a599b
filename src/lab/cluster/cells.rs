//! What stands in the cells of tables: states summed up in a word or two, as a real server does.

use super::object::{self, text};
use jiff::Timestamp;
use serde_json::{Value, json};

/// How long ago a time was, such as `5m12s`; `<unknown>` where there is none.
pub(super) fn age(since: &str) -> Value {
    let passed = object::time(since).map(|since| Timestamp::now().duration_since(since));
    json!(passed.map_or_else(|| "<unknown>".to_owned(), |passed| human(passed.as_secs())))
}

/// A time in seconds with two units at most, as Kubernetes shortens it.
fn human(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let two = |(big, name): (i64, &str), (small, below): (i64, &str)| {
        let rest = seconds % big / small;
        if rest == 0 {
            format!("{}{name}", seconds / big)
        } else {
            format!("{}{name}{rest}{below}", seconds / big)
        }
    };
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two((MINUTE, "m"), (1, "s")),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two((HOUR, "h"), (MINUTE, "m")),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two((DAY, "d"), (HOUR, "h")),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two((YEAR, "y"), (DAY, "d")),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// Texts with commas, or `<none>`.
pub(super) fn or_none(texts: &[String]) -> Value {
    json!(if texts.is_empty() {
        "<none>".to_owned()
    } else {
        texts.join(",")
    })
}

/// The text at a pointer, or `<none>`.
pub(super) fn text_or_none(object: &Value, pointer: &str) -> Value {
    let found = text(object, pointer);
    json!(if found.is_empty() { "<none>" } else { found })
}

/// How many entries a list or a mapping has.
pub(super) fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}

/// A mapping as `a=b,c=d`.
pub(super) fn joined(map: &Value) -> Value {
    let pairs = map.as_object().into_iter().flatten();
    or_none(
        &pairs
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>(),
    )
}

/// A list of texts.
pub(super) fn list(items: &Value) -> Value {
    let items = items.as_array().into_iter().flatten();
    or_none(
        &items
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    )
}

pub(super) fn node_status(node: &Value) -> Value {
    let mut status = match object::condition(node, "Ready") {
        None => "Unknown".to_owned(),
        Some(_) if object::ready(node) => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
    };
    if node["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    json!(status)
}

pub(super) fn node_roles(node: &Value) -> Value {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let mut roles: Vec<String> = labels
        .filter_map(
            |(label, value)| match label.strip_prefix("node-role.kubernetes.io/") {
                Some(role) => Some(role.to_owned()),
                None if label == "kubernetes.io/role" => value.as_str().map(str::to_owned),
                None => None,
            },
        )
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort();
    roles.dedup();
    or_none(&roles)
}

pub(super) fn node_address(node: &Value, kind: &str) -> Value {
    let addresses = node["status"]["addresses"].as_array();
    let found = addresses
        .into_iter()
        .flatten()
        .find(|address| address["type"] == kind);
    json!(
        found
            .and_then(|address| address["address"].as_str())
            .unwrap_or("<none>")
    )
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["status"]["containerStatuses"]
        .as_array()
        .into_iter()
        .flatten()
}

pub(super) fn pod_ready(pod: &Value) -> Value {
    let ready = statuses(pod)
        .filter(|status| status["ready"] == true)
        .count();
    json!(format!("{ready}/{}", count(&pod["spec"]["containers"])))
}

pub(super) fn pod_status(pod: &Value) -> Value {
    if object::terminating(pod) {
        return json!("Terminating");
    }
    let reason = statuses(pod).find_map(|status| {
        let waiting = text(status, "/state/waiting/reason");
        let ended = text(status, "/state/terminated/reason");
        [waiting, ended]
            .into_iter()
            .find(|reason| !reason.is_empty())
    });
    let own = text(pod, "/status/reason");
    let phase = text(pod, "/status/phase");
    json!(reason.unwrap_or(if own.is_empty() { phase } else { own }))
}

pub(super) fn pod_restarts(pod: &Value) -> Value {
    let restarts: i64 = statuses(pod)
        .map(|status| object::number(status, "/restartCount"))
        .sum();
    json!(restarts.to_string())
}

/// A field of the containers of a template.
pub(super) fn containers(set: &Value, field: &str) -> Value {
    let containers = set["spec"]["template"]["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten();
    let texts: Vec<&str> = containers
        .filter_map(|container| container[field].as_str())
        .collect();
    json!(texts.join(","))
}

pub(super) fn selector(set: &Value) -> Value {
    joined(&set["spec"]["selector"]["matchLabels"])
}

pub(super) fn job_status(job: &Value) -> Value {
    let is =
        |kind: &str| object::condition(job, kind).is_some_and(|found| found["status"] == "True");
    json!(if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else {
        "Running"
    })
}

pub(super) fn ports(service: &Value) -> Value {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let texts = ports.map(|port| {
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        match port["nodePort"].as_i64() {
            Some(node) => format!("{}:{node}/{protocol}", port["port"]),
            None => format!("{}/{protocol}", port["port"]),
        }
    });
    or_none(&texts.collect::<Vec<_>>())
}

pub(super) fn available(service: &Value) -> Value {
    let Some(condition) = object::condition(service, "Available") else {
        return json!("Unknown");
    };
    let status = text(condition, "/status");
    json!(if status == "True" {
        status.to_owned()
    } else {
        format!("{status} ({})", text(condition, "/reason"))
    })
}

pub(super) fn access_modes(modes: &Value) -> Value {
    let modes = modes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let short = modes.map(|mode| match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        other => other,
    });
    json!(short.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_shortened_as_kubectl_users_know_them() {
        let cases = [
            (-3, "0s"),
            (119, "119s"),
            (120, "2m"),
            (312, "5m12s"),
            (600, "10m"),
            (10_800, "3h"),
            (12_000, "3h20m"),
            (90_000, "25h"),
            (3 * 86_400 + 7_200, "3d2h"),
            (20 * 86_400, "20d"),
            (3 * 365 * 86_400, "3y"),
        ];
        for (seconds, wanted) in cases {
            assert_eq!(human(seconds), wanted);
        }
        assert_eq!(age(""), "<unknown>");
    }

    #[test]
    fn states_are_summed_up() {
        let mut node = json!({
            "metadata": { "labels": { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "" } },
            "spec": {}, "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        assert_eq!(node_status(&node), "Ready");
        assert_eq!(node_roles(&node), "control-plane,worker");
        node["status"]["conditions"][0]["status"] = json!("Unknown");
        node["spec"]["unschedulable"] = json!(true);
        assert_eq!(node_status(&node), "NotReady,SchedulingDisabled");
        let mut pod = json!({
            "metadata": {}, "spec": { "containers": [{}, {}] },
            "status": { "phase": "Running", "containerStatuses": [
                { "ready": true, "restartCount": 2 },
                { "ready": false, "restartCount": 1, "state": { "waiting": { "reason": "CrashLoopBackOff" } } },
            ] },
        });
        assert_eq!(
            (pod_ready(&pod), pod_status(&pod), pod_restarts(&pod)),
            (json!("1/2"), json!("CrashLoopBackOff"), json!("3"))
        );
        pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
        assert_eq!(pod_status(&pod), "Terminating");
    }
}
