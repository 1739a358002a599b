//! Kubernetes quantities as numbers, and what pods ask for of a node.

use k8s_openapi::api::core::v1::{Node, Pod, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;
use std::ops::{AddAssign, SubAssign};

/// CPUs and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Room {
    pub(super) cpus: f64,
    pub(super) bytes: f64,
}

impl AddAssign for Room {
    fn add_assign(&mut self, other: Self) {
        self.cpus += other.cpus;
        self.bytes += other.bytes;
    }
}

impl SubAssign for Room {
    fn sub_assign(&mut self, other: Self) {
        self.cpus -= other.cpus;
        self.bytes -= other.bytes;
    }
}

impl Room {
    /// The larger of each.
    fn max(self, other: Self) -> Self {
        Self {
            cpus: self.cpus.max(other.cpus),
            bytes: self.bytes.max(other.bytes),
        }
    }

    /// What the kubelet leaves to pods.
    pub(super) fn of_node(node: &Node) -> Self {
        let status = node.status.as_ref();
        Self::of_list(status.and_then(|status| status.allocatable.as_ref()))
    }

    /// What the scheduler counts for a pod: its containers together, or its largest init container, and the overhead.
    pub(super) fn of_pod(pod: &Pod) -> Self {
        let Some(spec) = &pod.spec else {
            return Self::default();
        };
        let mut sum = Self::default();
        for container in &spec.containers {
            sum += Self::of_requests(container.resources.as_ref());
        }
        for container in spec.init_containers.iter().flatten() {
            let own = Self::of_requests(container.resources.as_ref());
            // One that restarts always is a sidecar and stays.
            if container.restart_policy.as_deref() == Some("Always") {
                sum += own;
            } else {
                sum = sum.max(own);
            }
        }
        sum += Self::of_list(spec.overhead.as_ref());
        sum
    }

    fn of_requests(resources: Option<&ResourceRequirements>) -> Self {
        Self::of_list(resources.and_then(|resources| resources.requests.as_ref()))
    }

    fn of_list(list: Option<&BTreeMap<String, Quantity>>) -> Self {
        let get = |name: &str| {
            list.and_then(|list| list.get(name))
                .and_then(|quantity| number(&quantity.0))
                .unwrap_or_default()
        };
        Self {
            cpus: get("cpu"),
            bytes: get("memory"),
        }
    }
}

/// `100m`, `2`, `1.5Gi`, `128M`, `1e3`.
fn number(text: &str) -> Option<f64> {
    let end = text
        .find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E'))
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    // `1E` is an exa; an exponent has digits behind it.
    let (digits, unit) = match digits.strip_suffix('E') {
        Some(digits) => (digits, format!("E{unit}")),
        None => (digits, unit.to_owned()),
    };
    let factor = match unit.as_str() {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, value) in [
            ("100m", Some(0.1)),
            ("2", Some(2.0)),
            ("1.5Gi", Some(1.5 * 1024.0 * 1024.0 * 1024.0)),
            ("128M", Some(128e6)),
            ("1e3", Some(1000.0)),
            ("2E", Some(2e18)),
            ("1Ei", Some(1024.0_f64.powi(6))),
            ("x", None),
            ("1Zi", None),
        ] {
            assert_eq!(number(text), value, "{text}");
        }
    }

    #[test]
    fn a_pod_counts_as_the_scheduler_counts_it() {
        let container = |cpu: &str, restart: Option<&str>| {
            json!({"name": "c", "restartPolicy": restart,
                "resources": {"requests": {"cpu": cpu, "memory": "1Ki"}}})
        };
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p"},
            "spec": {
                "containers": [container("100m", None), container("200m", None)],
                "initContainers": [container("100m", Some("Always")), container("2", None)],
                "overhead": {"cpu": "1"},
            },
        }))
        .unwrap();
        let room = Room::of_pod(&pod);
        assert!((room.cpus - 3.0).abs() < 1e-9, "{room:?}");
        assert!((room.bytes - 3.0 * 1024.0).abs() < 1e-9, "{room:?}");
    }
}
