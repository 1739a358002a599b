//! Hosts and groups: sources (INI, YAML, folder, list), patterns, group_vars and host_vars.
//!
//! This room must not know plays.

mod address;
mod draft;
mod files;
mod ini;
mod literal;
mod merge;
mod model;
mod output;
mod pattern;
mod query;
mod secrecy;
mod select;
mod sources;
mod vars_files;
mod words;
mod yaml_file;

pub use files::files;
pub use model::{Group, Host, Inventory};
pub use pattern::{Pattern, PatternError};
pub use select::{Selection, Unmatched};
pub use sources::{load, load_with};
pub use vars_files::VarsFolder;
