//! The Lease of one cluster: taken before the hosts, renewed while the run lives.

use super::verdict::{Blocker, Stand};
use crate::engine::shared::Shared;
use crate::kubernetes::{
    ClusterError, ClusterLease, Dial, HeldLease, LEASE_RENEWAL, LeaseAnswer, Renewal,
    cluster_for_lease, take_lease,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Where a Lease is: the cluster's control-plane hosts, and the kubeconfig's path on them.
pub type LeaseAt = (Vec<String>, String);

/// How long a cluster may take to answer: one that is away must not hold up a run that can do without its Lease.
const LONGEST: Duration = Duration::from_secs(15);

/// `LeaseAt` as the locks on the hosts tell it to whoever finds them.
pub(super) fn word((hosts, kubeconfig): &LeaseAt) -> String {
    format!("{} {kubeconfig}", hosts.join(","))
}

/// What such a word says.
pub(super) fn parse(word: &str) -> Option<LeaseAt> {
    let (hosts, kubeconfig) = word.split_once(' ')?;
    Some((
        hosts.split(',').map(str::to_owned).collect(),
        kubeconfig.to_owned(),
    ))
}

/// A Lease that this run has.
pub(super) struct KeptLease {
    lease: Arc<ClusterLease>,
    /// When it was last known to be this run's.
    seen: Arc<Mutex<Instant>>,
    renewing: JoinHandle<()>,
}

impl Drop for KeptLease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// How a cluster's Lease was found.
pub(super) enum Leased {
    /// This run has it.
    Ours(KeptLease),
    /// Another run has it.
    Held(Box<Blocker>),
}

/// Takes the Lease of a cluster, and keeps it.
pub(super) async fn take(
    shared: &Arc<Shared>,
    dial: Arc<dyn Dial>,
    at: &LeaseAt,
) -> Result<Leased, ClusterError> {
    let Some(terms) = shared.terms() else {
        return Err(ClusterError::Invalid("this run takes no locks".to_owned()));
    };
    let stand = |held: &HeldLease| Stand::of(&shared.store, held.run(), held.holder.as_ref());
    let is_dead = |held: &HeldLease| stand(held) == Stand::Dead;
    let asking = async {
        let cluster = cluster_for_lease(dial, &at.0, &at.1).await?;
        take_lease(&cluster, &terms.holder, is_dead).await
    };
    let answer = tokio::time::timeout(LONGEST, asking).await;
    let answer = answer.unwrap_or_else(|_| {
        let seconds = LONGEST.as_secs();
        Err(ClusterError::Invalid(format!("no answer in {seconds} s")))
    })?;
    Ok(match answer {
        LeaseAnswer::Held(held) => {
            let stand = stand(&held);
            Leased::Held(Box::new(blocker(&at.0, held, stand)))
        }
        LeaseAnswer::Ours(lease) => Leased::Ours(keep(shared, at, Arc::new(lease))),
    })
}

fn blocker(hosts: &[String], held: HeldLease, stand: Stand) -> Blocker {
    Blocker {
        what: format!("the cluster of {}", hosts.join(", ")),
        run: held.run().to_owned(),
        quiet: Some(held.quiet),
        holder: held.holder,
        age: None,
        stand,
    }
}

/// Renews the Lease every now and then. An API server that is away is waited for.
fn keep(shared: &Arc<Shared>, at: &LeaseAt, lease: Arc<ClusterLease>) -> KeptLease {
    let seen = Arc::new(Mutex::new(Instant::now()));
    let (renewed, of, noted) = (lease.clone(), at.0.clone(), seen.clone());
    let shared = shared.clone();
    let renewing = tokio::spawn(async move {
        loop {
            tokio::time::sleep(LEASE_RENEWAL).await;
            match renewed.renew().await {
                Ok(Renewal::Ours) => note(&noted),
                Ok(Renewal::Lost(to)) => {
                    shared.lose_lock(lost(&of, to.as_ref()));
                    return;
                }
                Err(_) => {}
            }
        }
    });
    KeptLease {
        lease,
        seen,
        renewing,
    }
}

fn note(seen: &Mutex<Instant>) {
    *seen.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
}

fn lost(hosts: &[String], to: Option<&HeldLease>) -> String {
    let hosts = hosts.join(", ");
    match to {
        None => format!("the Lease of this run on the cluster of {hosts} was broken"),
        Some(held) => format!(
            "the Lease of this run on the cluster of {hosts} was taken by {}",
            match &held.holder {
                Some(holder) => holder.who(),
                None => held.identity.clone(),
            }
        ),
    }
}

impl KeptLease {
    /// Looks whether the Lease is still this run's; gives the reason when it is not.
    pub(super) async fn confirm(&self, at: &LeaseAt, fresh: Duration) -> Option<String> {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.elapsed() < fresh {
            return None;
        }
        match self.lease.renew().await {
            Ok(Renewal::Ours) => {
                note(&self.seen);
                None
            }
            Ok(Renewal::Lost(to)) => Some(lost(&at.0, to.as_ref())),
            Err(_) => None,
        }
    }

    /// Gives it back. What stays ends by itself.
    pub(super) async fn give_back(self) {
        self.renewing.abort();
        let _given_back = self.lease.give_back().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_lease_is_can_be_told_in_a_word() {
        let at = (
            vec!["control1".to_owned(), "control2".to_owned()],
            "/etc/my kube/admin.conf".to_owned(),
        );
        assert_eq!(parse(&word(&at)), Some(at));
        assert_eq!(parse("control1"), None);
    }
}
