//! A small catalog and playbooks in temporary folders, for the tests of this room.

use super::{Catalog, FreeForm, Kind, LoadOptions, Loader, Parameter, Playbook, Spec};
use crate::source::Diagnostics;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const fn parameter(name: &'static str, kind: Kind, required: bool) -> Parameter {
    Parameter {
        name,
        aliases: &[],
        kind,
        required,
        choices: &[],
        summary: "",
    }
}

static COMMAND: Spec = Spec {
    name: "command",
    summary: "",
    parameters: &[
        parameter("chdir", Kind::Path, false),
        parameter("cmd", Kind::String, false),
        parameter("creates", Kind::Path, false),
    ],
    free_form: FreeForm::Command("cmd"),
};
static COPY: Spec = Spec {
    name: "copy",
    summary: "",
    parameters: &[
        parameter("backup", Kind::Bool, false),
        Parameter {
            aliases: &["path"],
            ..parameter("dest", Kind::Path, true)
        },
        parameter("mode", Kind::Raw, false),
        parameter("src", Kind::Path, false),
        Parameter {
            choices: &["file", "absent"],
            ..parameter("state", Kind::String, false)
        },
    ],
    free_form: FreeForm::No,
};
static DEBUG: Spec = Spec {
    name: "debug",
    summary: "",
    parameters: &[
        parameter("msg", Kind::Raw, false),
        parameter("verbosity", Kind::Int, false),
    ],
    free_form: FreeForm::No,
};
static SET_FACT: Spec = Spec {
    name: "set_fact",
    summary: "",
    parameters: &[parameter("cacheable", Kind::Bool, false)],
    free_form: FreeForm::AnyKeys,
};

#[derive(Debug)]
struct TestCatalog;

impl Catalog for TestCatalog {
    fn find(&self, name: &str) -> Option<&'static Spec> {
        let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
        [&COMMAND, &COPY, &DEBUG, &SET_FACT]
            .into_iter()
            .find(|spec| spec.name == short)
    }

    fn names(&self) -> Vec<&'static str> {
        vec!["command", "copy", "debug", "set_fact"]
    }
}

/// A loader with the small catalog.
pub(super) fn loader() -> Loader {
    Loader::new(Arc::new(TestCatalog), LoadOptions::default())
}

/// A folder with these files.
pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Loads `site.yml` of these files.
pub(super) fn load(files: &[(&str, &str)]) -> Result<Playbook, Diagnostics> {
    loader().playbook(&folder(files).path().join("site.yml"))
}

/// The mistakes in these files, one line each, paths from their folder.
pub(super) fn mistakes(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let result = loader().playbook(&folder.path().join("site.yml"));
    shown(folder.path(), &result.unwrap_err())
}

/// Diagnostics with their hints, one line each.
pub(super) fn shown(folder: &Path, diagnostics: &Diagnostics) -> String {
    let lines: Vec<String> = diagnostics
        .iter()
        .map(|each| {
            let hints: String = each.hints.iter().map(|hint| format!(" ({hint})")).collect();
            format!("{each}{hints} [{}]", each.code)
        })
        .collect();
    lines
        .join("\n")
        .replace(&format!("{}/", folder.display()), "")
}

/// A play over all hosts with these tasks.
pub(super) fn tasks(text: &str) -> Vec<(&'static str, String)> {
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    vec![("site.yml", format!("- hosts: all\n  tasks:\n{indented}"))]
}
