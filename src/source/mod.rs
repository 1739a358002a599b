//! Files, places in them, and what is wrong there.
//!
//! This room knows text and positions. It must not know YAML, Ansible or hosts.

mod diagnostic;
mod file;
mod relative;
mod render;
mod suggestion;

pub use diagnostic::{Diagnostic, Diagnostics, Label, Severity};
pub use file::{Position, SourceFile, Span};
pub use relative::{folder_of, relative};
pub use suggestion::did_you_mean;
