//! Commands over any way to start a process: framing, long-lived shells, becoming another user, uploads.
//!
//! SSH and this machine differ only in how a process is started (`Spawn`); everything else is here, once. This part
//! must not know SSH.

mod ending;
mod frame;
mod pool;
mod process;
mod scan;
mod shell;
mod start;
mod under_way;
mod upload;

#[cfg(test)]
mod tests;

pub(crate) use pool::Sessions;
pub(crate) use process::{Event, Events, Process, Spawn};
