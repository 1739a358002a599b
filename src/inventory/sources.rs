//! What `-i` names: files, folders of sources and lists of hosts.
//!
//! This file knows where sources lie and which notation each is in; it must not know the notations.

use super::draft::Draft;
use super::model::Inventory;
use super::vars_files::{self, VarsFolder, listing, text_of};
use super::{ini, yaml_file};
use crate::source::{Diagnostic, Diagnostics, SourceFile, Span, did_you_mean};
use indexmap::IndexMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files in a folder of sources that are none, by ending (Ansible's `INVENTORY_IGNORE_EXTS`).
const IGNORED_ENDINGS: [&str; 11] = [
    ".pyc", ".pyo", ".swp", ".bak", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
];

/// Entries of a folder of sources that are none, by name; the last two are what Kubespray leaves there.
const IGNORED_NAMES: [&str; 5] = [
    "group_vars",
    "host_vars",
    "vars_plugins",
    "artifacts",
    "credentials",
];

/// Reads all `sources` and the variables beside them and beside the playbook.
///
/// All mistakes of all files are collected before it gives up. Warnings are in [`Inventory::warnings`].
pub fn load(sources: &[String], playbook_dir: Option<&Path>) -> Result<Inventory, Diagnostics> {
    let mut draft = Draft::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    for source in sources {
        let path = Path::new(source);
        if path.is_dir() {
            folder(path, &mut draft);
            folders.push(path.to_owned());
        } else if path.exists() {
            file(path, &mut draft);
            folders.push(path.parent().unwrap_or(Path::new("")).to_owned());
        } else if source.contains(',') {
            list(source, &mut draft);
        } else {
            draft.problems.push(missing(source));
        }
        draft.inventory.sources.push(path.to_owned());
    }
    let mut read: IndexMap<PathBuf, Arc<VarsFolder>> = IndexMap::new();
    for folder in &folders {
        let key = canonical(folder);
        // A folder named twice counts where it is named last.
        let known = read.shift_remove(&key);
        let vars = known.unwrap_or_else(|| variables(folder, &mut draft));
        read.insert(key, vars);
    }
    draft.inventory.playbook = playbook_dir.map(|folder| {
        let known = read.get(&canonical(folder)).cloned();
        known.unwrap_or_else(|| variables(folder, &mut draft))
    });
    draft.inventory.beside = read.into_values().collect();
    draft.finish()
}

fn variables(folder: &Path, draft: &mut Draft) -> Arc<VarsFolder> {
    Arc::new(vars_files::read(
        folder,
        &draft.inventory,
        &mut draft.problems,
    ))
}

/// One name for a folder however it was written.
fn canonical(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

fn missing(source: &str) -> Diagnostic {
    let path = Path::new(source);
    let neighbours: Vec<String> = path
        .parent()
        .map(|parent| canonical(parent))
        .and_then(|parent| std::fs::read_dir(parent).ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("");
    let problem = Diagnostic::error("inventory-missing", format!("no inventory at `{source}`")).at(
        &Span::synthetic("<command line>", source),
        "no such file or folder",
    );
    match did_you_mean(name, neighbours.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!(
            "did you mean `{}`?",
            path.with_file_name(near).display()
        )),
        None => problem.hint(format!("a list of hosts needs a comma: `-i {source},`")),
    }
}

/// `web1,web2,`.
fn list(source: &str, draft: &mut Draft) {
    let span = Span::synthetic("<command line>", source);
    let mut start = 0;
    for part in source.split(',') {
        let name = part.trim();
        if !name.is_empty() {
            let at = start + (part.len() - part.trim_start().len());
            draft.hosts(name, "ungrouped", &span.part(at, at + name.len()));
        }
        start += part.len() + 1;
    }
}

/// Each entry of a folder is a source of its own, in the order of the names.
fn folder(path: &Path, draft: &mut Draft) {
    for entry in listing(path, &mut draft.problems) {
        let name = entry
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let ignored = IGNORED_NAMES.contains(&name.as_str())
            || IGNORED_ENDINGS.iter().any(|ending| name.ends_with(ending));
        if ignored {
            continue;
        }
        if entry.is_dir() {
            folder(&entry, draft);
        } else {
            file(&entry, draft);
        }
    }
}

fn file(path: &Path, draft: &mut Draft) {
    let Some(text) = text_of(path, &mut draft.problems) else {
        return;
    };
    let source = SourceFile::new(path, text);
    let text = source.text();
    let refused = if text.starts_with("#!") {
        Some(("inventory scripts are not supported yet", 2))
    } else if text.starts_with("$ANSIBLE_VAULT;") {
        Some(("inventories encrypted as a whole are not supported yet", 14))
    } else if path.extension().is_some_and(|ending| ending == "toml") {
        Some(("TOML inventories are not supported yet", 0))
    } else {
        None
    };
    if let Some((message, length)) = refused {
        draft.problems.push(
            Diagnostic::error("inventory-kind", message)
                .at(&Span::new(source.clone(), 0, length), "")
                .hint("write the hosts as an INI or YAML inventory"),
        );
        return;
    }
    if is_yaml(path, text) {
        yaml_file::read(&source, draft);
    } else {
        ini::read(&source, draft);
    }
}

/// By the file's ending; without one that tells, by the first line that says something.
fn is_yaml(path: &Path, text: &str) -> bool {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("yml" | "yaml" | "json") => return true,
        Some("ini") => return false,
        _ => {}
    }
    let first = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or(line).trim_end())
        .find(|line| !line.is_empty() && !line.trim_start().starts_with(['#', ';']));
    first.is_some_and(|line| {
        line == "---"
            || line.starts_with(['{', '%'])
            || (line.ends_with(':') && !line.contains(['[', '=']))
    })
}
