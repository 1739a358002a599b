//! Keeps known secrets out of every event.

use crate::event::Kind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What a secret is replaced by.
const MASK: &str = "********";

/// A shorter secret would mask half of every output.
const SHORTEST: usize = 4;

/// Values that must not be shown.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    values: Mutex<BTreeSet<String>>,
}

impl Secrets {
    /// From now on `value` is masked.
    pub(super) fn learn(&self, value: &str) {
        if value.len() >= SHORTEST {
            self.values
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(value.to_owned());
        }
    }

    /// The event with every secret masked.
    pub(super) fn redact(&self, kind: Kind) -> Kind {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if values.is_empty() {
            return kind;
        }
        let Ok(mut tree) = serde_json::to_value(&kind) else {
            return kind;
        };
        mask(&mut tree, &values);
        serde_json::from_value(tree).unwrap_or(kind)
    }
}

fn mask(tree: &mut Value, secrets: &BTreeSet<String>) {
    match tree {
        Value::String(text) => {
            for secret in secrets {
                if text.contains(secret.as_str()) {
                    *text = text.replace(secret.as_str(), MASK);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, secrets)),
        Value::Object(entries) => entries.values_mut().for_each(|value| mask(value, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The result that is shown in place of one under `no_log`.
pub(super) fn censored(result: &Value) -> Value {
    let mut shown = serde_json::Map::new();
    shown.insert(
        "censored".to_owned(),
        Value::from(
            "the output has been hidden due to the fact that 'no_log: true' was specified for this result",
        ),
    );
    for kept in ["changed", "failed", "skipped", "unreachable"] {
        if let Some(value) = result.get(kept) {
            shown.insert(kept.to_owned(), value.clone());
        }
    }
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let secrets = Secrets::default();
        secrets.learn("hunter22");
        secrets.learn("x");
        let kind = secrets.redact(Kind::Warning {
            host: Some("x".to_owned()),
            message: "su said: hunter22 is wrong".to_owned(),
        });
        let text = serde_json::to_string(&kind).unwrap();
        assert!(text.contains("su said: ******** is wrong"), "{text}");
        assert!(text.contains("\"x\""));
    }
}
