//! `set_fact`: variables for the host, for the rest of the run.

use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Spec};
use async_trait::async_trait;
use serde_json::Value;

/// The module.
#[derive(Debug)]
pub(super) struct SetFact;

static SPEC: Spec = Spec {
    name: "set_fact",
    summary: "sets variables for the host, for the rest of the run",
    free_form: FreeForm::AnyKeys,
    parameters: &[],
};

#[async_trait]
impl Module for SetFact {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, _: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let mut facts = params.0.clone();
        let cacheable = facts.shift_remove("cacheable").map(word);
        if cacheable == Some(Value::Bool(true)) {
            return Err(ModuleError::failed(
                "`cacheable: true` is not supported: facts are kept for one run only",
            ));
        }
        if facts.is_empty() {
            return Err(ModuleError::failed(
                "No key/value pairs provided, at least one is required for this action to succeed",
            ));
        }
        if let Some(name) = facts.keys().find(|name| !is_name(name)) {
            return Err(ModuleError::failed(format!(
                "The variable name '{name}' is not valid. Variables must start with a letter or underscore \
                 character, and contain only letters, numbers and underscores."
            )));
        }
        let facts: serde_json::Map<String, Value> = facts
            .into_iter()
            .map(|(name, value)| (name, word(value)))
            .collect();
        let mut outcome = Outcome::default();
        outcome
            .result
            .insert("ansible_facts".to_owned(), facts.clone().into());
        outcome.facts = facts;
        Ok(Inspection::Done(outcome))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Ok(Outcome::default())
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The words `true`, `false`, `yes` and `no` become booleans, as ansible-core 2.18 does by default.
fn word(value: Value) -> Value {
    match value.as_str().map(str::to_lowercase).as_deref() {
        Some("true" | "yes") => Value::Bool(true),
        Some("false" | "no") => Value::Bool(false),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;

    #[test]
    fn any_names_become_facts() {
        on_both(async |host: Host| {
            let done = host
                .done(&SetFact, json!({"a": [1], "b": "yes", "cacheable": "no"}))
                .await;
            assert_eq!(Value::Object(done.facts), json!({"a": [1], "b": true}));
            assert_eq!(done.result["ansible_facts"]["a"], json!([1]));
            for (params, reason) in [
                (json!({}), "No key/value pairs"),
                (json!({"a": 1, "cacheable": true}), "not supported"),
                (json!({"a-b": 1}), "'a-b' is not valid"),
            ] {
                let error = host
                    .inspect(&SetFact, params)
                    .await
                    .unwrap_err()
                    .to_string();
                assert!(error.contains(reason), "{error}");
            }
        });
    }
}
