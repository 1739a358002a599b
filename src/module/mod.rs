//! What tasks can do: `trait Module`, the registry, one file per module.
//!
//! A module writes down once what differs, how to change it and how to take it back; check mode, diff and rollback follow.
//! This room must not know the engine or russh.

mod api;
mod api_server;
mod api_servers;
mod artifact;
mod assert;
mod baseline;
mod command;
mod commit;
mod config_map;
mod context;
mod controller_file;
mod copy;
mod copy_folder;
mod cordon;
mod debug;
mod deliver;
mod deliver_apply;
mod diff;
mod drain;
mod fail;
mod fetch;
mod file;
mod file_plan;
mod file_recurse;
mod gate;
mod get_url;
mod healthz;
mod hop_versions;
mod include_vars;
mod init_script;
mod kube_flags;
mod kube_node;
mod kube_target;
mod look;
mod mode;
mod parameter;
mod params;
mod pause;
mod ping;
mod preflight;
mod preflight_cluster;
mod preflight_host;
mod preflight_report;
mod registry;
mod remote_stat;
mod service;
mod set_fact;
mod setup;
mod shell;
mod slurp;
mod stat;
mod systemd;
mod template;
#[cfg(test)]
mod testing;
mod uncordon;
mod unit;
#[cfg(test)]
mod unit_fake;
mod upgrade_path;
mod wait_for;

pub use api::{Change, Inspection, Module, ModuleError, Outcome};
pub use context::{Context, Remote, UndoScript};
pub use params::{Params, coerce};
pub use registry::{Modules, find};
