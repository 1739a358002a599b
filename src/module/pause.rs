//! `pause`: waits on the controller, for a time or for a person's answer. Like Ansible's, it is meant to run once for all
//! hosts of a batch; the engine sees to that.

use super::parameter::optional;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use jiff::Zoned;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::time::Duration;

/// The module.
#[derive(Debug)]
pub(super) struct Pause;

static SPEC: Spec = Spec {
    name: "pause",
    summary: "waits for a time or for an answer",
    free_form: FreeForm::No,
    parameters: &[
        optional(
            "echo",
            Kind::Bool,
            "whether the answer is seen; it always is",
        ),
        optional("minutes", Kind::Int, "how long, in minutes"),
        optional(
            "prompt",
            Kind::String,
            "what is said while waiting; without a time, the Enter key ends the wait",
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
    /// How long, and the same in Ansible's words; `None` is until somebody answers.
    fn length(&self) -> Result<Option<(Duration, String)>, ModuleError> {
        let (number, unit, each) = match (self.minutes, self.seconds) {
            (Some(_), Some(_)) => {
                return Err(ModuleError::failed(
                    "parameters are mutually exclusive: minutes|seconds",
                ));
            }
            (Some(minutes), None) => (minutes, "minutes", 60),
            (None, Some(seconds)) => (seconds, "seconds", 1),
            (None, None) => return Ok(None),
        };
        let seconds = u64::try_from(number)
            .ok()
            .and_then(|number| number.checked_mul(each))
            .ok_or_else(|| ModuleError::failed(format!("cannot wait for {number} {unit}")))?;
        Ok(Some((
            Duration::from_secs(seconds),
            format!("Paused for {number}.0 {unit}"),
        )))
    }
}

/// Waits; returns what it says on standard output, and what a person answered.
async fn wait(
    cx: &Context,
    arguments: &Arguments,
    terminal: impl FnOnce() -> Result<File, ModuleError>,
) -> Result<(String, String), ModuleError> {
    if arguments.echo == Some(false) {
        return Err(ModuleError::failed(
            "`echo: false` is not supported: answers are seen as they are typed",
        ));
    }
    let length = arguments.length()?;
    // Check mode shows what would happen; nobody wants to wait for that.
    if cx.check {
        return Ok((
            length.map_or_else(String::new, |(_, words)| words),
            String::new(),
        ));
    }
    if let Some((length, words)) = length {
        if let Some(prompt) = &arguments.prompt {
            (cx.progress)(prompt.clone());
        }
        tokio::time::sleep(length).await;
        return Ok((words, String::new()));
    }
    let terminal = terminal()?;
    let prompt = arguments.prompt.as_deref();
    (cx.progress)(format!(
        "{} (press Enter to go on, Ctrl-C to stop)",
        prompt.unwrap_or("paused")
    ));
    let answer = line(terminal)
        .await
        .map_err(|error| ModuleError::failed(format!("the answer could not be read: {error}")))?;
    Ok((String::new(), answer))
}

/// The terminal of the person who watches.
fn terminal() -> Result<File, ModuleError> {
    if !std::io::stdin().is_terminal() {
        return Err(ModuleError::failed(
            "a prompt needs a terminal, and there is none; use `seconds`, or switch the confirmation off",
        ));
    }
    File::open("/dev/tty")
        .map_err(|error| ModuleError::failed(format!("the terminal cannot be opened: {error}")))
}

/// One line, without its end. A thread of its own reads it, which neither this wait nor the program's end waits for.
async fn line(file: File) -> std::io::Result<String> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(file).read_line(&mut line);
        // Nobody may be waiting any more.
        let _ = sender.send(read.map(|_| line));
    });
    let line = receiver.await.map_err(std::io::Error::other)??;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[async_trait]
impl Module for Pause {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let start = Zoned::now();
        let (words, answer) = wait(cx, &arguments, terminal).await?;
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
            ("user_input", answer.into()),
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
            host.cx.check = false;
            for (params, said) in [
                (json!({"seconds": 1, "minutes": 1}), "mutually exclusive"),
                (json!({"seconds": -1}), "cannot wait for -1 seconds"),
                (
                    json!({"seconds": 1, "echo": false}),
                    "`echo: false` is not supported",
                ),
            ] {
                let error = host.inspect(&Pause, params).await.unwrap_err().to_string();
                assert!(error.contains(said), "{error}");
            }
        });
    }

    #[test]
    fn an_answer_is_read_and_without_a_terminal_the_prompt_fails() {
        on_both(async |host: Host| {
            let pipe = host.text("answers");
            let made = std::process::Command::new("mkfifo").arg(&pipe).status();
            assert!(made.unwrap().success());
            let arguments = Arguments {
                echo: Some(true),
                minutes: None,
                prompt: Some("go on?".to_owned()),
                seconds: None,
            };
            // Opened for both directions, so that neither end waits for the other.
            let mut open = std::fs::OpenOptions::new();
            let mut ours = open.read(true).write(true).open(&pipe).unwrap();
            let theirs = ours.try_clone().unwrap();
            let answer = wait(&host.cx, &arguments, || Ok(theirs));
            let typing = async { std::io::Write::write_all(&mut ours, b"yes\nno\n").unwrap() };
            let (answer, ()) = tokio::join!(answer, typing);
            assert_eq!(answer.unwrap(), (String::new(), "yes".to_owned()));
            let nobody = || Err(ModuleError::failed("a prompt needs a terminal"));
            let error = wait(&host.cx, &arguments, nobody).await.unwrap_err();
            assert_eq!(error.to_string(), "a prompt needs a terminal");
        });
    }
}
