//! Ways to run commands on a host: SSH, this machine, and a scripted one for tests.
//!
//! `Target` says where a host is and how to log in, `Connector` makes a `Connection` of it. `connection::ssh` is the
//! one client of russh. This room must not know modules.

mod api;
mod connector;
mod fake;
mod local;
mod secret;
mod session;
mod ssh;
mod target;

pub use api::{
    Attributes, ByteStream, Command, Connection, ConnectionError, Output, RemotePath, Upload,
};
pub use connector::{Connector, Limits};
pub use fake::Fake;
pub use local::Local;
pub use secret::Secret;
pub use target::{Defaults, HostKeyPolicy, Jump, Keepalive, Kind, Target, check_ssh_args};
