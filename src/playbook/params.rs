//! A module's parameters: from what is written to one mapping by canonical names, with what can be checked before the run.

use super::catalog::{FreeForm, Kind, Parameter, Spec};
use super::reader::Reader;
use super::{checks, free_form};
use crate::source::{Diagnostic, Span, did_you_mean};
use crate::yaml::{Mapping, Node, NodeKind};

/// Parameters as they are found.
#[derive(Debug, Default)]
struct Given {
    entries: Mapping,
    /// Whether more may be meant than was understood, so that none can be said to be missing.
    partial: bool,
}

impl Reader<'_> {
    /// The parameters of `spec` written as `value`, merged over `args`.
    pub(super) fn params(
        &mut self,
        spec: &'static Spec,
        key: &Node,
        value: &Node,
        args: Option<&Node>,
    ) -> Node {
        self.templates(value);
        let args = args.filter(|args| !args.is_null());
        if let Some(args) = args {
            self.templates(args);
        }
        let free = matches!(spec.free_form, FreeForm::Command(_) | FreeForm::Whole(_));
        if checks::is_template(value) && !free && is_one_template(value) {
            if let Some(args) = args {
                self.error(
                    "args",
                    "`args` cannot stand beside parameters that are a template",
                    &args.span,
                );
            }
            return value.clone();
        }
        let mut given = Given::default();
        match args {
            Some(args) if checks::is_template(args) => {
                if value.is_null() {
                    return args.clone();
                }
                given.partial = true;
                self.error_hint(
                    "unsupported-args",
                    "`args` as a template beside parameters is not supported yet",
                    &args.span,
                    "write the parameters under the module, or all of them in the template",
                );
            }
            Some(args) => self.mapping_params(spec, args, &mut given),
            None => {}
        }
        if let Some(text) = value.as_str() {
            self.text_params(spec, value, text, &mut given);
        } else if !value.is_null() {
            self.mapping_params(spec, value, &mut given);
        }
        if !given.partial {
            self.required(spec, key, &given.entries);
        }
        let span = if value.is_null() {
            key.span.clone()
        } else {
            value.span.clone()
        };
        Node {
            span,
            kind: NodeKind::Mapping(given.entries),
        }
    }

    fn mapping_params(&mut self, spec: &'static Spec, node: &Node, given: &mut Given) {
        match (node.as_mapping(), spec.free_form) {
            (Some(mapping), _) => {
                for (key, value) in mapping {
                    self.param(spec, key.clone(), value.clone(), given);
                }
            }
            (None, FreeForm::Command(name) | FreeForm::Whole(name)) if checks::is_scalar(node) => {
                let text = free_form::text_node(node.span.clone(), node.key_text());
                given.entries.insert(
                    free_form::text_node(node.span.clone(), name.to_owned()),
                    text,
                );
            }
            (None, _) => self.wrong_type(spec.name, node, "a mapping of parameters"),
        }
    }

    fn text_params(&mut self, spec: &'static Spec, node: &Node, text: &str, given: &mut Given) {
        match spec.free_form {
            FreeForm::Whole(name) => {
                given.entries.insert(
                    free_form::text_node(node.span.clone(), name.to_owned()),
                    node.clone(),
                );
            }
            FreeForm::Command(name) => match free_form::command_line(node, text) {
                Ok(line) => {
                    for (key, value) in line.options {
                        self.param(spec, key, value, given);
                    }
                    if let Some(command) = line.command {
                        given.entries.insert(
                            free_form::text_node(node.span.clone(), name.to_owned()),
                            command,
                        );
                    }
                }
                Err(at) => self.unbalanced(node, at),
            },
            FreeForm::No | FreeForm::AnyKeys => match free_form::words(text) {
                Ok(words) => {
                    for word in words {
                        match free_form::pair_nodes(node, &word) {
                            Some((key, value)) => self.param(spec, key, value, given),
                            None => self.error_hint(
                                "not-key-value",
                                format!("`{}` is not a `key=value` parameter", word.text),
                                &free_form::at_offset(node, word.start, word.text),
                                format!(
                                    "write the parameters of `{}` as a mapping below it",
                                    spec.name
                                ),
                            ),
                        }
                    }
                }
                Err(at) => self.unbalanced(node, at),
            },
        }
    }

    /// Adds the error that a quote or a template is never closed.
    pub(super) fn unbalanced(&mut self, node: &Node, at: usize) {
        let text = node.as_str().unwrap_or("");
        let rest = text.get(at..).unwrap_or("");
        let shown = rest.chars().next().map_or(0, char::len_utf8);
        self.error_hint(
            "unbalanced-quotes",
            "a quote or a template is opened and never closed",
            &free_form::at_offset(node, at, &rest[..shown]),
            "close it, or write a backslash before it",
        );
    }

    fn param(&mut self, spec: &'static Spec, key: Node, value: Node, given: &mut Given) {
        let name = key.key_text();
        let free = match spec.free_form {
            FreeForm::Command(free) | FreeForm::Whole(free) if name == "_raw_params" => Some(free),
            _ => None,
        };
        if let Some(free) = free {
            given
                .entries
                .insert(free_form::text_node(key.span, free.to_owned()), value);
            return;
        }
        let Some(parameter) = spec.parameter(&name) else {
            if spec.free_form == FreeForm::AnyKeys {
                if !checks::is_template(&key) {
                    self.variable_name(&key, "variable");
                }
                given.entries.insert(key, value);
            } else {
                self.unknown_parameter(spec, &key.span, &name);
                // It may be a required one misspelt, and one mistake is said once.
                given.partial = true;
            }
            return;
        };
        self.literal(parameter, &name, &value);
        let canonical = free_form::text_node(key.span, parameter.name.to_owned());
        given.entries.insert(canonical, value);
    }

    fn unknown_parameter(&mut self, spec: &'static Spec, span: &Span, name: &str) {
        let names = spec
            .parameters
            .iter()
            .flat_map(|each| std::iter::once(&each.name).chain(each.aliases))
            .copied();
        let mut diagnostic = Diagnostic::error(
            "unknown-parameter",
            format!("`{}` has no parameter `{name}`", spec.name),
        )
        .at(span, "");
        diagnostic = match did_you_mean(name, names) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None if spec.parameters.is_empty() => diagnostic.hint("it takes no parameters"),
            None => {
                let all: Vec<_> = spec.parameters.iter().map(|each| each.name).collect();
                diagnostic.hint(format!("it takes {}", all.join(", ")))
            }
        };
        self.push(diagnostic);
    }

    fn required(&mut self, spec: &'static Spec, key: &Node, entries: &Mapping) {
        let missing: Vec<_> = spec
            .parameters
            .iter()
            .filter(|each| each.required && entries.get(each.name).is_none_or(Node::is_null))
            .map(|each| format!("`{}`", each.name))
            .collect();
        if !missing.is_empty() {
            self.error(
                "missing-parameter",
                format!("`{}` needs {}", spec.name, missing.join(" and ")),
                &key.span,
            );
        }
    }

    fn literal(&mut self, parameter: &Parameter, name: &str, value: &Node) {
        if value.is_null() || checks::is_open(value) {
            return;
        }
        if !fits(parameter.kind, value) {
            self.wrong_type(name, value, parameter.kind.in_words());
            return;
        }
        if parameter.choices.is_empty() {
            return;
        }
        let values = if parameter.kind == Kind::List {
            list_items(value)
        } else {
            vec![value.clone()]
        };
        for each in values {
            if checks::is_open(&each) || is_choice(parameter.choices, &each) {
                continue;
            }
            let text = each.key_text();
            let mut diagnostic =
                Diagnostic::error("not-a-choice", format!("`{name}` cannot be `{text}`")).at(
                    &each.span,
                    format!("one of {}", parameter.choices.join(", ")),
                );
            if let Some(near) = did_you_mean(&text, parameter.choices.iter().copied()) {
                diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
            }
            self.push(diagnostic);
        }
    }
}

/// Whether the text is one `{{ … }}` and nothing else, so that it can render to a mapping.
fn is_one_template(node: &Node) -> bool {
    node.as_str().is_some_and(|text| {
        let text = text.trim();
        text.starts_with("{{")
            && text.ends_with("}}")
            && free_form::words(text).is_ok_and(|words| words.len() == 1)
    })
}

fn list_items(value: &Node) -> Vec<Node> {
    match (value.as_sequence(), value.as_str()) {
        (Some(items), _) => items.to_vec(),
        (None, Some(text)) => text
            .split(',')
            .map(|part| {
                free_form::text_node(
                    free_form::part_of(value, part.trim()),
                    part.trim().to_owned(),
                )
            })
            .collect(),
        (None, None) => vec![value.clone()],
    }
}

/// Whether a value is a choice; an unquoted `yes` is a boolean to YAML and still the choice `yes`.
fn is_choice(choices: &[&str], value: &Node) -> bool {
    match value.kind {
        NodeKind::Bool(on) => choices
            .iter()
            .any(|choice| checks::truth(&Node::text("<choice>", choice)) == Some(on)),
        _ => choices.contains(&value.key_text().as_str()),
    }
}

fn fits(kind: Kind, value: &Node) -> bool {
    match kind {
        Kind::Raw | Kind::String => true,
        Kind::Path => checks::is_scalar(value),
        Kind::Bool => checks::truth(value).is_some(),
        Kind::Int => checks::is_whole(value),
        Kind::Float => checks::is_number(value),
        Kind::List => value.as_mapping().is_none(),
        Kind::Map => {
            value.as_mapping().is_some()
                || value
                    .as_str()
                    .is_some_and(|text| text.trim_start().starts_with('{') || text.contains('='))
        }
    }
}
