//! `-e`: variables from the command line.

use super::args::VaultArgs;
use super::{CliError, confidential, vault};
use crate::secrecy::is_secret_name;
use crate::source::{Diagnostics, SourceFile};
use crate::template::{Variable, Variables, learn, learn_variables, variable_source, variables_of};
use crate::yaml::{self, Node, NodeKind};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

/// All `-e` options, later ones stronger. What stands under a name such as `db_password` is a secret from here on.
pub(super) fn read(options: &[String], vault: &VaultArgs) -> Result<Variables, CliError> {
    let mut variables = Variables::new();
    for option in options {
        variables.extend(one(option, vault)?);
    }
    learn_variables(&variables, confidential::secrets());
    Ok(variables)
}

fn one(option: &str, vault: &VaultArgs) -> Result<Variables, CliError> {
    let shown = shown(option);
    if let Some(path) = option.strip_prefix('@') {
        return file(path, vault);
    }
    let trimmed = option.trim_start();
    if trimmed.starts_with('{') || trimmed.starts_with('[') {
        let source = if shown == option {
            SourceFile::new("<-e>", option)
        } else {
            SourceFile::hidden("<-e>", option)
        };
        return mapping(&source, &shown);
    }
    let words = shlex::split(option)
        .ok_or_else(|| CliError::usage(format!("-e {shown}: a quote is not closed"), SHAPES))?;
    let mut variables = Variables::new();
    for word in &words {
        let (name, value) = word.split_once('=').ok_or_else(|| {
            let word = if shown == option { word } else { "..." };
            CliError::usage(format!("-e {shown}: `{word}` has no `=`"), SHAPES)
        })?;
        // Values of this form are always text, as in the reference.
        variables.insert(name.to_owned(), Variable::from(&Node::text("<-e>", value)));
    }
    Ok(variables)
}

/// The option as an error may show it: not at all from the first name of a secret on.
fn shown(option: &str) -> String {
    let end = option
        .match_indices(['=', ':'])
        .map(|(at, _)| at)
        .find(|at| {
            let name = option[..*at].trim_end().trim_end_matches(['"', '\'']);
            is_secret_name(name)
        });
    match end {
        Some(at) => format!("{}...", &option[..=at]),
        None => option.to_owned(),
    }
}

const SHAPES: &str = "write NAME=VALUE, a mapping such as '{name: value}', or @FILE";

fn file(path: &str, vault: &VaultArgs) -> Result<Variables, CliError> {
    let failed = |why: &dyn Display| {
        CliError::usage(
            format!("-e @{path}: {why}"),
            "the file holds variables as YAML or JSON",
        )
    };
    let content = std::fs::read(path).map_err(|error| failed(&error))?;
    let vault = vault::open(vault)?;
    let source = variable_source(Path::new(path), content, &vault)
        .map_err(|problem| Diagnostics::from(*problem))?
        .ok_or_else(|| failed(&"it is not UTF-8 text"))?;
    mapping(&source, &format!("@{path}"))
}

fn mapping(source: &Arc<SourceFile>, shown: &str) -> Result<Variables, CliError> {
    let documents = yaml::parse(source)?;
    for document in &documents {
        learn(document, confidential::secrets());
    }
    match documents.first().map(|document| &document.kind) {
        None | Some(NodeKind::Null) => Ok(Variables::new()),
        Some(NodeKind::Mapping(mapping)) => Ok(variables_of(mapping)),
        Some(_) => Err(CliError::usage(
            format!("-e {shown}: not a mapping of variables"),
            SHAPES,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(variables: &Variables, name: &str) -> serde_json::Value {
        match &variables[name] {
            Variable::Source(node) => node.to_value(),
            Variable::Data(value) => (**value).clone(),
        }
    }

    #[test]
    fn words_are_text_and_mappings_keep_their_types() {
        let given = ["n=1 name='a b'".to_owned(), "{n: 2, on: yes}".to_owned()];
        let variables = read(&given[..1], &VaultArgs::default()).unwrap();
        assert_eq!(text_of(&variables, "n"), "1");
        assert_eq!(text_of(&variables, "name"), "a b");
        let variables = read(&given, &VaultArgs::default()).unwrap();
        assert_eq!(text_of(&variables, "n"), 2);
    }

    #[test]
    fn other_shapes_are_refused() {
        for bad in ["lonely", "a='open", "[1]", "@/no/such/file"] {
            assert!(
                read(&[bad.to_owned()], &VaultArgs::default()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn errors_show_no_secret() {
        for bad in [
            "a=1 db_password=hunter2 hunter3",
            "db_password='hunter2",
            "{db_password: hunter2",
            "[db_password: hunter2]",
        ] {
            let error = read(&[bad.to_owned()], &VaultArgs::default()).unwrap_err();
            let text = match error {
                CliError::Input(diagnostics) => {
                    diagnostics.iter().map(|each| each.render(false)).collect()
                }
                other => format!("{other:?}"),
            };
            assert!(!text.contains("hunter"), "{bad}: {text}");
        }
    }
}
