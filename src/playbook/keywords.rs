//! Which keywords stand where, and how the shared ones are read.

use super::ast::Keywords;
use super::checks;
use super::reader::{Reader, one_or_many};
use crate::source::{Diagnostic, did_you_mean};
use crate::template::{Variable, Variables};
use crate::yaml::{Mapping, Node, NodeKind, Style, Text};
use std::sync::Arc;

/// What a mapping is, and so which keywords it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Play,
    Role,
    Block,
    Task,
    Handler,
    Include,
    HandlerInclude,
    Apply,
    ImportPlaybook,
}

/// Keywords of plays, roles, blocks and tasks (ansible-core's `playbook/base.py`).
const SHARED: &[&str] = &[
    "any_errors_fatal",
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "check_mode",
    "collections",
    "connection",
    "debugger",
    "diff",
    "environment",
    "ignore_errors",
    "ignore_unreachable",
    "module_defaults",
    "name",
    "no_log",
    "port",
    "remote_user",
    "run_once",
    "tags",
    "throttle",
    "timeout",
    "vars",
];

const PLAY: &[&str] = &[
    "fact_path",
    "force_handlers",
    "gather_facts",
    "gather_subset",
    "gather_timeout",
    "handlers",
    "hosts",
    "loop",
    "loop_control",
    "max_fail_percentage",
    "max_failures",
    "max_unavailable",
    "order",
    "post_tasks",
    "pre_tasks",
    "roles",
    "rollback",
    "serial",
    "soak",
    "strategy",
    "tasks",
    "user",
    "vars_files",
    "vars_prompt",
];

const ROLE: &[&str] = &["delegate_facts", "delegate_to", "role", "when"];

const BLOCK: &[&str] = &[
    "always",
    "block",
    "delegate_facts",
    "delegate_to",
    "notify",
    "rescue",
    "when",
];

const APPLY: &[&str] = &["delegate_facts", "delegate_to", "when"];

const TASK: &[&str] = &[
    "action",
    "args",
    "async",
    "changed_when",
    "delay",
    "delegate_facts",
    "delegate_to",
    "failed_when",
    "local_action",
    "loop",
    "loop_control",
    "notify",
    "poll",
    "register",
    "retries",
    "undo",
    "until",
    "when",
];

/// What an include takes (ansible-core's `playbook/task_include.py`); other keywords go under `apply`.
const INCLUDE: &[&str] = &[
    "action",
    "args",
    "collections",
    "debugger",
    "ignore_errors",
    "local_action",
    "loop",
    "loop_control",
    "name",
    "no_log",
    "register",
    "run_once",
    "tags",
    "timeout",
    "vars",
    "when",
];

const IMPORT_PLAYBOOK: &[&str] = &[
    "import_playbook",
    "loop",
    "loop_control",
    "name",
    "tags",
    "vars",
    "when",
];

/// Known to Ansible and not to us yet.
const UNSUPPORTED: &[&str] = &[
    "async",
    "debugger",
    "fact_path",
    "gather_subset",
    "gather_timeout",
    "module_defaults",
    "poll",
    "vars_prompt",
];

impl Level {
    /// Whether the keyword `name` may stand here.
    pub(super) fn takes(self, name: &str) -> bool {
        self.tables().iter().any(|table| table.contains(&name))
    }

    /// All keywords that may stand here.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.tables().iter().flat_map(|table| table.iter().copied())
    }

    fn tables(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Play => &[SHARED, PLAY],
            Self::Role => &[SHARED, ROLE],
            Self::Block => &[SHARED, BLOCK],
            Self::Task => &[SHARED, TASK],
            Self::Handler => &[SHARED, TASK, &["listen"]],
            Self::Include => &[INCLUDE],
            Self::HandlerInclude => &[INCLUDE, &["listen"]],
            Self::Apply => &[SHARED, APPLY],
            Self::ImportPlaybook => &[IMPORT_PLAYBOOK],
        }
    }

    fn described(self) -> &'static str {
        match self {
            Self::Play => "a play",
            Self::Role => "a role entry",
            Self::Block => "a block",
            Self::Task => "a task",
            Self::Handler => "a handler",
            Self::Include | Self::HandlerInclude => "an include",
            Self::Apply => "`apply`",
            Self::ImportPlaybook => "`import_playbook`",
        }
    }
}

/// What a keyword takes when it is not a template.
#[derive(Clone, Copy)]
enum Expect {
    Bool,
    Whole,
    Text,
    Environment,
}

fn expected(name: &str) -> Expect {
    match name {
        "become_exe" | "become_flags" | "become_method" | "become_user" | "connection"
        | "delegate_to" | "remote_user" | "user" => Expect::Text,
        "port" | "throttle" | "timeout" => Expect::Whole,
        "environment" => Expect::Environment,
        _ => Expect::Bool,
    }
}

impl Reader<'_> {
    /// Refuses keys that `level` does not take.
    pub(super) fn known_keys(&mut self, mapping: &Mapping, level: Level) {
        for (key, value) in mapping {
            let name = key.key_text();
            if level.takes(&name) {
                self.supported(key, value);
            } else {
                self.unknown_keyword(key, level);
            }
        }
    }

    /// Refuses what Ansible knows and we do not.
    pub(super) fn supported(&mut self, key: &Node, value: &Node) {
        let name = key.key_text();
        let foreign = name == "collections"
            && one_or_many(value)
                .iter()
                .any(|each| !matches!(each.as_str(), Some("ansible.builtin" | "ansible.legacy")));
        if foreign {
            self.error_hint(
                "unsupported-keyword",
                "`collections` can list `ansible.builtin` only",
                &value.span,
                "collections are not supported yet",
            );
        } else if UNSUPPORTED.contains(&name.as_str()) {
            self.error(
                "unsupported-keyword",
                format!("`{name}` is not supported yet"),
                &key.span,
            );
        }
    }

    /// Adds the error that `key` does not belong here.
    pub(super) fn unknown_keyword(&mut self, key: &Node, level: Level) {
        let name = key.key_text();
        let mut diagnostic = Diagnostic::error(
            "unknown-keyword",
            format!("`{name}` is not a keyword of {}", level.described()),
        )
        .at(&key.span, "");
        let elsewhere = [Level::Play, Level::Block, Level::Handler]
            .into_iter()
            .find(|other| other.takes(&name));
        if matches!(level, Level::Include | Level::HandlerInclude)
            && (Level::Apply.takes(&name) || Level::Task.takes(&name))
        {
            diagnostic = diagnostic.hint(if Level::Apply.takes(&name) {
                format!("put `{name}` under `apply` to give it to the included tasks")
            } else {
                format!("give `{name}` to the included tasks themselves")
            });
        } else if let Some(near) = did_you_mean(&name, level.names()) {
            diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
        } else if let Some(other) = elsewhere {
            diagnostic = diagnostic.hint(format!("`{name}` belongs to {}", other.described()));
        }
        self.push(diagnostic);
    }

    /// Reads the shared keywords of `mapping`.
    pub(super) fn keywords(&mut self, mapping: &Mapping) -> Keywords {
        let mut keywords = Keywords::default();
        for (key, value) in mapping {
            let name = key.key_text();
            match name.as_str() {
                _ if value.is_null() => {}
                "when" => keywords.when = self.conditions("when", value),
                "tags" => keywords.tags = self.tags(value),
                "vars" => keywords.vars = Arc::new(self.variables(value)),
                _ => {
                    if let Some(slot) = slot(&mut keywords, &name) {
                        *slot = Some(value.clone());
                        self.shared_value(&name, value);
                    }
                }
            }
        }
        keywords
    }

    fn shared_value(&mut self, name: &str, value: &Node) {
        self.templates(value);
        if checks::is_open(value) {
            return;
        }
        match expected(name) {
            Expect::Bool => self.boolean(name, value),
            Expect::Whole if !checks::is_whole(value) => {
                self.wrong_type(name, value, "a whole number");
            }
            Expect::Text if !checks::is_scalar(value) => self.wrong_type(name, value, "a string"),
            Expect::Environment => {
                for each in one_or_many(value) {
                    if each.as_mapping().is_none() && !checks::is_open(&each) {
                        self.wrong_type(name, &each, "a mapping of variables");
                    }
                }
            }
            Expect::Whole | Expect::Text => {}
        }
    }

    /// Checks that a value is a boolean unless it is a template.
    pub(super) fn boolean(&mut self, name: &str, value: &Node) {
        if !checks::is_open(value) && checks::truth(value).is_none() {
            self.wrong_type(name, value, "a boolean");
        }
    }

    /// Reads `tags`: a list, or text with commas.
    pub(super) fn tags(&mut self, node: &Node) -> Vec<Node> {
        let mut tags = Vec::new();
        for each in one_or_many(node) {
            if !checks::is_scalar(&each) {
                self.wrong_type("tags", &each, "a tag or a list of tags");
                continue;
            }
            self.templates(&each);
            match each.as_str() {
                Some(text) if text.contains(',') && !checks::has_template(text) => {
                    tags.extend(split_at_commas(&each, text));
                }
                _ => tags.push(each),
            }
        }
        tags
    }

    /// Reads `vars`: a mapping, or a list of mappings as older playbooks write it.
    pub(super) fn variables(&mut self, node: &Node) -> Variables {
        let mut variables = Variables::new();
        for each in one_or_many(node) {
            let Some(mapping) = each.as_mapping() else {
                self.wrong_type("vars", &each, "a mapping of variables");
                continue;
            };
            for (key, value) in mapping {
                self.variable_name(key, "variable");
                self.templates(value);
                variables.insert(key.key_text(), Variable::from(value));
            }
        }
        variables
    }

    /// Checks that `node` can name a variable.
    pub(super) fn variable_name(&mut self, node: &Node, what: &str) {
        let name = node.key_text();
        if node.as_str().is_none() || !checks::is_variable_name(&name) {
            self.error_hint(
                "variable-name",
                format!("`{name}` cannot name a {what}"),
                &node.span,
                "letters, digits and underscores, no digit first, and no reserved word of Python",
            );
        }
    }
}

fn split_at_commas(node: &Node, text: &str) -> Vec<Node> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| Node {
            span: super::free_form::part_of(node, part),
            kind: NodeKind::String(Text {
                text: part.to_owned(),
                style: Style::Plain,
                literal: false,
            }),
        })
        .collect()
}

fn slot<'k>(keywords: &'k mut Keywords, name: &str) -> Option<&'k mut Option<Node>> {
    Some(match name {
        "become" => &mut keywords.become_enabled,
        "become_user" => &mut keywords.become_user,
        "become_method" => &mut keywords.become_method,
        "become_flags" => &mut keywords.become_flags,
        "become_exe" => &mut keywords.become_exe,
        "remote_user" | "user" => &mut keywords.remote_user,
        "port" => &mut keywords.port,
        "connection" => &mut keywords.connection,
        "environment" => &mut keywords.environment,
        "check_mode" => &mut keywords.check_mode,
        "diff" => &mut keywords.diff,
        "ignore_errors" => &mut keywords.ignore_errors,
        "ignore_unreachable" => &mut keywords.ignore_unreachable,
        "no_log" => &mut keywords.no_log,
        "any_errors_fatal" => &mut keywords.any_errors_fatal,
        "run_once" => &mut keywords.run_once,
        "delegate_to" => &mut keywords.delegate_to,
        "delegate_facts" => &mut keywords.delegate_facts,
        "timeout" => &mut keywords.timeout,
        "throttle" => &mut keywords.throttle,
        _ => return None,
    })
}
