//! The eviction itself: all pods at once, each until it is gone or can never go.

use super::{DrainError, DrainOptions, DrainPlan, budget, plan};
use crate::kubernetes::cordon::{existing, is_cordoned};
use crate::kubernetes::{Cluster, ClusterError, PodKey, Progress};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How often the node's pods are listed while some are ending.
const POLL: Duration = Duration::from_millis(500);
/// The longest pause between two attempts to evict a pod that is held.
/// The first pause before an eviction that a budget refused is asked for again; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A held pod's budget is looked up again at every so many attempts.
const EXPLAIN_EVERY: usize = 5;

/// What a drain did.
#[derive(Debug, Default)]
pub struct Drained {
    /// The pods that are gone.
    pub evicted: Vec<PodKey>,
    /// The pods that stayed, each with why.
    pub skipped: Vec<(PodKey, &'static str)>,
    /// Volumes that were still attached when the wait for them ended.
    pub attached: Vec<String>,
}

/// Where one pod stands.
enum State {
    Waiting,
    Held(String),
    Ending,
}

impl State {
    fn text(&self) -> String {
        match self {
            Self::Waiting => "not yet evicted".to_owned(),
            Self::Held(why) => why.clone(),
            Self::Ending => "evicted, but still ending".to_owned(),
        }
    }
}

/// Evicts what may go from `node`, which must be cordoned, and waits for the pods to be gone and their volumes detached.
pub async fn drain(
    cluster: &Cluster,
    node: &str,
    options: &DrainOptions,
    progress: &Progress,
) -> Result<Drained, DrainError> {
    if !is_cordoned(&existing(cluster, node).await?) {
        return Err(DrainError::NotCordoned(node.to_owned()));
    }
    let plan = plan(cluster, node, options).await?;
    plan.allowed()?;
    let started = Instant::now();
    let run = Run {
        cluster,
        plan: &plan,
        options,
        progress,
        board: Mutex::new(
            plan.evict
                .iter()
                .map(|pod| (pod.clone(), State::Waiting))
                .collect(),
        ),
    };
    match options.timeout {
        None => run.evict_all().await?,
        Some(limit) => match timeout(limit, run.evict_all()).await {
            Ok(result) => result?,
            Err(_) => return Err(run.timed_out(limit)),
        },
    }
    let left = options
        .timeout
        .map(|limit| limit.saturating_sub(started.elapsed()));
    let wait = left.map_or(options.detach_timeout, |left| {
        left.min(options.detach_timeout)
    });
    let attached = run.detach(wait).await?;
    Ok(Drained {
        evicted: plan.evict.clone(),
        skipped: plan.skip.clone(),
        attached,
    })
}

struct Run<'a> {
    cluster: &'a Cluster,
    plan: &'a DrainPlan,
    options: &'a DrainOptions,
    progress: &'a Progress,
    board: Mutex<BTreeMap<PodKey, State>>,
}

impl Run<'_> {
    async fn evict_all(&self) -> Result<(), DrainError> {
        let total = self.plan.evict.len();
        if total == 0 {
            return Ok(());
        }
        let uids = self.plan.evict.iter().map(|pod| pod.uid.clone()).collect();
        let (sender, present) = watch::channel(uids);
        let mut pods: FuturesUnordered<_> = self
            .plan
            .evict
            .iter()
            .map(|pod| self.remove(pod, present.clone()))
            .collect();
        let all = async {
            let mut gone = 0;
            while let Some(result) = pods.next().await {
                let pod = result?;
                gone += 1;
                (self.progress)(format!("{pod} is gone ({gone} of {total})"));
            }
            Ok(())
        };
        tokio::select! {
            result = all => result,
            result = self.poll(sender) => match result {
                Ok(never) => match never {},
                Err(error) => Err(error),
            },
        }
    }

    /// Keeps the set of pods on the node up to date; ends only by an error.
    async fn poll(&self, sender: watch::Sender<HashSet<String>>) -> Result<Infallible, DrainError> {
        loop {
            sleep(POLL).await;
            match self.cluster.pods_on(&self.plan.node, None).await {
                Ok(pods) => {
                    let uids = pods.iter().map(|pod| PodKey::from(pod).uid).collect();
                    sender.send_replace(uids);
                }
                Err(error) if error.is_temporary() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Evicts one pod and waits until it is gone.
    async fn remove<'p>(
        &self,
        pod: &'p PodKey,
        mut present: watch::Receiver<HashSet<String>>,
    ) -> Result<&'p PodKey, DrainError> {
        let whole = async {
            self.evict(pod, &present).await?;
            // The sender lives as long as this future is polled.
            let _ = present.wait_for(|uids| !uids.contains(&pod.uid)).await;
            Ok::<(), DrainError>(())
        };
        match self.options.pod_timeout {
            None => whole.await?,
            Some(limit) => match timeout(limit, whole).await {
                Ok(result) => result?,
                Err(_) => {
                    return Err(DrainError::Pod {
                        pod: pod.to_string(),
                        message: format!(
                            "it is still there after {} s: {}",
                            limit.as_secs(),
                            self.state(pod)
                        ),
                    });
                }
            },
        }
        self.board().remove(pod);
        Ok(pod)
    }

    /// Asks for the eviction until it is accepted.
    async fn evict(
        &self,
        pod: &PodKey,
        present: &watch::Receiver<HashSet<String>>,
    ) -> Result<(), DrainError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 0;
        loop {
            let answer = self.cluster.evict(pod, self.options.grace_period).await;
            match answer {
                Ok(()) => break,
                // Gone: by itself, or by an attempt whose answer was lost.
                Err(error) if error.code() == Some(404) => break,
                Err(error) => {
                    // Another pod may stand under the name by now; then this one is gone.
                    if error.code() == Some(409) && !present.borrow().contains(&pod.uid) {
                        break;
                    }
                    self.hold(pod, error, attempt).await?;
                }
            }
            sleep(pause).await;
            attempt += 1;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.board().insert(pod.clone(), State::Ending);
        Ok(())
    }

    /// Notes what holds a pod; fails when waiting cannot help.
    async fn hold(
        &self,
        pod: &PodKey,
        error: ClusterError,
        attempt: usize,
    ) -> Result<(), DrainError> {
        let why = match &error {
            ClusterError::Refused {
                code: 429,
                causes,
                message,
                ..
            } => {
                if !attempt.is_multiple_of(EXPLAIN_EVERY) {
                    return Ok(());
                }
                budget::explain(self.cluster, pod, causes, message).await
            }
            // Nothing but the text tells this 500 from others.
            ClusterError::Refused {
                code: 500, message, ..
            } if message.contains("more than one PodDisruptionBudget") => {
                let labels = self.plan.labels.get(&pod.uid).cloned().unwrap_or_default();
                let names = budget::covering(self.cluster, pod, &labels).await;
                return Err(DrainError::Pod {
                    pod: pod.to_string(),
                    message: format!(
                        "more than one disruption budget covers it ({}), which eviction does not support",
                        names.join(", ")
                    ),
                });
            }
            ClusterError::Refused { code: 409, .. } => "it changed at the same moment".to_owned(),
            ClusterError::Refused {
                code: 403, causes, ..
            } if causes
                .iter()
                .any(|cause| cause.reason == "NamespaceTerminating") =>
            {
                "its namespace is being deleted".to_owned()
            }
            error if error.is_temporary() => error.to_string(),
            error => {
                return Err(DrainError::Pod {
                    pod: pod.to_string(),
                    message: error.to_string(),
                });
            }
        };
        let before = self.board().insert(pod.clone(), State::Held(why.clone()));
        if !matches!(before, Some(State::Held(old)) if old == why) {
            (self.progress)(format!("{pod} is held: {why}"));
        }
        Ok(())
    }

    /// Waits for the node's volumes to detach; returns those that did not in time.
    ///
    /// Pods that stay keep theirs, so what remains is told, and is no failure.
    async fn detach(&self, limit: Duration) -> Result<Vec<String>, DrainError> {
        let until = Instant::now() + limit;
        let mut told = false;
        loop {
            let attached = match self.cluster.attached_volumes(&self.plan.node).await {
                Ok(attached) => attached,
                // Not to be seen by us, or not there at all: then there is nothing to wait for.
                Err(error) if matches!(error.code(), Some(403 | 404)) => return Ok(Vec::new()),
                Err(error) if error.is_temporary() && Instant::now() < until => {
                    sleep(POLL).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
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

    fn timed_out(&self, limit: Duration) -> DrainError {
        DrainError::TimedOut {
            node: self.plan.node.clone(),
            limit,
            remaining: self
                .board()
                .iter()
                .map(|(pod, state)| format!("{pod}: {}", state.text()))
                .collect(),
        }
    }

    fn state(&self, pod: &PodKey) -> String {
        self.board().get(pod).map_or_else(String::new, State::text)
    }

    fn board(&self) -> std::sync::MutexGuard<'_, BTreeMap<PodKey, State>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
