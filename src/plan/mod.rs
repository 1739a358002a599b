//! What will happen, before it happens: the order of hosts and the batches of a play.
//!
//! Pure arithmetic; this room must not know how a plan is shown or carried out.

mod batches;
mod order;

pub use batches::{BatchError, BatchSize, batches};
pub use order::{Order, order};
