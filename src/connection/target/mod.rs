//! Where a host is and how to log in there, from Ansible's connection variables.

mod model;
mod ssh_options;
mod variables;

pub use model::{Defaults, HostKeyPolicy, Jump, Keepalive, Kind, Target};
pub use ssh_options::check_ssh_args;
