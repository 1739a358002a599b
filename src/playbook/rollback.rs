//! The play's `rollback:`.

use super::ast::Rollback;
use super::checks;
use super::reader::{Place, Reader};
use crate::source::{Diagnostic, did_you_mean};
use crate::yaml::{Node, NodeKind};

const KEYS: [&str; 5] = ["deadman", "on", "on_failure", "on_rollback", "verify"];

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
            deadman: None,
            before: Vec::new(),
            after: Vec::new(),
        };
        for (key, value) in mapping {
            // YAML 1.1 reads an unquoted `on` as true.
            let name = match key.kind {
                NodeKind::Bool(true) => "on".to_owned(),
                _ => key.key_text(),
            };
            match name.as_str() {
                "on" => rollback.on_failure = self.rollback_on(value),
                "verify" => rollback.verify = self.task_file_of("verify", value, place),
                "on_failure" => rollback.before = self.task_file_of("on_failure", value, place),
                "on_rollback" => rollback.after = self.task_file_of("on_rollback", value, place),
                "deadman" => rollback.deadman = self.deadman(value),
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
        let off = |node: &&Node| matches!(node.kind, NodeKind::Int(0) | NodeKind::Bool(false));
        if let Some(deadman) = rollback.deadman.as_ref().filter(|node| !off(node))
            && !rollback.on_failure
        {
            self.error_hint(
                "conflicting-keywords",
                "`deadman` takes hosts back, and `on: never` forbids that",
                &deadman.span,
                "write `on: failure`, or leave `deadman` out",
            );
        }
        Some(rollback)
    }

    fn deadman(&mut self, value: &Node) -> Option<Node> {
        if value.is_null() {
            return None;
        }
        self.templates(value);
        let off = matches!(value.kind, NodeKind::Bool(false));
        if !off && !checks::is_open(value) && !checks::is_duration(value) {
            self.wrong_type(
                "deadman",
                value,
                "seconds, or a time such as 30s, 15m or 1h",
            );
        }
        Some(value.clone())
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

    fn task_file_of(&mut self, key: &str, value: &Node, place: &Place) -> Vec<super::Item> {
        let Some(file) = self.static_name(key, value) else {
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
