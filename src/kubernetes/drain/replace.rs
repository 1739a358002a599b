//! Surge-safe draining: the next pod of an owner goes only when the last one's replacement is ready elsewhere.

use super::DrainError;
use super::order::Facts;
use super::run::{Run, State};
use crate::kubernetes::{ClusterError, PodKey};
use std::time::Duration;
use tokio::time::sleep;

/// How often the owner's pods are listed.
const POLL: Duration = Duration::from_millis(500);

/// Controllers that make a pod anew at once.
const REPLACING: [&str; 3] = ["ReplicaSet", "ReplicationController", "StatefulSet"];

impl Run<'_> {
    /// How many pods of the pod's owner are ready on other nodes, if its replacement is to be waited for.
    pub(super) async fn replicas_before(&self, pod: &PodKey) -> Result<Option<usize>, DrainError> {
        let facts = self.plan.facts(pod);
        // The replacement of a pod that is tied to this node cannot start elsewhere.
        if !self.options.wait_for_replacement
            || facts.tied
            || !REPLACING.iter().any(|kind| facts.is_of(kind))
        {
            return Ok(None);
        }
        let count = self
            .cluster
            .patiently(|| self.ready_elsewhere(pod, &facts))
            .await?;
        Ok(Some(count))
    }

    /// Waits until one more pod of the owner than `before` is ready on other nodes.
    pub(super) async fn await_replacement(
        &self,
        pod: &PodKey,
        before: Option<usize>,
    ) -> Result<(), DrainError> {
        let Some(before) = before else { return Ok(()) };
        self.board().insert(pod.clone(), State::Replaced);
        let facts = self.plan.facts(pod);
        let mut told = false;
        loop {
            match self.ready_elsewhere(pod, &facts).await {
                Ok(now) if now > before => return Ok(()),
                Err(error) if !error.is_temporary() => return Err(error.into()),
                _ => {}
            }
            if !told {
                (self.progress)(format!("{pod} is gone; waiting for its replacement"));
                told = true;
            }
            sleep(POLL).await;
        }
    }

    async fn ready_elsewhere(&self, pod: &PodKey, facts: &Facts) -> Result<usize, ClusterError> {
        let owner = facts.owner.as_ref().map(|owner| owner.uid.as_str());
        let pods = self.cluster.pods_selected(&pod.namespace, "").await?;
        let counts = pods.iter().filter(|other| {
            let node = other
                .spec
                .as_ref()
                .and_then(|spec| spec.node_name.as_deref());
            super::controller(other).map(|owner| owner.uid.as_str()) == owner
                && other.metadata.deletion_timestamp.is_none()
                && node.is_some_and(|node| node != self.plan.node)
                && super::is_ready(other)
        });
        Ok(counts.count())
    }
}
