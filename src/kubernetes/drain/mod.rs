//! Draining a node: which pods go, in which way, and what holds them.
//!
//! Evictions go through the API, so disruption budgets hold; none is ever bypassed.

mod budget;
mod evict;
mod options;
mod plan;
mod sort;

pub(super) use budget::matches as selects;
pub use evict::{Drained, drain};
pub use options::{DrainError, DrainOptions};
pub use plan::{DrainPlan, plan};
pub(super) use sort::{Fate, daemonset_of, fate, is_finished, is_ready};
