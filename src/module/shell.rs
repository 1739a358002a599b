//! `shell`: runs a command line through a shell.

use super::command::{self, Arguments, SHARED};
use super::parameter::{optional, required};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Spec};
use crate::shell::quote;
use async_trait::async_trait;
use serde_json::Value;

/// The module.
#[derive(Debug)]
pub(super) struct Shell;

static SPEC: Spec = Spec {
    name: "shell",
    summary: "runs a command line through a shell",
    free_form: FreeForm::Command("cmd"),
    parameters: &[
        SHARED[0],
        required("cmd", Kind::String, "the command line"),
        SHARED[1],
        optional(
            "executable",
            Kind::Path,
            "the shell, as an absolute path; /bin/sh by default",
        ),
        SHARED[2],
        SHARED[3],
        SHARED[4],
        SHARED[5],
    ],
};

#[async_trait]
impl Module for Shell {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let cmd = Value::from(arguments.cmd.clone());
        command::inspect(cx, &arguments, cmd).await
    }

    async fn apply(
        &self,
        cx: &Context,
        params: &Params,
        _change: Change,
    ) -> Result<Outcome, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let cmd = arguments.cmd.clone().unwrap_or_default();
        let shell = arguments.executable.as_deref().unwrap_or("/bin/sh");
        // A shell of its own, so that the text behaves as it would in a file: its `exit`, `set` and `exec` are its own.
        let line = format!("exec {} -c {}", quote(shell), quote(&cmd));
        command::run(cx, &arguments, &line, Value::from(cmd)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;

    #[test]
    fn the_text_is_a_shells_own() {
        on_both(async |host: Host| {
            let params = json!({"cmd": "for i in 1 2; do echo \"$i\" | cat; done; cd /; pwd"});
            let outcome = host.change(&Shell, params.clone()).await;
            assert_eq!(outcome.result["stdout_lines"], json!(["1", "2", "/"]));
            assert_eq!(outcome.result["cmd"], params["cmd"]);
            let folder = host.text("");
            let params = json!({"cmd": "pwd -P", "chdir": folder, "executable": "/bin/sh"});
            let outcome = host.change(&Shell, params).await;
            assert_eq!(
                outcome.result["stdout"].as_str().unwrap(),
                folder.trim_end_matches('/')
            );
            assert!(host.apply(&Shell, json!({"cmd": "exit 1"})).await.is_err());
        });
    }
}
