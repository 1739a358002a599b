//! Hosts and groups: sources (INI, YAML, folder, list), patterns, group_vars and host_vars.
//!
//! This room must not know plays.

mod model;

pub use model::{Group, Host, Inventory};
