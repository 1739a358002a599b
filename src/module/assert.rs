//! `assert`: conditions that must hold.

use super::parameter::{optional, required};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::yaml::Node;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The module.
#[derive(Debug)]
pub(super) struct Assert;

static SPEC: Spec = Spec {
    name: "assert",
    summary: "fails unless all conditions hold",
    free_form: FreeForm::No,
    parameters: &[
        Parameter {
            aliases: &["msg"],
            ..optional(
                "fail_msg",
                Kind::Raw,
                "what is said when a condition does not hold",
            )
        },
        optional("quiet", Kind::Bool, "return little; false by default"),
        optional(
            "success_msg",
            Kind::Raw,
            "what is said when all conditions hold",
        ),
        required(
            "that",
            Kind::Raw,
            "one condition or a list of them, as bare expressions",
        ),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    fail_msg: Option<Value>,
    quiet: Option<bool>,
    success_msg: Option<Value>,
    that: Value,
}

#[async_trait]
impl Module for Assert {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn raw_parameters(&self) -> &'static [&'static str] {
        &["that"]
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let conditions = match arguments.that {
            Value::Array(conditions) => conditions,
            one => vec![one],
        };
        for condition in conditions {
            if holds(cx, &condition)? {
                continue;
            }
            let mut result = Map::new();
            if arguments.quiet != Some(true) {
                result.insert("evaluated_to".to_owned(), false.into());
                result.insert("assertion".to_owned(), condition);
            }
            let message = arguments.fail_msg.unwrap_or("Assertion failed".into());
            return Err(ModuleError::Failed {
                message: match message {
                    Value::String(text) => text,
                    other => other.to_string(),
                },
                result,
            });
        }
        let mut outcome = Outcome::default();
        let message = arguments
            .success_msg
            .unwrap_or("All assertions passed".into());
        outcome.result.insert("msg".to_owned(), message);
        Ok(Inspection::Done(outcome))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Ok(Outcome::default())
    }
}

fn holds(cx: &Context, condition: &Value) -> Result<bool, ModuleError> {
    let expression = match condition {
        Value::Bool(value) => return Ok(*value),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => {
            return Err(ModuleError::failed(format!(
                "a condition must be an expression, not {other}"
            )));
        }
    };
    cx.templar
        .test(&Node::text("that", &expression), &cx.scope)
        .map_err(|error| {
            ModuleError::failed(format!(
                "The conditional check '{expression}' failed. The error was: {error}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;

    #[test]
    fn the_first_condition_that_does_not_hold_is_named() {
        on_both(async |host: Host| {
            let done = host.done(&Assert, json!({"that": [true, "1 == 1"]})).await;
            assert_eq!(done.result["msg"], "All assertions passed");
            for (params, message, assertion) in [
                (json!({"that": false}), "Assertion failed", Some(false)),
                (
                    json!({"that": [true, false], "msg": "no"}),
                    "no",
                    Some(false),
                ),
                (
                    json!({"that": [false], "quiet": true}),
                    "Assertion failed",
                    None,
                ),
            ] {
                let error = host.inspect(&Assert, params).await.unwrap_err();
                let ModuleError::Failed {
                    message: said,
                    result,
                } = error
                else {
                    panic!("{error}");
                };
                assert_eq!(said, message);
                assert_eq!(result.get("assertion").and_then(Value::as_bool), assertion);
            }
            assert_eq!(Assert.raw_parameters(), ["that"]);
        });
    }
}
