//! One pod: its eviction, asked for until it is accepted, and its end.

use super::run::{Run, State};
use super::{DrainError, budget};
use crate::kubernetes::{ClusterError, PodKey};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The first pause before an eviction that a budget refused is asked for again; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A held pod's budget is looked up again at every so many attempts.
const EXPLAIN_EVERY: usize = 5;

impl Run<'_> {
    /// Sends one pod away and waits until it is gone; what takes longer than a pod may is dealt with as the options say.
    pub(super) async fn remove(&self, pod: &PodKey) -> Result<(), DrainError> {
        self.let_job_end(pod).await;
        let before = self.replicas_before(pod).await?;
        let Some(limit) = self.options.pod_timeout else {
            return self.send_away(pod, before).await;
        };
        match timeout(limit, self.send_away(pod, before)).await {
            Ok(result) => result,
            Err(_) => self.expire_pod(pod, limit).await,
        }
    }

    async fn send_away(&self, pod: &PodKey, before: Option<usize>) -> Result<(), DrainError> {
        if self.options.disable_eviction {
            self.delete(pod).await?;
        } else {
            self.evict(pod).await?;
        }
        self.wait_until_gone(pod).await;
        self.await_replacement(pod, before).await
    }

    /// Waits until the pod is on the node no more.
    pub(super) async fn wait_until_gone(&self, pod: &PodKey) {
        let mut present = self.watch();
        // The sender lives as long as the drain, so this ends only when the pod is gone.
        let _ = present
            .wait_for(|present| !present.contains_key(&pod.uid))
            .await;
    }

    /// Lets the pod of a Job come to its own end, as long as the options say.
    async fn let_job_end(&self, pod: &PodKey) {
        let wait = self.options.job_wait;
        if wait.is_zero() || !self.plan.facts(pod).is_of("Job") {
            return;
        }
        (self.progress)(format!(
            "{pod} belongs to a Job and gets {} s to finish",
            wait.as_secs()
        ));
        let mut present = self.watch();
        let finished = present.wait_for(|present| {
            present
                .get(&pod.uid)
                .is_none_or(|seen| seen.finished || seen.ends.is_some())
        });
        // One that does not finish is evicted.
        let _ = timeout(wait, finished).await;
    }

    /// The seconds that the pod gets, when that is less than it wants.
    pub(super) fn grace(&self, pod: &PodKey) -> Option<i64> {
        self.options.grace_for(self.plan.facts(pod).grace)
    }

    /// Asks for the eviction until it is accepted.
    async fn evict(&self, pod: &PodKey) -> Result<(), DrainError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 0;
        loop {
            match self.cluster.evict(pod, self.grace(pod)).await {
                Ok(()) => break,
                // Gone: by itself, or by an attempt whose answer was lost.
                Err(error) if error.code() == Some(404) => break,
                Err(error) => {
                    // Another pod may stand under the name by now; then this one is gone.
                    if error.code() == Some(409) && self.seen(pod).is_none() {
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
    pub(super) async fn hold(
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
                let mut why = budget::explain(self.cluster, pod, causes, message).await;
                if let Some(special) = self.plan.facts(pod).special {
                    why.push_str("; ");
                    why.push_str(special.while_held());
                }
                why
            }
            // Nothing but the text tells this 500 from others.
            ClusterError::Refused {
                code: 500, message, ..
            } if message.contains("more than one PodDisruptionBudget") => {
                let names = self.budgets_of(pod).await;
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

    /// Names of the budgets that cover the pod.
    pub(super) async fn budgets_of(&self, pod: &PodKey) -> Vec<String> {
        budget::covering(self.cluster, pod, &self.plan.facts(pod).labels).await
    }
}
