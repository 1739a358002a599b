//! What will happen, before it happens: the order of hosts, the batches of a play, the steps of an upgrade, and
//! whether they fit into a maintenance window.
//!
//! Pure arithmetic; this room must not know how a plan is shown or carried out.

mod batches;
mod order;
mod upgrade;
mod upgrade_input;
mod upgrade_walk;
#[cfg(test)]
mod upgrade_walk_tests;
mod usual;
mod window;

pub use batches::{BatchError, BatchSize, batches};
pub use order::{Order, order};
pub use upgrade::{Batch, Blocked, ClusterPlan, Span, Stage, Step, Upgrade};
pub use upgrade_input::{Artifact, ClusterNow, Found, Times, Work};
pub use usual::Usual;
pub use window::{
    Allowance, Begin, Closing, CronTimes, DayTime, Expected, Fit, Measured, Share, Window,
};
