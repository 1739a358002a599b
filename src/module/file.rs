//! `file`: folders, links, empty files, attributes, and removing.

use super::file_plan::{self, Sight, Times, Wish};
use super::mode::Mode;
use super::parameter::{optional, required};
use super::remote_stat::{FUNCTIONS, Fields, FileState, resolve};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use super::{deliver, file_recurse};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::shell::quote;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The module.
#[derive(Debug)]
pub(super) struct File;

static SPEC: Spec = Spec {
    name: "file",
    summary: "makes, links, removes files and folders, and sets their attributes",
    free_form: FreeForm::No,
    parameters: &[
        Parameter {
            choices: &["preserve", "now"],
            ..optional(
                "access_time",
                Kind::String,
                "of a touched file; `now` by default",
            )
        },
        optional(
            "follow",
            Kind::Bool,
            "work on where a link leads; true by default",
        ),
        optional(
            "force",
            Kind::Bool,
            "make links to nothing and over other files; false by default",
        ),
        optional("group", Kind::String, "group name or number"),
        optional("mode", Kind::Raw, "octal or symbolic"),
        Parameter {
            choices: &["preserve", "now"],
            ..optional(
                "modification_time",
                Kind::String,
                "of a touched file; `now` by default",
            )
        },
        optional("owner", Kind::String, "user name or number"),
        Parameter {
            aliases: &["dest", "name"],
            ..required("path", Kind::Path, "the path")
        },
        optional(
            "recurse",
            Kind::Bool,
            "set attributes on all that is in a folder; false by default",
        ),
        optional("src", Kind::String, "where a link leads"),
        Parameter {
            choices: &["absent", "directory", "file", "hard", "link", "touch"],
            ..optional(
                "state",
                Kind::String,
                "what there shall be; by default what there is, else `file`",
            )
        },
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    access_time: Option<String>,
    follow: Option<bool>,
    force: Option<bool>,
    group: Option<String>,
    mode: Option<Value>,
    modification_time: Option<String>,
    owner: Option<String>,
    path: String,
    recurse: Option<bool>,
    src: Option<String>,
    state: Option<String>,
}

#[async_trait]
impl Module for File {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let keeps = |time: &Option<String>| time.as_deref() == Some("preserve");
        let wish = Wish {
            follow: arguments.follow.unwrap_or(true),
            force: arguments.force.unwrap_or(false),
            mode: Mode::optional(arguments.mode.as_ref())?,
            owner: arguments.owner,
            group: arguments.group,
            recurse: arguments.recurse.unwrap_or(false),
            src: arguments.src,
            times: match (
                keeps(&arguments.access_time),
                keeps(&arguments.modification_time),
            ) {
                (true, true) => Times::Neither,
                (true, false) => Times::Modification,
                (false, true) => Times::Access,
                (false, false) => Times::Both,
            },
            state: arguments.state,
        };
        if wish.mode == Some(Mode::Preserve) {
            return Err(ModuleError::failed(
                "`mode: preserve` is for `copy` and `template`",
            ));
        }
        let recurse = wish.recurse && matches!(wish.state.as_deref(), None | Some("directory"));
        if wish.recurse && !recurse {
            return Err(ModuleError::failed(
                "recurse option requires state to be 'directory'",
            ));
        }
        let sight = look(cx, &arguments.path, &wish).await?;
        let inspection = file_plan::decide(cx, &wish, &sight)?;
        if recurse && sight.state.is_some() {
            return file_recurse::inspect(cx, &wish, &sight, inspection).await;
        }
        Ok(inspection)
    }

    async fn apply(
        &self,
        cx: &Context,
        _params: &Params,
        change: Change,
    ) -> Result<Outcome, ModuleError> {
        if file_recurse::is_plan(&change.plan) {
            return file_recurse::apply(cx, change).await;
        }
        let script = change.plan["script"].as_str().unwrap_or_default();
        let path = change.plan["path"].as_str().unwrap_or_default();
        let script = format!("set -e\n{FUNCTIONS}{script}look '' '' {}\n", quote(path));
        let output = cx.remote.run(script).await?;
        deliver::succeed(&output)?;
        let mut result = change.result;
        match FileState::read(&mut Fields::new(&output.stdout))? {
            Some(state) => {
                state.describe(&mut result);
            }
            None => {
                result.insert("state".to_owned(), "absent".into());
            }
        }
        Ok(Outcome {
            changed: true,
            result,
            ..Outcome::default()
        })
    }
}

/// Looks at the path, at where it leads, and at what `src` names.
async fn look(cx: &Context, path: &str, wish: &Wish) -> Result<Sight, ModuleError> {
    let state = wish.state.as_deref().unwrap_or("");
    let follow = wish.follow && !matches!(state, "absent" | "link" | "hard");
    let mut script = format!(
        "{FUNCTIONS}{}follow={}\nsrc={}\n",
        resolve(path)?,
        if follow { "yes" } else { "" },
        quote(wish.src.as_deref().unwrap_or("")),
    );
    script += r#"if [ -n "$follow" ] && [ -L "$p" ] && [ -e "$p" ]; then p=$(readlink -f "$p"); fi
missing=
folder=${p%/*}
while [ -n "$folder" ] && [ ! -d "$folder" ]; do missing=$folder; folder=${folder%/*}; done
printf '%s\0%s\0%s\0' "$p" "$(umask)" "$missing"
inside=
if [ -d "$p" ] && [ ! -L "$p" ] && [ -n "$(ls -A "$p" 2>/dev/null | head -n 1)" ]; then inside=yes; fi
printf '%s\0' "$inside"
case $src in
  ''|/*) ;;
  *) src=${p%/*}/$src ;;
esac
look '' '' "$p"
look -L '' "$p"
if [ -n "$src" ]; then look -L '' "$src"; else printf 'absent\0'; fi
"#;
    let output = cx.remote.run(script).await?;
    deliver::succeed(&output)?;
    let mut fields = Fields::new(&output.stdout);
    Ok(Sight {
        path: fields.next()?,
        umask: u32::from_str_radix(&fields.next()?, 8).unwrap_or(0o022),
        missing: fields.next()?,
        full: !fields.next()?.is_empty(),
        state: FileState::read(&mut fields)?,
        target: FileState::read(&mut fields)?,
        source: FileState::read(&mut fields)?,
    })
}

/// The result's names for the path: `dest` for links, `path` for the rest, as in Ansible.
pub(super) fn named(path: &str, link: bool) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert(if link { "dest" } else { "path" }.to_owned(), path.into());
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn fill(host: &Host) {
        fs::write(host.text("f"), "text").unwrap();
        fs::set_permissions(host.text("f"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::create_dir_all(host.text("d/in side")).unwrap();
        fs::write(host.text("d/in side/x"), "x").unwrap();
        symlink("f", host.text("l")).unwrap();
    }

    #[test]
    fn every_state_changes_once_and_is_taken_back() {
        let cases = [
            (json!({"path": "f", "mode": "0600"}), "set attributes of"),
            (
                json!({"path": "f", "mode": "u+x,o-r", "state": "file"}),
                "set attributes of",
            ),
            (
                json!({"path": "l", "mode": "0600", "state": "file"}),
                "set attributes of",
            ),
            (
                json!({"path": "new/sub dir/it's", "state": "directory", "mode": "0750"}),
                "create",
            ),
            (
                json!({"path": "d", "state": "directory", "mode": "0700"}),
                "set attributes of",
            ),
            (json!({"path": "l2", "state": "link", "src": "f"}), "link"),
            (json!({"path": "l", "state": "link", "src": "d"}), "link"),
            (
                json!({"path": "l", "state": "link", "src": "nowhere", "force": true}),
                "link",
            ),
            (
                json!({"path": "f", "state": "link", "src": "d", "force": true}),
                "link",
            ),
            (json!({"path": "h", "state": "hard", "src": "f"}), "link"),
            (json!({"path": "f", "state": "absent"}), "remove"),
            (json!({"path": "l", "state": "absent"}), "remove"),
            (json!({"path": "d", "state": "absent"}), "remove"),
            (
                json!({"path": "t", "state": "touch", "mode": "0600",
                    "access_time": "preserve", "modification_time": "preserve"}),
                "create",
            ),
            (
                json!({"path": "d", "state": "directory", "mode": "u=rwX,go=", "recurse": true}),
                "set",
            ),
        ];
        on_both(async |mut host: Host| {
            fill(&host);
            for (mut params, what) in cases.clone() {
                params["path"] = host.text(params["path"].as_str().unwrap()).into();
                if params["state"] == "hard" {
                    params["src"] = host.text("f").into();
                }
                let before = host.snapshot();
                host.cx.check = true;
                let planned = host.planned(&File, params.clone()).await;
                assert!(planned.what.starts_with(what), "{params}: {}", planned.what);
                assert!(!planned.diff.is_empty(), "{params}");
                assert_eq!(host.snapshot(), before, "{params}");
                host.cx.check = false;
                let outcome = host.change(&File, params.clone()).await;
                assert!(
                    outcome.result.contains_key("state"),
                    "{params}: {outcome:?}"
                );
                assert_ne!(host.snapshot(), before, "{params}");
                host.done(&File, params.clone()).await;
                host.revert().await;
                assert_eq!(host.snapshot(), before, "{params}");
            }
        });
    }

    #[test]
    fn made_folders_all_get_the_mode() {
        on_both(async |host: Host| {
            let params = json!({"dest": host.text("a/b/c"), "state": "directory", "mode": "0711"});
            let outcome = host.change(&File, params).await;
            assert_eq!(outcome.result["mode"], "0711");
            assert_eq!(outcome.result["path"], host.text("a/b/c"));
            for folder in ["a", "a/b", "a/b/c"] {
                let mode = fs::metadata(host.text(folder)).unwrap().mode() & 0o7777;
                assert_eq!(mode, 0o711, "{folder}");
            }
        });
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        on_both(async |host: Host| {
            fill(&host);
            for (mut params, reason) in [
                (
                    json!({"path": "no", "state": "file"}),
                    "is absent, cannot continue",
                ),
                (
                    json!({"path": "d", "state": "file"}),
                    "is directory, cannot continue",
                ),
                (
                    json!({"path": "f", "state": "directory"}),
                    "already exists as a file",
                ),
                (
                    json!({"path": "x", "state": "link", "src": "nowhere"}),
                    "src file does not exist",
                ),
                (
                    json!({"path": "f", "state": "link", "src": "d"}),
                    "refusing to convert",
                ),
                (
                    json!({"path": "d", "state": "link", "src": "f", "force": true}),
                    "is not empty",
                ),
                (json!({"path": "x", "state": "link"}), "src is required"),
                (
                    json!({"path": "x", "state": "hard", "src": "/no/such"}),
                    "src does not exist",
                ),
                (json!({"path": "no/x", "state": "touch"}), "does not exist"),
                (
                    json!({"path": "f", "recurse": true, "state": "file"}),
                    "recurse option",
                ),
            ] {
                params["path"] = host.text(params["path"].as_str().unwrap()).into();
                let error = host.inspect(&File, params.clone()).await.unwrap_err();
                assert!(error.to_string().contains(reason), "{params}: {error}");
            }
        });
    }

    #[test]
    fn touch_is_a_change_each_time_unless_times_are_kept() {
        on_both(async |host: Host| {
            fill(&host);
            let path = host.text("f");
            let before = fs::metadata(&path).unwrap().modified().unwrap();
            let touch = json!({"path": path, "state": "touch"});
            host.change(&File, touch.clone()).await;
            host.change(&File, touch).await;
            assert!(fs::metadata(&path).unwrap().modified().unwrap() >= before);
            assert_eq!(host.read("f"), "text");
        });
    }
}
