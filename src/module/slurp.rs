//! `slurp`: a file's content from the host.

use super::parameter::required;
use super::remote_stat::{RESOLVE, resolve};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The module.
#[derive(Debug)]
pub(super) struct Slurp;

static SPEC: Spec = Spec {
    name: "slurp",
    summary: "reads a file of the host, base64-encoded",
    free_form: FreeForm::No,
    parameters: &[Parameter {
        aliases: &["path"],
        ..required("src", Kind::Path, "the file on the host")
    }],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    src: String,
}

/// Exit status that says that there is no such file, apart from those of the tools.
const ABSENT: i32 = 97;
/// Exit status that says that it is a folder.
const FOLDER: i32 = 98;

#[async_trait]
impl Module for Slurp {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let Arguments { src } = params.parse()?;
        let script = format!(
            "{RESOLVE}{}[ -e \"$p\" ] || exit {ABSENT}\n[ ! -d \"$p\" ] || exit {FOLDER}\ncat \"$p\"\n",
            resolve(&src)?
        );
        let output = cx.remote.run(script).await?;
        match output.status {
            0 => {}
            ABSENT => return Err(ModuleError::failed(format!("file not found: {src}"))),
            FOLDER => {
                return Err(ModuleError::failed(format!(
                    "source is a directory and must be a file: {src}"
                )));
            }
            _ => {
                let said = output.stderr_text();
                let said = said.trim();
                return Err(ModuleError::failed(format!(
                    "file is not readable: {src}: {said}"
                )));
            }
        }
        let mut outcome = Outcome::default();
        let result = &mut outcome.result;
        result.insert("content".to_owned(), STANDARD.encode(&output.stdout).into());
        result.insert("source".to_owned(), src.into());
        result.insert("encoding".to_owned(), "base64".into());
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
    fn bytes_come_as_they_are() {
        on_both(async |host: Host| {
            std::fs::write(host.text("b in"), b"\0\xff\nx").unwrap();
            let done = host.done(&Slurp, json!({"path": host.text("b in")})).await;
            assert_eq!(done.result["content"], "AP8KeA==");
            assert_eq!(done.result["encoding"], "base64");
            for (name, reason) in [("no", "file not found"), ("", "is a directory")] {
                let params = json!({"src": host.text(name)});
                let error = host.inspect(&Slurp, params).await.unwrap_err().to_string();
                assert!(error.contains(reason), "{error}");
            }
        });
    }
}
