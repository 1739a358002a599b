//! What will happen, before it happens: the order of hosts, the batches of a play, and the steps of an upgrade.
//!
//! Pure arithmetic; this room must not know how a plan is shown or carried out.

mod batches;
mod order;
mod upgrade;
mod upgrade_input;
mod upgrade_walk;
#[cfg(test)]
mod upgrade_walk_tests;

pub use batches::{BatchError, BatchSize, batches};
pub use order::{Order, order};
pub use upgrade::{Batch, Blocked, ClusterPlan, Span, Stage, Step, Upgrade};
pub use upgrade_input::{Artifact, ClusterNow, Found, Times, Work};
