//! The play's `probe:`: what is asked again and again while the play runs.

use super::ast::Probe;
use super::checks;
use super::reader::Reader;
use crate::source::{Diagnostic, did_you_mean};
use crate::yaml::{Mapping, Node};

const KEYS: [&str; 7] = [
    "ca",
    "command",
    "failures",
    "interval",
    "timeout",
    "url",
    "validate_certs",
];

impl Reader<'_> {
    /// Reads `probe`.
    pub(super) fn probe(&mut self, node: &Node) -> Option<Probe> {
        if node.is_null() {
            return None;
        }
        let Some(mapping) = node.as_mapping() else {
            self.push(
                Diagnostic::error("wrong-type", "`probe` must be a mapping")
                    .at(&node.span, format!("this is {}", node.kind_name()))
                    .hint("write `probe: {url: ...}` or `probe: {command: ...}`"),
            );
            return None;
        };
        for (key, _) in mapping {
            let name = key.key_text();
            if !KEYS.contains(&name.as_str()) {
                let mut diagnostic = Diagnostic::error(
                    "unknown-keyword",
                    format!("`{name}` is not a keyword of `probe`"),
                )
                .at(&key.span, "");
                if let Some(near) = did_you_mean(&name, KEYS) {
                    diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
                }
                self.push(diagnostic);
            }
        }
        let time = "seconds, or a time such as 30s or 5m";
        let probe = Probe {
            span: node.span.clone(),
            url: self.number(mapping, "url", checks::is_scalar, "a URL"),
            command: self.number(mapping, "command", checks::is_scalar, "a command"),
            interval: self.number(mapping, "interval", checks::is_duration, time),
            timeout: self.number(mapping, "timeout", checks::is_duration, time),
            failures: self.number(mapping, "failures", checks::is_whole, "a whole number"),
            ca: self.number(mapping, "ca", checks::is_scalar, "a path"),
            validate_certs: self.switch(mapping, "validate_certs"),
        };
        if probe.url.is_none() && probe.command.is_none() {
            self.error_hint(
                "missing-keyword",
                "`probe` has nothing to ask",
                &node.span,
                "give it a `url` or a `command`",
            );
        }
        Some(probe)
    }

    fn switch(&mut self, mapping: &Mapping, key: &str) -> Option<Node> {
        let value = mapping.get(key).filter(|value| !value.is_null())?;
        self.templates(value);
        self.boolean(key, value);
        Some(value.clone())
    }
}
