//! The play's `rollback:`.

use super::ast::Rollback;
use super::reader::{Place, Reader};
use crate::source::{Diagnostic, did_you_mean};
use crate::yaml::{Node, NodeKind};

const KEYS: [&str; 3] = ["deadman", "on", "verify"];

impl Reader<'_> {
    /// Reads `rollback`.
    pub(super) fn rollback(&mut self, node: &Node, place: &Place) -> Option<Rollback> {
        if node.is_null() {
            return None;
        }
        let Some(mapping) = node.as_mapping() else {
            self.push(
                Diagnostic::error("wrong-type", "`rollback` must be a mapping")
                    .at(&node.span, format!("this is {}", node.kind_name()))
                    .hint("write `rollback: {on: failure}` or `rollback: {on: never}`"),
            );
            return None;
        };
        let mut rollback = Rollback {
            span: node.span.clone(),
            on_failure: true,
            verify: Vec::new(),
        };
        for (key, value) in mapping {
            // YAML 1.1 reads an unquoted `on` as true.
            let name = match key.kind {
                NodeKind::Bool(true) => "on".to_owned(),
                _ => key.key_text(),
            };
            match name.as_str() {
                "on" => rollback.on_failure = self.rollback_on(value),
                "verify" => rollback.verify = self.verify(value, place),
                "deadman" => self.error(
                    "unsupported-keyword",
                    "the dead-man timer is not there yet",
                    &key.span,
                ),
                _ => {
                    let mut diagnostic = Diagnostic::error(
                        "unknown-keyword",
                        format!("`{name}` is not a keyword of `rollback`"),
                    )
                    .at(&key.span, "");
                    if let Some(near) = did_you_mean(&name, KEYS) {
                        diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
                    }
                    self.push(diagnostic);
                }
            }
        }
        Some(rollback)
    }

    fn rollback_on(&mut self, value: &Node) -> bool {
        match value.as_str() {
            Some("failure") => true,
            Some("never") => false,
            _ => {
                self.error_hint(
                    "not-a-choice",
                    format!("`on` cannot be `{}`", value.key_text()),
                    &value.span,
                    "it can be `failure` or `never`",
                );
                true
            }
        }
    }

    fn verify(&mut self, value: &Node, place: &Place) -> Vec<super::Item> {
        let Some(file) = self.static_name("verify", value) else {
            return Vec::new();
        };
        if let Some(path) = self.find_tasks(&file, place) {
            self.task_file(&path, place, &value.span)
        } else {
            self.missing_tasks(&file, place, &value.span);
            Vec::new()
        }
    }
}
