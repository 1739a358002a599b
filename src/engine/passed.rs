//! Hosts that are through with a play: a resumed run need not do them again.

use super::batch::Batch;
use super::host::{Host, Standing};
use super::pending;
use crate::event::Kind;
use std::sync::Arc;

impl Batch {
    /// Says which hosts of the batch passed the play, after they were committed; returns when that is on the disk.
    ///
    /// A record that cannot be written ends the run: it must not change more than it can remember.
    pub(super) async fn say_who_passed(&mut self) {
        let passed: Vec<&Arc<Host>> = self
            .play
            .batch
            .iter()
            .filter(|host| is_through(host))
            .collect();
        let mut news = Vec::new();
        for host in passed {
            pending::none_left(&self.shared, &self.play.key, host);
            news.push(Kind::HostPassed {
                host: host.name.clone(),
                play: self.play.key.to_string(),
            });
        }
        // One wait for all: what is said before it is on the disk with it.
        let Some(last) = news.pop() else { return };
        for kind in news {
            self.shared.events.emit(kind);
        }
        if let Err(error) = self.shared.events.emit_durable(last).await {
            self.stop
                .get_or_insert_with(|| format!("the journal could not be written: {error}"));
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
