//! What `file` does about what it found: pure decisions, and the lines of script that carry them out.

use super::file::named;
use super::mode::{Mode, octal};
use super::remote_stat::{FileState, FileType};
use super::{Change, Context, Inspection, ModuleError, Outcome, diff};
use crate::shell::quote;
use crate::undo::{Entry, Undo};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Which times of a touched file become the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Both,
    Access,
    Modification,
    Neither,
}

/// What the task wants.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) follow: bool,
    pub(super) force: bool,
    pub(super) mode: Option<Mode>,
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
    pub(super) recurse: bool,
    pub(super) src: Option<String>,
    /// Of a file that is touched.
    pub(super) times: Times,
    pub(super) state: Option<String>,
}

/// What the host showed.
#[derive(Debug)]
pub(super) struct Sight {
    /// The absolute path; where a link leads, if links are followed.
    pub(super) path: String,
    pub(super) umask: u32,
    /// Topmost folder above it that is missing; empty when all are there.
    pub(super) missing: String,
    /// A folder with something in it.
    pub(super) full: bool,
    /// What stands there itself.
    pub(super) state: Option<FileState>,
    /// What stands where it leads.
    pub(super) target: Option<FileState>,
    /// What `src` leads to.
    pub(super) source: Option<FileState>,
}

impl Sight {
    fn word(&self) -> &'static str {
        self.state.as_ref().map_or("absent", FileState::state_name)
    }
}

/// A change in the making.
#[derive(Default)]
struct Draft {
    what: &'static str,
    script: String,
    before: Map<String, Value>,
    entry: Option<Entry>,
    state: &'static str,
}

/// What is to be done.
pub(super) fn decide(cx: &Context, wish: &Wish, sight: &Sight) -> Result<Inspection, ModuleError> {
    let state = match (wish.state.as_deref(), sight.word()) {
        (Some(state), _) => state,
        (None, "absent") if wish.recurse => "directory",
        (None, "absent" | "hard") => "file",
        (None, now) => now,
    };
    let draft = match state {
        "absent" => absent(sight),
        "directory" => directory(sight)?,
        "touch" => touch(wish, sight)?,
        "link" => link(wish, sight)?,
        "hard" => hard(wish, sight)?,
        _ => file(sight)?,
    };
    Ok(finish(cx, wish, sight, state, draft))
}

fn absent(sight: &Sight) -> Draft {
    let Some(state) = &sight.state else {
        return Draft {
            state: "absent",
            ..Draft::default()
        };
    };
    let path = sight.path.clone();
    let entry = if state.kind == FileType::Folder {
        Entry::Tree(path)
    } else {
        Entry::Path(path)
    };
    Draft {
        what: "remove",
        script: format!("rm -rf {}\n", quote(&sight.path)),
        entry: Some(entry),
        state: "absent",
        ..Draft::default()
    }
}

fn directory(sight: &Sight) -> Result<Draft, ModuleError> {
    match &sight.state {
        Some(state) if state.kind == FileType::Folder => Ok(Draft {
            state: "directory",
            ..Draft::default()
        }),
        Some(_) => Err(ModuleError::failed(format!(
            "{} already exists as a {}",
            sight.path,
            sight.word()
        ))),
        None => {
            let first = if sight.missing.is_empty() {
                &sight.path
            } else {
                &sight.missing
            };
            Ok(Draft {
                what: "create",
                script: format!("mkdir -p {}\n", quote(&sight.path)),
                entry: Some(Entry::Path(first.clone())),
                state: "directory",
                ..Draft::default()
            })
        }
    }
}

fn file(sight: &Sight) -> Result<Draft, ModuleError> {
    match sight.word() {
        word @ ("absent" | "directory" | "link") => Err(ModuleError::failed(format!(
            "file ({}) is {word}, cannot continue",
            sight.path
        ))),
        _ => Ok(Draft {
            state: "file",
            ..Draft::default()
        }),
    }
}

fn touch(wish: &Wish, sight: &Sight) -> Result<Draft, ModuleError> {
    let path = quote(&sight.path);
    let mut draft = Draft {
        state: "touch",
        ..Draft::default()
    };
    if sight.state.is_some() {
        let which = match wish.times {
            Times::Neither => return Ok(draft),
            Times::Modification => "-m ",
            Times::Access => "-a ",
            Times::Both => "",
        };
        draft.what = "touch";
        draft.script = format!("touch -c {which}{path}\n");
        draft.entry = Some(Entry::Attributes(sight.path.clone()));
        return Ok(draft);
    }
    need_folder(sight)?;
    draft.what = "create";
    draft.script = format!(": >>{path}\n");
    draft.entry = Some(Entry::Path(sight.path.clone()));
    Ok(draft)
}

fn need_folder(sight: &Sight) -> Result<(), ModuleError> {
    if sight.missing.is_empty() {
        return Ok(());
    }
    Err(ModuleError::failed(format!(
        "cannot create {}: {} does not exist",
        sight.path, sight.missing
    )))
}

/// The new link is made beside its place and renamed over what is there.
fn place(sight: &Sight, make: &str) -> String {
    let path = quote(&sight.path);
    let clear = match &sight.state {
        Some(state) if state.kind == FileType::Folder => format!("rmdir {path}\n"),
        // A rename onto a link to a folder would end up inside the folder.
        Some(state) if state.kind == FileType::Link => {
            format!("if [ -d {path} ]; then rm -f {path}; fi\n")
        }
        _ => String::new(),
    };
    format!(
        "path={path}\nnew=${{path%/*}}/.windlass.$$\nrm -f \"$new\"\n{make} \"$new\"\n{clear}mv -f \"$new\" \"$path\"\n"
    )
}

/// Whether what stands there may give way to a link.
fn may_replace(wish: &Wish, sight: &Sight, kind: &str) -> Result<(), ModuleError> {
    let word = sight.word();
    if matches!(word, "absent" | "link") {
        return need_folder(sight);
    }
    if word == "directory" && wish.force && sight.full {
        return Err(ModuleError::failed(format!(
            "the directory {} is not empty, refusing to convert it",
            sight.path
        )));
    }
    if wish.force {
        return Ok(());
    }
    Err(ModuleError::failed(format!(
        "refusing to convert from {word} to {kind} for {}",
        sight.path
    )))
}

fn link(wish: &Wish, sight: &Sight) -> Result<Draft, ModuleError> {
    let mut draft = Draft {
        state: "link",
        ..Draft::default()
    };
    let target = sight.state.as_ref().and_then(|state| state.target.as_ref());
    let Some(src) = &wish.src else {
        // An existing link's attributes can be set without saying where it leads.
        return match target {
            Some(_) => Ok(draft),
            None => Err(ModuleError::failed(
                "src is required for creating new symlinks",
            )),
        };
    };
    if sight.source.is_none() && !wish.force {
        return Err(ModuleError::failed(format!(
            "src file does not exist, use \"force=yes\" if you really want to create the link: {src}"
        )));
    }
    if let Some((now, _)) = target {
        if now == src {
            return Ok(draft);
        }
        draft.before.insert("src".to_owned(), now.as_str().into());
    }
    may_replace(wish, sight, "symlink")?;
    draft.what = "link";
    draft.script = place(sight, &format!("ln -s {}", quote(src)));
    draft.entry = Some(Entry::Path(sight.path.clone()));
    Ok(draft)
}

fn hard(wish: &Wish, sight: &Sight) -> Result<Draft, ModuleError> {
    let src = wish
        .src
        .as_ref()
        .ok_or_else(|| ModuleError::failed("src is required for creating new hardlinks"))?;
    if !src.starts_with('/') {
        return Err(ModuleError::failed(
            "src must be an absolute path for a hard link",
        ));
    }
    let source = sight
        .source
        .as_ref()
        .ok_or_else(|| ModuleError::failed(format!("src does not exist: {src}")))?;
    let mut draft = Draft {
        state: "hard",
        ..Draft::default()
    };
    let same = sight
        .state
        .as_ref()
        .is_some_and(|state| (state.inode, state.device) == (source.inode, source.device));
    if same {
        return Ok(draft);
    }
    may_replace(wish, sight, "hardlink")?;
    draft.what = "link";
    draft.script = place(sight, &format!("ln {}", quote(src)));
    draft.entry = Some(Entry::Path(sight.path.clone()));
    Ok(draft)
}

/// What is to become of owner, group and mode.
#[derive(Default)]
pub(super) struct Attributes {
    /// Lines that set them on `$p`.
    pub(super) script: String,
    /// Name, before, after.
    pub(super) changes: Vec<diff::Attribute>,
}

/// Compares attributes; `now` is `None` for what is only just made.
pub(super) fn attributes(
    wish: &Wish,
    umask: u32,
    now: Option<&FileState>,
    state: &str,
) -> Attributes {
    let mut script = String::new();
    let mut changes = Vec::new();
    let folder = state == "directory" || now.is_some_and(|now| now.kind == FileType::Folder);
    // A link's own mode means nothing, and its owner must be set on itself.
    let link = now.is_some_and(|now| now.kind == FileType::Link);
    let itself = if link { "-h " } else { "" };
    if let Some(owner) = &wish.owner
        && now.is_none_or(|now| !now.owned_by(owner))
    {
        let _ = writeln!(script, "chown {itself}{} \"$p\"", quote(owner));
        let before = now.map(FileState::owner_text).unwrap_or_default();
        changes.push(("owner", before, owner.clone()));
    }
    if let Some(group) = &wish.group
        && now.is_none_or(|now| !now.in_group(group))
    {
        let _ = writeln!(script, "chgrp {itself}{} \"$p\"", quote(group));
        let before = now.map(FileState::group_text).unwrap_or_default();
        changes.push(("group", before, group.clone()));
    }
    if let Some(mode) = &wish.mode
        && !link
    {
        let fresh = if folder { 0o777 } else { 0o666 } & !umask;
        let before = now.map_or(fresh, |now| now.mode);
        let after = mode.bits(before, folder, umask);
        if now.is_none() || before != after {
            let _ = writeln!(script, "chmod {} \"$p\"", octal(after));
            let before = now.map(|now| octal(now.mode)).unwrap_or_default();
            changes.push(("mode", before, octal(after)));
        }
    }
    Attributes { script, changes }
}

fn finish(cx: &Context, wish: &Wish, sight: &Sight, state: &str, draft: Draft) -> Inspection {
    let mut draft = draft;
    let is_link = matches!(state, "link" | "hard");
    let set = attributes_for(wish, sight, state, &draft);
    let mut entries: Vec<Entry> = draft.entry.take().into_iter().collect();
    entries.extend(add_attributes(wish, sight, state, &mut draft, &set.script));
    let mut result = named(&sight.path, is_link || state == "touch");
    if let Some(src) = wish.src.as_ref().filter(|_| is_link) {
        result.insert("src".to_owned(), src.as_str().into());
    }
    if draft.script.is_empty() {
        match &sight.state {
            Some(now) => now.describe(&mut result),
            None => {
                result.insert("state".to_owned(), "absent".into());
            }
        }
        return Inspection::Done(Outcome {
            result,
            ..Outcome::default()
        });
    }
    let changes = differences(wish, sight, &draft, set.changes);
    result.insert("diff".to_owned(), diff_value(&sight.path, &changes));
    let text = diff::attributes(&sight.path, &changes);
    Inspection::Change(Change {
        what: format!("{} {}", draft.what, sight.path),
        diff: if cx.diff { vec![text] } else { Vec::new() },
        result,
        undo: Undo::Entries(entries),
        plan: json!({"script": draft.script, "path": sight.path}),
        ..Change::default()
    })
}

/// The attributes that are to be set, compared with those of what is there or will be there.
fn attributes_for(wish: &Wish, sight: &Sight, state: &str, draft: &Draft) -> Attributes {
    let now = match state {
        // A new link's attributes are those of what it leads to.
        "link" if wish.follow && draft.what == "link" => sight.source.as_ref(),
        "link" if wish.follow => sight.target.as_ref().or(sight.state.as_ref()),
        "hard" => sight.source.as_ref(),
        _ if matches!(draft.what, "create" | "link") => None,
        _ => sight.state.as_ref(),
    };
    if state == "absent" || (state == "link" && now.is_none()) {
        return Attributes::default();
    }
    attributes(wish, sight.umask, now, state)
}

/// Adds the lines that set attributes to the script; what else must be recorded for that.
fn add_attributes(
    wish: &Wish,
    sight: &Sight,
    state: &str,
    draft: &mut Draft,
    set: &str,
) -> Option<Entry> {
    if set.is_empty() {
        return None;
    }
    if state == "directory" && draft.what == "create" {
        draft.script += &each_made(sight, set);
        return None;
    }
    let leads_to = match state {
        "link" if wish.follow => source_path(wish, sight),
        _ => None,
    };
    let on = leads_to.unwrap_or_else(|| sight.path.clone());
    draft.script += &["p=", &quote(&on), "\n", set].concat();
    let recorded = matches!(draft.what, "create" | "touch");
    if draft.what.is_empty() {
        draft.what = "set attributes of";
    }
    // A hard link shares its attributes with its source, which stays when the link goes.
    (!recorded).then(|| {
        Entry::Attributes(if state == "hard" {
            source_path(wish, sight).unwrap_or(on)
        } else {
            on
        })
    })
}

/// Where a link leads, as a path that `chmod` takes.
fn source_path(wish: &Wish, sight: &Sight) -> Option<String> {
    let src = wish.src.as_ref()?;
    if src.starts_with('/') {
        return Some(src.clone());
    }
    let folder = sight.path.rsplit_once('/').map_or("", |parts| parts.0);
    Some(format!("{folder}/{src}"))
}

/// Sets attributes on every folder that was just made, as Ansible does.
fn each_made(sight: &Sight, set: &str) -> String {
    let top = if sight.missing.is_empty() {
        &sight.path
    } else {
        &sight.missing
    };
    format!(
        "p={}\ntop={}\nwhile :; do\n{set}if [ \"$p\" = \"$top\" ]; then break; fi\np=${{p%/*}}\ndone\n",
        quote(&sight.path),
        quote(top)
    )
}

fn differences(
    wish: &Wish,
    sight: &Sight,
    draft: &Draft,
    attributes: Vec<diff::Attribute>,
) -> Vec<diff::Attribute> {
    let mut changes = Vec::new();
    match draft.what {
        "touch" => changes.push(("times", "kept".to_owned(), "now".to_owned())),
        "set attributes of" => {}
        _ => changes.push(("state", sight.word().to_owned(), draft.state.to_owned())),
    }
    if draft.what == "link" {
        let before = draft.before.get("src").and_then(Value::as_str);
        let after = wish.src.clone().unwrap_or_default();
        changes.push(("src", before.unwrap_or_default().to_owned(), after));
    }
    changes.extend(attributes);
    changes
}

/// The `diff` return value: what was and what is, by name.
pub(super) fn diff_value(path: &str, changes: &[diff::Attribute]) -> Value {
    let side = |after: bool| -> Map<String, Value> {
        let mut side: Map<String, Value> = changes
            .iter()
            .map(|(name, old, new)| {
                (
                    (*name).to_owned(),
                    if after { new } else { old }.as_str().into(),
                )
            })
            .collect();
        side.insert("path".to_owned(), path.into());
        side
    };
    json!({"before": side(false), "after": side(true)})
}
