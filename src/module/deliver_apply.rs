//! Puts a delivery in place: one round trip, or an upload and one round trip where the content is large.
//!
//! The new file is made beside the old one, verified, given its attributes, validated, and only then renamed over it.

use super::deliver::{Plan, folder_of, result_of};
use super::remote_stat::{FUNCTIONS, Fields, FileState};
use super::{Change, Context, ModuleError, Outcome};
use crate::connection::{Attributes, Command, Output, RemotePath, Upload};
use crate::shell::quote;
use bytes::Bytes;
use serde_json::Value;
use std::fmt::Write as _;

/// Content smaller than this travels with the script that puts it in place, in bytes.
const SMALL: usize = 64 * 1024;

/// Makes the change that `deliver::inspect` found.
pub(super) async fn apply(cx: &Context, change: Change) -> Result<Outcome, ModuleError> {
    let plan: Plan = serde_json::from_value(change.plan)
        .map_err(|error| ModuleError::failed(error.to_string()))?;
    let mut part = plan.part.clone();
    let mut stdin = None;
    match change.payload {
        Some(content) if content.len() < SMALL => stdin = Some(content),
        Some(content) => part = Some(upload(cx, &plan, content).await?),
        None => {}
    }
    let mut command = Command::new(script(&plan, part.as_deref()));
    command.stdin = stdin;
    let output = cx.remote.command(command).await?;
    succeed(&output)?;
    let mut fields = Fields::new(&output.stdout);
    if fields.next()? == "invalid" {
        let status: i64 = fields.next()?.parse().unwrap_or(1);
        let mut result = change.result;
        result.insert("exit_status".to_owned(), status.into());
        result.insert("stdout".to_owned(), fields.next()?.into());
        return Err(ModuleError::Failed {
            message: "failed to validate".to_owned(),
            result,
        });
    }
    let backup = fields.next()?;
    let mut result = result_of(plan.source.as_ref(), &plan.dest, Some(&plan.sha1));
    if let Some(state) = FileState::read(&mut fields)? {
        state.describe(&mut result);
    }
    if !backup.is_empty() {
        result.insert("backup_file".to_owned(), backup.into());
    }
    Ok(Outcome {
        changed: true,
        result,
        ..Outcome::default()
    })
}

/// Uploads large content to a name of its own in the destination's folder, and returns that name.
async fn upload(cx: &Context, plan: &Plan, content: Bytes) -> Result<String, ModuleError> {
    // The folder must be there before the upload.
    if !plan.missing.is_empty() {
        let script = format!("set -e\n{}", make_folders(plan));
        succeed(&cx.remote.run(script).await?)?;
    }
    let path = format!("{}/.windlass.{}.part", folder_of(&plan.dest), cx.run);
    let upload = Upload {
        content,
        sha256: plan.sha256.clone(),
        path: RemotePath::new(path.clone()),
        attributes: Attributes {
            mode: Some("0600".to_owned()),
            ..Attributes::default()
        },
        become_user: None,
    };
    cx.remote.upload(upload).await?;
    Ok(path)
}

/// Whether a plan writes content, which `apply` must then be given.
pub(super) fn writes(plan: &Value) -> bool {
    plan.get("write") == Some(&Value::Bool(true))
}

/// An error with what the host said, unless the script succeeded.
pub(super) fn succeed(output: &Output) -> Result<(), ModuleError> {
    if output.status == 0 {
        return Ok(());
    }
    let said = output.stderr_text();
    let said = said.trim();
    Err(ModuleError::failed(if said.is_empty() {
        format!("the host's shell ended with status {}", output.status)
    } else {
        said.to_owned()
    }))
}

fn make_folders(plan: &Plan) -> String {
    let folder = quote(folder_of(&plan.dest));
    let mut script = format!("mkdir -p {folder}\n");
    if let Some(mode) = &plan.directory_mode {
        let _ = writeln!(
            script,
            "folder={folder}\nuntil [ \"$folder\" = {} ]; do chmod {mode} \"$folder\"; folder=${{folder%/*}}; done\n\
             chmod {mode} \"$folder\"",
            quote(&plan.missing)
        );
    }
    script
}

/// The script that puts the file in place and looks at it again.
fn script(plan: &Plan, uploaded: Option<&str>) -> String {
    let mut script = format!("set -e\n{FUNCTIONS}dest={}\n", quote(&plan.dest));
    if !plan.write {
        script += "new=$dest backup=\n";
        script += &attributes(plan);
        return script + "printf 'done\\0\\0'\nlook '' '' \"$dest\"\n";
    }
    if let Some(path) = uploaded {
        let _ = writeln!(script, "new={}\ntrap 'rm -f \"$new\"' EXIT", quote(path));
    } else {
        if !plan.missing.is_empty() {
            script += &make_folders(plan);
        }
        script += "mask=$(umask)\numask 077\n\
            new=$(mktemp \"${dest%/*}/.windlass.XXXXXX\")\n\
            trap 'rm -f \"$new\"' EXIT\n\
            umask \"$mask\"\n";
        let from = plan.from.as_deref().map(quote).unwrap_or_default();
        let _ = writeln!(script, "cat {from} >\"$new\"");
        let _ = writeln!(
            script,
            "sum=$(sha1sum <\"$new\")\n\
             [ \"${{sum%% *}}\" = {} ] || {{ echo 'the content arrived damaged' >&2; exit 1; }}",
            plan.sha1
        );
    }
    if let Some(ids) = &plan.keep_ids {
        // Only root may give a file away; for others the new file is their own, as in Ansible.
        let _ = writeln!(script, "chown {ids} \"$new\" 2>/dev/null || :");
    }
    script += "if [ -e \"$dest\" ] && [ -d /sys/fs/selinux ]; then chcon --reference=\"$dest\" \"$new\" 2>/dev/null || :; fi\n";
    script += &attributes(plan);
    if let Some(validate) = &plan.validate {
        let _ = writeln!(
            script,
            "said=$({} 2>&1) || {{ printf 'invalid\\0%s\\0%s\\0' $? \"$said\"; exit 0; }}",
            validate.replace("%s", "\"$new\"")
        );
    }
    script += "backup=\n";
    if plan.backup {
        script += "backup=$dest.$$.$(date +%Y-%m-%d@%H:%M:%S)~\ncp -p \"$dest\" \"$backup\"\n";
    }
    // A rename onto a link to a folder would end up inside the folder.
    script += "if [ -L \"$dest\" ] && [ -d \"$dest\" ]; then rm -f \"$dest\"; fi\n\
        mv -f \"$new\" \"$dest\"\n\
        printf 'done\\0%s\\0' \"$backup\"\nlook '' '' \"$dest\"\n";
    script
}

/// Owner before mode, since a change of owner clears set-id bits.
fn attributes(plan: &Plan) -> String {
    let mut script = String::new();
    if let Some(owner) = &plan.owner {
        let _ = writeln!(script, "chown {} \"$new\"", quote(owner));
    }
    if let Some(group) = &plan.group {
        let _ = writeln!(script, "chgrp {} \"$new\"", quote(group));
    }
    if let Some(mode) = &plan.mode {
        let _ = writeln!(script, "chmod {mode} \"$new\"");
    }
    script
}
