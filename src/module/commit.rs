//! `windlass.commit`: declares the point of no return.
//!
//! The module only says why. That a host is held and not taken back after it is the engine's business, which knows it by name.

use super::parameter::{optional, required};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use serde::Deserialize;

/// The module.
#[derive(Debug)]
pub(super) struct Commit;

static SPEC: Spec = Spec {
    name: "windlass.commit",
    summary: "declares that what was done on the host so far cannot be taken back",
    free_form: FreeForm::No,
    parameters: &[
        optional(
            "instead",
            Kind::List,
            "what a person does instead of going back, one step each, for the report",
        ),
        required(
            "reason",
            Kind::String,
            "why there is no way back, for the report",
        ),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    reason: String,
    instead: Option<Vec<String>>,
}

#[async_trait]
impl Module for Commit {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, _: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        if arguments.reason.trim().is_empty() {
            return Err(ModuleError::failed(
                "`reason` must say why there is no way back",
            ));
        }
        let mut outcome = Outcome::default();
        outcome
            .result
            .insert("reason".to_owned(), arguments.reason.into());
        if let Some(instead) = arguments.instead {
            outcome.result.insert("instead".to_owned(), instead.into());
        }
        Ok(Inspection::Done(outcome))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Ok(Outcome::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;

    #[test]
    fn it_says_why_and_does_nothing() {
        on_both(async |host: Host| {
            let outcome = host.done(&Commit, json!({"reason": "etcd moved"})).await;
            assert_eq!(outcome.result["reason"], "etcd moved");
            assert!(!outcome.changed);
            assert_eq!(host.round_trips(), 0);
            for bad in [json!({}), json!({"reason": " "})] {
                assert!(host.inspect(&Commit, bad).await.is_err());
            }
        });
    }
}
