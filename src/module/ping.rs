//! `ping`: whether a host answers.

use super::parameter::optional;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params, deliver};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;

/// The module.
#[derive(Debug)]
pub(super) struct Ping;

static SPEC: Spec = Spec {
    name: "ping",
    summary: "asks a host's shell for a sign of life",
    free_form: FreeForm::No,
    parameters: &[optional(
        "data",
        Kind::String,
        "what is returned as `ping`; `pong` by default, `crash` fails",
    )],
};

#[async_trait]
impl Module for Ping {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let data = params.0.get("data").and_then(|data| data.as_str());
        if data == Some("crash") {
            return Err(ModuleError::failed("boom"));
        }
        deliver::succeed(&cx.remote.run(":").await?)?;
        let mut outcome = Outcome::default();
        outcome
            .result
            .insert("ping".to_owned(), data.unwrap_or("pong").into());
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
    fn it_speaks_to_the_host() {
        on_both(async |host: Host| {
            assert_eq!(host.done(&Ping, json!({})).await.result["ping"], "pong");
            assert_eq!(
                host.done(&Ping, json!({"data": "x"})).await.result["ping"],
                "x"
            );
            assert_eq!(host.round_trips(), 2);
            assert!(host.inspect(&Ping, json!({"data": "crash"})).await.is_err());
        });
    }
}
