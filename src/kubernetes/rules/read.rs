//! Reading the fields of one rule, with the place of every mistake.
//!
//! This file knows how a field is written. It must not know which fields a rule has.

use super::data::Cite;
use super::{Component, Minor};
use crate::source::{Diagnostic, Diagnostics, did_you_mean};
use crate::yaml::{Mapping, Node, NodeKind};

/// One rule while it is read: fields are asked for by name, and what nobody asked for is a mistake.
pub(super) struct Fields<'a> {
    node: &'a Node,
    mapping: &'a Mapping,
    known: Vec<&'static str>,
    pub(super) wrong: Diagnostics,
}

impl<'a> Fields<'a> {
    /// `node` must be a mapping.
    pub(super) fn new(node: &'a Node, mapping: &'a Mapping) -> Self {
        Self {
            node,
            mapping,
            known: vec!["id", "disabled", "source", "checked"],
            wrong: Diagnostics::new(),
        }
    }

    pub(super) fn optional(&mut self, name: &'static str) -> Option<&'a Node> {
        self.known.push(name);
        self.mapping.get(name).filter(|node| !node.is_null())
    }

    fn required(&mut self, name: &'static str) -> Option<&'a Node> {
        let found = self.optional(name);
        if found.is_none() {
            self.wrong.push(
                Diagnostic::error("rules-missing-field", format!("the rule has no `{name}`"))
                    .at(&self.node.span, "this rule"),
            );
        }
        found
    }

    pub(super) fn refuse(&mut self, node: &Node, message: String, hint: Option<String>) {
        let diagnostic = Diagnostic::error("rules-bad-value", message).at(&node.span, "here");
        self.wrong.push(match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    }

    /// A text that must be there; empty once a mistake was noted.
    pub(super) fn text(&mut self, name: &'static str) -> String {
        let Some(node) = self.required(name) else {
            return String::new();
        };
        self.text_of(name, node)
    }

    fn text_of(&mut self, name: &str, node: &Node) -> String {
        let text = node.as_str().map(str::trim).unwrap_or_default();
        if text.is_empty() {
            let message = format!("`{name}` takes a text, not {}", node.kind_name());
            self.refuse(node, message, None);
        }
        text.to_owned()
    }

    /// A list of texts that must be there and hold one at least.
    pub(super) fn texts(&mut self, name: &'static str) -> Vec<String> {
        let Some(node) = self.required(name) else {
            return Vec::new();
        };
        match node.as_sequence() {
            Some(items) if !items.is_empty() => {
                items.iter().map(|item| self.text_of(name, item)).collect()
            }
            _ => {
                let message = format!("`{name}` takes a list of texts");
                self.refuse(node, message, None);
                Vec::new()
            }
        }
    }

    /// A number of minors, 0 or more.
    pub(super) fn count(&mut self, name: &'static str) -> i64 {
        let Some(node) = self.required(name) else {
            return 0;
        };
        match node.kind {
            NodeKind::Int(number) if number >= 0 => number,
            _ => {
                let message = format!("`{name}` takes a number of minors, 0 or more");
                self.refuse(node, message, None);
                0
            }
        }
    }

    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        let Some(node) = self.optional(name) else {
            return false;
        };
        if let NodeKind::Bool(value) = node.kind {
            return value;
        }
        self.refuse(node, format!("`{name}` takes true or false"), None);
        false
    }

    pub(super) fn minor(&mut self, name: &'static str) -> Option<Minor> {
        let node = self.required(name)?;
        self.minor_of(name, node)
    }

    pub(super) fn optional_minor(&mut self, name: &'static str) -> Option<Minor> {
        let node = self.optional(name)?;
        self.minor_of(name, node)
    }

    fn minor_of(&mut self, name: &str, node: &Node) -> Option<Minor> {
        let found = node.as_str().and_then(|text| text.parse().ok());
        if found.is_none() {
            let hint = matches!(node.kind, NodeKind::Float(_) | NodeKind::Int(_))
                .then(|| format!("put it in quotes: \"{}\"", node.span.text()));
            let message = format!("`{name}` takes a minor such as \"1.35\"");
            self.refuse(node, message, hint);
        }
        found
    }

    /// One of a fixed set of names.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let node = self.required(name)?;
        self.choice(name, node, choices)
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &str,
        node: &Node,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let text = node.key_text();
        let found = choices.iter().find(|(choice, _)| *choice == text);
        if found.is_none() {
            let names = || choices.iter().map(|(choice, _)| *choice);
            let hint = did_you_mean(&text, names()).map(|near| format!("did you mean `{near}`?"));
            let all = names().collect::<Vec<_>>().join(", ");
            self.refuse(
                node,
                format!("`{name}` is one of {all}, not `{text}`"),
                hint,
            );
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn component(&mut self, name: &'static str) -> Option<Component> {
        self.one_of(name, &components())
    }

    /// A version or the start of one, as numbers: `3.5.26`, `2`.
    pub(super) fn numbers(&mut self, name: &'static str) -> Vec<u64> {
        let Some(node) = self.required(name) else {
            return Vec::new();
        };
        let text = node.as_str().unwrap_or_default();
        let numbers: Option<Vec<u64>> = text.split('.').map(|part| part.parse().ok()).collect();
        numbers.unwrap_or_else(|| {
            let message = format!("`{name}` takes a version in quotes, such as \"3.5.26\"");
            self.refuse(node, message, None);
            Vec::new()
        })
    }

    pub(super) fn cite(&mut self, id: &str) -> Cite {
        Cite {
            id: id.to_owned(),
            source: self.text("source"),
            checked: self.text("checked"),
        }
    }

    /// Notes each field that no reader asked for.
    pub(super) fn finish(mut self) -> Diagnostics {
        for (key, _) in self.mapping {
            let name = key.key_text();
            if self.known.contains(&name.as_str()) {
                continue;
            }
            let mut diagnostic =
                Diagnostic::error("rules-unknown-field", format!("no rule here has `{name}`"))
                    .at(&key.span, "here");
            if let Some(near) = did_you_mean(&name, self.known.iter().copied()) {
                diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
            }
            self.wrong.push(diagnostic);
        }
        self.wrong
    }
}

/// The names of components, to choose from.
pub(super) fn components() -> [(&'static str, Component); 10] {
    Component::ALL.map(|component| (component.name(), component))
}
