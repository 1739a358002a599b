//! The API through `kubectl --raw` on a control-plane host, for hosts that refuse forwarding.
//!
//! One command per request, with the host's own kubeconfig. There is no raw PATCH: a merge patch is done as read, merge and
//! replace, and the API server refuses the replace if the object has changed in between.

use super::{ClusterError, Dial};
use crate::connection::{Command, ConnectionError, Output};
use crate::shell::quote;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use kube::client::Body;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower::BoxError;

/// How long one kubectl may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs kubectl on one host.
#[derive(Clone)]
struct Kubectl {
    dial: Arc<dyn Dial>,
    host: String,
    /// The program: `kubectl`, or `k3s kubectl`.
    program: &'static str,
    kubeconfig: String,
}

/// A client whose requests are kubectl commands on `host`; fails when the host has no kubectl.
pub(super) async fn client(
    dial: Arc<dyn Dial>,
    host: &str,
    kubeconfig: &str,
) -> Result<kube::Client, ClusterError> {
    let mut kubectl = Kubectl {
        dial,
        host: host.to_owned(),
        program: "kubectl",
        kubeconfig: kubeconfig.to_owned(),
    };
    let probe = "PATH=$PATH:/usr/local/bin; if command -v kubectl >/dev/null; then echo kubectl; \
                 elif command -v k3s >/dev/null; then echo k3s; fi";
    let output = kubectl.run(probe.to_owned(), None).await?;
    match output.stdout_text().trim() {
        "kubectl" => {}
        "k3s" => kubectl.program = "k3s kubectl",
        _ => {
            return Err(ClusterError::ForwardingRefused {
                host: host.to_owned(),
            });
        }
    }
    let service = tower::service_fn(move |request: Request<Body>| {
        let kubectl = kubectl.clone();
        async move { kubectl.answer(request).await }
    });
    Ok(kube::Client::new(service, "default"))
}

impl Kubectl {
    async fn run(&self, script: String, stdin: Option<Bytes>) -> Result<Output, ClusterError> {
        let lost = |error: &ConnectionError| ClusterError::from_connection(&self.host, error);
        let (connection, become_user) = self
            .dial
            .connection(&self.host)
            .await
            .map_err(|error| lost(&error))?;
        let command = Command {
            script,
            stdin,
            become_user,
            timeout: Some(LIMIT),
        };
        connection.run(command).await.map_err(|error| match error {
            ConnectionError::Lost(message) => self.lost(message),
            ConnectionError::TimedOut(_) => self.lost(error.to_string()),
            other => lost(&other),
        })
    }

    fn lost(&self, message: String) -> ClusterError {
        ClusterError::Lost {
            host: self.host.clone(),
            message,
        }
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Full<Bytes>>, BoxError> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .trim_end_matches('?')
            .to_owned();
        let method = request.method().clone();
        let body = request.into_body().collect().await?.to_bytes();
        let (code, body) = match method {
            Method::PATCH => self.merge(&path, &body).await?,
            method => self.raw(&method, &path, body).await?,
        };
        Ok(Response::builder().status(code).body(Full::new(body))?)
    }

    /// The status code and the body of the answer.
    async fn raw(
        &self,
        method: &Method,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), ClusterError> {
        let verb = match *method {
            Method::GET => "get",
            Method::POST => "create",
            Method::PUT => "replace",
            Method::DELETE => "delete",
            _ => {
                return Err(ClusterError::Invalid(format!(
                    "{method} cannot be sent through kubectl"
                )));
            }
        };
        // At level 4 kubectl logs the whole refusal, at level 8 it would log headers.
        let mut script = format!(
            "PATH=$PATH:/usr/local/bin; {} --kubeconfig {} {verb} -v=4 --raw {}",
            self.program,
            quote(&self.kubeconfig),
            quote(path)
        );
        let mut stdin = None;
        if *method != Method::GET {
            script.push_str(" -f -");
            stdin = Some(body);
        }
        let output = self.run(script, stdin).await?;
        if output.status == 0 {
            return Ok((200, output.stdout));
        }
        let stderr = output.stderr_text();
        if let Some(status) = status_of(&stderr) {
            let code = status["code"]
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .filter(|code| *code >= 400)
                .unwrap_or(500);
            return Ok((code, Bytes::from(status.to_string())));
        }
        Err(self.failure(output.status, &stderr))
    }

    fn failure(&self, status: i32, stderr: &str) -> ClusterError {
        let last = stderr.lines().last().unwrap_or("no reason given").trim();
        let unreachable = [
            "The connection to the server",
            "Unable to connect to the server",
        ];
        if unreachable.iter().any(|text| stderr.contains(text)) {
            return ClusterError::Unreachable {
                host: self.host.clone(),
                message: last.to_owned(),
            };
        }
        ClusterError::Configuration {
            host: self.host.clone(),
            message: format!("kubectl failed ({status}): {last}"),
        }
    }

    async fn merge(&self, path: &str, changes: &[u8]) -> Result<(u16, Bytes), ClusterError> {
        let unreadable = |_| ClusterError::Configuration {
            host: self.host.clone(),
            message: "kubectl's answer is not JSON".to_owned(),
        };
        let changes: Value = serde_json::from_slice(changes).map_err(unreadable)?;
        let (code, body) = self.raw(&Method::GET, path, Bytes::new()).await?;
        if code != 200 {
            return Ok((code, body));
        }
        let mut object: Value = serde_json::from_slice(&body).map_err(unreadable)?;
        // With the patch's own resourceVersion in it, the replace is refused exactly when the patch would be.
        merge(&mut object, &changes);
        self.raw(&Method::PUT, path, Bytes::from(object.to_string()))
            .await
    }
}

/// RFC 7386.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// The refusal in kubectl's log, or else in its last line.
fn status_of(stderr: &str) -> Option<Value> {
    if let Some((_, log)) = stderr.split_once("server response object:")
        && let Some(start) = log.find('{')
        && let Some(Ok(status)) = serde_json::Deserializer::from_str(&log[start..])
            .into_iter::<Value>()
            .next()
    {
        return Some(status);
    }
    let line = stderr
        .lines()
        .find_map(|line| line.trim().strip_prefix("Error from server"))?;
    let (reason, message) = match line.strip_prefix(" (") {
        Some(rest) => rest.split_once("): ").unwrap_or((rest, "")),
        None => ("", line.trim_start_matches([':', ' '])),
    };
    let code = match reason {
        "BadRequest" => 400,
        "Unauthorized" => 401,
        "Forbidden" => 403,
        "NotFound" => 404,
        "MethodNotAllowed" => 405,
        "NotAcceptable" => 406,
        "AlreadyExists" | "Conflict" => 409,
        "Gone" | "Expired" => 410,
        "RequestEntityTooLarge" => 413,
        "UnsupportedMediaType" => 415,
        "Invalid" => 422,
        "TooManyRequests" => 429,
        "ServiceUnavailable" => 503,
        "Timeout" => 504,
        _ => 500,
    };
    Some(json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_from_the_log_or_from_the_last_line() {
        let logged = "I0101 1 helpers.go:246] server response object: [{\n  \"kind\": \"Status\",\n  \"code\": 429,\n  \
                      \"details\": {\"causes\": [{\"reason\": \"DisruptionBudget\"}]}\n}]\n\
                      Error from server (TooManyRequests): Cannot evict pod";
        let status = status_of(logged).unwrap();
        assert_eq!(status["code"], 429);
        assert_eq!(status["details"]["causes"][0]["reason"], "DisruptionBudget");
        let cases = [
            (
                "Error from server (NotFound): pods \"a\" not found",
                Some((404, "pods \"a\" not found")),
            ),
            ("Error from server: two budgets", Some((500, "two budgets"))),
            (
                "Warning: x\nError from server (Conflict): changed",
                Some((409, "changed")),
            ),
            (
                "The connection to the server 10.0.0.1:6443 was refused",
                None,
            ),
        ];
        for (text, expected) in cases {
            let found = status_of(text);
            let found = found.as_ref().map(|status| {
                (
                    status["code"].as_u64().unwrap(),
                    status["message"].as_str().unwrap(),
                )
            });
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn merging_follows_rfc_7386() {
        let mut object = json!({"metadata": {"annotations": {"a": "1", "b": "2"}}, "spec": {"unschedulable": true, "taints": [1]}});
        merge(
            &mut object,
            &json!({"metadata": {"annotations": {"a": null, "c": "3"}}, "spec": {"unschedulable": null, "taints": [2]}, "new": {"x": {"y": 1, "z": null}}}),
        );
        assert_eq!(
            object,
            json!({"metadata": {"annotations": {"b": "2", "c": "3"}}, "spec": {"taints": [2]}, "new": {"x": {"y": 1}}})
        );
    }
}
