//! What a drain would do to the pods that are there now.

use super::order::{Chain, Facts, waves};
use super::sort::{Fate, daemonset_of, fate, is_finished};
use super::special::{Special, Volumes, stuck_machine};
use super::{DrainError, DrainOptions};
use crate::kubernetes::cordon::{existing, is_cordoned, not_ready};
use crate::kubernetes::{Cluster, ClusterError, PodKey};
use k8s_openapi::api::core::v1::Pod;
use std::collections::{HashMap, HashSet};

/// What a drain would do. Changes nothing.
#[derive(Debug, Default)]
pub struct DrainPlan {
    /// The node.
    pub node: String,
    /// What its condition `Ready` says when that is not true.
    pub not_ready: Option<String>,
    /// Whether nothing new is scheduled on it.
    pub cordoned: bool,
    /// The pods that would go.
    pub evict: Vec<PodKey>,
    /// The pods that would stay, each with why.
    pub skip: Vec<(PodKey, &'static str)>,
    /// The pods that forbid the drain, each with why and with what would allow it.
    pub blocked: Vec<(PodKey, String)>,
    /// What a person should know of pods that would go.
    pub notes: Vec<(PodKey, String)>,
    /// The longest time, in seconds, that one of the pods takes to end by its own wish.
    pub longest_grace: i64,
    /// What else matters of the pods that would go, by uid.
    pub(super) facts: HashMap<String, Facts>,
    /// The order in which they go.
    pub(super) waves: Vec<Vec<Chain>>,
    /// Volumes that pods which stay keep attached.
    pub(super) kept_volumes: HashSet<String>,
}

impl DrainPlan {
    /// Fails when a pod forbids the drain.
    pub fn allowed(&self) -> Result<(), DrainError> {
        if self.blocked.is_empty() {
            return Ok(());
        }
        Err(DrainError::Blocked {
            node: self.node.clone(),
            pods: self
                .blocked
                .iter()
                .map(|(pod, why)| format!("{pod}: {why}"))
                .collect(),
        })
    }

    /// Fails when pods would have to go from a node that cannot end them, unless `options` leave such a node undrained.
    pub fn possible(&self, options: &DrainOptions) -> Result<(), DrainError> {
        match &self.not_ready {
            Some(why) if !options.allow_not_ready && !self.evict.is_empty() => {
                Err(DrainError::NotReady {
                    node: self.node.clone(),
                    why: why.clone(),
                    pods: self.evict.len(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether the node is left as it is, since its pods cannot end.
    pub fn is_given_up(&self, options: &DrainOptions) -> bool {
        self.not_ready.is_some() && options.allow_not_ready
    }

    pub(super) fn facts(&self, pod: &PodKey) -> Facts {
        self.facts.get(&pod.uid).cloned().unwrap_or_default()
    }
}

/// Sorts the pods of `node`.
pub async fn plan(
    cluster: &Cluster,
    node: &str,
    options: &DrainOptions,
) -> Result<DrainPlan, ClusterError> {
    let selector = options.pod_selector.as_deref();
    let (found, pods) = futures::try_join!(
        existing(cluster, node),
        cluster.patiently(|| cluster.pods_on(node, selector))
    )?;
    let volumes = Volumes::read(cluster, &pods).await?;
    let gone = gone_sets(cluster, &pods).await?;
    let mut staying = Vec::new();
    let mut plan = DrainPlan {
        node: node.to_owned(),
        not_ready: not_ready(&found),
        cordoned: is_cordoned(&found),
        ..DrainPlan::default()
    };
    for pod in &pods {
        let key = PodKey::from(pod);
        let orphan = set_of(pod).is_some_and(|set| gone.contains(&set));
        match fate(pod, options, orphan) {
            Fate::Evict => plan.take(cluster, pod, key, &volumes).await?,
            Fate::Skip(why) => {
                staying.push(pod);
                plan.skip.push((key, why));
            }
            Fate::Block(why) => plan.blocked.push((key, why)),
        }
    }
    plan.evict.sort();
    plan.kept_volumes = volumes.of_pods(staying.into_iter());
    let pods = plan
        .evict
        .iter()
        .map(|pod| (pod.clone(), plan.facts(pod)))
        .collect();
    plan.waves = waves(pods, options.wait_for_replacement);
    Ok(plan)
}

impl DrainPlan {
    /// Notes a pod that goes, unless it turns out that it never can.
    async fn take(
        &mut self,
        cluster: &Cluster,
        pod: &Pod,
        key: PodKey,
        volumes: &Volumes,
    ) -> Result<(), ClusterError> {
        let local = volumes.local_of(pod);
        let facts = Facts::of(pod, !local.is_empty());
        if facts.special == Some(Special::VirtualMachine)
            && !is_finished(pod)
            && let Some(why) = stuck_machine(cluster, pod).await?
        {
            self.blocked.push((key, why));
            return Ok(());
        }
        if !local.is_empty() {
            let text = format!(
                "its volume {} is on this node only, so it waits until the node is back",
                local.join(", ")
            );
            self.notes.push((key.clone(), text));
        }
        self.longest_grace = self.longest_grace.max(facts.grace);
        self.facts.insert(key.uid.clone(), facts);
        self.evict.push(key);
        Ok(())
    }
}

/// The DaemonSets of these pods that are gone, by namespace and name; all are asked for at once.
async fn gone_sets(
    cluster: &Cluster,
    pods: &[Pod],
) -> Result<HashSet<(String, String)>, ClusterError> {
    let sets: HashSet<(String, String)> = pods.iter().filter_map(set_of).collect();
    let checks = sets.into_iter().map(|set| async move {
        let gone = cluster.patiently(|| cluster.daemonset_is_gone(&set.0, &set.1));
        gone.await.map(|gone| gone.then_some(set))
    });
    let found = futures::future::try_join_all(checks).await?;
    Ok(found.into_iter().flatten().collect())
}

/// The DaemonSet of a pod that still runs.
fn set_of(pod: &Pod) -> Option<(String, String)> {
    let set = daemonset_of(pod).filter(|_| !is_finished(pod))?;
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    Some((namespace, set.to_owned()))
}
