//! A playbook's top level: plays and `import_playbook`.

use super::ast::{Item, Keywords, Play, PlayLoop};
use super::checks;
use super::keywords::Level;
use super::loader;
use super::reader::{Gathered, Place, Reader, one_or_many};
use crate::source::{Diagnostic, Span, did_you_mean};
use crate::template::Variables;
use crate::yaml::{Mapping, Node};
use std::path::Path;
use std::sync::Arc;

const ORDERS: [&str; 5] = [
    "inventory",
    "reverse_inventory",
    "reverse_sorted",
    "shuffle",
    "sorted",
];

/// What `import_playbook` gives to the plays it brings.
#[derive(Debug, Clone, Default)]
struct Imported {
    when: Vec<Node>,
    tags: Vec<Node>,
    vars: Variables,
    loops: Vec<Arc<PlayLoop>>,
}

impl Reader<'_> {
    /// The plays of the playbook at `path`; `at` is the import that names it.
    pub(super) fn playbook_file(&mut self, path: &Path, at: Option<&Span>) -> Vec<Arc<Play>> {
        self.plays(path, at, &Imported::default())
    }

    fn plays(&mut self, path: &Path, at: Option<&Span>, imported: &Imported) -> Vec<Arc<Play>> {
        if let Some(at) = at.filter(|_| self.open_files.iter().any(|open| open == path)) {
            self.error(
                "import-cycle",
                format!("`{}` imports itself", loader::shown(path).display()),
                at,
            );
            return Vec::new();
        }
        let node = match self.loader.read(path, at) {
            Ok(node) => node,
            Err(diagnostics) => {
                self.diagnostics.extend(diagnostics);
                return Vec::new();
            }
        };
        let Some(entries) = node.as_sequence() else {
            self.push(
                Diagnostic::error("wrong-type", "a playbook must be a list of plays")
                    .at(&node.span, format!("this is {}", node.kind_name()))
                    .hint("start each play with `- hosts:`"),
            );
            return Vec::new();
        };
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let outer = std::mem::replace(&mut self.playbook_folder, folder);
        self.open_files.push(path.to_owned());
        let mut plays = Vec::new();
        for entry in entries {
            let Some(mapping) = entry.as_mapping() else {
                self.wrong_type("a play", entry, "a mapping");
                continue;
            };
            let import = mapping
                .entry("import_playbook")
                .or_else(|| mapping.entry("ansible.builtin.import_playbook"));
            match import {
                Some((key, value)) => {
                    plays.extend(self.import_playbook(mapping, key, value, imported));
                }
                None => plays.extend(self.play(entry, mapping, imported).map(Arc::new)),
            }
        }
        self.open_files.pop();
        self.playbook_folder = outer;
        plays
    }

    fn import_playbook(
        &mut self,
        mapping: &Mapping,
        key: &Node,
        value: &Node,
        outer: &Imported,
    ) -> Vec<Arc<Play>> {
        for (other, value) in mapping {
            let name = other.key_text();
            if other.span.start() == key.span.start() {
                continue;
            }
            if Level::ImportPlaybook.takes(&name) {
                self.supported(other, value);
            } else {
                self.unknown_keyword(other, Level::ImportPlaybook);
            }
        }
        let keywords = self.keywords(mapping);
        let mut imported = Imported {
            when: [outer.when.clone(), keywords.when].concat(),
            tags: [outer.tags.clone(), keywords.tags].concat(),
            vars: (*keywords.vars).clone(),
            loops: self.loops_within(&outer.loops, mapping),
        };
        imported.vars.extend(outer.vars.clone());
        let Some(name) = self.static_name("import_playbook", value) else {
            return Vec::new();
        };
        let path = loader::tidy(&self.playbook_folder.join(&name));
        if !path.is_file() {
            self.error(
                "missing-file",
                format!("there is no playbook `{name}`"),
                &value.span,
            );
            return Vec::new();
        }
        self.plays(&path, Some(&value.span), &imported)
    }

    fn play(&mut self, node: &Node, mapping: &Mapping, imported: &Imported) -> Option<Play> {
        self.known_keys(mapping, Level::Play);
        let keywords = self.play_keywords(mapping, imported);
        self.gathered = Gathered::default();
        self.looked_into.clear();
        let place = self.play_place(&keywords);
        let name = self.name(mapping);
        let hosts = self.hosts(node, mapping);
        self.play_choices(mapping);
        let vars_files = self.vars_files(mapping);
        let pre_tasks = self.section(mapping, "pre_tasks", &place);
        let roles = mapping
            .get("roles")
            .map_or_else(Vec::new, |roles| self.role_list(roles));
        let tasks = self.section(mapping, "tasks", &place);
        let post_tasks = self.section(mapping, "post_tasks", &place);
        let rollback = mapping
            .get("rollback")
            .and_then(|rollback| self.rollback(rollback, &place));
        let probe = mapping.get("probe").and_then(|probe| self.probe(probe));
        let own_handlers = self.section(
            mapping,
            "handlers",
            &Place {
                handlers: true,
                ..place
            },
        );
        let gathered = std::mem::take(&mut self.gathered);
        let own = gathered.handlers.iter().cloned();
        let handlers: Vec<Item> = own.chain(own_handlers).collect();
        self.check_notified(&gathered, &handlers);
        let gather_facts = self.boolean_key(mapping, "gather_facts");
        let force_handlers = self.boolean_key(mapping, "force_handlers");
        let max_fail_percentage = self.number(
            mapping,
            "max_fail_percentage",
            checks::is_percentage,
            "a percentage",
        );
        let max_failures = self.number(mapping, "max_failures", checks::is_whole, "a whole number");
        let max_unavailable = self.number(
            mapping,
            "max_unavailable",
            checks::is_percentage,
            "a number of hosts or a percentage",
        );
        let soak = self.number(
            mapping,
            "soak",
            checks::is_duration,
            "seconds, or a time such as 30s, 5m or 1h",
        );
        Some(Play {
            span: node.span.clone(),
            name,
            hosts: hosts?,
            gather_facts,
            serial: self.serial(mapping),
            max_fail_percentage,
            max_failures,
            max_unavailable,
            soak,
            loops: self.loops_within(&imported.loops, mapping),
            order: mapping
                .get("order")
                .filter(|order| !order.is_null())
                .cloned(),
            force_handlers,
            vars_files,
            keywords,
            pre_tasks,
            roles,
            tasks,
            post_tasks,
            handlers,
            role_list: gathered.roles,
            rollback,
            probe,
            folder: self.playbook_folder.clone(),
        })
    }

    /// The play's own keywords with what its import gives it.
    fn play_keywords(&mut self, mapping: &Mapping, imported: &Imported) -> Keywords {
        let mut keywords = self.keywords(mapping);
        let mut vars = (*keywords.vars).clone();
        vars.extend(imported.vars.clone());
        keywords.vars = Arc::new(vars);
        keywords.tags.extend(imported.tags.iter().cloned());
        keywords.when.clone_from(&imported.when);
        keywords
    }

    fn play_place(&self, keywords: &Keywords) -> Place {
        Place {
            folder: self.playbook_folder.clone(),
            role: None,
            handlers: false,
            notify: Vec::new(),
            guarded: !keywords.when.is_empty(),
            chain: String::new(),
        }
    }

    fn boolean_key(&mut self, mapping: &Mapping, key: &str) -> Option<Node> {
        let value = mapping.get(key).filter(|value| !value.is_null())?;
        self.templates(value);
        self.boolean(key, value);
        Some(value.clone())
    }

    fn section(&mut self, mapping: &Mapping, key: &str, place: &Place) -> Vec<Item> {
        match mapping.get(key) {
            Some(node) => self.items(key, node, place),
            None => Vec::new(),
        }
    }

    fn hosts(&mut self, node: &Node, mapping: &Mapping) -> Option<Node> {
        let Some(hosts) = mapping.get("hosts") else {
            let first = mapping
                .iter()
                .next()
                .map_or(&node.span, |(key, _)| &key.span);
            self.error_hint(
                "no-hosts",
                "the play has no `hosts`",
                first,
                "name a group, a host or a pattern such as `all`",
            );
            return None;
        };
        self.templates(hosts);
        let patterns = one_or_many(hosts);
        let blank = |each: &Node| {
            each.is_null() || each.as_str().is_some_and(|text| text.trim().is_empty())
        };
        if patterns.is_empty() || patterns.iter().any(blank) {
            self.error("no-hosts", "`hosts` is empty", &hosts.span);
        } else if let Some(wrong) = patterns.iter().find(|each| !checks::is_scalar(each)) {
            self.wrong_type("hosts", wrong, "a host pattern or a list of them");
        } else if let Some(check) = &self.loader.hosts_check {
            let wrong: Vec<Diagnostic> = patterns
                .iter()
                .filter(|each| !checks::is_open(each))
                .filter_map(|each| Some(check(each.as_str()?)?.at(&each.span, "")))
                .collect();
            for each in wrong {
                self.push(each);
            }
        }
        Some(hosts.clone())
    }

    /// Checks `order` and `strategy`, which have few values.
    fn play_choices(&mut self, mapping: &Mapping) {
        if let Some(order) = mapping.get("order").filter(|order| !order.is_null()) {
            self.templates(order);
            let text = order.key_text();
            if !checks::is_open(order) && !ORDERS.contains(&text.as_str()) {
                let mut diagnostic =
                    Diagnostic::error("not-a-choice", format!("`order` cannot be `{text}`"))
                        .at(&order.span, format!("one of {}", ORDERS.join(", ")));
                if let Some(near) = did_you_mean(&text, ORDERS) {
                    diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
                }
                self.push(diagnostic);
            }
        }
        let Some(strategy) = mapping
            .get("strategy")
            .filter(|strategy| !strategy.is_null())
        else {
            return;
        };
        let text = strategy.key_text();
        if text.strip_prefix("ansible.builtin.").unwrap_or(&text) != "linear" {
            self.error_hint(
                "unsupported-strategy",
                format!("the strategy `{text}` is not supported"),
                &strategy.span,
                "`linear` is the only one",
            );
        }
    }

    fn serial(&mut self, mapping: &Mapping) -> Option<Node> {
        let serial = mapping.get("serial").filter(|serial| !serial.is_null())?;
        self.templates(serial);
        for each in one_or_many(serial) {
            if !checks::is_open(&each) && !checks::is_percentage(&each) {
                self.wrong_type("serial", &each, "a number, a percentage or a list of these");
            }
        }
        Some(serial.clone())
    }

    fn vars_files(&mut self, mapping: &Mapping) -> Vec<Node> {
        let files = mapping
            .get("vars_files")
            .map(one_or_many)
            .unwrap_or_default();
        for entry in &files {
            self.templates(entry);
            let choices = one_or_many(entry);
            if let Some(wrong) = choices.iter().find(|each| !checks::is_scalar(each)) {
                self.wrong_type("vars_files", wrong, "a file or a list of files");
                continue;
            }
            if choices.iter().any(checks::is_open) {
                continue;
            }
            let names: Vec<_> = choices.iter().map(Node::key_text).collect();
            let found = names.iter().find_map(|name| {
                [
                    self.playbook_folder.join("vars").join(name),
                    self.playbook_folder.join(name),
                ]
                .into_iter()
                .find(|path| path.is_file())
            });
            if let Some(path) = found {
                self.vars_file(&path, entry);
            } else {
                let names = names.join("`, `");
                self.error(
                    "missing-file",
                    format!("there is no file of variables `{names}`"),
                    &entry.span,
                );
            }
        }
        files
    }

    fn vars_file(&mut self, path: &Path, entry: &Node) {
        let Some(node) = self.file(path, &entry.span) else {
            return;
        };
        self.templates(&node);
        if node.as_mapping().is_none() && !node.is_null() {
            self.wrong_type("a file of variables", &node, "a mapping");
        }
    }
}
