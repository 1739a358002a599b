//! `fail`: fails with a message.

use super::parameter::optional;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;

/// The module.
#[derive(Debug)]
pub(super) struct Fail;

static SPEC: Spec = Spec {
    name: "fail",
    summary: "fails with a message",
    free_form: FreeForm::No,
    parameters: &[optional(
        "msg",
        Kind::String,
        "why; a general text by default",
    )],
};

#[async_trait]
impl Module for Fail {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, _: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let message = params.0.get("msg").and_then(|text| text.as_str());
        Err(ModuleError::failed(
            message.unwrap_or("Failed as requested from task"),
        ))
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
    fn the_message_is_the_error() {
        on_both(async |host: Host| {
            for (params, message) in [
                (json!({"msg": "no"}), "no"),
                (json!({}), "Failed as requested from task"),
            ] {
                let error = host.inspect(&Fail, params).await.unwrap_err();
                assert_eq!(error.to_string(), message);
            }
        });
    }
}
