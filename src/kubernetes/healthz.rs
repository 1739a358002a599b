//! The kubelet's own word on its health, asked through the node's host: it listens on the host's loopback only.

use crate::connection::{Command, Connection, ConnectionError};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 4096;

/// Where a kubelet says whether it is well.
#[derive(Clone)]
pub struct Healthz {
    /// The connection to the node's host.
    pub connection: Arc<dyn Connection>,
    /// The kubelet's `healthzPort`, by default 10248.
    pub port: u16,
}

impl Healthz {
    /// What is wrong; `None` when the kubelet says that it is well.
    pub async fn trouble(&self) -> Option<String> {
        let answer = match timeout(LIMIT, self.ask()).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer in {} s", LIMIT.as_secs())),
        };
        answer
            .err()
            .map(|why| format!("its kubelet's healthz on port {}: {why}", self.port))
    }

    async fn ask(&self) -> Result<(), String> {
        let stream = match self.connection.tunnel("127.0.0.1", self.port).await {
            Ok(stream) => stream,
            Err(ConnectionError::ForwardingRefused(_)) => return self.ask_by_command().await,
            Err(error) => return Err(error.to_string()),
        };
        let (reader, mut writer) = tokio::io::split(stream);
        let request = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n";
        let mut answer = Vec::new();
        let talk = async {
            writer.write_all(request).await?;
            reader.take(LONGEST).read_to_end(&mut answer).await
        };
        talk.await.map_err(|error| error.to_string())?;
        judge(&String::from_utf8_lossy(&answer))
    }

    /// For hosts whose SSH server refuses forwarding.
    async fn ask_by_command(&self) -> Result<(), String> {
        let url = format!("http://127.0.0.1:{}/healthz", self.port);
        let mut command = Command::new(format!(
            "if command -v curl >/dev/null; then curl -fsS -m 4 {url}; else wget -q -T 4 -O - {url}; fi"
        ));
        command.timeout = Some(LIMIT);
        let output = self.connection.run(command).await;
        let output = output.map_err(|error| error.to_string())?;
        if output.status == 0 {
            return Ok(());
        }
        let stderr = output.stderr_text();
        Err(stderr
            .trim()
            .lines()
            .last()
            .unwrap_or("no answer")
            .to_owned())
    }
}

/// What an answer of HTTP says.
fn judge(answer: &str) -> Result<(), String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    let body = body.trim().lines().next().unwrap_or_default();
    Err(match (status, body) {
        ("", _) => "it hung up without an answer".to_owned(),
        (status, "") => status.to_owned(),
        (status, body) => format!("{status}: {body}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_200_is_health() {
        let cases = [
            ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", Ok(())),
            (
                "HTTP/1.1 500 Internal Server Error\r\n\r\n[-]syncloop failed\nmore",
                Err("HTTP/1.1 500 Internal Server Error: [-]syncloop failed"),
            ),
            ("", Err("it hung up without an answer")),
        ];
        for (answer, expected) in cases {
            assert_eq!(judge(answer), expected.map_err(str::to_owned), "{answer}");
        }
    }
}
