//! `copy`: content or files from the controller, or from elsewhere on the host, into files on the host.

use super::controller_file::{self, Loaded};
use super::copy_folder;
use super::deliver::{self, Content, Delivery};
use super::mode::Mode;
use super::parameter::{optional, required};
use super::remote_stat::{FUNCTIONS, Fields, FileState, FileType, resolve};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::vault::Vault;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// The module.
#[derive(Debug)]
pub(super) struct Copy;

static SPEC: Spec = Spec {
    name: "copy",
    summary: "puts files from the controller on the host",
    free_form: FreeForm::No,
    parameters: &[
        optional(
            "backup",
            Kind::Bool,
            "keep a dated copy of the old file beside it; false by default",
        ),
        optional("checksum", Kind::String, "SHA-1 that the source must have"),
        optional(
            "content",
            Kind::String,
            "the file's content, in place of `src`",
        ),
        optional(
            "decrypt",
            Kind::Bool,
            "send vaulted source files decrypted; true by default",
        ),
        required(
            "dest",
            Kind::Path,
            "the file; or with `src`, the folder it goes to",
        ),
        optional(
            "directory_mode",
            Kind::Raw,
            "mode of folders that are made on the way",
        ),
        optional(
            "follow",
            Kind::Bool,
            "write to where a link leads; false by default",
        ),
        Parameter {
            aliases: &["thirsty"],
            ..optional(
                "force",
                Kind::Bool,
                "replace a file that differs; true by default",
            )
        },
        optional("group", Kind::String, "group name or number"),
        optional(
            "local_follow",
            Kind::Bool,
            "follow links on the controller; only `true` is taken",
        ),
        optional(
            "mode",
            Kind::Raw,
            "octal, symbolic, or `preserve` for the source's own",
        ),
        optional("owner", Kind::String, "user name or number"),
        optional(
            "remote_src",
            Kind::Bool,
            "`src` is on the host; false by default",
        ),
        optional(
            "src",
            Kind::Path,
            "file or folder on the controller; a folder ending with / means what is in it",
        ),
        optional(
            "unsafe_writes",
            Kind::Bool,
            "writing in place is never done; only `false` is taken",
        ),
        optional(
            "validate",
            Kind::String,
            "command that judges the new file, %s, before it is put in place",
        ),
    ],
};

/// The module's parameters.
#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    backup: Option<bool>,
    checksum: Option<String>,
    content: Option<String>,
    decrypt: Option<bool>,
    pub(super) dest: String,
    pub(super) directory_mode: Option<Value>,
    follow: Option<bool>,
    pub(super) force: Option<bool>,
    pub(super) group: Option<String>,
    local_follow: Option<bool>,
    pub(super) mode: Option<Value>,
    pub(super) owner: Option<String>,
    remote_src: Option<bool>,
    pub(super) src: Option<String>,
    unsafe_writes: Option<bool>,
    validate: Option<String>,
}

impl Arguments {
    fn check(&self) -> Result<(), ModuleError> {
        let refused = [
            (
                self.local_follow == Some(false),
                "`local_follow: false` is not supported",
            ),
            (
                self.unsafe_writes == Some(true),
                "`unsafe_writes` is not supported: files are replaced by a rename",
            ),
            (
                self.content.is_some() && self.src.is_some(),
                "src and content are mutually exclusive",
            ),
            (
                self.content.is_none() && self.src.is_none(),
                "src (or content) is required",
            ),
            (
                self.content.is_some() && self.dest.ends_with('/'),
                "can not use content with a dir as dest",
            ),
        ];
        match refused.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, message)) => Err(ModuleError::failed(message)),
            None => Ok(()),
        }
    }

    /// A delivery of `content` to `dest` with what is asked for all files.
    pub(super) fn delivery(&self, content: Content, dest: String) -> Result<Delivery, ModuleError> {
        Ok(Delivery {
            content,
            dest,
            name: None,
            source: None,
            label: "content".to_owned(),
            mode: Mode::optional(self.mode.as_ref())?,
            owner: self.owner.clone(),
            group: self.group.clone(),
            directory_mode: Mode::optional(self.directory_mode.as_ref())?,
            backup: self.backup.unwrap_or(false),
            force: self.force.unwrap_or(true),
            follow: self.follow.unwrap_or(false),
            validate: self.validate.clone(),
        })
    }

    /// What opens vaulted source files, unless they are to be sent as they are.
    pub(super) fn vault<'c>(&self, cx: &'c Context) -> Option<&'c Vault> {
        (self.decrypt != Some(false)).then(|| cx.templar.vault().as_ref())
    }

    /// The delivery of one file from the controller.
    pub(super) async fn file(
        &self,
        cx: &Context,
        path: &Path,
        dest: String,
    ) -> Result<Delivery, ModuleError> {
        let loaded = controller_file::load(path, self.vault(cx)).await?;
        let mut delivery = self.delivery(Content::Here(loaded), dest)?;
        if delivery.mode == Some(Mode::Preserve) {
            let facts = std::fs::metadata(path).map_err(|error| {
                ModuleError::failed(format!("cannot read {}: {error}", path.display()))
            })?;
            delivery.mode = Some(Mode::Bits(facts.mode() & 0o7777));
        }
        delivery.name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        delivery.source = Some(path.display().to_string());
        delivery.label = path.display().to_string();
        Ok(delivery)
    }

    /// The delivery of one file that is on the host already.
    async fn on_host(&self, cx: &Context, src: &str) -> Result<Delivery, ModuleError> {
        let script = format!(
            "{FUNCTIONS}{}printf '%s\\0' \"$p\"\nlook -L sha1sum \"$p\"\n",
            resolve(src)?
        );
        let output = cx.remote.run(script).await?;
        deliver::succeed(&output)?;
        let mut fields = Fields::new(&output.stdout);
        let path = fields.next()?;
        let state = FileState::read(&mut fields)?
            .ok_or_else(|| ModuleError::failed(format!("Source {path} not found")))?;
        let sha1 = match (state.kind, state.checksum) {
            (FileType::File, Some(sha1)) => sha1,
            (FileType::File, None) => {
                return Err(ModuleError::failed(format!(
                    "Source {path} is not readable"
                )));
            }
            _ => {
                return Err(ModuleError::failed(format!(
                    "{path} is not a file: with `remote_src` only files are copied"
                )));
            }
        };
        let name = path.rsplit('/').next().map(str::to_owned);
        let content = Content::There {
            path: path.clone(),
            sha1,
            temporary: false,
        };
        let mut delivery = self.delivery(content, self.dest.clone())?;
        if delivery.mode == Some(Mode::Preserve) {
            delivery.mode = Some(Mode::Bits(state.mode));
        }
        delivery.name = name;
        delivery.label.clone_from(&path);
        delivery.source = Some(path);
        Ok(delivery)
    }
}

/// The delivery, if its source has the checksum that was asked for.
fn checked(arguments: &Arguments, delivery: Delivery) -> Result<Delivery, ModuleError> {
    match &arguments.checksum {
        Some(wanted) if wanted != delivery.content.sha1() => Err(ModuleError::failed(format!(
            "the source's checksum is {}, not {wanted}",
            delivery.content.sha1()
        ))),
        _ => Ok(delivery),
    }
}

#[async_trait]
impl Module for Copy {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        arguments.check()?;
        let delivery = if let Some(content) = &arguments.content {
            let content = Content::Here(Arc::new(Loaded::new(content.clone().into_bytes())));
            let delivery = arguments.delivery(content, arguments.dest.clone())?;
            if delivery.mode == Some(Mode::Preserve) {
                return Err(ModuleError::failed("`mode: preserve` needs `src`"));
            }
            delivery
        } else {
            let src = arguments.src.as_deref().unwrap_or_default();
            if arguments.remote_src == Some(true) {
                let delivery = arguments.on_host(cx, src).await?;
                return deliver::inspect(cx, &checked(&arguments, delivery)?).await;
            }
            let path = controller_file::find(&cx.scope.search, "files", src)?;
            if path.is_dir() {
                return copy_folder::inspect(cx, &arguments, src, &path).await;
            }
            arguments.file(cx, &path, arguments.dest.clone()).await?
        };
        deliver::inspect(cx, &checked(&arguments, delivery)?).await
    }

    async fn apply(
        &self,
        cx: &Context,
        params: &Params,
        change: Change,
    ) -> Result<Outcome, ModuleError> {
        if copy_folder::is_plan(&change.plan) {
            let arguments: Arguments = params.parse()?;
            return copy_folder::apply(cx, &arguments, change).await;
        }
        deliver::apply(cx, change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn content_is_written_once_and_taken_back() {
        on_both(async |mut host: Host| {
            fs::write(host.text("f"), "old\n").unwrap();
            let before = host.snapshot();
            let params = json!({"content": "new\n", "dest": host.text("f"), "mode": "0600"});
            host.cx.check = true;
            let planned = host.planned(&Copy, params.clone()).await;
            assert_eq!(host.snapshot(), before);
            assert!(
                planned.diff[0].contains("-old\n+new\n"),
                "{:?}",
                planned.diff
            );
            assert!(
                planned.diff[1].contains("+mode: 0600"),
                "{:?}",
                planned.diff
            );
            host.cx.check = false;
            let start = host.round_trips();
            let outcome = host.change(&Copy, params.clone()).await;
            assert_eq!(host.round_trips() - start, 3, "look, record, write");
            for (name, value) in [
                ("mode", json!("0600")),
                ("size", json!(4)),
                ("state", json!("file")),
                ("dest", json!(host.text("f"))),
            ] {
                assert_eq!(outcome.result[name], value, "{name}");
            }
            assert_eq!(host.read("f"), "new\n");
            host.done(&Copy, params).await;
            host.revert().await;
            assert_eq!(host.snapshot(), before);
        });
    }

    #[test]
    fn a_file_goes_into_a_folder_with_the_folders_on_the_way() {
        on_both(async |host: Host| {
            fs::create_dir(host.controller.path().join("files")).unwrap();
            fs::write(host.controller.path().join("files/app conf"), "x").unwrap();
            let before = host.snapshot();
            let params =
                json!({"src": "app conf", "dest": host.text("a/it's/"), "directory_mode": "0750"});
            let outcome = host.change(&Copy, params.clone()).await;
            assert_eq!(outcome.result["dest"], host.text("a/it's/app conf"));
            let stat = fs::metadata(host.text("a")).unwrap();
            assert_eq!(stat.mode() & 0o7777, 0o750);
            assert_eq!(host.read("a/it's/app conf"), "x");
            host.done(&Copy, params).await;
            let missing = json!({"src": "app conf", "dest": host.text("no/such")});
            let error = host.inspect(&Copy, missing).await.unwrap_err().to_string();
            assert!(error.ends_with("/no does not exist"), "{error}");
            host.revert().await;
            assert_eq!(host.snapshot(), before);
        });
    }

    #[test]
    fn large_content_is_uploaded() {
        on_both(async |host: Host| {
            let big = "0123456789abcdef".repeat(10_000);
            fs::write(host.controller.path().join("big"), &big).unwrap();
            let params = json!({"src": "big", "dest": host.text("new/big"), "mode": "preserve"});
            assert!(host.inspect(&Copy, params).await.is_err(), "no such folder");
            let params = json!({"src": "big", "dest": host.text("new/"), "mode": "0755"});
            host.change(&Copy, params.clone()).await;
            assert_eq!(host.read("new/big"), big);
            host.done(&Copy, params).await;
            assert_eq!(fs::read_dir(host.text("new")).unwrap().count(), 1);
            host.revert().await;
            assert!(host.snapshot().len() == 1, "{:?}", host.snapshot());
        });
    }

    #[test]
    fn a_file_that_does_not_validate_is_not_put_in_place() {
        on_both(async |host: Host| {
            fs::write(host.text("f"), "good").unwrap();
            let before = host.snapshot();
            let params =
                json!({"content": "bad", "dest": host.text("f"), "validate": "grep good %s"});
            let error = host.apply(&Copy, params).await.unwrap_err();
            let ModuleError::Failed { message, result } = error else {
                panic!("{error}");
            };
            assert_eq!(
                (message.as_str(), &result["exit_status"]),
                ("failed to validate", &json!(1))
            );
            assert_eq!(host.snapshot(), before);
        });
    }

    #[test]
    fn links_force_and_backup() {
        on_both(async |host: Host| {
            fs::write(host.text("f"), "old").unwrap();
            symlink("f", host.text("l")).unwrap();
            let before = host.snapshot();
            let unforced = json!({"content": "new", "dest": host.text("f"), "force": false});
            let done = host.done(&Copy, unforced).await;
            assert_eq!(done.result["msg"], "file already exists");
            host.change(&Copy, json!({"content": "old", "dest": host.text("l")}))
                .await;
            assert!(!fs::symlink_metadata(host.text("l")).unwrap().is_symlink());
            host.revert().await;
            assert_eq!(host.snapshot(), before);
            let params =
                json!({"content": "new", "dest": host.text("l"), "follow": true, "backup": true});
            let outcome = host.change(&Copy, params).await;
            assert_eq!(host.read("f"), "new");
            let backup = outcome.result["backup_file"].as_str().unwrap();
            assert_eq!(fs::read_to_string(backup).unwrap(), "old");
        });
    }

    #[test]
    fn a_folder_is_copied_with_what_is_in_it() {
        on_both(async |host: Host| {
            let root = host.controller.path().join("tree");
            fs::create_dir_all(root.join("sub/empty")).unwrap();
            fs::write(root.join("a"), "a").unwrap();
            fs::write(root.join("sub/b"), "b").unwrap();
            let before = host.snapshot();
            let params = json!({"src": "tree", "dest": host.text("to"), "mode": "0640"});
            host.change(&Copy, params.clone()).await;
            assert_eq!(host.read("to/tree/sub/b"), "b");
            assert!(
                fs::metadata(host.text("to/tree/sub/empty"))
                    .unwrap()
                    .is_dir()
            );
            host.done(&Copy, params).await;
            fs::write(host.text("to/tree/a"), "changed").unwrap();
            let again = json!({"src": "tree/", "dest": host.text("to/tree"), "mode": "0640"});
            let planned = host.planned(&Copy, again.clone()).await;
            assert_eq!(planned.diff.len(), 1, "{:?}", planned.diff);
            host.change(&Copy, again).await;
            assert_eq!(host.read("to/tree/a"), "a");
            host.revert().await;
            assert_eq!(host.snapshot(), before);
        });
    }

    #[test]
    fn a_file_on_the_host_is_copied_there() {
        on_both(async |host: Host| {
            fs::write(host.text("from"), "x").unwrap();
            let before = host.snapshot();
            let params = json!({"src": host.text("from"), "dest": host.text("to"), "remote_src": true, "mode": "preserve"});
            host.change(&Copy, params.clone()).await;
            assert_eq!(host.read("to"), "x");
            host.done(&Copy, params).await;
            host.revert().await;
            assert_eq!(host.snapshot(), before);
            let refused =
                json!({"src": host.text("no"), "dest": host.text("to"), "remote_src": true});
            assert!(host.inspect(&Copy, refused).await.is_err());
        });
    }
}
