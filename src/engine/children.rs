//! What a run has started on its hosts, seen by whoever stops the run at once.
//!
//! Only the user's explicit wish ends commands on a host. A connection that is lost does not, and neither does a
//! controller that is killed, as a host cannot tell the two apart: a restart that is under way is better completed, where a
//! second look finds the host whole, than broken off in the middle. What is left half done by a controller that is gone
//! is the business of the dead-man timer.

use super::run::Run;
use super::shared::Shared;
use std::sync::Arc;
use std::time::Duration;

/// How long all hosts together may take to end what runs on them.
const LIMIT: Duration = Duration::from_secs(15);

/// The commands of a run on all its hosts.
pub struct Children(Arc<Shared>);

impl Run {
    /// The commands of this run, which may be ended when the run itself was dropped.
    pub fn children(&self) -> Children {
        Children(self.shared().clone())
    }
}

impl Children {
    /// Ends all commands under way, on all hosts at once, and closes the connections. What a host does not end in time is
    /// left to it.
    pub async fn end(&self) {
        let closing = self.0.everyone().map(|host| async {
            let connections: Vec<_> = host.connections.lock().await.drain().collect();
            let each = connections.iter().map(|(_, connection)| connection.close());
            futures::future::join_all(each).await;
        });
        let all = futures::future::join_all(closing);
        let _ended_in_time = tokio::time::timeout(LIMIT, all).await;
    }
}
