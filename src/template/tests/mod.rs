//! Ansible's tests, and those of Jinja that minijinja has differently.

mod compare;
mod files;
mod register;
mod results;
mod url;
mod values;
mod version;

pub(super) use register::{names, register};
