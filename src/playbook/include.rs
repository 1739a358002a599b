//! `include_tasks` and `include_role`: read now, loaded at run time; what they name is looked into for its mistakes.

use super::ast::{Action, Include, Keywords, RoleInclude};
use super::checks;
use super::handlers::Known;
use super::keywords::Level;
use super::reader::{Place, Reader};
use super::role::{RoleEntry, RoleFiles};
use super::task::Found;
use crate::source::{Diagnostic, did_you_mean};
use crate::yaml::{Mapping, Node};

const TASKS_OPTIONS: [&str; 2] = ["apply", "file"];

pub(super) const ROLE_OPTIONS: [&str; 9] = [
    "allow_duplicates",
    "apply",
    "defaults_from",
    "handlers_from",
    "name",
    "public",
    "rolespec_validate",
    "tasks_from",
    "vars_from",
];

impl Reader<'_> {
    pub(super) fn include_tasks(
        &mut self,
        found: &Found,
        args: Option<&Node>,
        place: &Place,
        guarded: bool,
    ) -> Option<Action> {
        let options = self.file_options(found, args);
        let Some(file) = options.get("file").filter(|file| !file.is_null()).cloned() else {
            self.error(
                "missing-parameter",
                "`include_tasks` needs a file",
                &found.key.span,
            );
            return None;
        };
        self.templates(&file);
        let apply = self.apply(&options);
        if checks::is_open(&file) {
            self.gathered.included_names.open = true;
        } else if let Some(name) = file.as_str() {
            self.look_into_tasks(name, &file, place, guarded);
        } else {
            self.wrong_type("include_tasks", &file, "a file");
        }
        Some(Action::IncludeTasks(Include {
            file,
            apply,
            notify: place.notify.clone(),
        }))
    }

    /// The options of `include_tasks` or `import_tasks`: a file alone, or a mapping.
    pub(super) fn file_options(&mut self, found: &Found, args: Option<&Node>) -> Mapping {
        self.options(found, args, "file", &TASKS_OPTIONS)
    }

    /// Options of an include; text alone is the option `main`.
    pub(super) fn options(
        &mut self,
        found: &Found,
        args: Option<&Node>,
        main: &str,
        known: &[&'static str],
    ) -> Mapping {
        let mut options = Mapping::default();
        for node in args.into_iter().chain([&found.value]) {
            if node.is_null() {
                continue;
            }
            let Some(mapping) = node.as_mapping() else {
                self.text_options(found, node, main, known, &mut options);
                continue;
            };
            for (key, value) in mapping {
                self.option(found, key, value, known, &mut options);
            }
        }
        options
    }

    fn text_options(
        &mut self,
        found: &Found,
        node: &Node,
        main: &str,
        known: &[&'static str],
        options: &mut Mapping,
    ) {
        let Some(text) = node.as_str() else {
            self.wrong_type(&found.name, node, "a name or a mapping");
            return;
        };
        let words = super::free_form::words(text).unwrap_or_default();
        for pair in words
            .iter()
            .filter_map(|word| super::free_form::pair_nodes(node, word))
        {
            self.option(found, &pair.0, &pair.1, known, options);
        }
        if words
            .iter()
            .any(|word| super::free_form::pair(word).is_none())
        {
            let plain: Vec<_> = words
                .iter()
                .filter(|word| super::free_form::pair(word).is_none())
                .map(|word| word.text)
                .collect();
            let value = if plain.len() == words.len() {
                node.clone()
            } else {
                super::free_form::text_node(node.span.clone(), plain.join(" "))
            };
            options.insert(
                super::free_form::text_node(found.key.span.clone(), main.to_owned()),
                value,
            );
        }
    }

    fn option(
        &mut self,
        found: &Found,
        key: &Node,
        value: &Node,
        known: &[&'static str],
        options: &mut Mapping,
    ) {
        let written = key.key_text();
        let is_role = known.contains(&"name");
        let name = match written.as_str() {
            "role" if is_role => "name",
            "_raw_params" if !is_role => "file",
            other => other,
        };
        if known.contains(&name) {
            options.insert(
                super::free_form::text_node(key.span.clone(), name.to_owned()),
                value.clone(),
            );
            return;
        }
        let mut diagnostic = Diagnostic::error(
            "unknown-parameter",
            format!("`{}` has no parameter `{written}`", found.name),
        )
        .at(&key.span, "");
        diagnostic = match did_you_mean(name, known.iter().copied()) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic.hint("put variables under `vars` of the task"),
        };
        self.push(diagnostic);
    }

    /// Reads `apply`: keywords for what is included.
    pub(super) fn apply(&mut self, options: &Mapping) -> Keywords {
        let Some(node) = options.get("apply").filter(|node| !node.is_null()) else {
            return Keywords::default();
        };
        let Some(mapping) = node.as_mapping() else {
            self.wrong_type("apply", node, "a mapping of keywords");
            return Keywords::default();
        };
        self.known_keys(mapping, Level::Apply);
        self.keywords(mapping)
    }

    pub(super) fn include_role(
        &mut self,
        found: &Found,
        args: Option<&Node>,
        place: &Place,
        guarded: bool,
    ) -> Option<Action> {
        let options = self.options(found, args, "name", &ROLE_OPTIONS);
        let Some(name) = options.get("name").filter(|name| !name.is_null()).cloned() else {
            self.error(
                "missing-parameter",
                "`include_role` needs the name of a role",
                &found.key.span,
            );
            return None;
        };
        for (_, value) in &options {
            self.templates(value);
        }
        if let Some(node) = options.get("allow_duplicates")
            && (checks::is_open(node) || checks::truth(node) != Some(true))
        {
            self.error(
                "unsupported-keyword",
                "`allow_duplicates: false` is not supported yet on `include_role`",
                &node.span,
            );
        }
        for key in ["public", "rolespec_validate"] {
            if let Some(value) = options.get(key) {
                self.boolean(key, value);
            }
        }
        let apply = self.apply(&options);
        let part = |key: &str| options.get(key).filter(|node| !node.is_null()).cloned();
        let include = RoleInclude {
            name,
            tasks_from: part("tasks_from"),
            vars_from: part("vars_from"),
            defaults_from: part("defaults_from"),
            handlers_from: part("handlers_from"),
            public: part("public"),
            validate: part("rolespec_validate"),
            apply,
            notify: place.notify.clone(),
        };
        self.look_into_role(&include, place, guarded);
        Some(Action::IncludeRole(include))
    }

    /// Reads the file of an `include_tasks` for its mistakes only.
    fn look_into_tasks(&mut self, name: &str, at: &Node, place: &Place, guarded: bool) {
        let Some(path) = self.find_tasks(name, place) else {
            if !guarded {
                self.missing_tasks(name, place, &at.span);
            }
            return;
        };
        let role = place.role.as_ref().map(|role| role.path.clone());
        if self
            .looked_into
            .insert(format!("{} {role:?}", path.display()))
        {
            let place = Place {
                guarded,
                ..place.clone()
            };
            self.aside(|reader| {
                let open = std::mem::take(&mut reader.open_files);
                reader.task_file(&path, &place, &at.span);
                reader.open_files = open;
            });
        }
    }

    /// Reads the role of an `include_role` for its mistakes only.
    fn look_into_role(&mut self, include: &RoleInclude, place: &Place, guarded: bool) {
        let files = RoleFiles::literal(include);
        let (false, Some(name), Some(files)) =
            (checks::is_open(&include.name), include.name.as_str(), files)
        else {
            self.gathered.included_names.open = true;
            return;
        };
        let from = place.role.as_ref().map(|role| role.path.as_path());
        if self.find_role(name, from).is_none() && guarded {
            return;
        }
        if self.looked_into.insert(format!("role {name} {files:?}")) {
            let entry = RoleEntry::named(name, &include.name, files);
            let parent = place.role.clone();
            self.aside(|reader| {
                let open = std::mem::take(&mut reader.open_roles);
                reader.role(entry, parent.as_ref(), "", guarded);
                reader.open_roles = open;
            });
        }
    }

    /// Does something that must leave no trace in the play but mistakes, notifications and names of handlers.
    fn aside(&mut self, action: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.gathered);
        action(self);
        let during = std::mem::replace(&mut self.gathered, before);
        self.gathered.notified.extend(during.notified);
        let mut known: Known = during.included_names;
        known.add(&during.handlers);
        self.gathered.included_names.names.extend(known.names);
        self.gathered.included_names.open |= known.open;
    }
}
