//! Lookups: values from the controller's files, environment and commands, and from lists and variables.

mod files;
mod items;
mod register;
mod sequence;
mod variables;

pub(super) use register::{Request, run};
