//! `include_vars`: variables from YAML or JSON files of the controller.

use super::parameter::optional;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params, controller_file};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::template::{Variable, Variables, learn, variable_source, variables_of};
use crate::vault::Vault;
use crate::yaml::{self, Mapping, Node};
use async_trait::async_trait;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The module.
#[derive(Debug)]
pub(super) struct IncludeVars;

static SPEC: Spec = Spec {
    name: "include_vars",
    summary: "reads variables from files of the controller",
    free_form: FreeForm::Whole("file"),
    parameters: &[
        optional(
            "depth",
            Kind::Int,
            "how many levels of `dir` are read; 0, the default, means all",
        ),
        optional(
            "dir",
            Kind::Path,
            "folder whose files are read, in the order of their names",
        ),
        optional(
            "extensions",
            Kind::List,
            "of the files in `dir`; json, yaml and yml by default",
        ),
        Parameter {
            aliases: &["_raw_params"],
            ..optional("file", Kind::Path, "the file")
        },
        optional(
            "files_matching",
            Kind::String,
            "regular expression for the names of the files in `dir`",
        ),
        Parameter {
            choices: &["replace"],
            ..optional("hash_behaviour", Kind::String, "only `replace`")
        },
        optional(
            "ignore_files",
            Kind::List,
            "regular expressions: files in `dir` whose names match are left out",
        ),
        optional(
            "ignore_unknown_extensions",
            Kind::Bool,
            "leave out files in `dir` with other extensions instead of failing; false by default",
        ),
        optional("name", Kind::String, "variable under which all is put"),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    depth: Option<usize>,
    dir: Option<String>,
    extensions: Option<Vec<String>>,
    file: Option<String>,
    files_matching: Option<String>,
    ignore_files: Option<Vec<String>>,
    ignore_unknown_extensions: Option<bool>,
    name: Option<String>,
}

#[async_trait]
impl Module for IncludeVars {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let files = match (&arguments.file, &arguments.dir) {
            (Some(file), None) => vec![controller_file::find(&cx.scope.search, "vars", file)?],
            (None, Some(dir)) => {
                let root = controller_file::find(&cx.scope.search, "vars", dir)?;
                in_folder(&root, &arguments)?
            }
            (None, None) => return Err(ModuleError::failed("`file` or `dir` is required")),
            (Some(_), Some(_)) => {
                return Err(ModuleError::failed("`file` and `dir` cannot both be given"));
            }
        };
        let mut read = Mapping::default();
        for file in &files {
            merge(&mut read, &load(file, cx.templar.vault())?);
        }
        let facts: Map<String, Value> = read
            .iter()
            .map(|(key, value)| (key.key_text(), value.to_value()))
            .collect();
        let mut outcome = Outcome::default();
        let (variables, facts) = match arguments.name {
            None => (variables_of(&read), facts),
            Some(name) => named(name, read, facts),
        };
        outcome.variables = variables;
        let result = &mut outcome.result;
        result.insert("ansible_facts".to_owned(), facts.into());
        result.insert(
            "ansible_included_var_files".to_owned(),
            files
                .iter()
                .map(|file| file.display().to_string())
                .collect(),
        );
        Ok(Inspection::Done(outcome))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Ok(Outcome::default())
    }
}

/// All that was read as one variable.
fn named(
    name: String,
    read: Mapping,
    facts: Map<String, Value>,
) -> (Variables, Map<String, Value>) {
    let node = Node {
        kind: yaml::NodeKind::Mapping(read),
        ..Node::text("include_vars", &name)
    };
    let mut outer = Map::new();
    outer.insert(name.clone(), facts.into());
    let variables = [(name, Variable::Source(Arc::new(node)))]
        .into_iter()
        .collect();
    (variables, outer)
}

/// Puts `more` over what was read so far.
fn merge(read: &mut Mapping, more: &Mapping) {
    for (key, value) in more {
        read.insert(key.clone(), value.clone());
    }
}

fn load(path: &Path, vault: &Vault) -> Result<Mapping, ModuleError> {
    let shown = path.display();
    let failed = |why: String| ModuleError::failed(format!("{shown}: {why}"));
    let content = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let source = variable_source(path, content, vault)
        .map_err(|wrong| ModuleError::failed(wrong.to_string()))?
        .ok_or_else(|| failed("it is not UTF-8 text".to_owned()))?;
    let documents = yaml::parse(&source).map_err(|wrong| ModuleError::failed(wrong.to_string()))?;
    for document in &documents {
        learn(document, vault.secrets());
    }
    match documents.into_iter().next() {
        None => Ok(Mapping::default()),
        Some(node) if node.is_null() => Ok(Mapping::default()),
        Some(node) => match node.as_mapping() {
            Some(mapping) => Ok(mapping.clone()),
            None => Err(failed("must be stored as a dictionary/hash".to_owned())),
        },
    }
}

/// The files of a folder that are to be read, in the order of their names, outer folders first.
fn in_folder(root: &Path, arguments: &Arguments) -> Result<Vec<PathBuf>, ModuleError> {
    let pattern = |text: &String| {
        Regex::new(text).map_err(|error| ModuleError::failed(format!("`{text}`: {error}")))
    };
    if !root.is_dir() {
        return Err(ModuleError::failed(format!(
            "{} is not a directory",
            root.display()
        )));
    }
    let matching = arguments.files_matching.as_ref().map(pattern).transpose()?;
    let ignored = arguments.ignore_files.iter().flatten();
    let ignored = ignored.map(pattern).collect::<Result<Vec<_>, _>>()?;
    let usual = || ["json", "yaml", "yml"].map(str::to_owned).to_vec();
    let extensions = arguments.extensions.clone().unwrap_or_else(usual);
    let depth = arguments.depth.unwrap_or(0);
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), 1)];
    while let Some((folder, level)) = folders.pop() {
        let unreadable =
            |error: std::io::Error| ModuleError::failed(format!("{}: {error}", folder.display()));
        let mut paths = std::fs::read_dir(&folder)
            .and_then(|entries| {
                entries
                    .map(|entry| Ok(entry?.path()))
                    .collect::<Result<Vec<_>, _>>()
            })
            .map_err(unreadable)?;
        paths.sort();
        for path in paths.iter().filter(|path| path.is_file()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if ignored.iter().any(|pattern| pattern.is_match(&name))
                || matching
                    .as_ref()
                    .is_some_and(|pattern| !pattern.is_match(&name))
            {
                continue;
            }
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            if extensions.iter().any(|known| *known == extension) {
                files.push(path.clone());
            } else if arguments.ignore_unknown_extensions != Some(true) && matching.is_none() {
                return Err(ModuleError::failed(format!(
                    "{} does not have a valid extension: {}",
                    path.display(),
                    extensions.join(", ")
                )));
            }
        }
        if depth == 0 || level < depth {
            // The last one pushed is read next.
            let inner = paths
                .into_iter()
                .filter(|path| path.is_dir() && !path.is_symlink());
            folders.extend(inner.rev().map(|path| (path, level + 1)));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;
    use std::fs;

    fn fill(host: &Host) {
        let root = host.controller.path().join("vars");
        fs::create_dir_all(root.join("all/deep")).unwrap();
        fs::write(root.join("one.yml"), "a: '{{ b }}'\nl: [1, yes]\n").unwrap();
        fs::write(root.join("all/10.yml"), "x: 1\ny: 1\n").unwrap();
        fs::write(root.join("all/20.json"), "{\"y\": 2}").unwrap();
        fs::write(root.join("all/deep/30.yaml"), "z: 3\n").unwrap();
        fs::write(root.join("all/readme.txt"), "no").unwrap();
        fs::write(
            root.join("secret.yml"),
            "$ANSIBLE_VAULT;1.1;AES256\n30310a30320a3033",
        )
        .unwrap();
        fs::write(root.join("list.yml"), "- 1\n").unwrap();
    }

    #[test]
    fn variables_may_hold_templates() {
        on_both(async |host: Host| {
            fill(&host);
            let done = host.done(&IncludeVars, json!({"file": "one.yml"})).await;
            let Variable::Source(node) = &done.variables["a"] else {
                panic!("{:?}", done.variables);
            };
            assert_eq!(node.as_str(), Some("{{ b }}"));
            assert_eq!(done.result["ansible_facts"]["l"], json!([1, true]));
            let done = host
                .done(&IncludeVars, json!({"file": "one.yml", "name": "stash"}))
                .await;
            assert_eq!(done.variables.len(), 1);
            assert_eq!(done.result["ansible_facts"]["stash"]["l"], json!([1, true]));
        });
    }

    #[test]
    fn a_folder_is_read_in_order() {
        on_both(async |host: Host| {
            fill(&host);
            for (params, facts) in [
                (
                    json!({"dir": "all", "ignore_unknown_extensions": true}),
                    json!({"x": 1, "y": 2, "z": 3}),
                ),
                (
                    json!({"dir": "all", "ignore_files": ["txt$"], "depth": 1}),
                    json!({"x": 1, "y": 2}),
                ),
                (
                    json!({"dir": "all", "files_matching": "^1"}),
                    json!({"x": 1, "y": 1}),
                ),
            ] {
                let done = host.done(&IncludeVars, params).await;
                assert_eq!(done.result["ansible_facts"], facts);
            }
            for (params, reason) in [
                (json!({"dir": "all"}), "valid extension"),
                (json!({"file": "no.yml"}), "could not find"),
                (json!({"file": "secret.yml"}), "no vault password is given"),
                (json!({"file": "list.yml"}), "dictionary"),
                (json!({}), "required"),
            ] {
                let error = host
                    .inspect(&IncludeVars, params)
                    .await
                    .unwrap_err()
                    .to_string();
                assert!(error.contains(reason), "{error}");
            }
        });
    }
}
