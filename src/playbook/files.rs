//! Which files a playbook may be made of, so that a later run can tell whether they are still the same.
//!
//! Files that were read are known. Templates, files to send, and what is included at run time are not read yet: the folders
//! that hold them by convention are listed.

use super::ast::Playbook;
use super::loader::{Loader, absolute};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders beside a playbook whose content a play may use by name.
const FOLDERS: [&str; 6] = ["files", "handlers", "roles", "tasks", "templates", "vars"];

/// Folders in folders further down than this are not looked into: they go round in a circle.
const DEPTH: usize = 16;

impl Loader {
    /// The files of `playbook`, as absolute paths in order: those read so far, and those it may use.
    pub fn files(&self, playbook: &Playbook) -> BTreeSet<PathBuf> {
        let mut found: BTreeSet<PathBuf> = self.files_read().into_iter().collect();
        for play in &playbook.plays {
            found.insert(absolute(play.span.source().path()));
            for name in FOLDERS {
                below(&absolute(&play.folder).join(name), DEPTH, &mut found);
            }
            for role in &play.role_list {
                below(&absolute(&role.path), DEPTH, &mut found);
            }
            for node in &play.vars_files {
                // One that is a template names no file as it stands.
                if let Some(name) = node.to_value().as_str() {
                    found.insert(absolute(&play.folder.join(name)));
                }
            }
        }
        found.retain(|path| path.is_file());
        found
    }
}

fn below(folder: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // What editors and version control leave is no part of it.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let path = entry.path();
        if !path.is_dir() {
            found.insert(path);
        } else if depth > 0 {
            below(&path, depth - 1, found);
        }
    }
}
