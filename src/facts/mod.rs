//! What a host is: one shell script, one round trip, one parser.
//!
//! Facts have Ansible's names, with the `ansible_` prefix. This room must not know modules, nor when facts are gathered.
//! Only `ansible_windlass` is our own: `boot_id`, and `cgroup`, the version of the host's control groups (1, 2, or 0 for none).

mod answer;
mod distribution;
mod gather;
mod hardware;
mod local;
mod network;
mod platform;
mod script;
mod subset;
#[cfg(test)]
mod tests;
mod virtualization;

pub use gather::{Facts, FactsError, parse};
pub use script::{Request, script};
pub use subset::Subset;
