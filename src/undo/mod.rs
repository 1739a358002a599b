//! The inverse of a change, and the undo log that lives on the host.
//!
//! This room writes shell text and reads its answers; it must not know tasks or connections.

mod entry;

pub use entry::{Entry, Undo};
