//! Plays, blocks, tasks, roles and handlers as a syntax tree; imports; static checks.
//!
//! This room must not run anything, and knows modules only as a `Catalog` of names and parameters.

mod ast;
mod catalog;

pub use ast::{
    Action, Block, Include, Item, Keywords, Loop, LoopControl, Play, Playbook, Role, RoleInclude,
    Rollback, Task,
};
pub use catalog::{Catalog, FreeForm, Kind, Parameter, Spec};
