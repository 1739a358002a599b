//! `stat`: what stands at a path.

use super::parameter::{optional, required};
use super::remote_stat::{FUNCTIONS, Fields, FileState, FileType, resolve};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The module.
#[derive(Debug)]
pub(super) struct Stat;

static SPEC: Spec = Spec {
    name: "stat",
    summary: "tells what stands at a path",
    free_form: FreeForm::No,
    parameters: &[
        Parameter {
            aliases: &["checksum", "checksum_algo"],
            choices: &["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
            ..optional("checksum_algorithm", Kind::String, "sha1 by default")
        },
        optional(
            "follow",
            Kind::Bool,
            "look at where a link leads; false by default",
        ),
        Parameter {
            aliases: &["attr", "attributes"],
            ..optional(
                "get_attributes",
                Kind::Bool,
                "not supported: only `false` is taken",
            )
        },
        optional(
            "get_checksum",
            Kind::Bool,
            "compute the checksum of a file; true by default",
        ),
        Parameter {
            aliases: &["mime", "mime_type", "mime-type"],
            ..optional(
                "get_mime",
                Kind::Bool,
                "not supported: only `false` is taken",
            )
        },
        Parameter {
            aliases: &["dest", "name"],
            ..required("path", Kind::Path, "the path")
        },
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    checksum_algorithm: Option<String>,
    follow: Option<bool>,
    get_attributes: Option<bool>,
    get_checksum: Option<bool>,
    get_mime: Option<bool>,
    path: String,
}

#[async_trait]
impl Module for Stat {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        for (name, value) in [
            ("get_attributes", arguments.get_attributes),
            ("get_mime", arguments.get_mime),
        ] {
            if value == Some(true) {
                return Err(ModuleError::failed(format!(
                    "`{name}` is not supported: a host need not have the tools for it"
                )));
            }
        }
        let algorithm = arguments.checksum_algorithm.as_deref().unwrap_or("sha1");
        let sum = if arguments.get_checksum.unwrap_or(true) {
            format!("{algorithm}sum")
        } else {
            "''".to_owned()
        };
        let follow = if arguments.follow.unwrap_or(false) {
            "-L"
        } else {
            "''"
        };
        let script = format!(
            "{FUNCTIONS}{}printf '%s\\0' \"$p\"\nlook {follow} {sum} \"$p\"\n",
            resolve(&arguments.path)?
        );
        let output = cx.remote.run(script).await?;
        super::deliver::succeed(&output)?;
        let mut fields = Fields::new(&output.stdout);
        let path = fields.next()?;
        let stat = match FileState::read(&mut fields)? {
            None => json!({ "exists": false }).as_object().cloned(),
            Some(state) => {
                let wanted = sum != "''" && state.kind == FileType::File;
                if wanted && state.checksum.is_none() && state.access.contains('r') {
                    return Err(ModuleError::failed(format!(
                        "the host has no `{sum}` to compute the checksum"
                    )));
                }
                Some(describe(&path, &state))
            }
        };
        let mut result = Map::new();
        result.insert("stat".to_owned(), Value::from(stat.unwrap_or_default()));
        Ok(Inspection::Done(Outcome {
            result,
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Ok(Outcome::default())
    }
}

/// The names of single permission bits.
const BITS: [(&str, u32); 11] = [
    ("wusr", 0o200),
    ("rusr", 0o400),
    ("xusr", 0o100),
    ("wgrp", 0o020),
    ("rgrp", 0o040),
    ("xgrp", 0o010),
    ("woth", 0o002),
    ("roth", 0o004),
    ("xoth", 0o001),
    ("isuid", 0o4000),
    ("isgid", 0o2000),
];

fn describe(path: &str, state: &FileState) -> Map<String, Value> {
    let mut stat = Map::new();
    let mut put = |name: &str, value: Value| {
        stat.insert(name.to_owned(), value);
    };
    put("exists", true.into());
    put("path", path.into());
    put("mode", super::mode::octal(state.mode).into());
    for (name, kind) in [
        ("isdir", FileType::Folder),
        ("ischr", FileType::Character),
        ("isblk", FileType::Block),
        ("isreg", FileType::File),
        ("isfifo", FileType::Fifo),
        ("islnk", FileType::Link),
        ("issock", FileType::Socket),
    ] {
        put(name, (state.kind == kind).into());
    }
    for (name, number) in [
        ("uid", state.uid),
        ("gid", state.gid),
        ("size", state.size),
        ("inode", state.inode),
        ("dev", state.device),
        ("nlink", state.links),
        ("blocks", state.blocks),
        ("block_size", state.block_size),
    ] {
        put(name, number.into());
    }
    for (name, time) in ["atime", "mtime", "ctime"].into_iter().zip(state.times) {
        put(name, (time as f64).into());
    }
    for (name, bit) in BITS {
        put(name, (state.mode & bit != 0).into());
    }
    for (name, letter) in [("readable", 'r'), ("writeable", 'w'), ("executable", 'x')] {
        put(name, state.access.contains(letter).into());
    }
    if let Some(owner) = &state.owner {
        put("pw_name", owner.as_str().into());
    }
    if let Some(group) = &state.group {
        put("gr_name", group.as_str().into());
    }
    if let Some((target, source)) = &state.target {
        put("lnk_target", target.as_str().into());
        put("lnk_source", source.as_str().into());
    }
    if let Some(checksum) = &state.checksum {
        put("checksum", checksum.as_str().into());
    }
    stat
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    async fn stat(host: &Host, params: Value) -> Value {
        host.done(&Stat, params).await.result["stat"].clone()
    }

    #[test]
    fn files_folders_links_and_nothing() {
        on_both(async |host: Host| {
            let file = host.text("a file");
            fs::write(&file, "abc").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o4640)).unwrap();
            symlink("a file", host.text("l")).unwrap();
            let found = stat(&host, json!({ "path": file })).await;
            for (name, expected) in [
                ("exists", json!(true)),
                ("mode", json!("4640")),
                ("size", json!(3)),
                ("isreg", json!(true)),
                ("isuid", json!(true)),
                ("roth", json!(false)),
                ("rgrp", json!(true)),
                ("nlink", json!(1)),
                ("readable", json!(true)),
                ("path", json!(file)),
                (
                    "checksum",
                    json!("a9993e364706816aba3e25717850c26c9cd0d89d"),
                ),
            ] {
                assert_eq!(found[name], expected, "{name}: {found}");
            }
            assert!(found["mtime"].is_f64() && found.get("lnk_target").is_none());
            let link = stat(&host, json!({"path": host.text("l")})).await;
            assert_eq!(
                (&link["islnk"], &link["lnk_target"]),
                (&json!(true), &json!("a file"))
            );
            let source = fs::canonicalize(&file).unwrap();
            assert_eq!(link["lnk_source"], source.to_str().unwrap());
            let params =
                json!({"path": host.text("l"), "follow": true, "checksum_algorithm": "sha256"});
            let followed = stat(&host, params).await;
            assert_eq!(followed["isreg"], true);
            let sum = followed["checksum"].as_str().unwrap();
            assert!(sum.starts_with("ba7816bf"), "{sum}");
            let folder = stat(&host, json!({"path": host.text("")})).await;
            assert_eq!(folder["isdir"], true);
            assert!(folder.get("checksum").is_none());
            for absent in ["no", "a file/inside"] {
                let found = stat(&host, json!({"path": host.text(absent)})).await;
                assert_eq!(found, json!({"exists": false}));
            }
        });
    }

    #[test]
    fn it_is_one_round_trip() {
        on_both(async |host: Host| {
            stat(&host, json!({"path": "~", "get_checksum": false})).await;
            assert_eq!(host.round_trips(), 1);
            let refused = json!({"path": "/", "get_mime": true});
            assert!(host.inspect(&Stat, refused).await.is_err());
        });
    }
}
