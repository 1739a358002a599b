//! Plays, blocks, tasks, roles and handlers as a syntax tree; imports; static checks.
//!
//! This room must not run anything, and knows modules only as a `Catalog` of names and parameters.

mod argument_spec;
mod ast;
mod block;
mod catalog;
mod checks;
mod duration;
mod files;
mod free_form;
mod handlers;
mod imports;
mod include;
mod keywords;
mod lists;
mod loader;
mod loops;
mod meta;
mod params;
mod play;
mod probe;
mod reader;
mod role;
mod role_files;
mod rollback;
pub mod tags;
mod task;

#[cfg(test)]
mod loader_tests;
#[cfg(test)]
mod test_catalog;

pub use argument_spec::ArgumentSpec;
pub use ast::{
    Action, Block, Include, Item, Keywords, Loop, LoopControl, Play, PlayLoop, Playbook, Probe,
    Role, RoleInclude, Rollback, Task,
};
pub use catalog::{Catalog, FreeForm, Kind, Parameter, Spec};
pub use duration::parse_duration;
pub use lists::{Listed, task_list};
pub use loader::{HostsCheck, LoadOptions, Loader, RoleLoad, RoleRequest, TaskLoad, TaskRequest};
pub use tags::{names as tag_names, selected};
