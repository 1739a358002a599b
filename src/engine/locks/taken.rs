//! All locks of a run: what it takes them as, whether it has them still, and how they are given back.

use super::host::{confirm, give_back};
use super::lease::{KeptLease, LeaseAt, word};
use crate::engine::host::{Host, Standing};
use crate::engine::shared::Shared;
use crate::event::Kind;
use crate::holder::Holder;
use futures::future::join_all;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// A lock that was seen to be this run's so lately is not asked for again.
const FRESH: Duration = Duration::from_secs(1);

/// How long the locks of a run that is over may take to be given back.
const LONGEST: Duration = Duration::from_secs(20);

/// What a run takes locks as.
#[derive(Debug)]
pub(in crate::engine) struct Terms {
    pub(super) holder: Holder,
    /// Where its Leases are, in words; known before the first host's lock is taken.
    leases: OnceLock<Vec<String>>,
}

impl Terms {
    pub(in crate::engine) fn new(holder: Holder) -> Self {
        Self {
            holder,
            leases: OnceLock::new(),
        }
    }

    pub(super) fn leases(&self) -> &[String] {
        self.leases.get().map_or(&[], Vec::as_slice)
    }
}

/// All locks of a run.
pub struct Locks {
    shared: Arc<Shared>,
    leases: Mutex<Vec<(LeaseAt, Arc<KeptLease>)>>,
}

impl Locks {
    pub(in crate::engine) fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self {
            shared,
            leases: Mutex::default(),
        })
    }

    pub(super) fn keep(&self, at: LeaseAt, lease: KeptLease) {
        self.leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((at, Arc::new(lease)));
    }

    /// All Leases are taken that there are to take.
    pub(super) fn have_all_leases(&self) -> bool {
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(terms) = self.shared.terms() {
            let words = leases.iter().map(|(at, _)| word(at)).collect();
            // Set once: a run takes its Leases once.
            let _set = terms.leases.set(words);
        }
        !leases.is_empty()
    }

    /// Looks whether the run still has its Leases and the locks of these hosts; ends it when it does not.
    pub(in crate::engine) async fn confirm(&self, hosts: &[String]) {
        if self.shared.terms().is_none() {
            return;
        }
        let leases = self
            .leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for (at, lease) in &leases {
            if let Some(reason) = lease.confirm(at, FRESH).await {
                return self.shared.lose_lock(reason);
            }
        }
        let hosts: Vec<Arc<Host>> = hosts
            .iter()
            .filter_map(|name| self.shared.known(name).cloned())
            .collect();
        let slots = Semaphore::new(self.shared.settings.forks.max(1));
        let asking = hosts.iter().map(|host| async {
            // The semaphore is never closed.
            let _slot = slots.acquire().await;
            confirm(&self.shared, host, FRESH).await
        });
        let lost = join_all(asking).await;
        if let Some(reason) = lost.into_iter().flatten().next() {
            self.shared.lose_lock(reason);
        }
    }

    /// Gives everything back; hosts that cannot be told are named.
    pub async fn give_back(&self) {
        if self.shared.terms().is_none() {
            return;
        }
        let leases =
            std::mem::take(&mut *self.leases.lock().unwrap_or_else(PoisonError::into_inner));
        let hosts: Vec<Arc<Host>> = self
            .shared
            .everyone()
            .filter(|host| host.state().lock.is_some())
            .cloned()
            .collect();
        let all = async {
            // The hosts first: who has the Lease then finds them free.
            let slots = Semaphore::new(self.shared.settings.forks.max(1));
            let giving = hosts.iter().map(|host| async {
                // The semaphore is never closed.
                let _slot = slots.acquire().await;
                self.give_one_back(host).await
            });
            let stay = join_all(giving).await;
            for (_, lease) in leases {
                // Nobody else has it: `confirm` is not under way any more.
                if let Some(lease) = Arc::into_inner(lease) {
                    lease.give_back().await;
                }
            }
            stay
        };
        let stay = match tokio::time::timeout(LONGEST, all).await {
            Ok(stay) => stay.into_iter().flatten().collect(),
            Err(_) => vec!["some hosts".to_owned()],
        };
        if !stay.is_empty() {
            self.shared.events.emit(Kind::Warning {
                host: None,
                message: format!(
                    "the lock stays on {}: it could not be given back; the next run from here takes it over",
                    stay.join(", ")
                ),
            });
        }
    }

    /// Gives the name back of a host that keeps its lock.
    async fn give_one_back(&self, host: &Arc<Host>) -> Option<String> {
        let lost = matches!(host.state().standing, Standing::Unreachable(_));
        let given = !lost && give_back(&self.shared, host).await.is_ok();
        host.state().lock = None;
        (!given).then(|| host.name.clone())
    }
}
