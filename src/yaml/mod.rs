//! YAML 1.1 as PyYAML reads it, with the place of every key and scalar; and a writer that matches PyYAML.
//!
//! This room knows YAML and nothing of playbooks.

mod load;
mod node;
mod resolve;
mod truth;
mod write;

pub use load::{parse, parse_text};
pub use node::{Mapping, Node, NodeKind, Style, Text};
pub use truth::truth;
pub use write::{WriteOptions, write};
