//! The wait for the volumes of the pods that went: they must be detached before the kubelet stops.

use super::DrainError;
use super::run::Run;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the attachments are listed.
const POLL: Duration = Duration::from_millis(500);

impl Run<'_> {
    /// Waits for the node's volumes to detach; returns those that did not in time.
    ///
    /// Volumes of pods that stay are not waited for. What remains is told, and is no failure.
    pub(super) async fn detach(&self, limit: Duration) -> Result<Vec<String>, DrainError> {
        let until = Instant::now() + limit;
        let mut told = false;
        loop {
            let mut attached = match self.cluster.attached_volumes(&self.plan.node).await {
                Ok(attached) => attached,
                // Not to be seen by us, or not there at all: then there is nothing to wait for.
                Err(error) if matches!(error.code(), Some(403 | 404)) => return Ok(Vec::new()),
                Err(error) if error.is_temporary() && Instant::now() < until => {
                    sleep(POLL).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            attached.retain(|volume| !self.plan.kept_volumes.contains(volume));
            if attached.is_empty() || Instant::now() >= until {
                return Ok(attached);
            }
            if !told {
                (self.progress)(format!(
                    "waiting for volumes to detach: {}",
                    attached.join(", ")
                ));
                told = true;
            }
            sleep(POLL).await;
        }
    }
}
