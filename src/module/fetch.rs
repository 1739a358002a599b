//! `fetch`: copies a file of the host to the controller, piece by piece, so that a big one needs no memory.
//!
//! The copy appears whole, with its checksum verified, or not at all. Other than Ansible's it is readable by its owner
//! alone: what comes from a host is often a key or a datastore.

use super::parameter::{optional, required};
use super::remote_stat::{RESOLVE, resolve};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Spec};
use crate::shell::quote;
use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The module.
#[derive(Debug)]
pub(super) struct Fetch;

static SPEC: Spec = Spec {
    name: "fetch",
    summary: "copies a file of the host to the controller",
    free_form: FreeForm::No,
    parameters: &[
        required(
            "dest",
            Kind::String,
            "folder on the controller: the file goes to DEST/HOST/SRC; relative to the playbook",
        ),
        optional(
            "fail_on_missing",
            Kind::Bool,
            "fail when the file is not there; true by default",
        ),
        optional(
            "flat",
            Kind::Bool,
            "`dest` is the file itself, or its folder when it ends in a slash; false by default",
        ),
        required("src", Kind::String, "the file on the host"),
        optional(
            "validate_checksum",
            Kind::Bool,
            "compare the checksums after the copy; true by default",
        ),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    dest: String,
    fail_on_missing: Option<bool>,
    flat: Option<bool>,
    src: String,
    validate_checksum: Option<bool>,
}

/// Exit status that says that there is no such file, apart from those of the tools.
const ABSENT: i32 = 97;
/// Exit status that says that it is a folder.
const FOLDER: i32 = 98;
/// What `dd` reads at once, in bytes, and how many of these make a piece: 8 MiB of memory for each host.
const BLOCK: u64 = 65_536;
const BLOCKS: u64 = 128;

/// The file as the host has it.
struct Remote {
    path: String,
    sha1: String,
    sha256: String,
}

#[async_trait]
impl Module for Fetch {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let Some(remote) = look(cx, &arguments).await? else {
            let msg = "the remote file does not exist, not transferring, ignored";
            return Ok(Inspection::Done(outcome(
                json!({"msg": msg, "file": arguments.src}),
            )));
        };
        let dest = destination(cx, &arguments, &remote.path)?;
        let (local, path) = (dest.clone(), dest.display().to_string());
        let local = blocking(move || Ok(sums_of(&local)))
            .await
            .map_err(|error| not_written(&path, &error))?;
        if local.as_ref() == Some(&remote.sha1) {
            return Ok(Inspection::Done(outcome(json!({
                "checksum": remote.sha1,
                "dest": path,
                "file": arguments.src,
                "sha256": remote.sha256,
            }))));
        }
        Ok(Inspection::Change(Change {
            what: format!("fetch {} to {path}", arguments.src),
            result: outcome(
                json!({"dest": path, "checksum": remote.sha1, "sha256": remote.sha256}),
            )
            .result,
            plan: json!({
                "from": remote.path, "to": path, "sha1": remote.sha1, "sha256": remote.sha256,
            }),
            ..Change::default()
        }))
    }

    async fn apply(
        &self,
        cx: &Context,
        params: &Params,
        change: Change,
    ) -> Result<Outcome, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let text = |field: &str| change.plan[field].as_str().unwrap_or_default().to_owned();
        let (from, to) = (text("from"), PathBuf::from(text("to")));
        let shown = to.display().to_string();
        let part = part_of(&to);
        let mut sink = {
            let part = part.clone();
            blocking(move || Sink::open(&part)).await
        }
        .map_err(|error| not_written(&shown, &error))?;
        let copied = copy(cx, &from, &mut sink).await;
        let sums = sink.sums();
        let checked = copied.and_then(|()| {
            let whole = sums == (text("sha1"), text("sha256"));
            if whole || arguments.validate_checksum == Some(false) {
                Ok(())
            } else {
                Err(ModuleError::failed(format!(
                    "checksum mismatch: {from} changed while it was copied, or did not arrive whole"
                )))
            }
        });
        let named = match checked {
            Ok(()) => {
                let part = part.clone();
                blocking(move || sink.name(&part, &to))
                    .await
                    .map_err(|error| not_written(&shown, &error))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = named {
            // What is left of it is of no use; that it cannot be removed changes nothing about the failure.
            let _ = std::fs::remove_file(&part);
            return Err(error);
        }
        let mut done = outcome(json!({
            "checksum": sums.0,
            "dest": shown,
            "md5sum": null,
            "remote_checksum": text("sha1"),
            "remote_md5sum": null,
            "sha256": sums.1,
        }));
        done.changed = true;
        Ok(done)
    }
}

fn outcome(result: Value) -> Outcome {
    Outcome {
        result: match result {
            Value::Object(result) => result,
            _ => serde_json::Map::new(),
        },
        ..Outcome::default()
    }
}

fn not_written(path: &str, error: &io::Error) -> ModuleError {
    ModuleError::failed(format!("cannot write {path} on the controller: {error}"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

/// What stands at `src`; `None` when nothing does and that is fine.
async fn look(cx: &Context, arguments: &Arguments) -> Result<Option<Remote>, ModuleError> {
    let src = &arguments.src;
    let script = format!(
        "{RESOLVE}{}[ -e \"$p\" ] || exit {ABSENT}\n[ ! -d \"$p\" ] || exit {FOLDER}\n\
         one=$(sha1sum <\"$p\") && two=$(sha256sum <\"$p\") || exit 1\n\
         printf '%s\\n%s\\n%s' \"${{one%% *}}\" \"${{two%% *}}\" \"$p\"\n",
        resolve(src)?
    );
    let output = cx.remote.run(script).await?;
    match output.status {
        0 => {}
        ABSENT if arguments.fail_on_missing == Some(false) => return Ok(None),
        ABSENT => return Err(ModuleError::failed("the remote file does not exist")),
        FOLDER => {
            return Err(ModuleError::failed(
                "remote file is a directory, fetch cannot work on directories",
            ));
        }
        _ => {
            let said = output.stderr_text();
            return Err(ModuleError::failed(format!(
                "file is not readable: {src}: {}",
                said.trim()
            )));
        }
    }
    let text = output.stdout_text();
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default().to_owned();
    Ok(Some(Remote {
        sha1: next(),
        sha256: next(),
        path: next(),
    }))
}

/// Where the copy goes.
fn destination(cx: &Context, arguments: &Arguments, remote: &str) -> Result<PathBuf, ModuleError> {
    let dest = &arguments.dest;
    let folder = if let Some(rest) = dest.strip_prefix("~/") {
        std::env::var_os("HOME")
            .map(|home| Path::new(&home).join(rest))
            .ok_or_else(|| ModuleError::failed("HOME is not set on the controller"))?
    } else {
        let base = cx.scope.search.last().cloned().unwrap_or_default();
        base.join(dest)
    };
    let folder = std::path::absolute(folder)
        .map_err(|error| ModuleError::failed(format!("cannot use dest {dest}: {error}")))?;
    let inside = remote.trim_start_matches('/');
    // The host says where its file is; it must not say where ours goes.
    if inside.split('/').any(|part| part == "..") {
        return Err(ModuleError::failed(format!(
            "src must not contain `..`: {remote}"
        )));
    }
    Ok(match arguments.flat {
        Some(true) if dest.ends_with('/') => {
            folder.join(inside.rsplit('/').next().unwrap_or(inside))
        }
        Some(true) => folder,
        _ => folder.join(&cx.host).join(inside),
    })
}

fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

async fn copy(cx: &Context, from: &str, sink: &mut Sink) -> Result<(), ModuleError> {
    let from = quote(from);
    for piece in 0_u64.. {
        let skip = piece * BLOCKS;
        let script = format!("dd if={from} bs={BLOCK} skip={skip} count={BLOCKS} 2>/dev/null");
        let output = cx.remote.run(script).await?;
        super::deliver::succeed(&output)?;
        let last = (output.stdout.len() as u64) < BLOCK * BLOCKS;
        sink.write(output.stdout).await.map_err(|error| {
            ModuleError::failed(format!("cannot write on the controller: {error}"))
        })?;
        if last {
            break;
        }
    }
    Ok(())
}

/// The file that is being written, and its checksums so far.
struct Sink(Option<Writing>);

struct Writing {
    file: File,
    sha1: Sha1,
    sha256: Sha256,
}

impl Sink {
    fn open(part: &Path) -> io::Result<Self> {
        if let Some(folder) = part.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        match std::fs::remove_file(part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(part)?;
        Ok(Self(Some(Writing {
            file,
            sha1: Sha1::new(),
            sha256: Sha256::new(),
        })))
    }

    async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        let Some(mut writing) = self.0.take() else {
            return Err(io::Error::other("an earlier piece was not written"));
        };
        let writing = blocking(move || {
            writing.file.write_all(&bytes)?;
            writing.sha1.update(&bytes);
            writing.sha256.update(&bytes);
            Ok(writing)
        })
        .await?;
        self.0 = Some(writing);
        Ok(())
    }

    /// SHA-1 and SHA-256 of what was written, in hex.
    fn sums(&self) -> (String, String) {
        self.0.as_ref().map_or_else(Default::default, |writing| {
            (
                hex(&writing.sha1.clone().finalize()),
                hex(&writing.sha256.clone().finalize()),
            )
        })
    }

    fn name(self, part: &Path, path: &Path) -> io::Result<()> {
        if let Some(writing) = self.0 {
            writing.file.sync_all()?;
        }
        std::fs::rename(part, path)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-1 of a file on the controller; `None` for one that cannot be read.
fn sums_of(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut sha1 = Sha1::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut buffer).ok()? {
            0 => return Some(hex(&sha1.finalize())),
            count => sha1.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_of_many_pieces_arrives_whole_and_private() {
        on_both(async |host: Host| {
            let size = usize::try_from(BLOCK * BLOCKS).unwrap();
            let mut content = vec![7_u8; size + 5];
            content[size] = 0;
            std::fs::write(host.text("data base"), &content).unwrap();
            let folder = host.controller.path().join("backups");
            let params = json!({"src": host.text("data base"), "dest": "backups"});
            let outcome = host.change(&Fetch, params.clone()).await;
            let path = folder
                .join("h1")
                .join(host.text("data base").trim_start_matches('/'));
            assert_eq!(outcome.result["dest"], path.display().to_string());
            assert_eq!(std::fs::read(&path).unwrap(), content);
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(&folder)), (0o600, 0o700));
            let done = host.done(&Fetch, params).await;
            assert_eq!(done.result["checksum"], outcome.result["checksum"]);
            assert_eq!(done.result["sha256"].as_str().unwrap().len(), 64);

            let flat = json!({"src": host.text("data base"), "dest": "one/", "flat": true});
            host.change(&Fetch, flat).await;
            assert!(host.controller.path().join("one/data base").exists());
            let left = std::fs::read_dir(host.controller.path().join("one")).unwrap();
            assert_eq!(left.count(), 1);
        });
    }

    #[test]
    fn what_is_not_there_is_said_and_nothing_is_left() {
        on_both(async |host: Host| {
            for (src, reason) in [("none", "does not exist"), ("", "is a directory")] {
                let params = json!({"src": host.text(src), "dest": "x"});
                let error = host.inspect(&Fetch, params).await.unwrap_err().to_string();
                assert!(error.contains(reason), "{error}");
            }
            let params = json!({"src": host.text("none"), "dest": "x", "fail_on_missing": false});
            let done = host.done(&Fetch, params).await;
            assert!(done.result["msg"].as_str().unwrap().ends_with("ignored"));

            std::fs::write(host.text("grows"), "one").unwrap();
            let params = json!({"src": host.text("grows"), "dest": "x", "flat": true});
            let change = host.planned(&Fetch, params.clone()).await;
            std::fs::write(host.text("grows"), "one and two").unwrap();
            let coerced = crate::module::coerce(&SPEC, params.as_object().unwrap()).unwrap();
            let error = Fetch.apply(&host.cx, &coerced, change).await.unwrap_err();
            assert!(error.to_string().contains("checksum mismatch"), "{error}");
            assert_eq!(
                std::fs::read_dir(host.controller.path()).unwrap().count(),
                0
            );
        });
    }
}
