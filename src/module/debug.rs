//! `debug`: shows a text or a variable.

use super::parameter::optional;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Spec};
use crate::template::TemplateError;
use async_trait::async_trait;
use serde_json::Value;

/// The module.
#[derive(Debug)]
pub(super) struct Debug;

static SPEC: Spec = Spec {
    name: "debug",
    summary: "shows a text or a variable",
    free_form: FreeForm::No,
    parameters: &[
        optional("msg", Kind::Raw, "what is shown; `Hello world!` by default"),
        optional(
            "var",
            Kind::Raw,
            "the name of a variable, or an expression, that is shown",
        ),
        optional(
            "verbosity",
            Kind::Int,
            "the number of -v from which on it is shown; 0 by default",
        ),
    ],
};

/// What is shown in place of a variable that is not there.
const UNDEFINED: &str = "VARIABLE IS NOT DEFINED!";

#[async_trait]
impl Module for Debug {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn raw_parameters(&self) -> &'static [&'static str] {
        &["var"]
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let (name, value) = match (params.0.get("msg"), params.0.get("var")) {
            (Some(_), Some(_)) => {
                return Err(ModuleError::failed(
                    "'msg' and 'var' are incompatible options",
                ));
            }
            (Some(message), None) => ("msg".to_owned(), message.clone()),
            (None, Some(Value::String(expression))) => {
                (expression.clone(), evaluate(cx, expression)?)
            }
            (None, Some(other)) => (other.to_string(), other.clone()),
            (None, None) => ("msg".to_owned(), "Hello world!".into()),
        };
        let level = params
            .0
            .get("verbosity")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        let mut outcome = Outcome {
            verbosity: Some(u8::try_from(level).unwrap_or(u8::MAX)),
            ..Outcome::default()
        };
        outcome.result.insert(name, value);
        Ok(Inspection::Done(outcome))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Ok(Outcome::default())
    }
}

fn evaluate(cx: &Context, expression: &str) -> Result<Value, ModuleError> {
    // A template where a name is expected is common enough that Ansible takes it too.
    let found = if expression.contains("{{") {
        cx.templar.render_text(expression, &cx.scope)
    } else {
        cx.templar.evaluate(expression, &cx.scope)
    };
    match found {
        Ok(value) => Ok(value),
        Err(TemplateError {
            undefined: true, ..
        }) => Ok(UNDEFINED.into()),
        Err(error) => Err(ModuleError::failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;

    #[test]
    fn messages_keep_their_type_and_level() {
        on_both(async |host: Host| {
            let done = host
                .done(&Debug, json!({"msg": [1, "a"], "verbosity": 2}))
                .await;
            assert_eq!(done.result["msg"], json!([1, "a"]));
            assert_eq!(done.verbosity, Some(2));
            let done = host.done(&Debug, json!({})).await;
            assert_eq!(
                (&done.result["msg"], done.verbosity),
                (&json!("Hello world!"), Some(0))
            );
            assert!(
                host.inspect(&Debug, json!({"msg": 1, "var": "x"}))
                    .await
                    .is_err()
            );
            assert_eq!(host.round_trips(), 0);
            let done = host.done(&Debug, json!({"var": "1 + 1"})).await;
            assert!(done.result.contains_key("1 + 1"));
        });
    }
}
