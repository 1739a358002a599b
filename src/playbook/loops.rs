//! `loop`, `with_*` and `loop_control`.

use super::ast::{Loop, LoopControl, PlayLoop};
use super::checks;
use super::reader::Reader;
use crate::source::{Diagnostic, did_you_mean};
use crate::yaml::{Mapping, Node};
use std::sync::Arc;

/// The lookups of ansible-core, any of which `with_` can take.
const LOOKUPS: [&str; 23] = [
    "config",
    "csvfile",
    "dict",
    "env",
    "file",
    "fileglob",
    "first_found",
    "indexed_items",
    "ini",
    "inventory_hostnames",
    "items",
    "lines",
    "list",
    "nested",
    "password",
    "pipe",
    "random_choice",
    "sequence",
    "subelements",
    "template",
    "together",
    "vars",
    "varnames",
];

const LOOP_CONTROL: [&str; 7] = [
    "break_when",
    "extended",
    "extended_allitems",
    "index_var",
    "label",
    "loop_var",
    "pause",
];

/// Whether a task repeats.
pub(super) fn has_loop(mapping: &Mapping) -> bool {
    mapping
        .iter()
        .filter_map(|(key, _)| key.as_str())
        .any(|key| key == "loop" || key.starts_with("with_"))
}

impl Reader<'_> {
    /// Reads `loop` or `with_*`.
    pub(super) fn repeat(&mut self, mapping: &Mapping) -> Option<Loop> {
        let mut found: Option<(&Node, Loop)> = None;
        for (key, value) in mapping {
            let Some(name) = key.as_str() else { continue };
            let lookup = match name.strip_prefix("with_") {
                Some(lookup) => Some(lookup),
                None if name == "loop" => None,
                None => continue,
            };
            if let Some((first, _)) = &found {
                self.push(
                    Diagnostic::error(
                        "two-loops",
                        format!(
                            "a task repeats over one thing, this one has `{}` and `{name}`",
                            first.key_text()
                        ),
                    )
                    .at(&key.span, "the second")
                    .at(&first.span, "the first"),
                );
                continue;
            }
            self.loop_value(key, lookup, value);
            let repeat = Loop {
                lookup: lookup.map(str::to_owned),
                items: value.clone(),
            };
            found = Some((key, repeat));
        }
        found.map(|(_, repeat)| repeat)
    }

    /// The loops around a play or an import: those further out, then its own.
    pub(super) fn loops_within(
        &mut self,
        outer: &[Arc<PlayLoop>],
        mapping: &Mapping,
    ) -> Vec<Arc<PlayLoop>> {
        let mut loops = outer.to_vec();
        let control = self.loop_control(mapping.get("loop_control"));
        match self.repeat(mapping) {
            Some(over) => {
                self.only_for_tasks(mapping);
                loops.push(Arc::new(PlayLoop { over, control }));
            }
            None => {
                if let Some((key, _)) = mapping.entry("loop_control") {
                    self.error(
                        "no-loop",
                        "`loop_control` stands here without a `loop`",
                        &key.span,
                    );
                }
            }
        }
        loops
    }

    /// Keywords of `loop_control` that mean nothing to plays.
    fn only_for_tasks(&mut self, mapping: &Mapping) {
        let control = mapping.get("loop_control").and_then(Node::as_mapping);
        for (key, _) in control.into_iter().flatten() {
            let name = key.key_text();
            if ["break_when", "label", "pause"].contains(&name.as_str()) {
                self.error(
                    "unsupported-keyword",
                    format!("`{name}` is for loops of tasks, not of plays"),
                    &key.span,
                );
            }
        }
    }

    fn loop_value(&mut self, key: &Node, lookup: Option<&str>, value: &Node) {
        self.templates(value);
        let Some(lookup) = lookup else {
            if !checks::is_open(value) && value.as_sequence().is_none() {
                self.wrong_type("loop", value, "a list");
            }
            return;
        };
        let short = lookup.strip_prefix("ansible.builtin.").unwrap_or(lookup);
        if !LOOKUPS.contains(&short) {
            let mut diagnostic = Diagnostic::error(
                "unknown-lookup",
                format!("`with_{lookup}` is not supported"),
            )
            .at(&key.span, "");
            if let Some(near) = did_you_mean(short, LOOKUPS) {
                diagnostic = diagnostic.hint(format!("did you mean `with_{near}`?"));
            }
            self.push(diagnostic);
        }
    }

    /// Reads `loop_control`.
    pub(super) fn loop_control(&mut self, node: Option<&Node>) -> LoopControl {
        let mut control = LoopControl::default();
        let Some(node) = node.filter(|node| !node.is_null()) else {
            return control;
        };
        let Some(mapping) = node.as_mapping() else {
            self.wrong_type("loop_control", node, "a mapping");
            return control;
        };
        for (key, value) in mapping {
            let name = key.key_text();
            match name.as_str() {
                "break_when" => control.break_when = self.conditions("break_when", value),
                "loop_var" => control.loop_var = self.loop_name(value),
                "index_var" => control.index_var = self.loop_name(value),
                "label" => {
                    self.templates(value);
                    control.label = Some(value.clone());
                }
                "pause" => {
                    control.pause =
                        self.number(mapping, "pause", checks::is_number, "a number of seconds");
                }
                "extended" => {
                    self.boolean("extended", value);
                    control.extended = Some(value.clone());
                }
                "extended_allitems" => self.error(
                    "unsupported-keyword",
                    "`extended_allitems` is not supported yet",
                    &key.span,
                ),
                _ => {
                    let mut diagnostic = Diagnostic::error(
                        "unknown-keyword",
                        format!("`{name}` is not a keyword of `loop_control`"),
                    )
                    .at(&key.span, "");
                    if let Some(near) = did_you_mean(&name, LOOP_CONTROL) {
                        diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
                    }
                    self.push(diagnostic);
                }
            }
        }
        control
    }

    fn loop_name(&mut self, node: &Node) -> Option<String> {
        if checks::is_template(node) {
            self.error(
                "unsupported-keyword",
                "a loop variable's name cannot be a template yet",
                &node.span,
            );
            return None;
        }
        self.variable_name(node, "loop variable");
        Some(node.key_text())
    }
}
