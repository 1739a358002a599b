//! The locks of a whole run, taken before its first play.

use super::host::{Contest, Taken, take};
use super::lease::{self, LeaseAt, Leased};
use super::taken::{Locks, Terms};
use super::verdict::Blocker;
use crate::engine::exit_code;
use crate::engine::host::Host;
use crate::engine::lineage::Lineage;
use crate::engine::pace::whereabouts;
use crate::engine::play::PlayRun;
use crate::engine::run::Run;
use crate::engine::summary::Summary;
use crate::event::Kind;
use crate::holder::Holder;
use crate::playbook::Play;
use futures::future::join_all;
use indexmap::IndexMap;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

/// What a run locks.
#[derive(Default)]
struct Wanted {
    /// Hosts, in the order of the plays, and how each is reached.
    hosts: IndexMap<String, (Arc<Host>, Lineage)>,
    /// Clusters, always in the same order, and how their hosts are reached.
    leases: BTreeMap<LeaseAt, Lineage>,
}

impl Run {
    /// The run takes the locks of hosts and clusters as this holder, before it changes anything; without one it takes none.
    #[must_use]
    pub fn holding(self, holder: Holder) -> Self {
        self.shared().lock_as(Terms::new(holder));
        self
    }

    /// Its locks, for whoever ends it in the middle.
    pub fn locks(&self) -> Arc<Locks> {
        self.locks.clone()
    }

    /// Takes the locks of all hosts that plays with `rollback` work on, and the Leases of their clusters; gives the summary
    /// of a run that ends here, because another one has one of them. Nothing else was done by then.
    ///
    /// Hosts that cannot be reached are left out, and tried again when their batch comes. Check mode takes no locks.
    pub(in crate::engine) async fn lock(&self, plays: &[Arc<Play>]) -> Option<Summary> {
        self.shared().terms()?;
        let wanted = self.wanted(plays);
        self.lock_all(wanted).await.map(|by| self.locked_out(&by))
    }

    /// The same for hosts that are taken back without a play, and the clusters that they are in.
    pub(in crate::engine) async fn lock_hosts(
        &self,
        names: &[String],
        leases: &[LeaseAt],
    ) -> Option<Summary> {
        self.shared().terms()?;
        let hosts = names
            .iter()
            .filter_map(|name| self.shared().known(name))
            .map(|host| (host.name.clone(), (host.clone(), Lineage::default())));
        let wanted = Wanted {
            hosts: hosts.collect(),
            leases: leases
                .iter()
                .map(|at| (at.clone(), Lineage::default()))
                .collect(),
        };
        self.lock_all(wanted).await.map(|by| self.locked_out(&by))
    }

    /// What the plays will change: what cannot be told yet is locked when its batch comes.
    fn wanted(&self, plays: &[Arc<Play>]) -> Wanted {
        let shared = self.shared();
        let mut wanted = Wanted::default();
        let mut clustered = HashSet::new();
        for play in plays.iter().filter(|play| play.rollback.is_some()) {
            let scope = self.play_scope(play);
            let Ok(names) = self.hosts_quietly(play, &scope) else {
                continue;
            };
            let lineage = Lineage::play(play);
            let run = PlayRun::new(shared, play, "", Vec::new(), &names, &self.clusters(play));
            for host in names.iter().filter_map(|name| shared.known(name)) {
                if shared.is_implicit(host) {
                    continue;
                }
                let entry = || (host.clone(), lineage.clone());
                wanted.hosts.entry(host.name.clone()).or_insert_with(entry);
                if clustered.contains(&host.name) {
                    continue;
                }
                if let Some((at, _)) = whereabouts(shared, &run, host) {
                    clustered.insert(host.name.clone());
                    wanted.leases.entry(at).or_insert_with(|| lineage.clone());
                }
            }
        }
        wanted
    }

    async fn lock_all(&self, wanted: Wanted) -> Option<Blocker> {
        for (at, lineage) in wanted.leases {
            match lease::take(self.shared(), self.dial(&lineage), &at).await {
                Ok(Leased::Ours(lease)) => {
                    let (hosts, kubeconfig) = at.clone();
                    self.locks.keep(at, lease);
                    let taken = Kind::LeaseTaken { hosts, kubeconfig };
                    self.shared().events.emit(taken);
                }
                Ok(Leased::Held(blocker)) => return self.give_way(*blocker).await,
                Err(error) => self.shared().events.emit(Kind::Warning {
                    host: None,
                    message: format!(
                        "no Lease in the cluster of {}, so only the locks on its hosts keep other runs away: {error}",
                        at.0.join(", ")
                    ),
                }),
            }
        }
        let insistent = self.locks.have_all_leases();
        match self.lock_each(&wanted.hosts, Contest::new(insistent)).await {
            Some(blocker) => self.give_way(blocker).await,
            None => None,
        }
    }

    /// Takes the hosts' locks, many at once; the first one that is another run's ends it.
    async fn lock_each(
        &self,
        hosts: &IndexMap<String, (Arc<Host>, Lineage)>,
        contest: Contest,
    ) -> Option<Blocker> {
        let shared = self.shared();
        let refused = AtomicBool::new(false);
        let slots = Semaphore::new(shared.settings.forks.max(1));
        let taking = hosts.values().map(|(host, lineage)| async {
            // The semaphore is never closed.
            let _slot = slots.acquire().await;
            if refused.load(Ordering::Relaxed) || shared.is_interrupted() {
                return None;
            }
            match take(shared, lineage, host, contest).await {
                Ok(Taken::Held(blocker)) => {
                    refused.store(true, Ordering::Relaxed);
                    Some(*blocker)
                }
                Ok(Taken::Ours | Taken::Without(_)) | Err(_) => None,
            }
        });
        let found = join_all(taking).await;
        let mut found = found.into_iter().flatten();
        let mut first = found.next()?;
        let others = found.count();
        if others > 0 {
            first.what = format!("{} and {others} more", first.what);
        }
        Some(first)
    }

    async fn give_way(&self, blocker: Blocker) -> Option<Blocker> {
        self.locks.give_back().await;
        Some(blocker)
    }

    fn locked_out(&self, by: &Blocker) -> Summary {
        let events = &self.shared().events;
        events.emit(Kind::Stopped {
            reason: by.to_string(),
            pending: Vec::new(),
        });
        events.emit(Kind::Warning {
            host: None,
            message: by.hint(),
        });
        events.emit(Kind::RunFinished {
            recap: Vec::new(),
            exit_code: exit_code::LOCKED,
            took: self.started.elapsed(),
        });
        Summary {
            recap: Vec::new(),
            exit_code: exit_code::LOCKED,
        }
    }
}
