//! Waiting until something is what it should be after a change; and the gate of an API server.
//!
//! A gate changes nothing. It passes once everything holds at the same time, and for the settle time on end.

use super::cluster::{Call, Endpoint};
use super::{ClusterError, Dial, Progress, Version};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::version::Info;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The first pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a gate asks for.
#[derive(Debug, Clone)]
pub struct GateOptions {
    /// The kubelet's, or the API server's, version.
    pub version: Option<String>,
    /// A sign of life of the kubelet must be newer than this; by the node's own clock.
    pub since: Option<Timestamp>,
    /// How long to wait in all.
    pub timeout: Duration,
    /// How long everything must hold on end.
    pub settle: Duration,
}

impl Default for GateOptions {
    fn default() -> Self {
        Self {
            version: None,
            since: None,
            timeout: Duration::from_mins(5),
            settle: Duration::ZERO,
        }
    }
}

/// Why a gate did not open.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Waiting cannot help.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The time is over.
    #[error("{what} did not pass within {} s: {}", limit.as_secs(), missing.join("; "))]
    Expired {
        /// What was looked at.
        what: String,
        /// The limit.
        limit: Duration,
        /// What was missing at the last look, with the values seen.
        missing: Vec<String>,
    },
}

/// What was seen when the gate opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The version that is there.
    pub version: String,
}

/// A moment as hosts print it: RFC 3339, or seconds since 1970 with or without a fraction.
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Timestamp::from_second(whole).ok();
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && let Ok(whole) = whole.parse::<i64>()
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        return Timestamp::new(whole, nanos).ok();
    }
    text.parse().ok()
}

/// Which API server to look at.
#[derive(Debug, Clone)]
pub struct ApiServer {
    /// The host it runs on, by its name in the inventory.
    pub host: String,
    /// The kubeconfig's path on that host.
    pub kubeconfig: String,
    /// Where it listens, as seen from that host.
    pub address: String,
    /// Its port; the one of the kubeconfig's server without it.
    pub port: Option<u16>,
}

/// Waits until one API server, asked directly, is ready and at the version. `options.since` has no meaning here.
pub async fn gate_api(
    dial: &Arc<dyn Dial>,
    server: &ApiServer,
    options: &GateOptions,
    progress: &Progress,
) -> Result<Passed, GateError> {
    let what = format!("the API server on {}", server.host);
    wait(&what, options, progress, || async {
        // Opened anew for each look, since a connection that lives on proves nothing about the next one.
        let endpoint = Endpoint::direct(
            dial,
            &server.host,
            &server.kubeconfig,
            &server.address,
            server.port,
        )
        .await?;
        let mut missing = Vec::new();
        match endpoint.text(&Call::get("/readyz")).await {
            Ok(text) if text.trim() == "ok" => {}
            Ok(text) => missing.push(format!("/readyz says {}", text.trim())),
            Err(ClusterError::Refused { code, message, .. }) => {
                missing.push(format!("/readyz answers {code}: {message}"));
            }
            Err(error) => return Err(error),
        }
        let info: Info = endpoint.json(&Call::get("/version")).await?;
        missing.extend(version_missing("its version", &info.git_version, options));
        Ok((info.git_version, missing))
    })
    .await
}

/// Looks until nothing is missing, for the settle time on end.
pub(super) async fn wait<F>(
    what: &str,
    options: &GateOptions,
    progress: &Progress,
    look: impl Fn() -> F,
) -> Result<Passed, GateError>
where
    F: Future<Output = Result<(String, Vec<String>), ClusterError>>,
{
    let until = Instant::now() + options.timeout;
    let mut missing = Vec::new();
    let mut pause = FIRST_PAUSE;
    let mut good_since: Option<Instant> = None;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let lacks = match timeout(left, look()).await {
            // What an earlier look saw says more than that this one was cut off.
            Err(_) if missing.is_empty() => vec!["no answer in time".to_owned()],
            Err(_) => missing.clone(),
            Ok(Err(error)) if error.is_temporary() => {
                good_since = None;
                vec![error.to_string()]
            }
            Ok(Err(error)) => return Err(error.into()),
            Ok(Ok((version, lacks))) if lacks.is_empty() => {
                if good_since.get_or_insert_with(Instant::now).elapsed() >= options.settle {
                    return Ok(Passed { version });
                }
                let settle = options.settle.as_secs();
                vec![format!("everything holds, but not yet for {settle} s")]
            }
            Ok(Ok((_, lacks))) => {
                good_since = None;
                lacks
            }
        };
        if lacks != missing {
            (progress)(format!("waiting for {what}: {}", lacks.join("; ")));
            missing = lacks;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(GateError::Expired {
                what: what.to_owned(),
                limit: options.timeout,
                missing,
            });
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What is wrong with a version.
pub(super) fn version_missing(what: &str, seen: &str, options: &GateOptions) -> Option<String> {
    let wanted = options.version.as_deref()?;
    (!Version::same(wanted, seen)).then(|| format!("{what} is {seen}, not {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_hosts_print_them() {
        let cases = [
            ("1700000000", "2023-11-14T22:13:20Z"),
            ("1700000000.5\n", "2023-11-14T22:13:20.5Z"),
            ("1700000000.123456789123", "2023-11-14T22:13:20.123456789Z"),
            ("2026-11-21T08:00:00+01:00", "2026-11-21T07:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(moment(text).unwrap().to_string(), expected, "{text}");
        }
        assert!(moment("yesterday").is_none() && moment("1.x").is_none());
    }
}
