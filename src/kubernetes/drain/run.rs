//! A drain from its beginning to its end: wave after wave, within its time.

use super::order::Chain;
use super::{DrainError, DrainOptions, DrainPlan, plan};
use crate::kubernetes::{Cluster, PodKey, Progress};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How often the node's pods are listed at first, and at last, while nothing changes.
const FIRST_POLL: Duration = Duration::from_millis(100);
const LONGEST_POLL: Duration = Duration::from_millis(800);

/// What a drain did.
#[derive(Debug, Default)]
pub struct Drained {
    /// The pods that are gone.
    pub evicted: Vec<PodKey>,
    /// The pods that stayed, each with why.
    pub skipped: Vec<(PodKey, &'static str)>,
    /// The pods that were deleted past their budgets, each with the names of these.
    pub deleted: Vec<(PodKey, Vec<String>)>,
    /// Volumes that were still attached when the wait for them ended.
    pub attached: Vec<String>,
    /// Why the node was left undrained, when it was.
    pub given_up: Option<String>,
}

/// Evicts what may go from `node`, which must be cordoned, and waits for the pods to be gone and their volumes detached.
pub async fn drain(
    cluster: &Cluster,
    node: &str,
    options: &DrainOptions,
    progress: &Progress,
) -> Result<Drained, DrainError> {
    let plan = plan(cluster, node, options).await?;
    if !plan.cordoned {
        return Err(DrainError::NotCordoned(node.to_owned()));
    }
    plan.allowed()?;
    plan.possible(options)?;
    if plan.is_given_up(options) {
        return Ok(Drained {
            given_up: plan.not_ready,
            ..Drained::default()
        });
    }
    for (pod, note) in &plan.notes {
        (progress)(format!("{pod}: {note}"));
    }
    let started = Instant::now();
    let run = Run::new(cluster, &plan, options, progress);
    match options.timeout {
        None => run.evict_all().await?,
        Some(limit) => match timeout(limit, run.evict_all()).await {
            Ok(result) => result?,
            Err(_) => run.expire(limit).await?,
        },
    }
    let left = options
        .timeout
        .map(|limit| limit.saturating_sub(started.elapsed()));
    let wait = left.map_or(options.detach_timeout, |left| {
        left.min(options.detach_timeout)
    });
    let attached = run.detach(wait).await?;
    let deleted = std::mem::take(&mut *run.deleted());
    Ok(Drained {
        evicted: plan.evict.clone(),
        skipped: plan.skip.clone(),
        deleted,
        attached,
        given_up: None,
    })
}

/// Where one pod stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Its turn has not come.
    Waiting,
    /// It was asked for, and refused; why.
    Held(String),
    /// Its eviction was accepted.
    Ending,
    /// It is gone, and its replacement is awaited.
    Replaced,
}

/// What was last seen of a pod on the node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// When it is to be gone.
    pub(super) ends: Option<Timestamp>,
    pub(super) finalizers: Vec<String>,
    pub(super) finished: bool,
    pub(super) ready: bool,
}

impl Seen {
    fn of(pod: &Pod) -> Self {
        Self {
            ends: pod.metadata.deletion_timestamp.as_ref().map(|time| time.0),
            finalizers: pod.metadata.finalizers.clone().unwrap_or_default(),
            finished: super::is_finished(pod),
            ready: super::is_ready(pod),
        }
    }

    /// What keeps a pod whose eviction was accepted.
    fn why_still_there(&self, now: Timestamp) -> String {
        let mut text = "evicted, but still ending".to_owned();
        if !self.finalizers.is_empty() {
            text.push_str(" (finalizers: ");
            text.push_str(&self.finalizers.join(", "));
            text.push(')');
        } else if self.ends.is_some_and(|ends| ends < now) {
            text.push_str(
                " past its time (its kubelet does not end it, or a volume cannot be unmounted)",
            );
        }
        text
    }
}

/// The pods of the node by their uids.
pub(super) type Present = HashMap<String, Seen>;

/// A drain on its way.
pub(super) struct Run<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) plan: &'a DrainPlan,
    pub(super) options: &'a DrainOptions,
    pub(super) progress: &'a Progress,
    board: Mutex<BTreeMap<PodKey, State>>,
    deleted: Mutex<Vec<(PodKey, Vec<String>)>>,
    gone: AtomicUsize,
    present: watch::Sender<Present>,
}

impl<'a> Run<'a> {
    fn new(
        cluster: &'a Cluster,
        plan: &'a DrainPlan,
        options: &'a DrainOptions,
        progress: &'a Progress,
    ) -> Self {
        let pods = || plan.evict.iter();
        let present = pods().map(|pod| (pod.uid.clone(), Seen::default()));
        Self {
            cluster,
            plan,
            options,
            progress,
            board: Mutex::new(pods().map(|pod| (pod.clone(), State::Waiting)).collect()),
            deleted: Mutex::default(),
            gone: AtomicUsize::new(0),
            present: watch::Sender::new(present.collect()),
        }
    }

    /// Sends all pods away, wave after wave.
    async fn evict_all(&self) -> Result<(), DrainError> {
        let waves = async {
            for wave in &self.plan.waves {
                let mut chains: FuturesUnordered<_> =
                    wave.iter().map(|chain| self.chain(chain)).collect();
                while let Some(result) = chains.next().await {
                    result?;
                }
            }
            Ok(())
        };
        self.while_watching(waves).await
    }

    async fn chain(&self, chain: &Chain) -> Result<(), DrainError> {
        for pod in chain {
            self.remove(pod).await?;
            self.board().remove(pod);
            let gone = self.gone.fetch_add(1, Ordering::Relaxed) + 1;
            (self.progress)(format!(
                "{pod} is gone ({gone} of {})",
                self.plan.evict.len()
            ));
        }
        Ok(())
    }

    /// Does `action` while the set of pods on the node is kept up to date.
    pub(super) async fn while_watching(
        &self,
        action: impl Future<Output = Result<(), DrainError>>,
    ) -> Result<(), DrainError> {
        if self.board().is_empty() {
            return Ok(());
        }
        tokio::select! {
            result = action => result,
            result = self.poll() => match result {
                Ok(never) => match never {},
                Err(error) => Err(error),
            },
        }
    }

    /// Lists the node's pods again and again; ends only by an error.
    async fn poll(&self) -> Result<Infallible, DrainError> {
        let mut pause = FIRST_POLL;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_POLL);
            match self.cluster.pods_on(&self.plan.node, None).await {
                Ok(pods) => {
                    let now: Present = pods
                        .iter()
                        .map(|pod| (PodKey::from(pod).uid, Seen::of(pod)))
                        .collect();
                    let fewer = now.len() < self.present.borrow().len();
                    if fewer {
                        pause = FIRST_POLL;
                    }
                    self.present.send_replace(now);
                }
                Err(error) if error.is_temporary() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The pods of the node as they are listed from now on.
    pub(super) fn watch(&self) -> watch::Receiver<Present> {
        self.present.subscribe()
    }

    /// What was last seen of a pod; `None` when it is gone.
    pub(super) fn seen(&self, pod: &PodKey) -> Option<Seen> {
        self.present.borrow().get(&pod.uid).cloned()
    }

    /// Where a pod stands, in words.
    pub(super) fn standing(&self, pod: &PodKey) -> String {
        let state = self.board().get(pod).cloned();
        match state {
            None => String::new(),
            Some(State::Waiting) => "not yet evicted".to_owned(),
            Some(State::Held(why)) => why,
            Some(State::Replaced) => {
                "it is gone, but its replacement is not ready elsewhere".to_owned()
            }
            Some(State::Ending) => self
                .seen(pod)
                .unwrap_or_default()
                .why_still_there(Timestamp::now()),
        }
    }

    /// The pods that are not through yet, in their order.
    pub(super) fn left(&self) -> Vec<PodKey> {
        self.board().keys().cloned().collect()
    }

    pub(super) fn board(&self) -> MutexGuard<'_, BTreeMap<PodKey, State>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn deleted(&self) -> MutexGuard<'_, Vec<(PodKey, Vec<String>)>> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_stays_says_what_keeps_it() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let at = |text: &str| Some(text.parse().unwrap());
        let cases = [
            (
                Seen {
                    ends: at("2026-11-21T10:00:30Z"),
                    ..Seen::default()
                },
                "evicted, but still ending",
            ),
            (
                Seen {
                    ends: at("2026-11-21T09:59:00Z"),
                    ..Seen::default()
                },
                "evicted, but still ending past its time (its kubelet does not end it, or a volume cannot be unmounted)",
            ),
            (
                Seen {
                    ends: at("2026-11-21T09:59:00Z"),
                    finalizers: vec!["example.com/keep".to_owned(), "b".to_owned()],
                    ..Seen::default()
                },
                "evicted, but still ending (finalizers: example.com/keep, b)",
            ),
        ];
        for (seen, expected) in cases {
            assert_eq!(seen.why_still_there(now), expected);
        }
    }
}
