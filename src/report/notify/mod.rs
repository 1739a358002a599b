//! Notifications: what happens in a run, told to a webhook or a command while it happens.
//!
//! `notice` is what is told and in which shape, `watcher` knows when, `target` knows to whom, `webhook` and `hook` bring it there,
//! and `courier` sees to it that no run waits for any of that.

mod courier;
mod hook;
mod notice;
mod target;
mod watcher;
mod webhook;

pub use courier::{Couriers, Patience};
pub use notice::{Notice, Occasion};
pub use target::{Target, TargetError};
pub use watcher::notifier;
