//! A role put in place: its variables, its dependencies, its tasks and handlers.

use super::ast::{Block, Item, Keywords, Role, RoleInclude};
use super::checks;
use super::keywords::Level;
use super::meta::Meta;
use super::reader::{Place, Reader};
use crate::source::Span;
use crate::template::{Variable, Variables};
use crate::yaml::Node;
use std::path::Path;
use std::sync::Arc;

/// Files to take instead of `main`.
#[derive(Debug, Clone, Default)]
pub(super) struct RoleFiles {
    pub(super) tasks: Option<String>,
    pub(super) vars: Option<String>,
    pub(super) defaults: Option<String>,
    pub(super) handlers: Option<String>,
}

impl RoleFiles {
    /// The files of an include when none of their names is a template.
    pub(super) fn literal(include: &RoleInclude) -> Option<Self> {
        let text = |node: &Option<Node>| match node {
            None => Some(None),
            Some(node) if checks::is_open(node) => None,
            Some(node) => Some(Some(node.key_text())),
        };
        Some(Self {
            tasks: text(&include.tasks_from)?,
            vars: text(&include.vars_from)?,
            defaults: text(&include.defaults_from)?,
            handlers: text(&include.handlers_from)?,
        })
    }
}

/// A role as a play, another role or an import lists it.
#[derive(Debug)]
pub(super) struct RoleEntry {
    pub(super) name: String,
    /// The whole entry.
    pub(super) span: Span,
    /// The name, for messages.
    pub(super) name_span: Span,
    pub(super) keywords: Keywords,
    pub(super) params: Variables,
    pub(super) files: RoleFiles,
    pub(super) notify: Vec<Node>,
    /// What tells this entry from another one of the same role; `None` when it always runs.
    pub(super) key: Option<String>,
}

impl RoleEntry {
    /// An entry with a name only.
    pub(super) fn named(name: &str, node: &Node, files: RoleFiles) -> Self {
        Self {
            name: name.to_owned(),
            span: node.span.clone(),
            name_span: node.span.clone(),
            keywords: Keywords::default(),
            params: Variables::new(),
            files,
            notify: Vec::new(),
            key: None,
        }
    }
}

impl Reader<'_> {
    /// Reads an item of `roles` or `dependencies`.
    pub(super) fn role_entry(&mut self, node: &Node) -> Option<RoleEntry> {
        let Some(mapping) = node.as_mapping() else {
            if node.as_str().is_none() {
                self.wrong_type("roles", node, "the name of a role or a mapping with `role`");
                return None;
            }
            let name = self.static_name("roles", node)?;
            let mut entry = RoleEntry::named(name.trim(), node, RoleFiles::default());
            entry.key = Some(String::new());
            return Some(entry);
        };
        let Some(name_node) = mapping.get("role").or_else(|| mapping.get("name")) else {
            let hint = match mapping.iter().next() {
                Some((key, value)) if value.is_null() => {
                    format!("write `role: {}`", key.key_text())
                }
                _ => "write `role:` and its name".to_owned(),
            };
            self.error_hint("no-role", "the entry names no role", &node.span, hint);
            return None;
        };
        let mut params = Variables::new();
        let mut key_parts = Vec::new();
        for (key, value) in mapping {
            let name = key.key_text();
            if Level::Role.takes(&name) {
                self.supported(key, value);
                if matches!(name.as_str(), "when" | "tags" | "vars") {
                    key_parts.push(format!("{name}={}", value.to_value()));
                }
            } else {
                self.templates(value);
                key_parts.push(format!("{name}={}", value.to_value()));
                params.insert(name, Variable::from(value));
            }
        }
        key_parts.sort();
        let keywords = self.keywords(mapping);
        let name = self.static_name("roles", name_node)?;
        Some(RoleEntry {
            span: node.span.clone(),
            keywords,
            params,
            key: Some(key_parts.join(" ")),
            ..RoleEntry::named(name.trim(), name_node, RoleFiles::default())
        })
    }

    /// The list of roles of a play.
    pub(super) fn role_list(&mut self, node: &Node) -> Vec<Item> {
        let Some(entries) = node.as_sequence() else {
            if !node.is_null() {
                self.wrong_type("roles", node, "a list of roles");
            }
            return Vec::new();
        };
        let mut items = Vec::new();
        for entry in entries {
            if let Some(entry) = self.role_entry(entry) {
                items.extend(self.role(entry, None, "", false).map(Item::Block));
            }
        }
        items
    }

    /// Puts a role in place: a block of its dependencies and its tasks. `None` when it is missing or stands in the play already.
    ///
    /// `inherited` tells the conditions and tags of the roles that depend on it.
    pub(super) fn role(
        &mut self,
        entry: RoleEntry,
        parent: Option<&Arc<Role>>,
        inherited: &str,
        guarded: bool,
    ) -> Option<Arc<Block>> {
        let from = parent.map(|role| role.path.clone());
        let Some(path) = self.find_role(&entry.name, from.as_deref()) else {
            self.missing_role(&entry.name, from.as_deref(), &entry.name_span);
            return None;
        };
        if self.open_roles.contains(&path) {
            self.error(
                "role-cycle",
                format!("the role `{}` depends on itself", entry.name),
                &entry.name_span,
            );
            return None;
        }
        let tasks_from = entry.files.tasks.as_deref().unwrap_or("main");
        let point = Path::new(tasks_from)
            .with_extension("")
            .display()
            .to_string();
        let meta = self.meta(&path, &point, &entry.name_span);
        let identity = entry
            .key
            .as_ref()
            .map(|key| format!("{} {key} {inherited}", path.display()));
        if let Some(identity) = identity
            && !self.gathered.role_keys.insert(identity)
            && !meta.allow_duplicates
        {
            return None;
        }
        self.open_roles.push(path.clone());
        let block = self.role_block(entry, &path, meta, parent, inherited, guarded);
        self.open_roles.pop();
        Some(Arc::new(block))
    }

    fn role_block(
        &mut self,
        entry: RoleEntry,
        path: &Path,
        meta: Meta,
        parent: Option<&Arc<Role>>,
        inherited: &str,
        guarded: bool,
    ) -> Block {
        let RoleFiles {
            tasks,
            vars,
            defaults,
            handlers,
        } = &entry.files;
        let at = &entry.name_span;
        let folder_name = path.file_name().and_then(|name| name.to_str());
        let role = Arc::new(Role {
            name: if entry.name.contains('/') {
                folder_name.unwrap_or(&entry.name).to_owned()
            } else {
                entry.name.clone()
            },
            path: path.to_owned(),
            defaults: Arc::new(self.role_variables(path, "defaults", defaults.as_deref(), at)),
            vars: Arc::new(self.role_variables(path, "vars", vars.as_deref(), at)),
            params: Arc::new(entry.params.clone()),
            parent: parent.map(Arc::downgrade),
            argument_spec: meta.argument_spec,
        });
        let guarded = guarded || !entry.keywords.when.is_empty();
        let chain = chain(inherited, &entry.keywords);
        let mut body = Vec::new();
        for dependency in &meta.dependencies {
            if let Some(dependency) = self.role_entry(dependency) {
                let block = self.role(dependency, Some(&role), &chain, guarded);
                body.extend(block.map(Item::Block));
            }
        }
        let place = |section: &str| Place {
            folder: path.join(section),
            role: Some(role.clone()),
            handlers: section == "handlers",
            notify: if section == "handlers" {
                Vec::new()
            } else {
                entry.notify.clone()
            },
            guarded,
            chain: chain.clone(),
        };
        if let Some(file) = self.role_file(path, "handlers", handlers.as_deref(), at) {
            let items = self.task_file(&file, &place("handlers"), at);
            self.gathered
                .handlers
                .extend(role_handlers(&entry, &role, items));
        }
        if let Some(file) = self.role_file(path, "tasks", tasks.as_deref(), at) {
            body.extend(self.task_file(&file, &place("tasks"), at));
        }
        self.gathered.roles.push(role.clone());
        Block {
            span: entry.span,
            name: None,
            keywords: entry.keywords,
            body,
            rescue: Vec::new(),
            always: Vec::new(),
            role: Some(role),
        }
    }
}

/// A role's handlers under the keywords of its entry, so that `become` and `vars` reach them too.
fn role_handlers(entry: &RoleEntry, role: &Arc<Role>, items: Vec<Item>) -> Option<Item> {
    (!items.is_empty()).then(|| {
        Item::Block(Arc::new(Block {
            span: entry.span.clone(),
            name: None,
            keywords: entry.keywords.clone(),
            body: items,
            rescue: Vec::new(),
            always: Vec::new(),
            role: Some(role.clone()),
        }))
    })
}

/// The conditions and tags of `keywords` after those around them.
pub(super) fn chain(around: &str, keywords: &Keywords) -> String {
    let own = keywords.when.iter().chain(&keywords.tags);
    std::iter::once(around.to_owned())
        .chain(own.map(|node| node.to_value().to_string()))
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
