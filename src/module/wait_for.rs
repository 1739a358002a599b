//! `wait_for`: waits until a port or a file is as it should be, seen from the host.

use super::parameter::optional;
use super::remote_stat::{Fields, RESOLVE, resolve};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::connection::ConnectionError;
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::shell::quote;
use async_trait::async_trait;
use fancy_regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// The module.
#[derive(Debug)]
pub(super) struct WaitFor;

/// Largest file that is searched.
const LIMIT: usize = 16 << 20;

static SPEC: Spec = Spec {
    name: "wait_for",
    summary: "waits until a port answers or a file is there, or for a time",
    free_form: FreeForm::No,
    parameters: &[
        optional(
            "connect_timeout",
            Kind::Int,
            "seconds that one attempt may take; 5 by default",
        ),
        optional(
            "delay",
            Kind::Int,
            "seconds before the first look; 0 by default",
        ),
        optional(
            "host",
            Kind::String,
            "whose port, as the host sees it; 127.0.0.1 by default",
        ),
        optional("msg", Kind::String, "what is said when time is up"),
        optional("path", Kind::Path, "a file on the host"),
        optional("port", Kind::Int, "a port"),
        optional(
            "search_regex",
            Kind::String,
            "what the file at `path` must have in it",
        ),
        optional(
            "sleep",
            Kind::Int,
            "seconds between two looks; 1 by default",
        ),
        Parameter {
            choices: &["absent", "drained", "present", "started", "stopped"],
            ..optional(
                "state",
                Kind::String,
                "what is waited for; started by default; drained is not supported",
            )
        },
        optional(
            "timeout",
            Kind::Int,
            "seconds until it fails; 300 by default",
        ),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    connect_timeout: Option<u64>,
    delay: Option<u64>,
    host: Option<String>,
    msg: Option<String>,
    path: Option<String>,
    port: Option<u16>,
    search_regex: Option<String>,
    sleep: Option<u64>,
    state: Option<String>,
    timeout: Option<u64>,
}

/// What is looked at.
#[derive(Debug)]
enum Subject {
    Port(String, u16),
    File(String, Option<Regex>),
    /// Nothing: only the time passes.
    Nothing,
}

impl Arguments {
    fn subject(&self) -> Result<Subject, ModuleError> {
        let state = self.state.as_deref().unwrap_or("started");
        let refuse = |text: &str| Err(ModuleError::failed(text));
        if state == "drained" {
            return refuse("`state: drained` is not supported");
        }
        match (&self.path, self.port) {
            (Some(_), Some(_)) => {
                refuse("port and path parameter can not both be passed to wait_for")
            }
            (Some(_), None) if state == "stopped" => refuse(
                "state=stopped should only be used for checking a port in the wait_for module",
            ),
            (None, _) if self.search_regex.is_some() => {
                refuse("`search_regex` needs a `path`: what a port says is not read")
            }
            (Some(path), None) => Ok(Subject::File(path.clone(), self.regex()?)),
            (None, Some(port)) => {
                let host = self.host.clone().unwrap_or_else(|| "127.0.0.1".to_owned());
                Ok(Subject::Port(host, port))
            }
            (None, None) => Ok(Subject::Nothing),
        }
    }

    fn regex(&self) -> Result<Option<Regex>, ModuleError> {
        let Some(pattern) = &self.search_regex else {
            return Ok(None);
        };
        // As in Ansible, `^` and `$` mean a line's ends.
        Regex::new(&format!("(?m){pattern}"))
            .map(Some)
            .map_err(|error| ModuleError::failed(format!("`search_regex` is not valid: {error}")))
    }

    fn is_for_absence(&self) -> bool {
        matches!(self.state.as_deref(), Some("absent" | "stopped"))
    }

    /// What is said when time is up, in Ansible's words.
    fn too_late(&self, subject: &Subject) -> String {
        if let Some(message) = &self.msg {
            return message.clone();
        }
        let absent = self.is_for_absence();
        match (subject, &self.search_regex) {
            (Subject::Port(host, port), _) if absent => {
                format!("Timeout when waiting for {host}:{port} to stop.")
            }
            (Subject::Port(host, port), _) => format!("Timeout when waiting for {host}:{port}"),
            (Subject::File(path, _), _) if absent => {
                format!("Timeout when waiting for {path} to be absent.")
            }
            (Subject::File(path, _), Some(text)) => {
                format!("Timeout when waiting for search string {text} in {path}")
            }
            (Subject::File(path, _), None) => format!("Timeout when waiting for file {path}"),
            (Subject::Nothing, _) => String::new(),
        }
    }
}

/// What a look found: whether it is there, and what the expression matched.
type Seen = Option<(Vec<Value>, Map<String, Value>)>;

async fn look(cx: &Context, subject: &Subject, limit: Duration) -> Result<Seen, ModuleError> {
    match subject {
        Subject::Port(host, port) => {
            let is_open = port_answers(cx, host, *port, limit).await?;
            Ok(is_open.then(Default::default))
        }
        Subject::File(path, regex) => look_at_file(cx, path, regex.as_ref()).await,
        Subject::Nothing => Ok(None),
    }
}

/// By a tunnel, which needs no program on the host; where the server refuses those, by `bash` or `nc`.
async fn port_answers(
    cx: &Context,
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<bool, ModuleError> {
    let tunnel = cx.remote.connection.tunnel(host, port);
    match tokio::time::timeout(limit, tunnel).await {
        Err(_) | Ok(Err(ConnectionError::TunnelEnd(_))) => return Ok(false),
        Ok(Ok(_)) => return Ok(true),
        Ok(Err(ConnectionError::ForwardingRefused(_) | ConnectionError::Unsupported(_))) => {}
        Ok(Err(error)) => return Err(error.into()),
    }
    let (host, seconds) = (quote(host), limit.as_secs().max(1));
    let script = format!(
        "if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then\n  \
         timeout {seconds} bash -c 'exec 3<>\"/dev/tcp/$1/$2\"' sh {host} {port} 2>/dev/null && echo open || echo closed\n\
         elif command -v nc >/dev/null 2>&1; then\n  \
         nc -z -w {seconds} {host} {port} >/dev/null 2>&1 </dev/null && echo open || echo closed\n\
         else echo 'the SSH server refuses forwarding, and the host has neither bash nor nc to try a port with' >&2; exit 1\nfi\n"
    );
    let output = cx.remote.run(script).await?;
    super::deliver::succeed(&output)?;
    Ok(output.stdout_text().trim() == "open")
}

async fn look_at_file(
    cx: &Context,
    path: &str,
    regex: Option<&Regex>,
) -> Result<Seen, ModuleError> {
    let content = match regex {
        Some(_) => format!("head -c {} \"$p\" || exit 1", LIMIT + 1),
        None => ":".to_owned(),
    };
    let script = format!(
        "{RESOLVE}{}[ -e \"$p\" ] || exit 0\nprintf 'there\\0'\n{content}\n",
        resolve(path)?
    );
    let output = cx.remote.run(script).await?;
    super::deliver::succeed(&output)?;
    if output.stdout.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields::new(&output.stdout);
    fields.next()?;
    let Some(regex) = regex else {
        return Ok(Some(Default::default()));
    };
    let bytes = &output.stdout["there\0".len()..];
    if bytes.len() > LIMIT {
        return Err(ModuleError::failed(format!(
            "{path} is larger than {} MiB, too large to be searched",
            LIMIT >> 20
        )));
    }
    let text: &str = &String::from_utf8_lossy(bytes);
    let captures = regex
        .captures(text)
        .map_err(|error| ModuleError::failed(format!("`search_regex`: {error}")))?;
    Ok(captures.map(|captures| {
        let value = |found: Option<fancy_regex::Match>| {
            found.map_or(Value::Null, |found| found.as_str().into())
        };
        let groups = (1..captures.len())
            .map(|at| value(captures.get(at)))
            .collect();
        let named = regex
            .capture_names()
            .flatten()
            .map(|name| (name.to_owned(), value(captures.name(name))))
            .collect();
        (groups, named)
    }))
}

async fn wait(
    cx: &Context,
    arguments: &Arguments,
    subject: &Subject,
) -> Result<Outcome, ModuleError> {
    let start = Instant::now();
    let limit = Duration::from_secs(arguments.timeout.unwrap_or(300));
    let attempt = Duration::from_secs(arguments.connect_timeout.unwrap_or(5).max(1));
    let pause = Duration::from_secs(arguments.sleep.unwrap_or(1));
    tokio::time::sleep(Duration::from_secs(arguments.delay.unwrap_or(0))).await;
    if matches!(subject, Subject::Nothing) {
        tokio::time::sleep(limit).await;
        return Ok(outcome(arguments, start, Seen::default()));
    }
    loop {
        let left = limit.saturating_sub(start.elapsed());
        let seen = look(cx, subject, attempt.min(left.max(Duration::from_secs(1)))).await?;
        if seen.is_some() != arguments.is_for_absence() {
            return Ok(outcome(arguments, start, seen));
        }
        if start.elapsed() + pause > limit {
            return Err(ModuleError::Failed {
                message: arguments.too_late(subject),
                result: elapsed(start),
            });
        }
        tokio::time::sleep(pause).await;
    }
}

fn elapsed(start: Instant) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("elapsed".to_owned(), start.elapsed().as_secs().into());
    result
}

fn outcome(arguments: &Arguments, start: Instant, seen: Seen) -> Outcome {
    let (groups, named) = seen.unwrap_or_default();
    let mut result = elapsed(start);
    let state = arguments.state.as_deref().unwrap_or("started");
    for (name, value) in [
        ("match_groupdict", Value::Object(named)),
        ("match_groups", groups.into()),
        ("path", arguments.path.clone().into()),
        ("port", arguments.port.into()),
        ("search_regex", arguments.search_regex.clone().into()),
        ("state", state.into()),
    ] {
        result.insert(name.to_owned(), value);
    }
    Outcome {
        result,
        ..Outcome::default()
    }
}

#[async_trait]
impl Module for WaitFor {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let subject = arguments.subject()?;
        if cx.check {
            // What would be waited for may be what check mode does not make.
            return Ok(Inspection::Done(Outcome {
                skipped: true,
                ..Outcome::default()
            }));
        }
        let waiting = wait(cx, &arguments, &subject);
        let outcome = match cx.remote.timeout {
            None => waiting.await?,
            Some(limit) => tokio::time::timeout(limit, waiting)
                .await
                .map_err(|_| ConnectionError::TimedOut(limit))??,
        };
        Ok(Inspection::Done(outcome))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Ok(Outcome::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Local;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn files_are_waited_for_and_searched() {
        on_both(async |host: Host| {
            std::fs::write(host.text("log"), "starting\nready on 8080\n").unwrap();
            let path = host.text("log");
            let outcome = host.done(&WaitFor, json!({"path": path})).await;
            assert_eq!(outcome.result["state"], "started");
            assert_eq!(outcome.result["path"], path);
            let params =
                json!({"path": path, "search_regex": "^ready on (\\d+)$", "state": "present"});
            let outcome = host.done(&WaitFor, params).await;
            assert_eq!(outcome.result["match_groups"], json!(["8080"]));
            let params = json!({"path": path, "search_regex": "on (?P<port>\\d+)"});
            let outcome = host.done(&WaitFor, params).await;
            assert_eq!(outcome.result["match_groupdict"], json!({"port": "8080"}));
            host.done(
                &WaitFor,
                json!({"path": host.text("none"), "state": "absent"}),
            )
            .await;
            let none = host.text("none");
            for (params, said) in [
                (
                    json!({"path": none, "timeout": 0}),
                    format!("Timeout when waiting for file {none}"),
                ),
                (
                    json!({"path": path, "timeout": 0, "state": "absent"}),
                    format!("Timeout when waiting for {path} to be absent."),
                ),
                (
                    json!({"path": path, "timeout": 0, "search_regex": "gone"}),
                    format!("Timeout when waiting for search string gone in {path}"),
                ),
                (
                    json!({"path": none, "timeout": 0, "msg": "too late"}),
                    "too late".to_owned(),
                ),
            ] {
                let error = host.inspect(&WaitFor, params).await.unwrap_err();
                assert_eq!(error.to_string(), said);
            }
        });
    }

    #[test]
    fn ports_are_tried_by_tunnel_or_by_what_the_host_has() {
        on_both(async |mut host: Host| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let open = listener.local_addr().unwrap().port();
            let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let closed = gone.local_addr().unwrap().port();
            drop(gone);
            // The test's own connection has no tunnels; the second one has.
            for tunnels in [false, true] {
                if tunnels {
                    host.cx.remote.connection = Arc::new(Local::new());
                } else if host.cx.remote.run("command -v bash").await.unwrap().status != 0 {
                    continue;
                }
                let outcome = host.done(&WaitFor, json!({"port": open})).await;
                assert_eq!(outcome.result["port"], open);
                host.done(&WaitFor, json!({"port": closed, "state": "stopped"}))
                    .await;
                for (params, said) in [
                    (
                        json!({"port": closed, "timeout": 0}),
                        format!("Timeout when waiting for 127.0.0.1:{closed}"),
                    ),
                    (
                        json!({"port": open, "timeout": 0, "state": "stopped", "host": "localhost"}),
                        format!("Timeout when waiting for localhost:{open} to stop."),
                    ),
                ] {
                    let error = host.inspect(&WaitFor, params).await.unwrap_err();
                    assert_eq!(error.to_string(), said);
                }
            }
        });
    }

    #[test]
    fn without_a_subject_time_passes_and_nonsense_is_refused() {
        on_both(async |mut host: Host| {
            host.done(&WaitFor, json!({"timeout": 0})).await;
            for (params, said) in [
                (json!({"port": 1, "path": "/x"}), "can not both"),
                (
                    json!({"path": "/x", "state": "stopped"}),
                    "only be used for checking a port",
                ),
                (json!({"port": 1, "state": "drained"}), "is not supported"),
                (json!({"port": 1, "search_regex": "x"}), "needs a `path`"),
                (json!({"path": "/x", "search_regex": "("}), "is not valid"),
                (json!({"port": 70_000}), "bad parameters"),
            ] {
                let error = host
                    .inspect(&WaitFor, params)
                    .await
                    .unwrap_err()
                    .to_string();
                assert!(error.contains(said), "{error}");
            }
            host.cx.check = true;
            assert!(
                host.done(&WaitFor, json!({"path": "/nowhere"}))
                    .await
                    .skipped
            );
        });
    }
}
