//! Ansible's tests, and those of Jinja that minijinja has differently.

mod files;
mod register;
mod results;
mod values;
mod version;

pub(super) use register::{names, register};
