//! One pass over files: what has been found so far, and where the pass stands.
//!
//! It knows no keyword; each kind of thing is read in a file of its own.

use super::ast::{Item, Role};
use super::checks;
use super::loader::Loader;
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::template::Scope;
use crate::yaml::Node;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where an item stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The folder of its file.
    pub(super) folder: PathBuf,
    /// The role it belongs to.
    pub(super) role: Option<Arc<Role>>,
    /// Whether it is a handler.
    pub(super) handlers: bool,
    /// `notify` of what is around it.
    pub(super) notify: Vec<Node>,
    /// Whether a condition or a loop around it may keep it from running.
    pub(super) guarded: bool,
    /// Conditions and tags around it, which tell whether two entries of one role would run alike.
    pub(super) chain: String,
}

/// What one play, or one include at run time, has gathered.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Handlers of static roles.
    pub(super) handlers: Vec<Item>,
    /// Static roles, dependencies first.
    pub(super) roles: Vec<Arc<Role>>,
    /// What tells role entries apart; the second of two equal ones is left out.
    pub(super) role_keys: HashSet<String>,
    /// Handlers that static `notify` names.
    pub(super) notified: Vec<Node>,
    /// Names that static includes would define.
    pub(super) included_names: super::handlers::Known,
}

/// One pass.
pub(super) struct Reader<'a> {
    pub(super) loader: &'a Loader,
    pub(super) diagnostics: Diagnostics,
    /// `playbook_dir`.
    pub(super) playbook_folder: PathBuf,
    /// Files being read, the innermost last.
    pub(super) open_files: Vec<PathBuf>,
    /// Roles being read, the innermost last.
    pub(super) open_roles: Vec<PathBuf>,
    /// Dynamic includes already looked into.
    pub(super) looked_into: HashSet<String>,
    pub(super) gathered: Gathered,
}

impl<'a> Reader<'a> {
    pub(super) fn new(loader: &'a Loader, playbook_folder: &Path) -> Self {
        Self {
            loader,
            diagnostics: Diagnostics::new(),
            playbook_folder: playbook_folder.to_owned(),
            open_files: Vec::new(),
            open_roles: Vec::new(),
            looked_into: HashSet::new(),
            gathered: Gathered::default(),
        }
    }

    /// `value`, or every mistake once, those of one file together and in its order.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Diagnostics> {
        let mut seen = HashSet::new();
        let mut files: Vec<PathBuf> = Vec::new();
        let mut unique: Vec<((usize, usize), Diagnostic)> = Vec::new();
        for each in self.diagnostics {
            if seen.insert(format!("{} {each}", each.code)) {
                unique.push((place_of(&each, &mut files), each));
            }
        }
        unique.sort_by_key(|(place, _)| *place);
        let mut all = Diagnostics::new();
        for (_, each) in unique {
            all.push(each);
        }
        all.or(value)
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Adds an error at one place.
    pub(super) fn error(&mut self, code: &'static str, message: impl Into<String>, at: &Span) {
        self.push(Diagnostic::error(code, message).at(at, ""));
    }

    /// Adds an error with a hint.
    pub(super) fn error_hint(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        at: &Span,
        hint: impl Into<String>,
    ) {
        self.push(Diagnostic::error(code, message).at(at, "").hint(hint));
    }

    /// Adds the error that `key` takes something else than `value`.
    pub(super) fn wrong_type(&mut self, key: &str, value: &Node, expected: &str) {
        self.push(
            Diagnostic::error("wrong-type", format!("`{key}` must be {expected}"))
                .at(&value.span, format!("this is {}", value.kind_name())),
        );
    }

    /// Checks the templates in `node`.
    pub(super) fn templates(&mut self, node: &Node) {
        for each in self.loader.templar().check(node) {
            self.diagnostics.push(each);
        }
    }

    /// Reads a condition or a list of them, and checks them.
    pub(super) fn conditions(&mut self, key: &str, node: &Node) -> Vec<Node> {
        let conditions = one_or_many(node);
        for each in &conditions {
            if each.as_mapping().is_some() || each.as_sequence().is_some() {
                self.push(
                    Diagnostic::error(
                        "wrong-type",
                        format!("`{key}` must be a condition or a list of conditions"),
                    )
                    .at(&each.span, format!("this is {}", each.kind_name()))
                    .hint("a condition that starts with `{` or holds `: ` needs quotes around it"),
                );
            } else {
                for diagnostic in self.loader.templar().check_condition(each) {
                    self.diagnostics.push(diagnostic);
                }
            }
        }
        conditions
    }

    /// A name that must be known before the run; templates in it may use extra variables only.
    pub(super) fn static_name(&mut self, what: &str, node: &Node) -> Option<String> {
        let Some(text) = node.as_str() else {
            match &node.kind {
                crate::yaml::NodeKind::Int(_) | crate::yaml::NodeKind::Float(_) => {
                    return Some(node.key_text());
                }
                _ => self.wrong_type(what, node, "a name"),
            }
            return None;
        };
        if !checks::is_template(node) {
            return Some(text.to_owned());
        }
        let scope = Scope {
            layers: vec![self.loader.extra_vars()],
            ..Scope::default()
        };
        let rendered = self.loader.templar().render(node, &scope);
        let reason = match rendered {
            Ok(value) => match value.as_str().filter(|text| !text.contains("{{")) {
                Some(text) => return Some(text.to_owned()),
                None => "it does not render to a string".to_owned(),
            },
            Err(error) => error.message,
        };
        let hint = match what {
            "import_tasks" => "use `include_tasks` for a file that is known only at run time",
            "import_role" | "roles" => {
                "use `include_role` for a role that is known only at run time"
            }
            _ => "a name known before the run can use only variables given with `-e`",
        };
        self.push(
            Diagnostic::error(
                "template-in-import",
                format!("`{what}` must be known before the run"),
            )
            .at(&node.span, reason)
            .hint(hint),
        );
        None
    }
}

/// Files in the order they were met, and the place in the file.
fn place_of(diagnostic: &Diagnostic, files: &mut Vec<PathBuf>) -> (usize, usize) {
    let Some(label) = diagnostic.labels.first() else {
        return (0, 0);
    };
    let path = label.span.source().path();
    let file = files
        .iter()
        .position(|known| known == path)
        .unwrap_or_else(|| {
            files.push(path.to_owned());
            files.len() - 1
        });
    (file, label.span.start())
}

/// The items of a list, or the one value; nothing for null.
pub(super) fn one_or_many(node: &Node) -> Vec<Node> {
    match node.as_sequence() {
        Some(items) => items.to_vec(),
        None if node.is_null() => Vec::new(),
        None => vec![node.clone()],
    }
}
