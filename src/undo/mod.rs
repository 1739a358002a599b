//! The inverse of a change, and the undo log that lives on the host.
//!
//! This room writes shell text and reads its answers; it must not know tasks or connections.
//!
//! On the host, under `<root>/runs/<run>/` (mode 0700):
//!
//! - `manifest`: one line per event: `3 intent replace /etc/motd`, `3 done`, `committed 3`, `3 restored`, `3 settled`, `undone`
//! - `files/<step>.<entry>`: what a step replaces
//! - `undo/<step>.sh`: the inverse of a step, which runs by hand too
//! - `releases/`: what the controller does once the host is back
//! - `revert.sh`: runs them all in the right order

mod entry;
mod log;
mod report;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Undo};
pub use log::UndoLog;
pub use report::{RevertReport, RunState, Step, StepState};
