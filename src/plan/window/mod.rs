//! Maintenance windows: when a run may change something, and whether a batch would still end in time.
//!
//! A window is wall-clock time in one time zone, so it is at 02:00 in summer and in winter. This module must not know
//! where its text comes from or what time it is now.

mod begin;
mod calendar;
mod days;
mod expect;
mod hours;
mod read;
mod share;
#[cfg(test)]
mod tests;
mod words;

pub use begin::{Begin, CronTimes};
pub use calendar::{Closing, DayTime, Window};
pub use expect::{Allowance, Expected, Fit, Measured};
pub use share::Share;
