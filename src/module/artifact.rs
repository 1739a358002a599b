//! `windlass.artifact`: puts a verified file on the host.

use super::controller_file;
use super::mode::{Mode, octal};
use super::parameter::{optional, required};
use super::remote_stat::{FUNCTIONS, Fields, FileState, FileType, resolve};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::artifact::{Artifact as Content, Cache, Wanted};
use crate::connection::{Attributes, RemotePath, Upload};
use crate::playbook::{FreeForm, Kind, Spec};
use crate::shell::{join, quote};
use crate::undo::{Entry, Undo};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The module.
#[derive(Debug)]
pub(super) struct Artifact;

static SPEC: Spec = Spec {
    name: "windlass.artifact",
    summary: "puts a file on the host whose checksum was verified, read or downloaded once for all hosts",
    free_form: FreeForm::No,
    parameters: &[
        optional(
            "arch",
            Kind::String,
            "architecture, such as amd64, that is taken from a bundle; the host's own by default",
        ),
        optional(
            "checksums",
            Kind::String,
            "path or URL of a file with SHA-256 checksums; SHA256SUMS beside the source by default",
        ),
        required("dest", Kind::Path, "where the file goes: an absolute path"),
        optional("group", Kind::String, "the file's group"),
        optional("mode", Kind::Raw, "permissions; 0755 by default"),
        required(
            "name",
            Kind::String,
            "the file's name in the folder and among the checksums",
        ),
        optional("owner", Kind::String, "the file's owner"),
        optional("sha256", Kind::String, "the file's SHA-256, in hex"),
        required(
            "source",
            Kind::String,
            "folder, bundle (.tar) or file on the controller, or an http(s) URL; one that ends with a slash is a folder",
        ),
        optional(
            "version",
            Kind::String,
            "what the new file must say when it is run with `version_command`",
        ),
        optional(
            "version_command",
            Kind::Raw,
            "arguments, such as --version, with which the new file is run before it gets its name",
        ),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    arch: Option<String>,
    checksums: Option<String>,
    dest: String,
    group: Option<String>,
    mode: Option<Value>,
    name: String,
    owner: Option<String>,
    sha256: Option<String>,
    source: String,
    version: Option<String>,
    version_command: Option<Value>,
}

/// What `apply` needs to know.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    /// Whether the content is sent; otherwise only attributes change.
    send: bool,
    sha256: String,
    mode: String,
    owner: Option<String>,
    group: Option<String>,
    /// Arguments, and the version that must be among the words of the answer.
    check: Option<(Vec<String>, String)>,
}

impl Arguments {
    /// What the cache is asked for; paths are looked for as `copy` does.
    fn wanted(&self, cx: &Context) -> Result<Wanted, ModuleError> {
        let find = |given: &str| {
            if given.contains("://") {
                return Ok(given.to_owned());
            }
            controller_file::find(&cx.scope.search, "files", given)
                .map(|path| path.display().to_string())
        };
        Ok(Wanted {
            name: self.name.clone(),
            source: find(&self.source)?,
            sha256: self.sha256.clone(),
            version: self.version.clone(),
            arch: self.arch.clone(),
            checksums: self.checksums.as_deref().map(find).transpose()?,
        })
    }

    /// The check of the version; both of its parameters or none.
    fn check(&self) -> Result<Option<(Vec<String>, String)>, ModuleError> {
        let arguments = match (&self.version_command, &self.version) {
            (None, None) => return Ok(None),
            (Some(Value::String(text)), Some(_)) => shlex::split(text),
            (Some(Value::Array(words)), Some(_)) => words
                .iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect(),
            (Some(_), Some(_)) => None,
            _ => {
                return Err(ModuleError::failed(
                    "`version` and `version_command` go together: give both or none",
                ));
            }
        };
        let arguments = arguments.filter(|words| !words.is_empty()).ok_or_else(|| {
            ModuleError::failed(
                "`version_command` must be arguments, as a string or a list of strings",
            )
        })?;
        Ok(self.version.clone().map(|version| (arguments, version)))
    }

    fn bits(&self) -> Result<u32, ModuleError> {
        match Mode::optional(self.mode.as_ref())? {
            None => Ok(0o755),
            Some(Mode::Bits(bits)) => Ok(bits),
            Some(_) => Err(ModuleError::failed(
                "`mode` must be octal here, such as \"0755\"",
            )),
        }
    }
}

/// What stands at the file's place; `None` when nothing does.
async fn look(cx: &Context, dest: &str) -> Result<Option<FileState>, ModuleError> {
    let script = format!("{FUNCTIONS}{}look '' sha256sum \"$p\"\n", resolve(dest)?);
    let output = cx.remote.run(script).await?;
    super::deliver::succeed(&output)?;
    let state = FileState::read(&mut Fields::new(&output.stdout))?;
    if state
        .as_ref()
        .is_some_and(|state| state.kind == FileType::Folder)
    {
        return Err(ModuleError::failed(format!("{dest} is a folder")));
    }
    Ok(state)
}

/// The host's architecture as Kubernetes names it.
async fn architecture(cx: &Context) -> Result<String, ModuleError> {
    let output = cx.remote.run("uname -m").await?;
    super::deliver::succeed(&output)?;
    Ok(architecture_name(&String::from_utf8_lossy(&output.stdout)))
}

/// An architecture as Kubernetes names it, from what `uname -m` says.
pub(super) fn architecture_name(machine: &str) -> String {
    match machine.trim() {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "armv7l" | "armv6l" => "arm".to_owned(),
        other => other.to_owned(),
    }
}

/// Makes the folder of `dest`, for all to read: artifacts are no secret.
async fn make_folder(cx: &Context, dest: &str) -> Result<(), ModuleError> {
    let folder = dest.rsplit_once('/').map_or("/", |(folder, _)| folder);
    let script = format!("umask 022; mkdir -p {}", quote(folder));
    let output = cx.remote.run(script).await?;
    super::deliver::succeed(&output)?;
    Ok(())
}

#[async_trait]
impl Module for Artifact {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        if !arguments.dest.starts_with('/') || arguments.dest.ends_with('/') {
            return Err(ModuleError::failed(format!(
                "`dest` must be the absolute path of a file, not `{}`",
                arguments.dest
            )));
        }
        let (bits, check) = (arguments.bits()?, arguments.check()?);
        let mut wanted = arguments.wanted(cx)?;
        if wanted.arch.is_none() && wanted.is_bundled() {
            wanted.arch = Some(architecture(cx).await?);
        }
        let content = Cache::shared()
            .get(&wanted)
            .await
            .map_err(|error| ModuleError::failed(error.to_string()))?;
        let state = look(cx, &arguments.dest).await?;
        let file = state.as_ref().filter(|state| state.kind == FileType::File);
        let found = file.and_then(|state| state.checksum.as_deref());
        let plan = Plan {
            send: found != Some(content.sha256.as_str()),
            sha256: content.sha256.clone(),
            mode: octal(bits),
            owner: arguments.owner.clone(),
            group: arguments.group.clone(),
            check,
        };
        let right = file.is_some_and(|state| {
            state.mode == bits
                && plan
                    .owner
                    .as_deref()
                    .is_none_or(|user| state.owned_by(user))
                && plan
                    .group
                    .as_deref()
                    .is_none_or(|group| state.in_group(group))
        });
        decide(cx, &arguments, plan, &content, file, right)
    }

    async fn apply(
        &self,
        cx: &Context,
        params: &Params,
        change: Change,
    ) -> Result<Outcome, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let plan: Plan = serde_json::from_value(change.plan)
            .map_err(|error| ModuleError::failed(error.to_string()))?;
        match change.payload {
            Some(content) if plan.send => {
                make_folder(cx, &arguments.dest).await?;
                let beside = plan.check.is_some().then(|| beside(&arguments.dest));
                let upload = Upload {
                    content,
                    sha256: plan.sha256.clone(),
                    path: RemotePath::new(beside.as_deref().unwrap_or(&arguments.dest)),
                    attributes: Attributes {
                        owner: plan.owner.clone(),
                        group: plan.group.clone(),
                        mode: Some(plan.mode.clone()),
                    },
                    become_user: None,
                };
                cx.remote.upload(upload).await?;
                if let (Some(beside), Some((words, version))) = (&beside, &plan.check) {
                    verify(cx, &arguments, beside, words, version).await?;
                }
            }
            _ => {
                let output = cx.remote.run(attributes(&plan, &arguments.dest)).await?;
                super::deliver::succeed(&output)?;
            }
        }
        Ok(Outcome {
            changed: true,
            result: change.result,
            ..Outcome::default()
        })
    }
}

fn decide(
    cx: &Context,
    arguments: &Arguments,
    plan: Plan,
    content: &Content,
    file: Option<&FileState>,
    right: bool,
) -> Result<Inspection, ModuleError> {
    let dest = &arguments.dest;
    let mut result = Map::new();
    for (name, value) in [
        ("dest", dest.as_str()),
        ("src", content.origin.as_str()),
        ("sha256", content.sha256.as_str()),
        ("mode", plan.mode.as_str()),
    ] {
        result.insert(name.to_owned(), value.into());
    }
    result.insert("size".to_owned(), content.content.len().into());
    if let Some(version) = &arguments.version {
        result.insert("version".to_owned(), version.as_str().into());
    }
    if !plan.send && right {
        return Ok(Inspection::Done(Outcome {
            result,
            ..Outcome::default()
        }));
    }
    let version = arguments.version.as_deref().unwrap_or_default();
    let what = match (plan.send, file) {
        (false, _) => format!("set the attributes of {dest}"),
        (true, None) => format!("install {dest} {version}"),
        (true, Some(_)) => format!("replace {dest} {version}"),
    };
    let old = file.and_then(|state| state.checksum.clone());
    let differences = [
        ("sha256", old.unwrap_or_default(), plan.sha256.clone()),
        (
            "mode",
            file.map(|state| octal(state.mode)).unwrap_or_default(),
            plan.mode.clone(),
        ),
    ];
    Ok(Inspection::Change(Change {
        what: what.trim_end().to_owned(),
        result,
        diff: Some(super::diff::attributes(dest, &differences))
            .filter(|text| cx.diff && !text.is_empty())
            .into_iter()
            .collect(),
        undo: Undo::Entries(vec![if plan.send {
            Entry::Path(dest.clone())
        } else {
            Entry::Attributes(dest.clone())
        }]),
        payload: plan.send.then(|| content.content.clone()),
        plan: serde_json::to_value(plan).map_err(|error| ModuleError::failed(error.to_string()))?,
        ..Change::default()
    }))
}

/// Where the file waits for its check: in the same folder, so that it gets its name by a rename.
fn beside(dest: &str) -> String {
    let (folder, name) = dest.rsplit_once('/').unwrap_or(("", dest));
    format!("{folder}/.{name}.windlass-new")
}

/// Runs the new file, and gives it its name when it is the version it should be; else it is removed.
///
/// A version counts only as a whole word, since v1.35.1 is a part of v1.35.10. A leading `v` makes no difference. What a
/// shell says of a program that it cannot run names the file, and so perhaps the version, hence the look at the status.
async fn verify(
    cx: &Context,
    arguments: &Arguments,
    beside: &str,
    words: &[String],
    version: &str,
) -> Result<(), ModuleError> {
    let (new, dest) = (quote(beside), quote(&arguments.dest));
    let command = format!("{new} {}", join(words.iter().map(String::as_str)));
    let bare = version.strip_prefix('v').unwrap_or(version);
    let script = format!(
        "said=$({command} 2>&1 </dev/null)\nstatus=$?\n\
         words=\" $(printf %s \"$said\" | tr -cs 'A-Za-z0-9.+_~-' ' ') \"\n\
         [ \"$status\" = 0 ] && case $words in *\" \"{plain}\" \"*|*\" v\"{plain}\" \"*) mv -f {new} {dest} && exit 0 ;; esac\n\
         rm -f {new}\nprintf '%s\\0%s\\0' \"$status\" \"$said\"\n",
        plain = quote(bare)
    );
    let output = cx.remote.run(script).await?;
    super::deliver::succeed(&output)?;
    if output.stdout.is_empty() {
        return Ok(());
    }
    let mut fields = Fields::new(&output.stdout);
    let (status, said) = (fields.next()?, fields.next()?);
    let status = status.parse::<i64>().unwrap_or(1);
    let mut result = Map::new();
    result.insert("rc".to_owned(), status.into());
    result.insert("stdout".to_owned(), said.trim().into());
    let Arguments { name, dest, .. } = arguments;
    let (words, said) = (words.join(" "), said.lines().next().unwrap_or_default());
    let message = if status == 0 {
        format!("{name} is not {version}: `{words}` says `{said}`; {dest} was left as it was")
    } else {
        format!(
            "{name} {version} does not run on this host: `{words}` ends with status {status} and says `{said}`; \
             {dest} was left as it was"
        )
    };
    Err(ModuleError::Failed { message, result })
}

fn attributes(plan: &Plan, dest: &str) -> String {
    let dest = quote(dest);
    let owner = match (&plan.owner, &plan.group) {
        (None, None) => String::new(),
        (owner, group) => {
            let owner = owner.as_deref().unwrap_or_default();
            let group = group.as_ref().map(|group| format!(":{group}"));
            let both = format!("{owner}{}", group.unwrap_or_default());
            format!("chown {} {dest} && ", quote(&both))
        }
    };
    // The owner first, since `chown` takes set-id bits away.
    format!("{owner}chmod {} {dest}\n", plan.mode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;
    use std::fs;

    const PROGRAM: &str = "#!/bin/sh\necho 'app version v1.35.10 (abc)'\n";

    /// A folder on the controller with a program and its checksum.
    fn prepare(host: &Host) -> String {
        let folder = host.controller.path().join("files/artifacts");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("app"), PROGRAM).unwrap();
        let sum = controller_file::Loaded::new(PROGRAM).sha256;
        fs::write(folder.join("SHA256SUMS"), format!("{sum}  app\n")).unwrap();
        sum
    }

    #[test]
    fn a_file_is_sent_once_and_taken_back() {
        on_both(async |host: Host| {
            let sum = prepare(&host);
            fs::write(host.text("app"), "old").unwrap();
            let before = host.snapshot();
            let params = json!({
                "name": "app", "source": "artifacts", "dest": host.text("app"),
                "version_command": "--version", "version": "v1.35.10",
            });
            let planned = host.planned(&Artifact, params.clone()).await;
            assert_eq!(
                planned.what,
                format!("replace {} v1.35.10", host.text("app"))
            );
            assert!(planned.diff[0].contains(&format!("+sha256: {sum}")));
            let outcome = host.change(&Artifact, params.clone()).await;
            assert_eq!(outcome.result["sha256"], sum);
            assert_eq!(host.read("app"), PROGRAM);
            assert!(
                host.snapshot()[1].contains("app 755 "),
                "{:?}",
                host.snapshot()
            );
            assert!(!fs::exists(beside(&host.text("app"))).unwrap());
            let trips = host.round_trips();
            host.done(&Artifact, params.clone()).await;
            assert_eq!(host.round_trips() - trips, 1);
            let mut params = params;
            params["mode"] = "0700".into();
            assert!(
                host.planned(&Artifact, params.clone())
                    .await
                    .payload
                    .is_none()
            );
            host.change(&Artifact, params).await;
            assert!(host.snapshot()[1].contains("app 700 "));
            host.revert().await;
            assert_eq!(host.snapshot(), before);
        });
    }

    #[test]
    fn another_version_never_gets_the_name() {
        on_both(async |host: Host| {
            prepare(&host);
            fs::write(host.text("app"), "old").unwrap();
            let before = host.snapshot();
            for (version, fits) in [("v1.35.1", false), ("1.35.1", false), ("1.35.10", true)] {
                let params = json!({
                    "name": "app", "source": "artifacts", "dest": host.text("app"),
                    "version_command": ["--version"], "version": version,
                });
                match host.apply(&Artifact, params).await {
                    Ok(outcome) => assert!(fits && outcome.changed),
                    Err(error) => {
                        let said = error.to_string();
                        assert!(!fits, "{said}");
                        assert!(said.contains("says `app version v1.35.10 (abc)`"), "{said}");
                        assert_eq!(host.snapshot(), before);
                    }
                }
            }
            assert_eq!(host.read("app"), PROGRAM);
        });
    }

    #[test]
    fn a_program_that_does_not_run_never_gets_the_name_though_its_place_has_the_version() {
        on_both(async |host: Host| {
            let folder = host.controller.path().join("files/artifacts");
            fs::create_dir_all(&folder).unwrap();
            let broken = "#!/nowhere/v1.35.10\n";
            fs::write(folder.join("app"), broken).unwrap();
            let params = json!({
                "name": "app", "source": "artifacts", "dest": host.text("v1.35.10/app"),
                "sha256": controller_file::Loaded::new(broken).sha256,
                "version_command": "--version", "version": "v1.35.10",
            });
            let error = host.apply(&Artifact, params).await.unwrap_err().to_string();
            assert!(
                error.contains("app v1.35.10 does not run on this host"),
                "{error}"
            );
            let left = fs::read_dir(host.text("v1.35.10")).unwrap().count();
            assert_eq!(left, 0);
        });
    }

    #[test]
    fn what_cannot_be_verified_is_not_sent() {
        on_both(async |host: Host| {
            prepare(&host);
            fs::create_dir(host.text("d")).unwrap();
            let before = host.snapshot();
            for (change, said) in [
                (
                    json!({"sha256": "0".repeat(64)}),
                    "is not the file that was expected",
                ),
                (json!({"sha256": "xyz"}), "is not a SHA-256 digest"),
                (
                    json!({"name": "other", "source": "artifacts/app"}),
                    "has no checksum for other",
                ),
                (
                    json!({"dest": "app"}),
                    "must be the absolute path of a file",
                ),
                (json!({"dest": host.text("d")}), "is a folder"),
                (json!({"version": "1"}), "go together"),
                (json!({"mode": "u+x"}), "must be octal"),
                (json!({"source": "nowhere"}), "could not find `nowhere`"),
            ] {
                let mut params =
                    json!({"name": "app", "source": "artifacts", "dest": host.text("app")});
                for (name, value) in change.as_object().unwrap() {
                    params[name] = value.clone();
                }
                // A checksum file of two lines, so that the one digest is not taken for any name.
                let folder = host.controller.path().join("files/artifacts");
                let sum = controller_file::Loaded::new(PROGRAM).sha256;
                fs::write(
                    folder.join("SHA256SUMS"),
                    format!("{sum}  app\n{sum}  app2\n"),
                )
                .unwrap();
                let error = host.apply(&Artifact, params).await.unwrap_err().to_string();
                assert!(error.contains(said), "{error}");
                assert_eq!(host.snapshot(), before);
            }
        });
    }
}
