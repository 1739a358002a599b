//! A role's `meta/main.yml` and `meta/argument_specs.yml`.

use super::argument_spec::ArgumentSpec;
use super::checks;
use super::reader::Reader;
use crate::source::{Diagnostic, Span, did_you_mean};
use crate::yaml::Node;
use std::path::Path;
use std::sync::Arc;

const KEYS: [&str; 5] = [
    "allow_duplicates",
    "argument_specs",
    "collections",
    "dependencies",
    "galaxy_info",
];

/// What a role says of itself.
#[derive(Debug, Default)]
pub(super) struct Meta {
    pub(super) dependencies: Vec<Node>,
    pub(super) allow_duplicates: bool,
    pub(super) argument_spec: Option<Arc<ArgumentSpec>>,
}

impl Reader<'_> {
    /// Reads the meta files of the role at `role`; `entry` is the file of tasks that will run, without extension.
    pub(super) fn meta(&mut self, role: &Path, entry: &str, at: &Span) -> Meta {
        let mut meta = Meta::default();
        let mut specs = None;
        if let Some(path) = self.role_file(role, "meta", None, at)
            && let Some(node) = self.file(&path, at)
        {
            specs = self.main(&node, &mut meta);
        }
        let own_file = ["yml", "yaml"]
            .iter()
            .map(|extension| {
                role.join("meta")
                    .join(format!("argument_specs.{extension}"))
            })
            .find(|path| path.is_file());
        if let Some(path) = own_file
            && let Some(node) = self.file(&path, at)
        {
            specs = node
                .as_mapping()
                .and_then(|mapping| mapping.get("argument_specs"))
                .cloned();
            if specs.is_none() && !node.is_null() {
                self.error(
                    "argument-specs",
                    "there is no `argument_specs` in this file",
                    &node.span,
                );
            }
        }
        if let Some(specs) = specs {
            meta.argument_spec = self.argument_spec(&specs, entry);
        }
        meta
    }

    fn main(&mut self, node: &Node, meta: &mut Meta) -> Option<Node> {
        if node.is_null() {
            return None;
        }
        let Some(mapping) = node.as_mapping() else {
            self.wrong_type("meta/main.yml", node, "a mapping");
            return None;
        };
        let mut specs = None;
        for (key, value) in mapping {
            let name = key.key_text();
            match name.as_str() {
                "allow_duplicates" => {
                    self.boolean(&name, value);
                    meta.allow_duplicates = checks::truth(value) == Some(true);
                }
                "dependencies" => match value.as_sequence() {
                    Some(items) => meta.dependencies = items.to_vec(),
                    None if value.is_null() => {}
                    None => self.wrong_type("dependencies", value, "a list of roles"),
                },
                "argument_specs" => specs = Some(value.clone()),
                "collections" => self.supported(key, value),
                // Of use to galaxy only.
                "galaxy_info" => {}
                _ => {
                    let mut diagnostic = Diagnostic::error(
                        "unknown-keyword",
                        format!("`{name}` is not a keyword of a role's meta file"),
                    )
                    .at(&key.span, "");
                    if let Some(near) = did_you_mean(&name, KEYS) {
                        diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
                    }
                    self.push(diagnostic);
                }
            }
        }
        specs
    }

    fn argument_spec(&mut self, specs: &Node, entry: &str) -> Option<Arc<ArgumentSpec>> {
        let Some(mapping) = specs.as_mapping() else {
            self.wrong_type("argument_specs", specs, "a mapping of entry points");
            return None;
        };
        let mut found = None;
        for (key, value) in mapping {
            match ArgumentSpec::read(&key.key_text(), value) {
                Ok(spec) if key.key_text() == entry => found = Some(Arc::new(spec)),
                Ok(_) => {}
                Err(diagnostics) => self.diagnostics.extend(diagnostics),
            }
        }
        found
    }
}
