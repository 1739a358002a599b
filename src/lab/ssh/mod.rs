//! The SSH servers of a lab, one per host, on loopback.
//!
//! This room knows SSH and processes. It must not know Kubernetes, units or what the commands mean.

mod channel;
mod connection;
mod handler;
mod keys;
mod process;
mod server;

pub(in crate::lab) use keys::{HostKeys, client_key};
pub(in crate::lab) use server::{HostServer, Shared, USER};
