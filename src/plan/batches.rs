//! `serial`: how many hosts a batch has.

use serde_json::Value;

/// One entry of `serial`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BatchSize {
    /// So many hosts.
    Hosts(usize),
    /// So many percent of the play's hosts, rounded down, at least one.
    Percent(f64),
}

/// Why `serial` cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("`serial` takes a number of hosts, a percentage such as 25%, or a list of these, not {0}")]
pub struct BatchError(String);

impl BatchSize {
    /// Reads `serial` after rendering; nothing and 0 mean all hosts at once.
    pub fn list(value: &Value) -> Result<Vec<Self>, BatchError> {
        match value {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => items.iter().map(Self::one).collect(),
            other => Ok(vec![Self::one(other)?]),
        }
    }

    fn one(value: &Value) -> Result<Self, BatchError> {
        let bad = || BatchError(value.to_string());
        match value {
            Value::Number(number) => number
                .as_u64()
                .and_then(|count| usize::try_from(count).ok())
                .map(Self::Hosts)
                .ok_or_else(bad),
            Value::String(text) => match text.trim().strip_suffix('%') {
                Some(percent) => percent
                    .trim()
                    .parse()
                    .ok()
                    .filter(|percent: &f64| (0.0..=100.0).contains(percent))
                    .map(Self::Percent)
                    .ok_or_else(bad),
                None => text.trim().parse().map(Self::Hosts).map_err(|_| bad()),
            },
            _ => Err(bad()),
        }
    }

    /// The number of hosts out of `total`; percentages round down and give at least one (ansible-core, `utils/helpers.py`).
    pub fn count(self, total: usize) -> usize {
        match self {
            Self::Hosts(0) => total,
            Self::Hosts(count) => count,
            Self::Percent(percent) => (1..=total)
                .rev()
                .find(|count| *count as f64 * 100.0 <= total as f64 * percent)
                .unwrap_or(1),
        }
    }
}

/// Cuts `hosts` into batches; the last size repeats until all hosts have one.
pub fn batches(hosts: &[String], sizes: &[BatchSize]) -> Vec<Vec<String>> {
    let mut rest = hosts;
    let mut batches = Vec::new();
    let mut size = sizes.iter();
    let mut current = None;
    while !rest.is_empty() {
        current = size.next().or(current);
        let count = current.map_or(hosts.len(), |size| size.count(hosts.len()));
        let (batch, later) = rest.split_at(count.clamp(1, rest.len()));
        batches.push(batch.to_vec());
        rest = later;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sizes(total: usize, serial: &Value) -> Vec<usize> {
        let hosts: Vec<String> = (0..total).map(|n| format!("h{n}")).collect();
        let list = BatchSize::list(serial).unwrap();
        batches(&hosts, &list).iter().map(Vec::len).collect()
    }

    #[test]
    fn batches_are_cut_as_the_reference_cuts_them() {
        let cases = [
            (10, json!(null), vec![10]),
            (10, json!(0), vec![10]),
            (10, json!(3), vec![3, 3, 3, 1]),
            (10, json!("25%"), vec![2, 2, 2, 2, 2]),
            (10, json!("5%"), vec![1; 10]),
            (10, json!([1, "30%", "100%"]), vec![1, 3, 6]),
            (10, json!([1, 2]), vec![1, 2, 2, 2, 2, 1]),
            (3, json!("4"), vec![3]),
            (0, json!(2), vec![]),
            (3, json!("100%"), vec![3]),
        ];
        for (total, serial, expected) in cases {
            assert_eq!(
                sizes(total, &serial),
                expected,
                "{total} hosts, serial {serial}"
            );
        }
    }

    #[test]
    fn other_values_are_refused() {
        for bad in [json!("a lot"), json!("120%"), json!({"n": 1}), json!(-1)] {
            assert!(BatchSize::list(&bad).is_err(), "{bad}");
        }
    }
}
