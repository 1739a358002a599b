//! SSH, and the only place that names russh.
//!
//! russh's callbacks run on the task that serves the whole connection, so they only look at data loaded beforehand.

mod authentication;
mod channel;
mod client;
mod dial;
mod host;
mod known_hosts;
mod settings;
mod trust;

pub(super) use dial::{Route, dial};
pub(super) use host::SshHost;
