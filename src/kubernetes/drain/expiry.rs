//! What becomes of pods whose time is over: they stay, or they are deleted past their budgets where the options allow it.
//!
//! Nothing is ever bypassed silently, and nothing is deleted when that would not drain the node.

use super::run::{Run, State};
use super::{DrainError, OnTimeout};
use crate::kubernetes::PodKey;
use std::time::Duration;
use tokio::time::timeout;

/// What pods get to end after they were deleted, beyond their own grace.
const LEEWAY: Duration = Duration::from_secs(30);

impl Run<'_> {
    /// The time of the whole drain is over.
    pub(super) async fn expire(&self, limit: Duration) -> Result<(), DrainError> {
        let left = self.left();
        if self.forbidden(&left).is_some() {
            return Err(self.timed_out(limit));
        }
        let deletions = async {
            futures::future::try_join_all(left.iter().map(|pod| self.force(pod))).await?;
            Ok(())
        };
        match timeout(self.last_wait(&left), self.while_watching(deletions)).await {
            Ok(result) => result,
            Err(_) => Err(self.timed_out(limit)),
        }
    }

    /// The time of one pod is over.
    pub(super) async fn expire_pod(&self, pod: &PodKey, limit: Duration) -> Result<(), DrainError> {
        let one = std::slice::from_ref(pod);
        let error = |more: Option<String>| DrainError::PodTimedOut {
            pod: pod.to_string(),
            limit,
            message: match more {
                Some(more) => format!("{}; {more}", self.standing(pod)),
                None => self.standing(pod),
            },
        };
        if let Some(why) = self.forbidden(one) {
            return Err(error(Some(why).filter(|why| !why.is_empty())));
        }
        match timeout(self.last_wait(one), self.force(pod)).await {
            Ok(result) => result,
            Err(_) => Err(error(None)),
        }
    }

    /// Why pods may not be deleted; empty where the options delete none at all.
    fn forbidden(&self, pods: &[PodKey]) -> Option<String> {
        pods.iter().find_map(|pod| self.forbids(pod))
    }

    fn forbids(&self, pod: &PodKey) -> Option<String> {
        match self.options.on_timeout {
            OnTimeout::Fail => Some(String::new()),
            // What is ending already needs no deletion.
            _ if self.is_ending(pod) => None,
            OnTimeout::DeleteUnready => {
                let ready = self.seen(pod).is_some_and(|seen| seen.ready);
                ready.then(|| format!("{pod} is ready, so it is not deleted"))
            }
            OnTimeout::Delete => {
                let listed = self.options.delete_namespaces.contains(&pod.namespace);
                (!listed).then(|| {
                    format!(
                        "{pod} is not deleted, since {} is not in drain_delete_namespaces",
                        pod.namespace
                    )
                })
            }
        }
    }

    fn is_ending(&self, pod: &PodKey) -> bool {
        matches!(
            self.board().get(pod),
            Some(State::Ending | State::Replaced) | None
        )
    }

    /// Deletes a pod that an eviction still does not get away, and waits for its end.
    async fn force(&self, pod: &PodKey) -> Result<(), DrainError> {
        if !self.is_ending(pod) {
            match self.cluster.evict(pod, self.grace(pod)).await {
                Ok(()) => {}
                Err(error) if error.code() == Some(404) => {}
                Err(_) => self.delete(pod).await?,
            }
            self.board().insert(pod.clone(), State::Ending);
        }
        self.wait_until_gone(pod).await;
        self.board().remove(pod);
        Ok(())
    }

    /// Deletes a pod past its budgets, and says which these are.
    pub(super) async fn delete(&self, pod: &PodKey) -> Result<(), DrainError> {
        let budgets = self.budgets_of(pod).await;
        let past = if budgets.is_empty() {
            "no budget covers it".to_owned()
        } else {
            format!("past disruption budget {}", budgets.join(", "))
        };
        (self.progress)(format!("deleting {pod} without an eviction: {past}"));
        match self.cluster.delete_pod(pod, self.grace(pod)).await {
            Ok(()) => self.deleted().push((pod.clone(), budgets)),
            // Gone, or another pod under its name by now.
            Err(error) if matches!(error.code(), Some(404 | 409)) => {}
            Err(error) => {
                return Err(DrainError::Pod {
                    pod: pod.to_string(),
                    message: error.to_string(),
                });
            }
        }
        self.board().insert(pod.clone(), State::Ending);
        Ok(())
    }

    /// How long deleted pods may take.
    fn last_wait(&self, pods: &[PodKey]) -> Duration {
        let longest = pods
            .iter()
            .map(|pod| self.grace(pod).unwrap_or(self.plan.facts(pod).grace))
            .max()
            .unwrap_or(0);
        Duration::from_secs(u64::try_from(longest).unwrap_or(0)) + LEEWAY
    }

    fn timed_out(&self, limit: Duration) -> DrainError {
        let remaining = self
            .left()
            .iter()
            .map(|pod| {
                let why = self.forbids(pod).filter(|why| !why.is_empty());
                match why {
                    Some(why) => format!("{pod}: {}; {why}", self.standing(pod)),
                    None => format!("{pod}: {}", self.standing(pod)),
                }
            })
            .collect();
        DrainError::TimedOut {
            node: self.plan.node.clone(),
            limit,
            remaining,
        }
    }
}
