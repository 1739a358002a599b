//! Draining a node: which pods go, in which order and way, and what holds them.
//!
//! Evictions go through the API, so disruption budgets hold. They are bypassed only where the options name how, and then
//! it is said which ones.

mod budget;
mod detach;
mod evict;
mod expiry;
mod options;
mod order;
mod plan;
mod replace;
mod run;
mod sort;
mod special;

pub(super) use budget::matches as selects;
pub use options::{DrainError, DrainOptions, OnTimeout};
pub use plan::{DrainPlan, plan};
pub use run::{Drained, drain};
pub(super) use sort::{Fate, controller, daemonset_of, fate, is_finished, is_ready};
