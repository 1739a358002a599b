//! Short ways to write down a parameter; aliases and choices are added with struct update syntax.

use crate::playbook::{Kind, Parameter};

/// A parameter that may be left out.
pub(super) const fn optional(name: &'static str, kind: Kind, summary: &'static str) -> Parameter {
    Parameter {
        name,
        aliases: &[],
        kind,
        required: false,
        choices: &[],
        summary,
    }
}

/// A parameter that must be given.
pub(super) const fn required(name: &'static str, kind: Kind, summary: &'static str) -> Parameter {
    Parameter {
        name,
        aliases: &[],
        kind,
        required: true,
        choices: &[],
        summary,
    }
}
