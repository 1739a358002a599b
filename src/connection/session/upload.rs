//! Uploads as a command: the bytes go in on standard input, and the file appears whole or not at all.

use super::scan::unguessable_word;
use super::start::last_words;
use crate::connection::{Command, ConnectionError, Output, Upload};
use crate::shell::quote;
use std::fmt::Write as _;

/// The command that puts the file in place.
pub(super) fn command(upload: &Upload) -> Command {
    Command {
        script: script(upload),
        stdin: Some(upload.content.clone()),
        become_user: upload.become_user.clone(),
        timeout: None,
    }
}

/// What the command's end means.
pub(super) fn judge(upload: &Upload, output: &Output) -> Result<(), ConnectionError> {
    if output.status == 0 {
        return Ok(());
    }
    let words = last_words(&output.stderr_text())
        .unwrap_or_else(|| format!("exit status {}", output.status));
    Err(ConnectionError::Upload(format!(
        "cannot put {} in place: {words}",
        upload.path
    )))
}

/// Written beside its place on the same file system, verified, given its owner and mode, then renamed.
fn script(upload: &Upload) -> String {
    let path = upload.path.as_str();
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    let staged = format!("{folder}/.{name}.{}.windlass-tmp", unguessable_word());
    let mut text = format!(
        r#"p={}; t={}
mask=$(umask); umask 077
fail() {{ rm -f -- "$t"; exit 1; }}
if [ -d "$p" ]; then echo "it is a folder" >&2; exit 1; fi
trap fail HUP INT TERM PIPE
cat >"$t" || fail
if command -v sha256sum >/dev/null 2>&1; then sum=$(sha256sum <"$t")
elif command -v shasum >/dev/null 2>&1; then sum=$(shasum -a 256 <"$t")
elif command -v openssl >/dev/null 2>&1; then sum=$(openssl dgst -sha256 -r <"$t")
else echo "the host has none of sha256sum, shasum and openssl" >&2; fail; fi
sum=${{sum%% *}}
if [ "$sum" != {} ]; then echo "what arrived has the checksum $sum" >&2; fail; fi
"#,
        quote(path),
        quote(&staged),
        quote(&upload.sha256),
    );
    text.push_str(&attributes(upload));
    text.push_str("mv -f -- \"$t\" \"$p\" || fail\n");
    text
}

/// Owner and mode: those asked for, else those of the file that is replaced, else what a new file would get.
fn attributes(upload: &Upload) -> String {
    let wanted = &upload.attributes;
    let mut text = String::new();
    if wanted.owner.is_none() || wanted.group.is_none() || wanted.mode.is_none() {
        text.push_str("old=; if [ -f \"$p\" ]; then old=$(stat -L -c '%a %u %g' -- \"$p\") || fail; set -- $old; fi\n");
    }
    let part = |wanted: &Option<String>, kept: &str| {
        wanted
            .as_deref()
            .map_or_else(|| format!("\"${{{kept}:-}}\""), quote)
    };
    // Keeping the owner is a matter of course for root and impossible for others, so failing at it is no failure.
    for (value, kept, program) in [(&wanted.owner, "2", "chown"), (&wanted.group, "3", "chgrp")] {
        let to = part(value, kept);
        // Writing to a string cannot fail.
        let _ = match value {
            Some(_) => writeln!(text, "{program} -- {to} \"$t\" || fail"),
            None => writeln!(
                text,
                "[ -z \"$old\" ] || {program} -- {to} \"$t\" 2>/dev/null"
            ),
        };
    }
    match &wanted.mode {
        Some(mode) => {
            let _ = writeln!(text, "chmod -- {} \"$t\" || fail", quote(mode));
        }
        None => text.push_str(
            "if [ -n \"$old\" ]; then chmod -- \"$1\" \"$t\" || fail\nelse chmod -- \"$(printf %o $((0666 & ~0$mask)))\" \"$t\" || fail; fi\n",
        ),
    }
    text
}
