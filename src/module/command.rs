//! `command`: runs a program without a shell's interpretation. `shell` shares its running and its result.

use super::parameter::optional;
use super::remote_stat::resolve;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::connection::{Command as Run, Output};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::shell::quote;
use crate::undo::Undo;
use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Zoned};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The module.
#[derive(Debug)]
pub(super) struct Command;

const PARAMETERS: [Parameter; 9] = [
    optional(
        "argv",
        Kind::List,
        "the program and its arguments as a list",
    ),
    optional("chdir", Kind::Path, "folder to run in"),
    optional("cmd", Kind::String, "the command line, split into words"),
    optional(
        "creates",
        Kind::Path,
        "file or pattern: when it exists, nothing is run",
    ),
    optional(
        "expand_argument_vars",
        Kind::Bool,
        "expand $NAME and ~ in the words on the host; true by default",
    ),
    optional(
        "removes",
        Kind::Path,
        "file or pattern: unless it exists, nothing is run",
    ),
    optional("stdin", Kind::String, "what the program reads"),
    optional(
        "stdin_add_newline",
        Kind::Bool,
        "end stdin with a newline; true by default",
    ),
    optional(
        "strip_empty_ends",
        Kind::Bool,
        "remove empty lines from the ends of stdout and stderr; true by default",
    ),
];

static SPEC: Spec = Spec {
    name: "command",
    summary: "runs a program with its arguments, without a shell",
    free_form: FreeForm::Command("cmd"),
    parameters: &PARAMETERS,
};

/// Parameters of `command` and `shell`.
#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    argv: Option<Vec<Value>>,
    pub(super) chdir: Option<String>,
    pub(super) cmd: Option<String>,
    creates: Option<String>,
    pub(super) executable: Option<String>,
    expand_argument_vars: Option<bool>,
    removes: Option<String>,
    stdin: Option<String>,
    stdin_add_newline: Option<bool>,
    strip_empty_ends: Option<bool>,
}

/// Parameters that `shell` takes too.
pub(super) const SHARED: [Parameter; 6] = [
    PARAMETERS[1],
    PARAMETERS[3],
    PARAMETERS[5],
    PARAMETERS[6],
    PARAMETERS[7],
    PARAMETERS[8],
];

#[async_trait]
impl Module for Command {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let words = words(&arguments)?;
        inspect(cx, &arguments, json!(words)).await
    }

    async fn apply(
        &self,
        cx: &Context,
        params: &Params,
        _change: Change,
    ) -> Result<Outcome, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let words = words(&arguments)?;
        let expand = arguments.expand_argument_vars.unwrap_or(true);
        let line: Vec<_> = words
            .iter()
            .map(|word| if expand { expanded(word) } else { quote(word) })
            .collect();
        run(
            cx,
            &arguments,
            &format!("exec {}", line.join(" ")),
            json!(words),
        )
        .await
    }
}

/// The words of the command line.
fn words(arguments: &Arguments) -> Result<Vec<String>, ModuleError> {
    let words = match (&arguments.argv, &arguments.cmd) {
        (Some(_), Some(_)) => {
            return Err(ModuleError::failed(
                "only command or argv can be given, not both",
            ));
        }
        (Some(argv), None) => argv
            .iter()
            .map(|word| match word {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
            .collect(),
        (None, Some(cmd)) => shlex::split(cmd)
            .ok_or_else(|| ModuleError::failed(format!("unbalanced quotes in `{cmd}`")))?,
        (None, None) => Vec::new(),
    };
    if words.is_empty() {
        return Err(ModuleError::failed("no command given"));
    }
    Ok(words)
}

/// A word in which the host's shell expands `$NAME`, `${NAME}` and a leading `~/`, and nothing else.
/// A variable that is not set stays as it is written.
fn expanded(word: &str) -> String {
    let home = word == "~" || word.starts_with("~/");
    if !home && !word.contains('$') {
        return quote(word);
    }
    let mut text = String::from(if home { "\"$HOME" } else { "\"" });
    let mut rest = if home { &word[1..] } else { word };
    while let Some(at) = rest.find('$') {
        text += &in_double_quotes(&rest[..at]);
        let after = &rest[at + 1..];
        let (braced, body) = match after.strip_prefix('{') {
            Some(body) => (true, body),
            None => (false, after),
        };
        let length = body
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(body.len());
        let name = &body[..length];
        let closed = !braced || body[length..].starts_with('}');
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !closed {
            text += "\\$";
            rest = after;
            continue;
        }
        let as_written = if braced {
            format!("{{{name}\\}}")
        } else {
            name.to_owned()
        };
        let _ = write!(text, "${{{name}-\\${as_written}}}");
        rest = &body[length + usize::from(braced)..];
    }
    text + &in_double_quotes(rest) + "\""
}

fn in_double_quotes(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escape = matches!(c, '"' | '\\' | '`' | '$').then_some('\\');
            escape.into_iter().chain([c])
        })
        .collect()
}

/// Whether there is anything to run: `creates` and `removes` are looked at.
pub(super) async fn inspect(
    cx: &Context,
    arguments: &Arguments,
    cmd: Value,
) -> Result<Inspection, ModuleError> {
    if arguments.creates.is_some() || arguments.removes.is_some() {
        let mut script = String::new();
        if let Some(folder) = &arguments.chdir {
            script += &change_folder(folder)?;
        }
        for (word, pattern) in [
            ("creates", &arguments.creates),
            ("removes", &arguments.removes),
        ] {
            if let Some(pattern) = pattern {
                let _ = writeln!(
                    script,
                    "for each in {}; do if [ -e \"$each\" ] || [ -L \"$each\" ]; then echo {word}; break; fi; done",
                    glob(pattern)
                );
            }
        }
        let output = cx.remote.run(script).await?;
        super::deliver::succeed(&output)?;
        let found = output.stdout_text();
        let reason = match (&arguments.creates, &arguments.removes) {
            (Some(path), _) if found.contains("creates") => Some(format!("since '{path}' exists")),
            (_, Some(path)) if !found.contains("removes") => {
                Some(format!("since '{path}' does not exist"))
            }
            _ => None,
        };
        if let Some(reason) = reason {
            return Ok(Inspection::Done(not_run(&cmd, &reason)));
        }
    }
    let mut result = Map::new();
    result.insert("cmd".to_owned(), cmd);
    result.insert(
        "msg".to_owned(),
        "Command would have run if not in check mode".into(),
    );
    Ok(Inspection::Change(Change {
        what: "run a command".to_owned(),
        result,
        undo: Undo::Impossible(
            "what a command changes is not known; the task can say how with `undo:`".to_owned(),
        ),
        opaque: arguments.creates.is_none() && arguments.removes.is_none(),
        ..Change::default()
    }))
}

fn not_run(cmd: &Value, reason: &str) -> Outcome {
    let stdout = format!("skipped, {}", reason.replace('\'', ""));
    let result = json!({
        "cmd": cmd,
        "msg": format!("Did not run command {reason}"),
        "rc": 0,
        "stdout": stdout,
        "stdout_lines": [stdout],
        "stderr": "",
        "stderr_lines": [],
    });
    Outcome {
        result: result.as_object().cloned().unwrap_or_default(),
        ..Outcome::default()
    }
}

/// A pattern in which only `*`, `?`, `[` and `]` mean anything, and `~/` at the start.
fn glob(pattern: &str) -> String {
    let (home, rest) = match pattern.strip_prefix("~/") {
        Some(rest) => ("\"$HOME\"/", rest),
        None => ("", pattern),
    };
    let mut text = home.to_owned();
    for part in rest.split_inclusive(['*', '?', '[', ']']) {
        match part.strip_suffix(['*', '?', '[', ']']) {
            Some("") => text += part,
            Some(plain) => text += &(quote(plain) + &part[plain.len()..]),
            None => text += &quote(part),
        }
    }
    text
}

fn change_folder(folder: &str) -> Result<String, ModuleError> {
    Ok(format!(
        "{}{}cd \"$p\" || exit 1\n",
        super::remote_stat::RESOLVE,
        resolve(folder)?
    ))
}

/// Runs `line` on the host and returns what Ansible's modules return.
pub(super) async fn run(
    cx: &Context,
    arguments: &Arguments,
    line: &str,
    cmd: Value,
) -> Result<Outcome, ModuleError> {
    let mut script = String::new();
    if let Some(folder) = &arguments.chdir {
        script += &change_folder(folder)?;
    }
    script += line;
    script.push('\n');
    let mut command = Run::new(script);
    command.stdin = arguments.stdin.as_ref().map(|text| {
        let newline = arguments.stdin_add_newline.unwrap_or(true) && !text.ends_with('\n');
        Bytes::from(format!("{text}{}", if newline { "\n" } else { "" }))
    });
    let start = Zoned::now();
    let output = cx.remote.command(command).await?;
    let end = Zoned::now();
    let result = describe(arguments, cmd, &output, &start, &end);
    if output.status == 0 {
        return Ok(Outcome {
            changed: true,
            result,
            ..Outcome::default()
        });
    }
    Err(ModuleError::Failed {
        message: "non-zero return code".to_owned(),
        result,
    })
}

fn describe(
    arguments: &Arguments,
    cmd: Value,
    output: &Output,
    start: &Zoned,
    end: &Zoned,
) -> Map<String, Value> {
    let strip = arguments.strip_empty_ends.unwrap_or(true);
    let text = |bytes: String| {
        if strip {
            bytes.trim_end_matches(['\r', '\n']).to_owned()
        } else {
            bytes
        }
    };
    let (stdout, stderr) = (text(output.stdout_text()), text(output.stderr_text()));
    let mut result = Map::new();
    result.insert("cmd".to_owned(), cmd);
    result.insert("rc".to_owned(), output.status.into());
    result.insert("stdout_lines".to_owned(), stdout.lines().collect());
    result.insert("stdout".to_owned(), stdout.into());
    result.insert("stderr_lines".to_owned(), stderr.lines().collect());
    result.insert("stderr".to_owned(), stderr.into());
    // By the controller's clock: asking the host's would cost two processes for every command.
    let clock = |time: &Zoned| time.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string();
    result.insert("start".to_owned(), clock(start).into());
    result.insert("end".to_owned(), clock(end).into());
    result.insert("delta".to_owned(), delta(start.duration_until(end)).into());
    result.insert("msg".to_owned(), "".into());
    result
}

/// A duration as Python prints one: `0:00:01.000250`.
fn delta(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    format!(
        "{}:{:02}:{:02}.{:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        duration.subsec_micros()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};

    #[test]
    fn a_command_returns_what_ansible_documents() {
        on_both(async |host: Host| {
            let outcome = host
                .change(&Command, json!({"cmd": "printf '%s\\n' 'a b' c"}))
                .await;
            assert_eq!(outcome.result["stdout"], "a b\nc");
            assert_eq!(outcome.result["stdout_lines"], json!(["a b", "c"]));
            assert_eq!(
                outcome.result["cmd"],
                json!(["printf", "%s\\n", "a b", "c"])
            );
            assert_eq!(outcome.result["rc"], 0);
            for name in ["start", "end", "delta", "stderr", "stderr_lines", "msg"] {
                assert!(outcome.result.contains_key(name), "{name}");
            }
            let outcome = host
                .change(&Command, json!({"argv": ["cat"], "stdin": "x"}))
                .await;
            assert_eq!(outcome.result["stdout"], "x");
            let error = host
                .apply(&Command, json!({"cmd": "sh -c 'echo out; exit 3'"}))
                .await
                .unwrap_err();
            let ModuleError::Failed { message, result } = error else {
                panic!("{error}");
            };
            assert_eq!(message, "non-zero return code");
            assert_eq!(
                (&result["rc"], &result["stdout"]),
                (&json!(3), &json!("out"))
            );
        });
    }

    #[test]
    fn words_are_not_for_the_shell_but_variables_are() {
        on_both(async |host: Host| {
            for (word, expected) in [
                ("*", "*"),
                ("$(id)", "$(id)"),
                ("`id`", "`id`"),
                ("a;b", "a;b"),
                ("$NOT_SET_AT_ALL", "$NOT_SET_AT_ALL"),
                ("${NOT_SET_AT_ALL}x", "${NOT_SET_AT_ALL}x"),
                ("$", "$"),
                ("${broken", "${broken"),
                ("\"q\\$", "\"q\\$"),
            ] {
                let outcome = host
                    .change(&Command, json!({"argv": ["printf", "%s", word]}))
                    .await;
                assert_eq!(outcome.result["stdout"], expected, "{word}");
            }
            let home = host
                .change(
                    &Command,
                    json!({"argv": ["echo", "$HOME", "${HOME}!", "~/x"]}),
                )
                .await;
            let folder = std::env::var("HOME").unwrap();
            assert_eq!(
                home.result["stdout"],
                format!("{folder} {folder}! {folder}/x")
            );
            let plain = json!({"argv": ["echo", "$HOME"], "expand_argument_vars": false});
            assert_eq!(host.change(&Command, plain).await.result["stdout"], "$HOME");
        });
    }

    #[test]
    fn creates_and_removes_decide_whether_it_runs() {
        on_both(async |host: Host| {
            let cmd = "touch 'made it'";
            let params = json!({"cmd": cmd, "chdir": host.text(""), "creates": "made*"});
            host.change(&Command, params.clone()).await;
            let done = host.done(&Command, params).await;
            assert_eq!(done.result["rc"], 0);
            let stdout = done.result["stdout"].as_str().unwrap();
            assert_eq!(stdout, "skipped, since made* exists");
            let params = json!({"cmd": "rm -f x", "removes": host.text("no such")});
            let done = host.done(&Command, params).await;
            assert!(
                done.result["msg"]
                    .as_str()
                    .unwrap()
                    .ends_with("does not exist")
            );
        });
    }

    #[test]
    fn durations_print_as_in_python() {
        assert_eq!(
            delta(SignedDuration::from_millis(3_661_002)),
            "1:01:01.002000"
        );
    }
}
