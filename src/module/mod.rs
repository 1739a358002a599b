//! What tasks can do: `trait Module`, the registry, one file per module.
//!
//! A module writes down once what differs, how to change it and how to take it back; check mode, diff and rollback follow.
//! This room must not know the engine or russh.

mod api;
mod context;
mod cordon;
mod drain;
mod gate;
mod kube_node;
mod kube_target;
mod params;
mod registry;
mod uncordon;

pub use api::{Change, Inspection, Module, ModuleError, Outcome};
pub use context::{Context, Remote, UndoScript};
pub use params::{Params, coerce};
pub use registry::{Modules, find};
