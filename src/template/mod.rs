//! Jinja as Ansible uses it: native values, lazy variables, Ansible's filters, tests and lookups.
//!
//! Only this room names minijinja. It must not know hosts' connections or SSH.

mod scope;

pub use scope::{HostVariables, Scope, Variable, Variables, variables_of};
mod templar;

pub use templar::{FileOptions, Templar, TemplateError};
