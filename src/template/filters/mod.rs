//! Ansible's filters, and those of Jinja that minijinja has differently.

mod choose;
mod data;
mod encode;
mod ip;
mod list;
mod math;
mod path;
mod pattern;
mod register;
mod text;
mod time;
mod url;

pub(super) use data::pairs_of;
pub(super) use list::product_of;
pub(super) use pattern::{compile, failed};
pub(super) use register::{RESULT, names, register};
pub(super) use text::split_right;
pub(super) use time::now;
