//! `pause`: waits on the controller. Like Ansible's, it is meant to run once for all hosts of a batch; the engine sees to that.

use super::parameter::optional;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use jiff::Zoned;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// The module.
#[derive(Debug)]
pub(super) struct Pause;

static SPEC: Spec = Spec {
    name: "pause",
    summary: "waits for a time",
    free_form: FreeForm::No,
    parameters: &[
        optional("echo", Kind::Bool, "not supported: no answer is read"),
        optional("minutes", Kind::Int, "how long, in minutes"),
        optional(
            "prompt",
            Kind::String,
            "what is said while waiting; no answer is read",
        ),
        optional("seconds", Kind::Int, "how long, in seconds"),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    echo: Option<bool>,
    minutes: Option<i64>,
    prompt: Option<String>,
    seconds: Option<i64>,
}

impl Arguments {
    /// How long, and the same in Ansible's words.
    fn length(&self) -> Result<(Duration, String), ModuleError> {
        let (number, unit, each) = match (self.minutes, self.seconds) {
            (Some(_), Some(_)) => {
                return Err(ModuleError::failed(
                    "parameters are mutually exclusive: minutes|seconds",
                ));
            }
            (Some(minutes), None) => (minutes, "minutes", 60),
            (None, Some(seconds)) => (seconds, "seconds", 1),
            (None, None) => {
                return Err(ModuleError::failed(
                    "a prompt needs a terminal; use seconds",
                ));
            }
        };
        if self.echo.is_some() {
            return Err(ModuleError::failed(
                "`echo` is not supported: no answer is read",
            ));
        }
        let seconds = u64::try_from(number)
            .ok()
            .and_then(|number| number.checked_mul(each))
            .ok_or_else(|| ModuleError::failed(format!("cannot wait for {number} {unit}")))?;
        Ok((
            Duration::from_secs(seconds),
            format!("Paused for {number}.0 {unit}"),
        ))
    }
}

#[async_trait]
impl Module for Pause {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let (length, words) = arguments.length()?;
        let start = Zoned::now();
        // Check mode shows what would happen; nobody wants to wait for that.
        if !cx.check {
            if let Some(prompt) = &arguments.prompt {
                (cx.progress)(prompt.clone());
            }
            tokio::time::sleep(length).await;
        }
        let stop = Zoned::now();
        let mut result = Map::new();
        let elapsed = stop.duration_since(&start).as_secs();
        for (name, value) in [
            ("delta", Value::from(elapsed)),
            ("echo", true.into()),
            ("rc", 0.into()),
            ("start", shown(&start).into()),
            ("stderr", "".into()),
            ("stdout", words.into()),
            ("stop", shown(&stop).into()),
            ("user_input", "".into()),
        ] {
            result.insert(name.to_owned(), value);
        }
        Ok(Inspection::Done(Outcome {
            result,
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Ok(Outcome::default())
    }
}

fn shown(time: &Zoned) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;

    #[test]
    fn it_waits_and_check_mode_does_not() {
        on_both(async |mut host: Host| {
            let outcome = host.done(&Pause, json!({"seconds": 0})).await;
            assert_eq!(outcome.result["stdout"], "Paused for 0.0 seconds");
            assert_eq!(outcome.result["delta"], 0);
            host.cx.check = true;
            let outcome = host
                .done(&Pause, json!({"minutes": 60, "prompt": "soak"}))
                .await;
            assert_eq!(outcome.result["stdout"], "Paused for 60.0 minutes");
            assert_eq!(host.round_trips(), 0);
            for (params, said) in [
                (json!({}), "a prompt needs a terminal; use seconds"),
                (
                    json!({"prompt": "go on?"}),
                    "a prompt needs a terminal; use seconds",
                ),
                (json!({"seconds": 1, "minutes": 1}), "mutually exclusive"),
                (json!({"seconds": -1}), "cannot wait for -1 seconds"),
                (
                    json!({"seconds": 1, "echo": false}),
                    "`echo` is not supported",
                ),
            ] {
                let error = host.inspect(&Pause, params).await.unwrap_err().to_string();
                assert!(error.contains(said), "{error}");
            }
        });
    }
}
