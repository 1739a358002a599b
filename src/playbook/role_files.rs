//! A role's folder: where it is, and which files of it hold variables and tasks.

use super::loader;
use super::reader::Reader;
use crate::source::{Diagnostic, Span, did_you_mean};
use crate::template::{Variables, variables_of};
use std::path::{Path, PathBuf};

const EXTENSIONS: [&str; 4] = ["", ".yml", ".yaml", ".json"];

impl Reader<'_> {
    /// The folder of the role `name`; `from` is the folder of the role that names it.
    pub(super) fn find_role(&self, name: &str, from: Option<&Path>) -> Option<PathBuf> {
        self.role_folders(from)
            .into_iter()
            .map(|folder| loader::tidy(&folder.join(name)))
            .find(|path| path.is_dir())
    }

    /// Folders that may hold roles, in Ansible's order.
    fn role_folders(&self, from: Option<&Path>) -> Vec<PathBuf> {
        let mut folders = vec![self.playbook_folder.join("roles")];
        folders.extend(
            self.loader
                .roles_path()
                .iter()
                .map(|path| loader::absolute(path)),
        );
        folders.push(loader::absolute(Path::new("roles")));
        folders.extend(from.and_then(Path::parent).map(Path::to_owned));
        folders.push(self.playbook_folder.clone());
        folders
    }

    /// Adds the error that there is no such role.
    pub(super) fn missing_role(&mut self, name: &str, from: Option<&Path>, at: &Span) {
        let mut names = Vec::new();
        let folders = self.role_folders(from);
        // The playbook's own folder, the last one, holds more than roles.
        for folder in &folders[..folders.len() - 1] {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            names.extend(
                entries
                    .filter(|entry| entry.path().is_dir())
                    .filter_map(|entry| entry.file_name().into_string().ok()),
            );
        }
        let mut diagnostic =
            Diagnostic::error("unknown-role", format!("there is no role `{name}`")).at(at, "");
        diagnostic = match did_you_mean(name, names.iter().map(String::as_str)) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic.hint(format!(
                "looked in {}",
                folders
                    .iter()
                    .map(|folder| loader::shown(folder).display().to_string())
                    .filter(|folder| !folder.is_empty())
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        };
        self.push(diagnostic);
    }

    /// One file of a role: `from` or `main` of `section`. A file asked for by name must be there.
    pub(super) fn role_file(
        &mut self,
        role: &Path,
        section: &str,
        from: Option<&str>,
        at: &Span,
    ) -> Option<PathBuf> {
        let base = role.join(section).join(from.unwrap_or("main"));
        let found = with_extension(&base).filter(|path| path.is_file());
        if let (None, Some(from)) = (&found, from) {
            self.missing_part(role, section, from, at);
        }
        found
    }

    fn missing_part(&mut self, role: &Path, section: &str, from: &str, at: &Span) {
        self.error(
            "missing-file",
            format!(
                "the role `{}` has no {section} `{from}`",
                loader::shown(role).display()
            ),
            at,
        );
    }

    /// The variables of `defaults/` or `vars/`: one file, or all files of a folder in the order of their names.
    pub(super) fn role_variables(
        &mut self,
        role: &Path,
        section: &str,
        from: Option<&str>,
        at: &Span,
    ) -> Variables {
        let base = role.join(section).join(from.unwrap_or("main"));
        let mut files = Vec::new();
        match with_extension(&base) {
            Some(path) if path.is_dir() => variable_files(&path, &mut files),
            Some(path) => files.push(path),
            None => {
                if let Some(from) = from {
                    self.missing_part(role, section, from, at);
                }
            }
        }
        let mut variables = Variables::new();
        for path in files {
            let Some(node) = self.file(&path, at) else {
                continue;
            };
            match node.as_mapping() {
                Some(mapping) => {
                    self.templates(&node);
                    variables.extend(variables_of(mapping));
                }
                None if node.is_null() => {}
                None => self.wrong_type("a file of variables", &node, "a mapping"),
            }
        }
        variables
    }
}

fn with_extension(base: &Path) -> Option<PathBuf> {
    EXTENSIONS
        .iter()
        .map(|extension| {
            let mut path = base.as_os_str().to_owned();
            path.push(extension);
            PathBuf::from(path)
        })
        .find(|path| path.exists())
}

fn variable_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    entries.sort();
    for path in entries {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("");
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            variable_files(&path, files);
        } else if matches!(extension, None | Some("yml" | "yaml" | "json")) {
            files.push(path);
        }
    }
}
