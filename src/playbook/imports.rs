//! `import_tasks` and `import_role`, expanded in place; and how a file of tasks is found and read.

use super::ast::{Block, Item, Keywords};
use super::checks;
use super::include::ROLE_OPTIONS;
use super::loader;
use super::loops;
use super::reader::{Place, Reader};
use super::role::{self, RoleEntry, RoleFiles};
use super::task::Found;
use crate::source::{Diagnostic, Span, did_you_mean};
use crate::yaml::{Mapping, Node};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Reader<'_> {
    pub(super) fn import_tasks(
        &mut self,
        node: &Node,
        mapping: &Mapping,
        found: &Found,
        place: &Place,
    ) -> Option<Item> {
        let (keywords, inner) = self.import_keywords(mapping, place);
        let options = self.file_options(found, mapping.get("args"));
        if let Some((key, _)) = options.entry("apply") {
            self.error_hint(
                "unknown-parameter",
                "`import_tasks` has no parameter `apply`",
                &key.span,
                "an import gives all its keywords to the tasks; write them beside it",
            );
        }
        let Some(file) = options.get("file").filter(|file| !file.is_null()) else {
            self.error(
                "missing-parameter",
                "`import_tasks` needs a file",
                &found.key.span,
            );
            return None;
        };
        let name = self.static_name("import_tasks", file)?;
        let Some(path) = self.find_tasks(&name, place) else {
            self.missing_tasks(&name, place, &file.span);
            return None;
        };
        let body = self.task_file(&path, &inner, &file.span);
        let name = self.name(mapping);
        Some(Item::Block(Arc::new(Block {
            span: node.span.clone(),
            name,
            keywords,
            body,
            rescue: Vec::new(),
            always: Vec::new(),
            role: place.role.clone(),
        })))
    }

    pub(super) fn import_role(
        &mut self,
        node: &Node,
        mapping: &Mapping,
        found: &Found,
        place: &Place,
    ) -> Option<Item> {
        let (keywords, inner) = self.import_keywords(mapping, place);
        let options = self.options(found, mapping.get("args"), "name", &ROLE_OPTIONS);
        for key in ["apply", "public", "allow_duplicates", "rolespec_validate"] {
            let literal = |value: &Node| checks::truth(value) == Some(true) && key != "apply";
            if let Some((name, _)) = options.entry(key).filter(|(_, value)| !literal(value)) {
                let span = name.span.clone();
                self.error(
                    "unsupported-keyword",
                    format!("`{key}` is not supported on `import_role`"),
                    &span,
                );
            }
        }
        let Some(name) = options.get("name").filter(|name| !name.is_null()) else {
            self.error(
                "missing-parameter",
                "`import_role` needs the name of a role",
                &found.key.span,
            );
            return None;
        };
        let text = self.static_name("import_role", name)?;
        let mut from = |key: &str| {
            let node = options.get(key).filter(|node| !node.is_null())?;
            self.static_name("import_role", node)
        };
        let files = RoleFiles {
            tasks: from("tasks_from"),
            vars: from("vars_from"),
            defaults: from("defaults_from"),
            handlers: from("handlers_from"),
        };
        let entry = RoleEntry {
            keywords,
            span: node.span.clone(),
            notify: inner.notify,
            ..RoleEntry::named(&text, name, files)
        };
        self.role(entry, place.role.as_ref(), &place.chain, inner.guarded)
            .map(Item::Block)
    }

    /// The keywords of an import, which all its tasks inherit; a loop or a result needs an include.
    fn import_keywords(&mut self, mapping: &Mapping, place: &Place) -> (Keywords, Place) {
        for (key, _) in mapping {
            let name = key.key_text();
            let dynamic = name == "loop" || name.starts_with("with_");
            if dynamic {
                self.error_hint(
                    "loop-on-import",
                    "an import happens once, before the run, and cannot loop",
                    &key.span,
                    "use `include_tasks` or `include_role` to loop",
                );
            } else if matches!(
                name.as_str(),
                "register"
                    | "until"
                    | "retries"
                    | "delay"
                    | "changed_when"
                    | "failed_when"
                    | "undo"
                    | "loop_control"
                    | "listen"
            ) {
                self.error(
                    "unknown-keyword",
                    format!("`{name}` has no meaning on an import"),
                    &key.span,
                );
            }
        }
        let keywords = self.keywords(mapping);
        let inner = Place {
            notify: self.notify(mapping.get("notify"), place),
            guarded: place.guarded || !keywords.when.is_empty() || loops::has_loop(mapping),
            chain: role::chain(&place.chain, &keywords),
            ..place.clone()
        };
        (keywords, inner)
    }

    /// Finds a file of tasks as Ansible does: beside the file that names it, in the role, beside the playbook.
    pub(super) fn find_tasks(&self, name: &str, place: &Place) -> Option<PathBuf> {
        let mut folders = vec![place.folder.clone()];
        if let Some(role) = &place.role {
            let section = if place.handlers { "handlers" } else { "tasks" };
            folders.extend([
                role.path.join(section),
                role.path.join("tasks"),
                role.path.clone(),
            ]);
        }
        folders.extend([
            self.playbook_folder.join("tasks"),
            self.playbook_folder.clone(),
        ]);
        folders
            .into_iter()
            .map(|folder| loader::tidy(&folder.join(name)))
            .find(|path| path.is_file())
    }

    /// Adds the error that there is no such file of tasks.
    pub(super) fn missing_tasks(&mut self, name: &str, place: &Place, at: &Span) {
        let mut diagnostic = Diagnostic::error(
            "missing-file",
            format!("there is no file of tasks `{name}`"),
        )
        .at(at, "");
        let asked = Path::new(name);
        let folder = place.folder.join(asked.parent().unwrap_or(Path::new("")));
        let beside: Vec<String> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        let file = asked
            .file_name()
            .and_then(|file| file.to_str())
            .unwrap_or(name);
        diagnostic = match did_you_mean(file, beside.iter().map(String::as_str)) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic.hint(format!(
                "looked beside `{}`, in the role and beside the playbook",
                at.source().path().display()
            )),
        };
        self.push(diagnostic);
    }

    /// Reads a file of tasks.
    pub(super) fn task_file(&mut self, path: &Path, place: &Place, at: &Span) -> Vec<Item> {
        if self.open_files.iter().any(|open| open == path) {
            self.error_hint(
                "import-cycle",
                format!("`{}` imports itself", loader::shown(path).display()),
                at,
                "use `include_tasks` with a `when` that ends it",
            );
            return Vec::new();
        }
        let Some(node) = self.file(path, at) else {
            return Vec::new();
        };
        let place = Place {
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            ..place.clone()
        };
        self.open_files.push(path.to_owned());
        let items = self.items("a file of tasks", &node, &place);
        self.open_files.pop();
        items
    }

    /// The content of a YAML file; its mistakes are kept.
    pub(super) fn file(&mut self, path: &Path, at: &Span) -> Option<Arc<Node>> {
        match self.loader.read(path, Some(at)) {
            Ok(node) => Some(node),
            Err(diagnostics) => {
                self.diagnostics.extend(diagnostics);
                None
            }
        }
    }
}
