//! `copy` of a whole folder: every file is delivered as one alone would be, but all are looked at in one round trip.

use super::copy::Arguments;
use super::deliver::{self, Delivery, Found};
use super::mode::Mode;
use super::remote_stat::{FUNCTIONS, Fields, resolve};
use super::{Change, Context, Inspection, ModuleError, Outcome, controller_file};
use crate::shell::quote;
use crate::undo::{Entry, Undo};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What `apply` does.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    /// Folders to make, outer ones first.
    make: Vec<String>,
    /// Octal digits.
    directory_mode: Option<String>,
    /// The files: the one on the controller and its own plan.
    folder: Vec<(PathBuf, Value)>,
}

/// Whether a plan is one of this file's.
pub(super) fn is_plan(plan: &Value) -> bool {
    plan.get("folder").is_some()
}

/// Finds out which files differ and which folders are missing.
pub(super) async fn inspect(
    cx: &Context,
    arguments: &Arguments,
    src: &str,
    root: &Path,
) -> Result<Inspection, ModuleError> {
    let mut dest = arguments.dest.trim_end_matches('/').to_owned();
    if !src.ends_with('/')
        && let Some(name) = root.file_name()
    {
        dest = format!("{dest}/{}", name.to_string_lossy());
    }
    let tree = list(root)
        .map_err(|error| ModuleError::failed(format!("cannot read {}: {error}", root.display())))?;
    let (script, deliveries) = look(cx, arguments, &dest, root, &tree).await?;
    let output = cx.remote.run(script).await?;
    deliver::succeed(&output)?;
    let mut fields = Fields::new(&output.stdout);
    let mut change = Change::default();
    let mut entries: Vec<String> = Vec::new();
    let mut others = Vec::new();
    let mode = Mode::optional(arguments.directory_mode.as_ref())?;
    let mut plan = Plan {
        make: Vec::new(),
        directory_mode: mode.map(|mode| super::mode::octal(mode.bits(0o755, true, 0o022))),
        folder: Vec::new(),
    };
    for _ in &tree.folders {
        let (path, missing) = (fields.next()?, fields.next()?);
        if !missing.is_empty() {
            plan.make.push(path);
            entries.push(missing);
        }
    }
    for (file, delivery) in tree.files.iter().zip(&deliveries) {
        let found = Found::read(&mut fields)?;
        let Inspection::Change(one) = deliver::decide(cx, delivery, found)? else {
            continue;
        };
        change.diff.extend(one.diff);
        if let Undo::Entries(own) = one.undo {
            for entry in own {
                match entry {
                    Entry::Path(path) => entries.push(path),
                    other => others.push(other),
                }
            }
        }
        plan.folder.push((root.join(file), one.plan));
    }
    change.result = result(root, &dest);
    if plan.make.is_empty() && plan.folder.is_empty() {
        return Ok(Inspection::Done(Outcome {
            result: change.result,
            ..Outcome::default()
        }));
    }
    // Many files may share one missing folder, which is recorded once.
    entries.sort();
    entries.dedup();
    others.extend(entries.into_iter().map(Entry::Path));
    change.undo = Undo::Entries(others);
    change.what = format!("copy {} files to {dest}", plan.folder.len());
    change.plan = serde_json::to_value(plan).unwrap_or_default();
    Ok(Inspection::Change(change))
}

/// The script that looks at all folders and files, and the files' deliveries.
async fn look(
    cx: &Context,
    arguments: &Arguments,
    dest: &str,
    root: &Path,
    tree: &Tree,
) -> Result<(String, Vec<Delivery>), ModuleError> {
    let mut script = FUNCTIONS.to_owned();
    for folder in &tree.folders {
        script += &resolve(&join(dest, folder))?;
        script += "missing=\nfolder=$p\nwhile [ -n \"$folder\" ] && [ ! -d \"$folder\" ]; do missing=$folder; folder=${folder%/*}; done\n\
            printf '%s\\0%s\\0' \"$p\" \"$missing\"\n";
    }
    let mut deliveries = Vec::new();
    for file in &tree.files {
        let folder = file.parent().unwrap_or(Path::new(""));
        let dest = format!("{}/", join(dest, folder));
        let delivery = arguments.file(cx, &root.join(file), dest).await?;
        script += &deliver::look(cx, &delivery)?;
        deliveries.push(delivery);
    }
    Ok((script, deliveries))
}

/// Makes the folders and delivers the files.
pub(super) async fn apply(
    cx: &Context,
    arguments: &Arguments,
    change: Change,
) -> Result<Outcome, ModuleError> {
    let plan: Plan = serde_json::from_value(change.plan)
        .map_err(|error| ModuleError::failed(error.to_string()))?;
    if !plan.make.is_empty() {
        let mut script = "set -e\n".to_owned();
        for folder in &plan.make {
            let folder = quote(folder);
            let _ = writeln!(script, "mkdir -p {folder}");
            for (program, value) in [
                ("chown", &arguments.owner),
                ("chgrp", &arguments.group),
                ("chmod", &plan.directory_mode),
            ] {
                if let Some(value) = value {
                    let _ = writeln!(script, "{program} {} {folder}", quote(value));
                }
            }
        }
        deliver::succeed(&cx.remote.run(script).await?)?;
    }
    for (path, plan) in plan.folder {
        let one = Change {
            payload: if deliver::writes(&plan) {
                let loaded = controller_file::load(&path, arguments.vault(cx)).await?;
                Some(loaded.bytes.clone())
            } else {
                None
            },
            plan,
            ..Change::default()
        };
        deliver::apply(cx, one).await?;
    }
    Ok(Outcome {
        changed: true,
        result: change.result,
        ..Outcome::default()
    })
}

fn result(root: &Path, dest: &str) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("dest".to_owned(), format!("{dest}/").into());
    result.insert("src".to_owned(), root.display().to_string().into());
    result
}

fn join(dest: &str, path: &Path) -> String {
    if path.as_os_str().is_empty() {
        dest.to_owned()
    } else {
        format!("{dest}/{}", path.display())
    }
}

/// What is in a folder, as paths relative to it, in the order of their names.
struct Tree {
    /// Outer ones first, the folder itself among them.
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

fn list(root: &Path) -> std::io::Result<Tree> {
    let mut tree = Tree {
        folders: vec![PathBuf::new()],
        files: Vec::new(),
    };
    let mut next = 0;
    while let Some(folder) = tree.folders.get(next).cloned() {
        next += 1;
        for entry in std::fs::read_dir(root.join(&folder))? {
            let path = folder.join(entry?.file_name());
            // Links are followed; a link that leads to a folder above would never end.
            if !root.join(&path).is_dir() {
                tree.files.push(path);
            } else if path.components().count() > 64 {
                return Err(std::io::Error::other("its folders never end"));
            } else {
                tree.folders.push(path);
            }
        }
    }
    tree.folders.sort();
    tree.files.sort();
    Ok(tree)
}
