//! Waiting that ends when the run is to stop: between tries, between rounds, and inside tasks that only wait.
//!
//! Tasks beside the play (see `aside`) wait in full: they are part of the way back, which the wish to stop has brought about.

use super::host::Host;
use super::shared::Shared;
use std::time::Duration;

/// How often one who waits looks whether the run is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// Modules that wait and may be broken off anywhere: what they do beside waiting does no harm when it is left half done.
///
/// A drain that is broken off has evicted some pods, which run elsewhere by then; the cordon goes with the way back.
const BREAKABLE: [&str; 6] = [
    "pause",
    "wait_for",
    "windlass.api_server",
    "windlass.drain",
    "windlass.gate",
    "windlass.healthz",
];

/// Whether a task of this module may be broken off where it is.
pub(super) fn is_breakable(module: &str) -> bool {
    BREAKABLE.contains(&module)
}

impl Shared {
    /// Waits, but not when the run is to stop.
    pub(super) async fn rest(&self, length: Duration) {
        let mut left = length;
        while !left.is_zero() && !self.is_to_stop() {
            let now = left.min(GLANCE);
            tokio::time::sleep(now).await;
            left -= now;
        }
    }

    /// Waits on behalf of a host; tells whether the time passed in full.
    pub(super) async fn rest_for(&self, host: &Host, length: Duration) -> bool {
        if host.state().aside {
            tokio::time::sleep(length).await;
            return true;
        }
        self.rest(length).await;
        !self.is_to_stop()
    }

    /// Returns, with the reason, when a task that only waits on `host` is to be broken off.
    pub(super) async fn end_of_waiting(&self, host: &Host) -> String {
        if host.state().aside {
            return std::future::pending().await;
        }
        while !self.is_to_stop() {
            tokio::time::sleep(GLANCE).await;
        }
        self.breached()
            .unwrap_or_else(|| "interrupted while waiting".to_owned())
    }
}
