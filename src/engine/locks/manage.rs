//! Locks as a person looks after them: who has which, and taking them away from a run.

use super::host::ask;
use super::lease::{LeaseAt, parse, word};
use crate::connection::ConnectionError;
use crate::engine::lineage::Lineage;
use crate::engine::rollback::{Opened, open};
use crate::engine::run::Run;
use crate::holder::Holder;
use crate::kubernetes::{HeldLease, break_lease, cluster_for_lease, look_at_lease};
use crate::undo::{HostLock, LockState};
use futures::future::join_all;
use std::collections::BTreeSet;
use tokio::sync::Semaphore;

/// How the lock of a host stands.
#[derive(Debug, Clone)]
pub struct HostLockSeen {
    /// The host.
    pub host: String,
    /// How it stands, or why that is not known.
    pub state: Result<LockState, String>,
}

/// How the Lease of a cluster stands.
#[derive(Debug, Clone)]
pub struct LeaseSeen {
    /// The cluster's control-plane hosts.
    pub hosts: Vec<String>,
    /// Who has it, or why that is not known.
    pub state: Result<Option<HeldLease>, String>,
    at: LeaseAt,
}

impl Run {
    /// How the locks of these hosts stand. Nothing is changed.
    pub async fn look_at_locks(&self, hosts: &[String]) -> Vec<HostLockSeen> {
        self.each_lock(hosts, HostLock::look).await
    }

    /// Takes the locks of these hosts away from `run`, and tells how they stand then.
    pub async fn break_locks(&self, hosts: &[String], run: &str) -> Vec<HostLockSeen> {
        self.each_lock(hosts, |lock| lock.break_from(run)).await
    }

    async fn each_lock(
        &self,
        hosts: &[String],
        script: impl Fn(&HostLock) -> String,
    ) -> Vec<HostLockSeen> {
        let slots = Semaphore::new(self.shared().settings.forks.max(1));
        let asking = hosts.iter().map(|name| async {
            // The semaphore is never closed.
            let _slot = slots.acquire().await;
            let state = self.ask_for_lock(name, &script).await;
            HostLockSeen {
                host: name.clone(),
                state: state.map_err(|error| error.to_string()),
            }
        });
        join_all(asking).await
    }

    async fn ask_for_lock(
        &self,
        name: &str,
        script: impl Fn(&HostLock) -> String,
    ) -> Result<LockState, ConnectionError> {
        let shared = self.shared();
        let host = shared.host(name)?;
        let opened: Opened = open(shared, &Lineage::default(), &host).await?;
        // Nothing is taken, so it does not matter whose lock it would be.
        let nobody = Holder::new(shared.run.as_str(), "", "");
        let lock = opened.log.lock(&nobody, &[]);
        let output = ask(&opened, &script(&lock)).await?;
        Ok(HostLock::parse(
            &output.stdout_text(),
            &output.stderr_text(),
        ))
    }

    /// How the Leases stand that the holders of these locks say they have.
    pub async fn look_at_leases(&self, locks: &[HostLockSeen]) -> Vec<LeaseSeen> {
        let words: BTreeSet<&String> = locks
            .iter()
            .filter_map(|lock| match &lock.state {
                Ok(LockState::Held(held)) => Some(&held.leases),
                _ => None,
            })
            .flatten()
            .collect();
        let mut seen = Vec::new();
        for at in words.into_iter().filter_map(|word| parse(word)) {
            let dial = self.dial(&Lineage::default());
            let state = match cluster_for_lease(dial, &at.0, &at.1).await {
                Ok(cluster) => look_at_lease(&cluster).await,
                Err(error) => Err(error),
            };
            seen.push(LeaseSeen {
                hosts: at.0.clone(),
                state: state.map_err(|error| error.to_string()),
                at,
            });
        }
        seen
    }

    /// Takes a cluster's Lease away from `run`; tells whether it had it.
    pub async fn break_lease(&self, lease: &LeaseSeen, run: &str) -> Result<bool, String> {
        let dial = self.dial(&Lineage::default());
        let (hosts, kubeconfig) = &lease.at;
        let cluster = cluster_for_lease(dial, hosts, kubeconfig).await;
        let cluster = cluster.map_err(|error| format!("{}: {error}", word(&lease.at)))?;
        break_lease(&cluster, run)
            .await
            .map_err(|error| error.to_string())
    }

    /// Ends the connections that were made to look.
    pub async fn hang_up(self) {
        self.close().await;
    }
}
