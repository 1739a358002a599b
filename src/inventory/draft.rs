//! Hosts and groups while the sources are being read, with what was found wrong so far.
//!
//! This file knows what may stand in an inventory; it must not know in which notation it was written.

use super::address::{self, Address};
use super::model::{Group, Host, Inventory};
use crate::source::{Diagnostic, Diagnostics, Severity, Span, did_you_mean};
use crate::template::{Variable, Variables};
use crate::vault::Vault;
use crate::yaml::{Mapping, Node, NodeKind};
use indexmap::IndexMap;
use std::path::PathBuf;
use std::sync::Arc;

/// An inventory in the making.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) inventory: Inventory,
    pub(super) problems: Diagnostics,
    /// Where each group was first named.
    group_spans: IndexMap<String, Span>,
    /// The file that is being read; none for a list of hosts.
    pub(super) file: Option<PathBuf>,
    /// Opens files that are encrypted as a whole.
    pub(super) vault: Arc<Vault>,
}

impl Draft {
    /// With `all` and `ungrouped` only.
    pub(super) fn new(vault: Arc<Vault>) -> Self {
        let mut inventory = Inventory::default();
        inventory.ensure_group("all");
        inventory.ensure_group("ungrouped");
        Self {
            inventory,
            problems: Diagnostics::new(),
            group_spans: IndexMap::new(),
            file: None,
            vault,
        }
    }

    /// Notes an error.
    pub(super) fn error(&mut self, code: &'static str, message: impl Into<String>, span: &Span) {
        self.problems
            .push(Diagnostic::error(code, message).at(span, ""));
    }

    /// Notes a group; characters that Ansible frowns upon in its name are a warning.
    pub(super) fn group(&mut self, name: &str, span: &Span) {
        if !self.inventory.ensure_group(name) {
            return;
        }
        self.group_spans.insert(name.to_owned(), span.clone());
        let invalid = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        if name.contains(invalid) || name.starts_with(|c: char| c.is_ascii_digit()) {
            self.problems.push(
                Diagnostic::warning(
                    "group-name",
                    format!("invalid characters in the group name `{name}`"),
                )
                .at(span, "")
                .hint(
                    "use letters, digits and `_` only, so that templates can write `groups.name`",
                ),
            );
        }
    }

    /// Notes the hosts that `text` names in `group`; gives their names.
    pub(super) fn hosts(&mut self, text: &str, group: &str, span: &Span) -> Vec<String> {
        let Address { hosts, port } = match address::parse(text) {
            Ok(address) => address,
            Err(message) => {
                self.error("host-name", message, span);
                return Vec::new();
            }
        };
        let is_bad = |c: char| c.is_whitespace() || c == ',';
        if text.is_empty() || text.contains(is_bad) {
            self.error("host-name", format!("`{text}` is not a host name"), span);
            return Vec::new();
        }
        for name in &hosts {
            let is_new = !self.inventory.hosts.contains_key(name);
            self.inventory.ensure_host(name, group);
            if let Some(host) = self.inventory.hosts.get_mut(name).filter(|_| is_new) {
                host.file.clone_from(&self.file);
            }
            if let (Some(port), Some(host)) = (port, self.inventory.hosts.get_mut(name)) {
                let node = Node {
                    span: span.clone(),
                    kind: NodeKind::Int(i64::from(port)),
                };
                host.own
                    .insert("ansible_port".to_owned(), Variable::from(&node));
            }
        }
        hosts
    }

    /// Notes that `child` is below `parent`, unless that made a circle.
    pub(super) fn child(&mut self, parent: &str, child: &str, span: &Span) {
        if child == "all" {
            self.error("group-cycle", "`all` can not be a child group", span);
            return;
        }
        if parent == child || self.inventory.is_below(parent, child) {
            self.problems.push(
                Diagnostic::error(
                    "group-cycle",
                    format!(
                        "`{child}` can not be a child of `{parent}`: the groups would form a circle"
                    ),
                )
                .at(span, "")
                .hint(format!("`{parent}` is itself below `{child}`")),
            );
            return;
        }
        if let Some(group) = self.inventory.groups.get_mut(parent) {
            group.children.insert(child.to_owned());
        }
    }

    /// Sets a group's variable; `ansible_group_priority` is not a variable but the group's rank.
    pub(super) fn group_variable(&mut self, group: &str, key: &str, key_span: &Span, value: &Node) {
        if key == "ansible_group_priority" {
            let priority = match &value.kind {
                NodeKind::Int(number) => Some(*number),
                NodeKind::String(text) => text.text.trim().parse().ok(),
                _ => None,
            };
            match (priority, self.inventory.groups.get_mut(group)) {
                (Some(priority), Some(group)) => group.priority = priority,
                _ => self.error(
                    "group-priority",
                    "`ansible_group_priority` must be a whole number",
                    &value.span,
                ),
            }
            return;
        }
        if let Some(problem) = bad_name(key, key_span) {
            self.problems.push(problem);
        } else if let Some(group) = self.inventory.groups.get_mut(group) {
            group.own.insert(key.to_owned(), Variable::from(value));
        }
    }

    /// Sets a variable of each of these hosts.
    pub(super) fn host_variable(
        &mut self,
        hosts: &[String],
        key: &str,
        key_span: &Span,
        value: &Node,
    ) {
        if let Some(problem) = bad_name(key, key_span) {
            self.problems.push(problem);
            return;
        }
        let variable = Variable::from(value);
        for name in hosts {
            if let Some(host) = self.inventory.hosts.get_mut(name) {
                host.own.insert(key.to_owned(), variable.clone());
            }
        }
    }

    /// The inventory, its warnings inside; or all problems when one of them is an error.
    pub(super) fn finish(mut self) -> Result<Inventory, Diagnostics> {
        for (name, span) in &self.group_spans {
            if self.inventory.hosts.contains_key(name) {
                self.problems.push(
                    Diagnostic::warning(
                        "same-name",
                        format!("`{name}` names both a group and a host"),
                    )
                    .at(span, "the group"),
                );
            }
        }
        if self.problems.has_errors() {
            return Err(self.problems);
        }
        self.inventory.warnings = self
            .problems
            .into_iter()
            .filter(|each| each.severity == Severity::Warning)
            .collect();
        self.inventory.finish();
        Ok(self.inventory)
    }

    /// A hint that names the group nearest to `name`, if there is one.
    pub(super) fn group_suggestion(&self, name: &str) -> Option<String> {
        let groups = self.inventory.groups.keys().map(String::as_str);
        did_you_mean(name, groups).map(|near| format!("did you mean `{near}`?"))
    }
}

impl Inventory {
    /// Makes the group if it is new; gives whether it was.
    pub(super) fn ensure_group(&mut self, name: &str) -> bool {
        let is_new = !self.groups.contains_key(name);
        if is_new {
            let group = Group {
                name: name.to_owned(),
                priority: 1,
                ..Group::default()
            };
            self.groups.insert(name.to_owned(), group);
        }
        is_new
    }

    /// Makes the host if it is new, and puts it in the group.
    pub(super) fn ensure_host(&mut self, name: &str, group: &str) {
        self.ensure_group(group);
        let host = self.hosts.entry(name.to_owned()).or_insert_with(|| Host {
            name: name.to_owned(),
            ..Host::default()
        });
        if group != "all" {
            host.groups.insert(group.to_owned());
        }
        if let Some(group) = self.groups.get_mut(group) {
            group.hosts.insert(name.to_owned());
        }
    }
}

/// What is wrong with the name of a variable, if anything is.
pub(super) fn bad_name(name: &str, span: &Span) -> Option<Diagnostic> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts_well && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let fixed = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let problem = Diagnostic::error("variable-name", format!("`{name}` is not a variable name"))
        .at(span, "letters, digits and `_`, not starting with a digit");
    let usable = fixed.starts_with(|c: char| c.is_ascii_alphabetic());
    Some(if usable && fixed != name {
        problem.hint(format!("write `{fixed}`"))
    } else {
        problem
    })
}

/// The variables of a mapping, and what is wrong with their names.
pub(super) fn checked_variables(mapping: &Mapping, problems: &mut Diagnostics) -> Variables {
    let mut variables = Variables::new();
    for (key, value) in mapping {
        let name = key.key_text();
        match bad_name(&name, &key.span) {
            Some(problem) => problems.push(problem),
            None => {
                variables.insert(name, Variable::from(value));
            }
        }
    }
    variables
}
