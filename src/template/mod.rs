//! Jinja as Ansible uses it: native values, lazy variables, Ansible's filters, tests and lookups.
//!
//! Only this room names minijinja. It must not know hosts' connections or SSH.

mod arguments;
mod chains;
mod check;
mod condition;
mod engine;
mod error;
mod file;
mod filters;
mod globals;
mod lazy;
mod lookups;
mod native;
#[cfg(test)]
mod oracle_tests;
mod place;
mod python;
mod render;
mod scope;
mod search;
mod templar;
#[cfg(test)]
mod templar_tests;
mod tests;
mod undefined;
mod value;
mod vars_file;

pub use error::TemplateError;
pub use scope::{HostVariables, Scope, Variable, Variables, variables_of};
pub use search::find_file;
pub use templar::{FileOptions, Templar};
pub use vars_file::{learn, learn_variables, variable_source};
