//! One task: which of its keys is the action, and what its own keywords say.

use super::ast::{Action, Item, Task};
use super::block;
use super::checks;
use super::free_form;
use super::keywords::Level;
use super::reader::{Place, Reader, one_or_many};
use crate::source::{Diagnostic, did_you_mean};
use crate::yaml::{Mapping, Node, NodeKind};
use std::sync::Arc;

/// Actions that are not modules.
const STRUCTURAL: [&str; 6] = [
    "import_playbook",
    "import_role",
    "import_tasks",
    "include_role",
    "include_tasks",
    "meta",
];

/// What `meta` can do; `engine` knows what each means.
const META: [&str; 8] = [
    "clear_facts",
    "clear_host_errors",
    "end_batch",
    "end_host",
    "end_play",
    "flush_handlers",
    "noop",
    "reset_connection",
];

/// The key that says what a task does, and its parameters.
pub(super) struct Found {
    /// The name without `ansible.builtin.` when it is one of `STRUCTURAL`, else as written.
    pub(super) name: String,
    pub(super) key: Node,
    pub(super) value: Node,
    /// Written as `local_action`.
    pub(super) local: bool,
}

impl Reader<'_> {
    /// The items of a list of tasks and blocks; null is an empty list.
    pub(super) fn items(&mut self, what: &str, node: &Node, place: &Place) -> Vec<Item> {
        match &node.kind {
            NodeKind::Null => Vec::new(),
            NodeKind::Sequence(items) => items
                .iter()
                .filter_map(|item| self.item(item, place))
                .collect(),
            _ => {
                self.wrong_type(what, node, "a list of tasks");
                Vec::new()
            }
        }
    }

    fn item(&mut self, node: &Node, place: &Place) -> Option<Item> {
        let Some(mapping) = node.as_mapping() else {
            self.push(
                Diagnostic::error("wrong-type", "a task must be a mapping")
                    .at(&node.span, format!("this is {}", node.kind_name())),
            );
            return None;
        };
        if let Some(key) = block::keyword(mapping) {
            if place.handlers {
                self.error_hint(
                    "block-handler",
                    "a handler cannot be a block",
                    &key.span,
                    "write several handlers that `listen` to one topic",
                );
                return None;
            }
            return Some(self.block(node, mapping, place));
        }
        let found = self.action(node, mapping, place)?;
        let level = match (found.name.as_str(), place.handlers) {
            ("include_tasks" | "include_role", false) => Level::Include,
            ("include_tasks" | "include_role", true) => Level::HandlerInclude,
            (_, false) => Level::Task,
            (_, true) => Level::Handler,
        };
        self.task_keys(mapping, &found, level);
        match found.name.as_str() {
            "import_tasks" => self.import_tasks(node, mapping, &found, place),
            "import_role" => self.import_role(node, mapping, &found, place),
            _ => self.task(node, mapping, &found, place),
        }
    }

    /// Finds the one key that is an action.
    fn action(&mut self, node: &Node, mapping: &Mapping, place: &Place) -> Option<Found> {
        let mut found: Vec<Found> = Vec::new();
        let mut unknown: Vec<&Node> = Vec::new();
        for (key, value) in mapping {
            let name = key.key_text();
            let short = structural(&name);
            if name == "action" || name == "local_action" {
                found.extend(self.named_action(key, value));
            } else if STRUCTURAL.contains(&short) || self.loader.catalog().find(&name).is_some() {
                found.push(Found {
                    name: if STRUCTURAL.contains(&short) {
                        short.to_owned()
                    } else {
                        name
                    },
                    key: key.clone(),
                    value: value.clone(),
                    local: false,
                });
            } else if !Level::Handler.takes(&name) && !name.starts_with("with_") {
                unknown.push(key);
            }
        }
        if let [first, second, ..] = found.as_slice() {
            self.push(
                Diagnostic::error(
                    "two-modules",
                    format!(
                        "a task does one thing, this one has `{}` and `{}`",
                        first.name, second.name
                    ),
                )
                .at(&second.key.span, "the second")
                .at(&first.key.span, "the first")
                .hint("make two tasks of it; a block gives both the same keywords"),
            );
        }
        if found.is_empty() {
            self.no_action(node, mapping, &unknown, place);
            return None;
        }
        found.truncate(1);
        let found = found.pop()?;
        if found.name == "import_playbook" {
            self.error_hint(
                "misplaced-import",
                "`import_playbook` cannot stand among tasks",
                &found.key.span,
                "it stands beside plays, at the top level of a playbook",
            );
            return None;
        }
        Some(found)
    }

    /// Says why a task has no action: a key misspelt, or none at all.
    fn no_action(&mut self, node: &Node, mapping: &Mapping, unknown: &[&Node], place: &Place) {
        let level = if place.handlers {
            Level::Handler
        } else {
            Level::Task
        };
        if mapping.get("action").is_some() || mapping.get("local_action").is_some() {
            for key in unknown {
                self.unknown_keyword(key, level);
            }
            return;
        }
        let mut modules = 0;
        for key in unknown {
            let name = key.key_text();
            let keyword = did_you_mean(&name, level.names());
            let module = self.nearest_action(&name);
            if keyword.is_some() && module.is_none() && !name.contains('.') {
                self.unknown_keyword(key, level);
            } else {
                modules += 1;
                self.unknown_module(key, &name);
            }
        }
        if modules == 0 {
            let first = mapping
                .iter()
                .next()
                .map_or(&node.span, |(key, _)| &key.span);
            self.error_hint(
                "no-module",
                "the task has no module",
                first,
                "name a module and its parameters, such as `debug: {msg: hello}`",
            );
        }
    }

    fn nearest_action(&self, name: &str) -> Option<&'static str> {
        let last = name.rsplit('.').next().unwrap_or(name);
        let names = self.loader.catalog().names();
        did_you_mean(last, names.into_iter().chain(STRUCTURAL))
    }

    /// Adds the error that there is no such module.
    pub(super) fn unknown_module(&mut self, key: &Node, name: &str) {
        if matches!(structural(name), "include") {
            self.error_hint(
                "unsupported-module",
                "`include` was removed from Ansible",
                &key.span,
                "use `include_tasks`, or `import_tasks` for a file known before the run",
            );
            return;
        }
        let mut diagnostic = Diagnostic::error(
            "unknown-module",
            format!("module `{name}` is not supported"),
        )
        .at(&key.span, "");
        if let Some(near) = self.nearest_action(name) {
            diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
        } else if [Level::Play, Level::Block]
            .iter()
            .any(|level| level.takes(name))
        {
            diagnostic = diagnostic.hint(format!(
                "`{name}` is a keyword, and does not belong to a task"
            ));
        }
        self.push(diagnostic);
    }

    /// Reads `action: copy src=a dest=b` and `action: {module: copy, src: a}`.
    fn named_action(&mut self, key: &Node, value: &Node) -> Option<Found> {
        let (name, name_node, rest) = match &value.kind {
            NodeKind::String(text) => {
                let whole = text.text.trim_start();
                let name = whole.split_whitespace().next().unwrap_or("");
                let rest = whole[name.len()..].trim();
                let node = free_form::text_node(free_form::part_of(value, name), name.to_owned());
                let params = free_form::text_node(free_form::part_of(value, rest), rest.to_owned());
                let empty = rest.is_empty();
                let null = Node {
                    span: node.span.clone(),
                    kind: NodeKind::Null,
                };
                (name.to_owned(), node, if empty { null } else { params })
            }
            NodeKind::Mapping(entries) if entries.get("module").is_some() => {
                let module = entries.get("module")?;
                let rest = entries
                    .iter()
                    .filter(|(key, _)| key.as_str() != Some("module"));
                let kind = NodeKind::Mapping(Mapping::new(rest.cloned().collect()));
                (
                    module.key_text(),
                    module.clone(),
                    Node {
                        span: value.span.clone(),
                        kind,
                    },
                )
            }
            _ => {
                self.wrong_type(
                    &key.key_text(),
                    value,
                    "a module with its parameters, or a mapping with `module`",
                );
                return None;
            }
        };
        if checks::has_template(&name) {
            self.error(
                "unsupported-action",
                "an action whose module is a template is not supported yet",
                &name_node.span,
            );
            return None;
        }
        let short = structural(&name);
        if !STRUCTURAL.contains(&short) && self.loader.catalog().find(&name).is_none() {
            self.unknown_module(&name_node, &name);
            return None;
        }
        Some(Found {
            name: if STRUCTURAL.contains(&short) {
                short.to_owned()
            } else {
                name
            },
            key: name_node,
            value: rest,
            local: key.as_str() == Some("local_action"),
        })
    }

    /// Refuses keys that the task does not take.
    fn task_keys(&mut self, mapping: &Mapping, found: &Found, level: Level) {
        for (key, value) in mapping {
            let name = key.key_text();
            let is_action = key.span.start() == found.key.span.start()
                || STRUCTURAL.contains(&structural(&name))
                || self.loader.catalog().find(&name).is_some();
            if level.takes(&name) {
                self.supported(key, value);
            } else if !is_action && !name.starts_with("with_") {
                if name.contains('.') {
                    self.unknown_module(key, &name);
                } else {
                    self.unknown_keyword(key, level);
                }
            }
        }
    }

    fn task(
        &mut self,
        node: &Node,
        mapping: &Mapping,
        found: &Found,
        place: &Place,
    ) -> Option<Item> {
        let mut keywords = self.keywords(mapping);
        if found.local {
            keywords.delegate_to = Some(free_form::text_node(
                found.key.span.clone(),
                "localhost".to_owned(),
            ));
        }
        let guarded = place.guarded || !keywords.when.is_empty() || super::loops::has_loop(mapping);
        let args = mapping.get("args");
        let action = match found.name.as_str() {
            "meta" => self.meta_action(found)?,
            "include_tasks" => self.include_tasks(found, args, place, guarded)?,
            "include_role" => self.include_role(found, args, place, guarded)?,
            name => {
                let spec = self.loader.catalog().find(name)?;
                Action::Module {
                    spec,
                    params: self.params(spec, &found.key, &found.value, args),
                }
            }
        };
        let notify = self.notify(mapping.get("notify"), place);
        let register = self.register(mapping.get("register"));
        let name = self.name(mapping);
        let repeat = self.repeat(mapping);
        let loop_control = self.loop_control(mapping.get("loop_control"));
        let retries = self.number(mapping, "retries", checks::is_whole, "a whole number");
        let delay = self.number(mapping, "delay", checks::is_number, "a number of seconds");
        Some(Item::Task(Arc::new(Task {
            span: node.span.clone(),
            name,
            action,
            keywords,
            repeat,
            loop_control,
            register,
            until: self.condition_key(mapping, "until"),
            retries,
            delay,
            changed_when: self.condition_key(mapping, "changed_when"),
            failed_when: self.condition_key(mapping, "failed_when"),
            notify,
            listen: self.names_of(mapping, "listen"),
            undo: self.text_key(mapping, "undo"),
            role: place.role.clone(),
            folder: place.folder.clone(),
        })))
    }

    fn meta_action(&mut self, found: &Found) -> Option<Action> {
        let node = found
            .value
            .as_mapping()
            .and_then(|entries| entries.get("free_form"))
            .unwrap_or(&found.value);
        let Some(text) = node.as_str().map(str::trim) else {
            self.wrong_type("meta", node, "the name of what to do");
            return None;
        };
        if META.contains(&text) {
            return Some(Action::Meta(text.to_owned()));
        }
        let mut diagnostic =
            Diagnostic::error("unknown-meta", format!("`meta: {text}` is not supported"))
                .at(&node.span, "");
        diagnostic = match did_you_mean(text, META) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic.hint(format!("it can be {}", META.join(", "))),
        };
        self.push(diagnostic);
        None
    }

    fn register(&mut self, node: Option<&Node>) -> Option<String> {
        let node = node.filter(|node| !node.is_null())?;
        self.variable_name(node, "registered variable");
        Some(node.key_text())
    }

    /// Reads `name`, which may be a template.
    pub(super) fn name(&mut self, mapping: &Mapping) -> Option<Node> {
        self.text_key(mapping, "name")
    }

    /// Reads a key that takes text.
    pub(super) fn text_key(&mut self, mapping: &Mapping, key: &str) -> Option<Node> {
        let node = mapping.get(key).filter(|node| !node.is_null())?;
        self.templates(node);
        if !checks::is_scalar(node) {
            self.wrong_type(key, node, "a string");
            return None;
        }
        if node.as_str().is_some() || checks::is_open(node) {
            return Some(node.clone());
        }
        Some(free_form::text_node(node.span.clone(), node.key_text()))
    }

    /// Reads a key that takes a condition or a list of them.
    pub(super) fn condition_key(&mut self, mapping: &Mapping, key: &str) -> Vec<Node> {
        match mapping.get(key) {
            Some(node) => self.conditions(key, node),
            None => Vec::new(),
        }
    }

    /// Reads a key that takes a number or a template.
    pub(super) fn number(
        &mut self,
        mapping: &Mapping,
        key: &str,
        fits: fn(&Node) -> bool,
        expected: &str,
    ) -> Option<Node> {
        let node = mapping.get(key).filter(|node| !node.is_null())?;
        self.templates(node);
        if !checks::is_open(node) && !fits(node) {
            self.wrong_type(key, node, expected);
        }
        Some(node.clone())
    }

    /// Reads a key that takes a name or a list of names.
    pub(super) fn names_of(&mut self, mapping: &Mapping, key: &str) -> Vec<Node> {
        let names = mapping.get(key).map(one_or_many).unwrap_or_default();
        for each in &names {
            self.templates(each);
            if !checks::is_scalar(each) {
                self.wrong_type(key, each, "a name or a list of names");
            }
        }
        names
    }
}

/// `name` without the collection that all structural actions belong to.
fn structural(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name)
}
