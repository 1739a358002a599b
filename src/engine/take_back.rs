//! Takes a whole earlier run back, hosts all at once: their undo logs say what is to be done.

use super::exit_code;
use super::lineage::Lineage;
use super::locks::LeaseAt;
use super::rollback::{Extent, way_back};
use super::run::Run;
use super::summary::Summary;
use crate::event::{self, Counts, HostState, Kind};
use crate::journal::Operator;
use crate::kubernetes::Clusters;
use std::sync::Arc;
use std::time::Instant;

impl Run {
    /// Brings `hosts` back to where they stood before this run, committed changes included. The Leases are those that the
    /// run had.
    pub async fn take_back(self, hosts: &[String], leases: &[LeaseAt]) -> Summary {
        let started = Instant::now();
        let shared = self.shared().clone();
        let lineage = Lineage::default();
        let Operator { user, controller } = Operator::here();
        shared.events.emit(Kind::RunStarted {
            run: shared.run.to_string(),
            version: event::VERSION,
            playbook: format!("rollback of {}", shared.run),
            inventory: Vec::new(),
            check: false,
            user,
            controller,
            resumes: None,
        });
        if let Some(summary) = self.lock_hosts(hosts, leases).await {
            self.close().await;
            return summary;
        }
        let clusters = Arc::new(Clusters::new(self.dial(&lineage)));
        let mut recap = Vec::new();
        // One after the other, the last one first: a control plane must never lose two members at once.
        for name in hosts.iter().rev() {
            let Ok(host) = shared.host(name) else {
                shared.events.emit(Kind::Warning {
                    host: Some(name.clone()),
                    message: "not in the inventory, so it is not taken back".to_owned(),
                });
                continue;
            };
            if shared.is_to_stop() {
                recap.push(Counts {
                    host: name.clone(),
                    state: HostState::Pending,
                    reason: shared.breached(),
                    ..Counts::default()
                });
                continue;
            }
            shared.events.emit(Kind::RollbackStarted {
                host: name.clone(),
                reason: "asked for".to_owned(),
            });
            let way = way_back(&shared, &lineage, &clusters, &host, Extent::All).await;
            recap.push(Counts {
                host: name.clone(),
                state: way.state,
                reason: way.message.clone(),
                ..Counts::default()
            });
            shared.events.emit_done(way.event(name)).await;
        }
        self.close().await;
        let whole = recap
            .iter()
            .all(|counts| counts.state == HostState::RolledBack);
        let incomplete = recap
            .iter()
            .any(|counts| counts.state == HostState::RollbackIncomplete);
        let exit_code = if whole && shared.events.broken().is_none() {
            exit_code::DONE
        } else if shared.is_interrupted() && !incomplete {
            exit_code::INTERRUPTED
        } else {
            exit_code::ROLLBACK_INCOMPLETE
        };
        shared.events.emit(Kind::RunFinished {
            recap: recap.clone(),
            exit_code,
            took: started.elapsed(),
        });
        Summary { recap, exit_code }
    }
}
