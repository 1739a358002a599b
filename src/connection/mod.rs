//! Ways to run commands on a host: SSH, this machine, and a scripted one for tests.
//!
//! `connection::ssh` is the one client of russh. This room must not know modules.

mod api;

pub use api::{
    Attributes, ByteStream, Command, Connection, ConnectionError, Output, RemotePath, Upload,
};
