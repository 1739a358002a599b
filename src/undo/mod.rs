//! The inverse of a change, and the undo log that lives on the host.
//!
//! This room writes shell text and reads its answers; it must not know tasks or connections.
//!
//! On the host, under `<root>/runs/<run>/` (mode 0700):
//!
//! - `manifest`: one line per event: `3 intent replace /etc/motd`, `3 done`, `passed site.yml:7`, `committed 3`, `3 restored`, `3 settled`, `undone`;
//!   `alone 2026-11-21T10:00:00Z` when the host starts to go back by itself
//! - `files/<step>.<entry>`: what a step replaces
//! - `undo/<step>.sh`: the inverse of a step, which runs by hand too
//! - `releases/`: what the controller does once the host is back
//! - `revert.sh`: runs them all in the right order
//! - `deadman.sh`: arms, moves and stops the dead-man timer (a transient unit of systemd), and is what the timer runs
//! - `deadline`: when the timer runs out: seconds since boot, the limit, the boot; no file, no timer
//! - `seen`: a later run has told the user that the host went back by itself
//!
//! Under `<root>/lock/` is what keeps two runs from working on the host at once:
//!
//! - `holder`: who has it: `run RUN`, `holder` with more of it as JSON, `lease` for each Lease that the run has, and `taken`:
//!   hundredths of a second since boot, the boot
//! - `alive`: its last sign of life, likewise

#[cfg(test)]
mod deadman_tests;
mod entry;
mod host_lock;
#[cfg(test)]
mod host_lock_tests;
mod left;
mod log;
mod report;
mod standing;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Undo};
pub use host_lock::{HeldLock, HostLock, LOST_LOCK, LockState};
pub use left::Left;
pub use log::UndoLog;
pub use report::{
    Armed, RevertReport, RunState, Step, StepState, WENT_BACK, parse_alone, parse_armed,
};
pub use standing::Standing;
