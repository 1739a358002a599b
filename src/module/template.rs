//! `template`: renders a file of the controller for the host and puts it there as `copy` would.

use super::controller_file::{self, Loaded};
use super::deliver::{self, Content, Delivery};
use super::mode::Mode;
use super::parameter::{optional, required};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::template::{FileOptions, Scope, Variable, Variables};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// The module.
#[derive(Debug)]
pub(super) struct Template;

static SPEC: Spec = Spec {
    name: "template",
    summary: "renders a template and puts it on the host",
    free_form: FreeForm::No,
    parameters: &[
        optional(
            "backup",
            Kind::Bool,
            "keep a dated copy of the old file beside it; false by default",
        ),
        required("dest", Kind::Path, "the file, or the folder it goes to"),
        optional(
            "follow",
            Kind::Bool,
            "write to where a link leads; false by default",
        ),
        optional(
            "force",
            Kind::Bool,
            "replace a file that differs; true by default",
        ),
        optional("group", Kind::String, "group name or number"),
        optional(
            "lstrip_blocks",
            Kind::Bool,
            "remove white space before a block; false by default",
        ),
        optional(
            "mode",
            Kind::Raw,
            "octal, symbolic, or `preserve` for the template's own",
        ),
        Parameter {
            choices: &["\n", "\r", "\r\n", "\\n", "\\r", "\\r\\n"],
            ..optional(
                "newline_sequence",
                Kind::String,
                "ends each line; \\n by default",
            )
        },
        Parameter {
            choices: &["utf-8"],
            ..optional("output_encoding", Kind::String, "only utf-8")
        },
        optional("owner", Kind::String, "user name or number"),
        required("src", Kind::Path, "the template on the controller"),
        optional(
            "trim_blocks",
            Kind::Bool,
            "remove the first newline after a block; true by default",
        ),
        optional(
            "validate",
            Kind::String,
            "command that judges the new file, %s, before it is put in place",
        ),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    backup: Option<bool>,
    dest: String,
    follow: Option<bool>,
    force: Option<bool>,
    group: Option<String>,
    lstrip_blocks: Option<bool>,
    mode: Option<Value>,
    newline_sequence: Option<String>,
    owner: Option<String>,
    src: String,
    trim_blocks: Option<bool>,
    validate: Option<String>,
}

#[async_trait]
impl Module for Template {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let path = controller_file::find(&cx.scope.search, "templates", &arguments.src)?;
        let text = render(cx, &arguments, &path).await?;
        let mut mode = Mode::optional(arguments.mode.as_ref())?;
        if mode == Some(Mode::Preserve) {
            let facts = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
            mode = Some(Mode::Bits(facts.mode() & 0o7777));
        }
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let delivery = Delivery {
            content: Content::Here(Arc::new(Loaded::new(text.into_bytes()))),
            dest: arguments.dest,
            name,
            source: None,
            label: path.display().to_string(),
            mode,
            owner: arguments.owner,
            group: arguments.group,
            directory_mode: None,
            backup: arguments.backup.unwrap_or(false),
            force: arguments.force.unwrap_or(true),
            follow: arguments.follow.unwrap_or(false),
            validate: arguments.validate,
        };
        deliver::inspect(cx, &delivery).await
    }

    async fn apply(
        &self,
        cx: &Context,
        _params: &Params,
        change: Change,
    ) -> Result<Outcome, ModuleError> {
        deliver::apply(cx, change).await
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ModuleError {
    ModuleError::failed(format!("cannot read {}: {error}", path.display()))
}

async fn render(cx: &Context, arguments: &Arguments, path: &Path) -> Result<String, ModuleError> {
    let content = tokio::fs::read(path)
        .await
        .map_err(|error| unreadable(path, &error))?;
    let failed =
        |why: String| ModuleError::failed(format!("cannot read {}: {why}", path.display()));
    let content = controller_file::open(content, cx.templar.vault())
        .map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(content).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
    let options = FileOptions {
        trim_blocks: arguments.trim_blocks.unwrap_or(true),
        lstrip_blocks: arguments.lstrip_blocks.unwrap_or(false),
    };
    let scope = scope(cx, path)?;
    let name = path.display().to_string();
    let rendered = cx
        .templar
        .render_file(&name, &text, &options, &scope)
        .map_err(|error| ModuleError::failed(format!("{name}: {error}")))?;
    Ok(match arguments.newline_sequence.as_deref() {
        Some("\r" | "\\r") => rendered.replace('\n', "\r"),
        Some("\r\n" | "\\r\\n") => rendered.replace("\r\n", "\n").replace('\n', "\r\n"),
        _ => rendered,
    })
}

/// The task's scope, the template's own names, and its folder for what it includes.
fn scope(cx: &Context, path: &Path) -> Result<Scope, ModuleError> {
    let facts = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut layer = Variables::new();
    for (name, value) in [
        ("ansible_managed", Value::from("Ansible managed")),
        ("template_path", path.display().to_string().into()),
        ("template_fullpath", path.display().to_string().into()),
        ("template_host", host.trim().into()),
        ("template_uid", facts.uid().into()),
    ] {
        let settable = name == "ansible_managed" && cx.scope.get(name).is_some();
        if !settable {
            layer.insert(name.to_owned(), Variable::from(value));
        }
    }
    let mut scope = cx.scope.with(layer);
    if let Some(folder) = path.parent() {
        let mut search = vec![folder.to_owned()];
        search.extend(scope.search.iter().cloned());
        scope.search = Arc::new(search);
    }
    Ok(scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;
    use std::fs;

    #[test]
    fn a_template_is_delivered_as_a_file() {
        on_both(async |host: Host| {
            let folder = host.controller.path().join("templates");
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("app.conf.j2"), "one\ntwo\n").unwrap();
            let before = host.snapshot();
            let params = json!({
                "src": "app.conf.j2",
                "dest": host.text("app.conf"),
                "mode": "u=rw,go=r",
                "newline_sequence": "\\r\\n",
            });
            let outcome = host.change(&Template, params.clone()).await;
            assert_eq!(outcome.result["mode"], "0644");
            assert_eq!(host.read("app.conf"), "one\r\ntwo\r\n");
            host.done(&Template, params).await;
            host.revert().await;
            assert_eq!(host.snapshot(), before);
        });
    }

    #[test]
    fn the_templates_own_names_are_in_scope() {
        on_both(async |host: Host| {
            let path = host.controller.path().join("t");
            fs::write(&path, "").unwrap();
            let scope = scope(&host.cx, &path).unwrap();
            for name in [
                "ansible_managed",
                "template_host",
                "template_path",
                "template_uid",
            ] {
                assert!(scope.get(name).is_some(), "{name}");
            }
            assert_eq!(scope.search[0], host.controller.path());
        });
    }
}
