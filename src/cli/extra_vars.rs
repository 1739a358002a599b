//! `-e`: variables from the command line.

use super::CliError;
use crate::source::SourceFile;
use crate::template::{Variable, Variables, variables_of};
use crate::yaml::{self, Node, NodeKind};
use std::path::Path;

/// All `-e` options, later ones stronger.
pub(super) fn read(options: &[String]) -> Result<Variables, CliError> {
    let mut variables = Variables::new();
    for option in options {
        variables.extend(one(option)?);
    }
    Ok(variables)
}

fn one(option: &str) -> Result<Variables, CliError> {
    if let Some(path) = option.strip_prefix('@') {
        let text = std::fs::read_to_string(path).map_err(|error| {
            CliError::usage(
                format!("-e @{path}: {error}"),
                "the file holds variables as YAML or JSON",
            )
        })?;
        return mapping(Path::new(path), &text, option);
    }
    let trimmed = option.trim_start();
    if trimmed.starts_with('{') || trimmed.starts_with('[') {
        return mapping(Path::new("<-e>"), option, option);
    }
    let words = shlex::split(option)
        .ok_or_else(|| CliError::usage(format!("-e {option}: a quote is not closed"), SHAPES))?;
    let mut variables = Variables::new();
    for word in &words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| CliError::usage(format!("-e {option}: `{word}` has no `=`"), SHAPES))?;
        // Values of this form are always text, as in the reference.
        variables.insert(name.to_owned(), Variable::from(&Node::text("<-e>", value)));
    }
    Ok(variables)
}

const SHAPES: &str = "write NAME=VALUE, a mapping such as '{name: value}', or @FILE";

fn mapping(path: &Path, text: &str, option: &str) -> Result<Variables, CliError> {
    let source = SourceFile::new(path, text);
    let documents = yaml::parse(&source)?;
    match documents.first().map(|document| &document.kind) {
        None | Some(NodeKind::Null) => Ok(Variables::new()),
        Some(NodeKind::Mapping(mapping)) => Ok(variables_of(mapping)),
        Some(_) => Err(CliError::usage(
            format!("-e {option}: not a mapping of variables"),
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
        let variables = read(&given[..1]).unwrap();
        assert_eq!(text_of(&variables, "n"), "1");
        assert_eq!(text_of(&variables, "name"), "a b");
        let variables = read(&given).unwrap();
        assert_eq!(text_of(&variables, "n"), 2);
    }

    #[test]
    fn other_shapes_are_refused() {
        for bad in ["lonely", "a='open", "[1]", "@/no/such/file"] {
            assert!(read(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
