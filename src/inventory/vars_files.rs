//! `group_vars` and `host_vars`: which files there are for whom, and what is in them.
//!
//! This file knows the folders' layout; it must not know which variable wins.

use super::draft::checked_variables;
use super::model::Inventory;
use crate::source::{Diagnostic, Diagnostics, SourceFile, Span, did_you_mean};
use crate::template::{Variables, learn, variable_source};
use crate::vault::Vault;
use crate::yaml;
use indexmap::IndexMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Endings of variable files, in the order in which they are looked for after the bare name.
const ENDINGS: [&str; 3] = ["yml", "yaml", "json"];

/// The variables beside one inventory source or playbook. They are kept for names that no host or group has
/// yet, since a run may make such groups.
#[derive(Clone, Default)]
pub struct VarsFolder {
    /// From `group_vars`, by group.
    pub groups: IndexMap<String, Variables>,
    /// From `host_vars`, by host.
    pub hosts: IndexMap<String, Variables>,
}

/// Reads `group_vars` and `host_vars` in `folder`. Names that nothing has are warned of.
pub(super) fn read(
    folder: &Path,
    inventory: &Inventory,
    vault: &Vault,
    problems: &mut Diagnostics,
) -> VarsFolder {
    let groups: Vec<&str> = inventory.groups.keys().map(String::as_str).collect();
    let mut hosts: Vec<&str> = inventory.hosts.keys().map(String::as_str).collect();
    hosts.extend(super::query::LOCALHOST);
    VarsFolder {
        groups: entities(
            &folder.join("group_vars"),
            "group",
            &groups,
            vault,
            problems,
        ),
        hosts: entities(&folder.join("host_vars"), "host", &hosts, vault, problems),
    }
}

fn entities(
    folder: &Path,
    kind: &str,
    known: &[&str],
    vault: &Vault,
    problems: &mut Diagnostics,
) -> IndexMap<String, Variables> {
    let mut chosen: IndexMap<String, (usize, PathBuf)> = IndexMap::new();
    for path in listing(folder, problems) {
        let Some((name, rank)) = entity(&path, known) else {
            continue;
        };
        let (winner, loser) = match chosen.get(&name) {
            Some((other_rank, other)) if *other_rank < rank => (None, Some(path.clone())),
            Some((_, other)) => (Some((rank, path.clone())), Some(other.clone())),
            None => (Some((rank, path.clone())), None),
        };
        if let Some(winner) = winner {
            chosen.insert(name.clone(), winner);
        }
        if let (Some(loser), Some((_, winner))) = (loser, chosen.get(&name)) {
            let span = whole_file(&loser);
            problems.push(
                Diagnostic::warning(
                    "vars-file-ignored",
                    format!("{} is not read", loser.display()),
                )
                .at(&span, "")
                .hint(format!("{} comes first", winner.display())),
            );
        }
    }
    let mut all = IndexMap::new();
    for (name, (_, path)) in chosen {
        if !known.contains(&name.as_str()) {
            warn_unknown(&name, &path, kind, known, problems);
        }
        let mut variables = Variables::new();
        for file in files(&path, problems) {
            variables.extend(file_variables(&file, vault, problems));
        }
        all.insert(name, variables);
    }
    all
}

/// For whom a file or folder is, and how early it is looked for; nothing for files that are for nobody.
fn entity(path: &Path, known: &[&str]) -> Option<(String, usize)> {
    let name = path.file_name()?.to_str()?;
    if path.is_dir() {
        return Some((name.to_owned(), 0));
    }
    let ending = ENDINGS.iter().position(|ending| {
        name.strip_suffix(ending)
            .is_some_and(|stem| stem.len() > 1 && stem.ends_with('.'))
    });
    match ending {
        Some(at) if !known.contains(&name) => {
            let stem = &name[..name.len() - ENDINGS[at].len() - 1];
            Some((stem.to_owned(), at + 1))
        }
        // Notes such as `README.md` are no host's.
        None if name.contains('.') && !known.contains(&name) => None,
        _ => Some((name.to_owned(), 0)),
    }
}

fn warn_unknown(name: &str, path: &Path, kind: &str, known: &[&str], problems: &mut Diagnostics) {
    let problem = Diagnostic::warning(
        "vars-file-unused",
        format!(
            "no {kind} is called `{name}`, so {} has no effect",
            path.display()
        ),
    )
    .at(&whole_file(path), "");
    problems.push(match did_you_mean(name, known.iter().copied()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(format!("unless the run itself adds such a {kind}")),
    });
}

/// A place that names the file and nothing in it.
fn whole_file(path: &Path) -> Span {
    Span::new(SourceFile::new(path, ""), 0, 0)
}

/// What is in a folder, by name, without hidden files and editors' copies. A folder that is not there is empty.
pub(super) fn listing(folder: &Path, problems: &mut Diagnostics) -> Vec<PathBuf> {
    if !folder.is_dir() {
        return Vec::new();
    }
    let entries: std::io::Result<Vec<_>> = fs::read_dir(folder).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    });
    let mut names = match entries {
        Ok(names) => names,
        Err(error) => {
            problems.push(
                Diagnostic::error(
                    "unreadable",
                    format!("can not list {}: {error}", folder.display()),
                )
                .at(&whole_file(folder), ""),
            );
            return Vec::new();
        }
    };
    names.sort();
    names
        .iter()
        .filter(|name| {
            let name = name.to_string_lossy();
            !name.starts_with('.') && !name.ends_with('~')
        })
        .map(|name| folder.join(name))
        .collect()
}

/// The file itself, or the variable files below a folder, by name; folders with a dot are skipped as Ansible does.
fn files(path: &Path, problems: &mut Diagnostics) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut found = Vec::new();
    for entry in listing(path, problems) {
        let ending = entry
            .extension()
            .map(|ending| ending.to_string_lossy().into_owned());
        if entry.is_dir() {
            if ending.is_none() {
                found.extend(files(&entry, problems));
            }
        } else if ending.is_none_or(|ending| ENDINGS.contains(&ending.as_str())) {
            found.push(entry);
        }
    }
    found
}

fn file_variables(path: &Path, vault: &Vault, problems: &mut Diagnostics) -> Variables {
    let Some(source) = source_of(path, vault, problems) else {
        return Variables::new();
    };
    let documents = match yaml::parse(&source) {
        Ok(documents) => documents,
        Err(found) => {
            problems.extend(found);
            return Variables::new();
        }
    };
    if let Some(second) = documents.get(1) {
        problems.push(
            Diagnostic::error("vars-file", "more than one document")
                .at(&second.span, "the second starts here"),
        );
    }
    let Some(document) = documents.first().filter(|first| !first.is_null()) else {
        return Variables::new();
    };
    learn(document, vault.secrets());
    if let Some(mapping) = document.as_mapping() {
        return checked_variables(mapping, problems);
    }
    problems.push(
        Diagnostic::error(
            "vars-file",
            format!(
                "a file of variables must be a mapping, found {}",
                document.kind_name()
            ),
        )
        .at(&document.span, ""),
    );
    Variables::new()
}

/// A file that must be UTF-8 text, opened where it is vaulted as a whole.
pub(super) fn source_of(
    path: &Path,
    vault: &Vault,
    problems: &mut Diagnostics,
) -> Option<Arc<SourceFile>> {
    let mut unreadable = |reason: &str| {
        problems.push(
            Diagnostic::error(
                "unreadable",
                format!("can not read {}: {reason}", path.display()),
            )
            .at(&whole_file(path), ""),
        );
    };
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) => {
            unreadable(&error.to_string());
            return None;
        }
    };
    match variable_source(path, content, vault) {
        Ok(Some(source)) => Some(source),
        Ok(None) => {
            unreadable("it is not UTF-8 text");
            None
        }
        Err(problem) => {
            problems.push(*problem);
            None
        }
    }
}
