//! Hosts that are through with a play: a resumed run need not do them again.

use super::batch::Batch;
use super::host::{Host, Standing};
use super::pending;
use crate::event::Kind;
use std::sync::Arc;

impl Batch {
    /// Says which hosts of the batch passed the play, after they were committed; returns when that is on the disk.
    ///
    /// Where it cannot get there the run ends: it must not change more than it can remember.
    pub(super) async fn say_who_passed(&mut self) {
        let passed: Vec<&Arc<Host>> = self
            .play
            .batch
            .iter()
            .filter(|host| is_through(host))
            .collect();
        if passed.is_empty() {
            return;
        }
        for host in passed {
            pending::none_left(&self.shared, &self.play.key, host);
            self.shared.events.emit(Kind::HostPassed {
                host: host.name.clone(),
                play: self.play.key.to_string(),
            });
        }
        // One wait for all: what is said before it is on the disk with it.
        if self.shared.events.flush().await.is_err()
            && let Some(reason) = self.shared.breached()
        {
            self.stop.get_or_insert(reason);
        }
    }
}

/// Whether a host got to the end of the play and nothing it did there is open.
fn is_through(host: &Host) -> bool {
    let state = host.state();
    let at_the_end = matches!(state.standing, Standing::Active | Standing::Ended);
    // A host whose failure was cleared (`meta: clear_host_errors`) got nowhere.
    at_the_end && state.open_steps == 0 && state.counts.failed == 0 && state.counts.unreachable == 0
}
