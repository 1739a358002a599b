//! `windlass.kube_flags`: refuses a binary that does not know a flag that its unit gives to it. Changes nothing.
//!
//! A flag that `--help` does not show may still be known: deprecated ones are hidden. So the binary itself is asked about
//! each of those, with `--FLAG --help`, which starts nothing.

use super::kube_target::values;
use super::parameter::required;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::{GivenFlag, KnownFlags, UnitCommand, environment_files};
use crate::playbook::{FreeForm, Kind, Spec};
use crate::shell::quote;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

static SPEC: Spec = Spec {
    name: "windlass.kube_flags",
    summary: "refuse a binary that does not know a flag of the unit that will run it",
    parameters: &[
        required("binary", Kind::Path, "the new binary on the host"),
        required("unit", Kind::String, "the unit that will run it"),
    ],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct KubeFlags;

#[derive(Deserialize)]
struct Given {
    binary: String,
    unit: String,
}

#[async_trait]
impl Module for KubeFlags {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        super::unit::check_name(&given.unit)?;
        let cat = read(cx, &format!("systemctl cat {}", quote(&given.unit))).await?;
        let mut environment = Vec::new();
        for path in environment_files(&cat) {
            // systemd takes patterns here; and a file that is not there is for systemd to complain about.
            let text = read(cx, &format!("cat {} 2>/dev/null || :", quote(&path))).await?;
            environment.push((path, text));
        }
        let command = UnitCommand::parse(&cat, &environment);
        if command.exec_start.is_empty() {
            return Err(ModuleError::failed(format!(
                "the unit {} has no ExecStart",
                given.unit
            )));
        }
        let binary = quote(&given.binary);
        let help = read(cx, &format!("{binary} --help 2>&1")).await?;
        let known = KnownFlags::parse(&help);
        if known.names.is_empty() {
            return Err(ModuleError::failed(format!(
                "{} --help names no flags",
                given.binary
            )));
        }
        let unknown = unknown(cx, &given.binary, &known.lacks(&command.flags)).await?;
        if !unknown.is_empty() {
            return Err(ModuleError::Failed {
                message: refusal(&given, &unknown),
                result: values([("unknown", shown(&unknown))]),
            });
        }
        let (oldest, newest) = known.emulates.unwrap_or_default();
        let emulated_by = command
            .flags
            .iter()
            .find(|flag| flag.name == "emulated-version")
            .map(|flag| flag.file.clone())
            .unwrap_or_default();
        let emulates = known.names.contains("emulated-version");
        Ok(Inspection::Done(Outcome {
            result: values([
                ("exec_start", Value::from(command.exec_start)),
                ("unknown", Value::from(Vec::<Value>::new())),
                ("emulated_by", Value::from(emulated_by)),
                ("emulates", Value::from(emulates)),
                ("emulates_from", Value::from(oldest)),
                ("emulates_to", Value::from(newest)),
            ]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.kube_flags never changes anything",
        ))
    }
}

async fn read(cx: &Context, script: &str) -> Result<String, ModuleError> {
    let output = cx.remote.run(script).await?;
    super::deliver::succeed(&output)?;
    Ok(output.stdout_text())
}

/// Those of `hidden` that the binary refuses.
async fn unknown(
    cx: &Context,
    binary: &str,
    hidden: &[&GivenFlag],
) -> Result<Vec<GivenFlag>, ModuleError> {
    if hidden.is_empty() {
        return Ok(Vec::new());
    }
    let binary = quote(binary);
    let mut script = String::new();
    for (number, flag) in hidden.iter().enumerate() {
        let word = quote(&flag.word);
        // Writing to a string cannot fail.
        let _ = writeln!(
            script,
            "case $({binary} {word} --help 2>&1 >/dev/null </dev/null) in *'unknown flag'*) echo {number} ;; esac"
        );
    }
    let refused: BTreeSet<usize> = read(cx, &script)
        .await?
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    let flags = hidden.iter().enumerate();
    Ok(flags
        .filter(|(number, _)| refused.contains(number))
        .map(|(_, flag)| (*flag).clone())
        .collect())
}

fn refusal(given: &Given, unknown: &[GivenFlag]) -> String {
    let each: Vec<_> = unknown
        .iter()
        .map(|flag| format!("--{} (set in {})", flag.name, flag.file))
        .collect();
    format!(
        "{} does not know {}, so {} would not start; take it out there first",
        given.binary,
        each.join(", "),
        given.unit
    )
}

/// Names and files only: a flag's value may be a secret.
fn shown(unknown: &[GivenFlag]) -> Value {
    let each = |flag: &GivenFlag| json!({"flag": flag.name, "file": flag.file});
    unknown.iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};

    /// Knows --shown and --hidden, and shows only the first.
    const BINARY: &str = "#!/bin/sh
for word; do case $word in
--help) echo '      --shown string'; echo '      --emulated-version strings  Options are: kube=1.32..1.35'; exit ;;
--shown=*|--hidden=*) ;;
*) echo \"Error: unknown flag: ${word%%=*}\" >&2; exit 1 ;;
esac; done
";

    fn put(host: &Host, name: &str, text: &str) -> String {
        let path = host.text(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn only_what_the_binary_itself_refuses_is_unknown() {
        on_both(async |host: Host| {
            host.tool("new-binary", BINARY);
            let environment = put(&host, "env", "ARGS='--removed=secret --hidden=2'\n");
            let unit = format!(
                "# {}\n[Service]\nEnvironmentFile=-{environment}\nExecStart=/x --shown=1 $ARGS\n",
                host.text("api.service")
            );
            put(&host, "unit", &unit);
            host.tool(
                "systemctl",
                &format!("#!/bin/sh\ncat '{}'\n", host.text("unit")),
            );
            let params = json!({"binary": "new-binary", "unit": "api"});
            let error = host.inspect(&KubeFlags, params.clone()).await.unwrap_err();
            let ModuleError::Failed { message, result } = error else {
                panic!("{error}")
            };
            assert!(
                message.contains("does not know --removed (set in"),
                "{message}"
            );
            assert!(
                message.contains(&environment) && !message.contains("hidden"),
                "{message}"
            );
            assert!(!message.contains("secret"), "{message}");
            assert_eq!(result["unknown"].as_array().unwrap().len(), 1);

            put(&host, "env", "ARGS='--hidden=2'\n");
            let done = host.done(&KubeFlags, params).await;
            assert_eq!(done.result["exec_start"], "/x --shown=1 $ARGS");
            assert_eq!(done.result["emulates"], true);
            assert_eq!(done.result["emulates_from"], "1.32");
        });
    }
}
