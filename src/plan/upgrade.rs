//! An upgrade before it happens: hops, batches, every state on the way and the rule that allows or forbids it.
//!
//! This file says what a plan is. It must not know how one is worked out or shown.

use crate::kubernetes::rules::Violation;
use serde::Serialize;
use std::time::Duration;

/// A whole upgrade.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Upgrade {
    /// Cluster by cluster, in the order of the plays.
    pub clusters: Vec<ClusterPlan>,
}

/// The upgrade of one cluster.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterPlan {
    /// The hosts of its API servers.
    pub name: String,
    /// The versions of its API servers, oldest first, each once.
    pub from: Vec<String>,
    /// The versions that its plays end at, each once.
    pub to: Vec<String>,
    /// The versions in between and the last, in order; empty when there is nothing to do.
    pub hops: Vec<String>,
    /// What is done, in order.
    pub stages: Vec<Stage>,
    /// Hosts that are at the target already.
    pub done: Vec<String>,
    /// Rules that are broken before anything starts.
    pub broken_now: Vec<Violation>,
    /// API servers that did not answer, with the reason.
    pub silent: Vec<(String, String)>,
    /// What keeps the plan from being carried out.
    pub blocked: Option<Blocked>,
    /// What it takes in all.
    pub time: Span,
}

/// What keeps a plan from being carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// The rule's id; `artifact` when a binary is missing.
    pub rule: String,
    /// What breaks it.
    pub what: String,
    /// Where the rule comes from; empty for none.
    pub source: String,
    /// What to do.
    pub hint: String,
}

/// One play for one component in one hop.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// The play's name.
    pub play: String,
    /// The component's name.
    pub component: String,
    /// The version that its hosts go to.
    pub to: String,
    /// One after the other.
    pub batches: Vec<Batch>,
    /// The rules that every state in it was held against.
    pub rules: Vec<String>,
    /// What takes a step back, in words.
    pub inverse: String,
    /// The new version, which ran as the old one so far, becomes itself.
    pub ends_emulation: bool,
    /// Whether a host stays at the new version once it has served it.
    pub point_of_no_return: bool,
    /// What it takes in all.
    pub time: Span,
}

/// Hosts that go through a stage together.
#[derive(Debug, Clone, Serialize)]
pub struct Batch {
    /// One step per host.
    pub steps: Vec<Step>,
}

/// What happens to one host.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// The host.
    pub host: String,
    /// The version that runs before; empty when it is not known.
    pub from: String,
    /// The version that runs after.
    pub to: String,
    /// The new binary waits on the host already.
    pub staged: bool,
    /// Rules that the state after this step breaks and the state before did not; empty when it is legal.
    pub breaks: Vec<Violation>,
}

/// How long something takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The waits that always happen, in seconds.
    #[serde(serialize_with = "seconds")]
    pub at_least: Duration,
    /// When the last timeout has passed, in seconds.
    #[serde(serialize_with = "seconds")]
    pub at_most: Duration,
    /// By earlier runs, in seconds; `None` when a part of it was never run.
    #[serde(serialize_with = "optional_seconds")]
    pub usual: Option<Duration>,
}

impl Span {
    /// This, and then `next`.
    pub(super) fn then(&mut self, next: Self) {
        self.at_least += next.at_least;
        self.at_most += next.at_most;
        self.usual = self
            .usual
            .and_then(|usual| next.usual.map(|next| usual + next));
    }

    /// Nothing yet.
    pub(super) fn zero() -> Self {
        Self {
            usual: Some(Duration::ZERO),
            ..Self::default()
        }
    }
}

impl Upgrade {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.clusters
            .iter()
            .all(|cluster| cluster.stages.is_empty() && cluster.blocked.is_none())
    }

    /// Whether a rule forbids any of it.
    pub fn is_blocked(&self) -> bool {
        self.clusters
            .iter()
            .any(|cluster| cluster.blocked.is_some())
    }
}

impl Stage {
    /// All steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.batches.iter().flat_map(|batch| &batch.steps)
    }
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

#[expect(clippy::ref_option, reason = "serde hands a field over by reference")]
fn optional_seconds<S: serde::Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration
        .map(|duration| duration.as_secs())
        .serialize(serializer)
}
