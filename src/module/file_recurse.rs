//! `file` with `recurse`: attributes of everything in a folder.

use super::deliver;
use super::file_plan::{Sight, Wish, diff_value};
use super::mode::octal;
use super::remote_stat::{FUNCTIONS, Fields, FileState};
use super::{Change, Context, Inspection, ModuleError, Outcome, diff};
use crate::connection::Command;
use crate::shell::quote;
use crate::undo::{Entry, Undo};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// More paths than this are not recorded one by one for undo.
const LIMIT: usize = 2000;

/// Lists what is in `$p`: for each batch of names their facts, one per line, then the names, all NUL-ended.
const LIST: &str = r#"find "$p" -exec sh -c 'stat -c "%f:%u:%g:%U:%G" "$@"; printf "\0"; printf "%s\0" "$@"; printf "\0"' sh {} +
"#;

/// Commands that set attributes, each with the paths it is for.
type Commands = BTreeMap<String, Vec<String>>;

/// Whether a plan is one of this file's.
pub(super) fn is_plan(plan: &Value) -> bool {
    plan.get("commands").is_some()
}

/// Adds to what is to be done about the folder itself what is to be done about what is in it.
pub(super) async fn inspect(
    cx: &Context,
    wish: &Wish,
    sight: &Sight,
    folder: Inspection,
) -> Result<Inspection, ModuleError> {
    let output = cx
        .remote
        .run(format!("p={}\n{LIST}", quote(&sight.path)))
        .await?;
    deliver::succeed(&output)?;
    let (commands, paths) = compare(wish, sight.umask, &output.stdout)?;
    if paths.is_empty() {
        return Ok(folder);
    }
    let result = match folder {
        Inspection::Done(outcome) => outcome.result,
        Inspection::Change(change) => change.result,
    };
    let undo = if paths.len() > LIMIT {
        Undo::Impossible(format!("{} paths are too many to record", paths.len()))
    } else {
        Undo::Entries(paths.iter().cloned().map(Entry::Attributes).collect())
    };
    let changes = [(
        "paths with other attributes",
        paths.len().to_string(),
        "0".to_owned(),
    )];
    let mut result = result;
    result.insert("diff".to_owned(), diff_value(&sight.path, &changes));
    Ok(Inspection::Change(Change {
        what: format!("set attributes of {} and what is in it", sight.path),
        diff: if cx.diff {
            vec![diff::attributes(&sight.path, &changes)]
        } else {
            Vec::new()
        },
        result,
        undo,
        plan: json!({"commands": commands, "path": sight.path}),
        ..Change::default()
    }))
}

/// The commands that are needed, and all paths that they change.
fn compare(
    wish: &Wish,
    umask: u32,
    listing: &[u8],
) -> Result<(Commands, Vec<String>), ModuleError> {
    let cut_off = || ModuleError::failed("the host's answer was cut off");
    let text = String::from_utf8_lossy(listing);
    let mut fields = text.split('\0');
    let mut commands = Commands::new();
    let mut paths = Vec::new();
    while let Some(facts) = fields.next().filter(|facts| !facts.is_empty()) {
        for line in facts.lines() {
            let path = fields.next().ok_or_else(cut_off)?;
            let needed = needed(wish, umask, line).ok_or_else(cut_off)?;
            if !needed.is_empty() {
                paths.push(path.to_owned());
            }
            for command in needed {
                commands.entry(command).or_default().push(path.to_owned());
            }
        }
        fields
            .next()
            .filter(|end| end.is_empty())
            .ok_or_else(cut_off)?;
    }
    Ok((commands, paths))
}

/// The commands that one path needs.
fn needed(wish: &Wish, umask: u32, line: &str) -> Option<Vec<String>> {
    let parts: Vec<&str> = line.split(':').collect();
    let [mode, uid, gid, user, group] = parts[..] else {
        return None;
    };
    let raw = u32::from_str_radix(mode, 16).ok()?;
    let mut needed = Vec::new();
    if let Some(owner) = wish
        .owner
        .as_deref()
        .filter(|owner| ![uid, user].contains(owner))
    {
        needed.push(format!("chown -h {}", quote(owner)));
    }
    if let Some(wanted) = wish
        .group
        .as_deref()
        .filter(|name| ![gid, group].contains(name))
    {
        needed.push(format!("chgrp -h {}", quote(wanted)));
    }
    let symlink = raw & 0o170_000 == 0o120_000;
    if let Some(mode) = wish.mode.as_ref().filter(|_| !symlink) {
        let folder = raw & 0o170_000 == 0o040_000;
        let wanted = mode.bits(raw & 0o7777, folder, umask);
        if wanted != raw & 0o7777 {
            needed.push(format!("chmod {}", octal(wanted)));
        }
    }
    Some(needed)
}

/// Runs each command over its paths, which are fed by standard input: there may be many.
pub(super) async fn apply(cx: &Context, change: Change) -> Result<Outcome, ModuleError> {
    let commands: Commands = serde_json::from_value(change.plan["commands"].clone())
        .map_err(|error| ModuleError::failed(error.to_string()))?;
    // A change of owner clears set-id bits, so modes come last.
    let (modes, owners): (Vec<_>, Vec<_>) = commands
        .into_iter()
        .partition(|(command, _)| command.starts_with("chmod"));
    for (command, mut paths) in owners.into_iter().chain(modes) {
        // What is inside comes first: a folder may become closed to us.
        paths.reverse();
        let mut run = Command::new(format!("xargs -0 {command}\n"));
        run.stdin = Some(Bytes::from(paths.join("\0") + "\0"));
        deliver::succeed(&cx.remote.command(run).await?)?;
    }
    let path = quote(change.plan["path"].as_str().unwrap_or_default());
    let output = cx
        .remote
        .run(format!("{FUNCTIONS}look '' '' {path}\n"))
        .await?;
    deliver::succeed(&output)?;
    let mut result = change.result;
    if let Some(state) = FileState::read(&mut Fields::new(&output.stdout))? {
        state.describe(&mut result);
    }
    Ok(Outcome {
        changed: true,
        result,
        ..Outcome::default()
    })
}
