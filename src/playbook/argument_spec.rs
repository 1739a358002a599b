//! A role's argument spec: what its variables must look like, by ansible-core's `module_utils/common/arg_spec.py`.

use super::checks;
use crate::source::{Diagnostic, Diagnostics, did_you_mean};
use crate::yaml::{Mapping, Node};
use serde_json::{Map, Value};

const KEYS: [&str; 17] = [
    "aliases",
    "apply_defaults",
    "choices",
    "default",
    "deprecated_aliases",
    "description",
    "elements",
    "mutually_exclusive",
    "no_log",
    "options",
    "removed_in_version",
    "required",
    "required_by",
    "required_if",
    "required_one_of",
    "required_together",
    "type",
];

/// Rules between options that are not checked yet, so they are refused.
const RULES: [&str; 5] = [
    "mutually_exclusive",
    "required_by",
    "required_if",
    "required_one_of",
    "required_together",
];

const ENTRY_KEYS: [&str; 6] = [
    "author",
    "description",
    "options",
    "seealso",
    "short_description",
    "version_added",
];

/// What the variables of one entry point of a role must look like.
#[derive(Debug, Clone, Default)]
pub struct ArgumentSpec {
    entry: String,
    short_description: Option<String>,
    options: Vec<ArgumentOption>,
}

#[derive(Debug, Clone)]
struct ArgumentOption {
    name: String,
    aliases: Vec<String>,
    kind: String,
    elements: Option<String>,
    required: bool,
    has_default: bool,
    choices: Vec<Value>,
    options: Option<ArgumentSpec>,
}

/// The names of types.
const KINDS: [&str; 10] = [
    "bool", "bytes", "dict", "float", "int", "json", "list", "path", "raw", "str",
];

impl ArgumentSpec {
    /// The entry point that this is for, such as `main`.
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// What the entry point is for, in one line.
    pub fn short_description(&self) -> Option<&str> {
        self.short_description.as_deref()
    }

    /// Reads one entry point, such as that under `main`.
    pub(super) fn read(entry: &str, node: &Node) -> Result<Self, Diagnostics> {
        let mut found = Diagnostics::new();
        let mut spec = Self::default();
        match node.as_mapping() {
            Some(mapping) => {
                for (key, _) in mapping {
                    unknown_key(key, &ENTRY_KEYS, &mut found);
                }
                if let Some(options) = mapping.get("options") {
                    spec = options_of(options, &mut found);
                }
                entry.clone_into(&mut spec.entry);
                spec.short_description = mapping
                    .get("short_description")
                    .and_then(Node::as_str)
                    .map(str::to_owned);
            }
            None if node.is_null() => {}
            None => wrong(node, "an entry point must be a mapping", &mut found),
        }
        found.or(spec)
    }

    /// What is wrong with `variables`; empty when all is well. Variables that the spec does not name are not looked at.
    pub fn check(&self, variables: &Map<String, Value>) -> Vec<String> {
        let mut wrong = Vec::new();
        self.check_under("", variables, false, &mut wrong);
        wrong
    }

    /// The names of the options, aliases among them: the variables that `check` wants to see.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.options
            .iter()
            .flat_map(|option| std::iter::once(&option.name).chain(&option.aliases))
            .map(String::as_str)
    }

    fn check_under(
        &self,
        under: &str,
        given: &Map<String, Value>,
        strict: bool,
        wrong: &mut Vec<String>,
    ) {
        let mut missing = Vec::new();
        for option in &self.options {
            let names = std::iter::once(&option.name).chain(&option.aliases);
            let value = names.into_iter().find_map(|name| given.get(name));
            match value {
                Some(Value::Null) | None if option.required && !option.has_default => {
                    missing.push(option.name.as_str());
                }
                Some(Value::Null) | None => {}
                Some(value) => option.check(under, value, wrong),
            }
        }
        let place = if under.is_empty() {
            String::new()
        } else {
            format!(" found in {under}")
        };
        if !missing.is_empty() {
            wrong.push(format!(
                "missing required arguments: {}{place}",
                missing.join(", ")
            ));
        }
        if strict {
            for name in given
                .keys()
                .filter(|name| !self.names().any(|known| known == *name))
            {
                wrong.push(format!("unsupported argument `{name}`{place}"));
            }
        }
    }
}

impl ArgumentOption {
    fn check(&self, under: &str, value: &Value, wrong: &mut Vec<String>) {
        let name = if under.is_empty() {
            self.name.clone()
        } else {
            format!("{under}.{}", self.name)
        };
        if !fits(&self.kind, value) {
            wrong.push(format!(
                "argument `{name}` must be of type {}, not {value}",
                self.kind
            ));
            return;
        }
        let items = self.kind == "list";
        let values: Vec<Value> = if items {
            list(value)
        } else {
            vec![value.clone()]
        };
        for (at, each) in values.iter().enumerate() {
            let each_name = if items {
                format!("{name}[{at}]")
            } else {
                name.clone()
            };
            if let Some(kind) = self
                .elements
                .as_deref()
                .filter(|kind| items && !fits(kind, each))
            {
                wrong.push(format!(
                    "argument `{each_name}` must be of type {kind}, not {each}"
                ));
                continue;
            }
            if !self.choices.is_empty() && !self.choices.iter().any(|choice| same(choice, each)) {
                let choices: Vec<_> = self.choices.iter().map(plain).collect();
                wrong.push(format!(
                    "argument `{each_name}` must be one of: {}, not {}",
                    choices.join(", "),
                    plain(each)
                ));
            }
            if let (Some(options), Some(map)) = (&self.options, each.as_object()) {
                options.check_under(&each_name, map, true, wrong);
            }
        }
    }
}

fn options_of(node: &Node, found: &mut Diagnostics) -> ArgumentSpec {
    let Some(mapping) = node.as_mapping() else {
        if !node.is_null() {
            wrong(node, "`options` must be a mapping", found);
        }
        return ArgumentSpec::default();
    };
    ArgumentSpec {
        entry: String::new(),
        short_description: None,
        options: mapping
            .iter()
            .filter_map(|(key, value)| match value.as_mapping() {
                Some(mapping) => Some(option_of(key, mapping, found)),
                None if value.is_null() => Some(option_of(key, &Mapping::default(), found)),
                None => {
                    wrong(value, "an option must be a mapping", found);
                    None
                }
            })
            .collect(),
    }
}

fn option_of(key: &Node, mapping: &Mapping, found: &mut Diagnostics) -> ArgumentOption {
    for (key, value) in mapping {
        unknown_key(key, &KEYS, found);
        if RULES.contains(&key.key_text().as_str()) {
            found.push(
                Diagnostic::error(
                    "unsupported-keyword",
                    format!("`{}` is not supported yet", key.key_text()),
                )
                .at(&key.span, ""),
            );
        }
        if matches!(key.as_str(), Some("type" | "elements"))
            && !value.as_str().is_some_and(|kind| KINDS.contains(&kind))
        {
            found.push(
                Diagnostic::error(
                    "not-a-choice",
                    format!("`{}` is not a type", value.key_text()),
                )
                .at(&value.span, format!("one of {}", KINDS.join(", "))),
            );
        }
    }
    let text = |name: &str| mapping.get(name).and_then(Node::as_str).map(str::to_owned);
    let items = |name: &str| {
        mapping
            .get(name)
            .and_then(Node::as_sequence)
            .unwrap_or_default()
    };
    let default_kind = if mapping.get("options").is_some() {
        "dict"
    } else {
        "str"
    };
    ArgumentOption {
        name: key.key_text(),
        aliases: items("aliases").iter().map(Node::key_text).collect(),
        kind: text("type").unwrap_or_else(|| default_kind.to_owned()),
        elements: text("elements"),
        required: mapping.get("required").and_then(checks::truth) == Some(true),
        has_default: mapping.get("default").is_some_and(|value| !value.is_null()),
        choices: items("choices").iter().map(Node::to_value).collect(),
        options: mapping
            .get("options")
            .map(|options| options_of(options, found)),
    }
}

fn wrong(node: &Node, message: &str, found: &mut Diagnostics) {
    found.push(
        Diagnostic::error("argument-specs", message)
            .at(&node.span, format!("this is {}", node.kind_name())),
    );
}

fn unknown_key(key: &Node, known: &[&'static str], found: &mut Diagnostics) {
    let name = key.key_text();
    if known.contains(&name.as_str()) {
        return;
    }
    let mut diagnostic = Diagnostic::error(
        "unknown-keyword",
        format!("`{name}` is not a keyword of an argument spec"),
    )
    .at(&key.span, "");
    if let Some(near) = did_you_mean(&name, known.iter().copied()) {
        diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
    }
    found.push(diagnostic);
}

/// Whether a value can be taken as `kind`, with Ansible's coercions.
fn fits(kind: &str, value: &Value) -> bool {
    match (kind, value) {
        ("bool", Value::Bool(_))
        | ("float", Value::Number(_))
        | ("list", Value::Array(_))
        | ("dict", Value::Object(_)) => true,
        ("bool", Value::Array(_) | Value::Object(_)) | ("list", Value::Object(_)) => false,
        ("bool", _) => checks::truth(&Node::text("<value>", &plain(value))).is_some(),
        ("int", Value::Number(number)) => {
            number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        ("int", Value::String(text)) => text.trim().parse::<i64>().is_ok(),
        ("float", Value::String(text)) => text.trim().parse::<f64>().is_ok(),
        ("list", _) => !value.is_null(),
        ("dict", Value::String(text)) => text.trim_start().starts_with('{') || text.contains('='),
        ("int" | "float" | "dict", _) => false,
        ("path", _) => !value.is_array() && !value.is_object(),
        _ => true,
    }
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::String(text) => text
            .split(',')
            .map(|part| Value::from(part.trim()))
            .collect(),
        other => vec![other.clone()],
    }
}

fn same(choice: &Value, value: &Value) -> bool {
    choice == value || (!value.is_object() && !value.is_array() && plain(choice) == plain(value))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::ArgumentSpec;
    use crate::yaml::parse_text;
    use serde_json::{Value, json};

    const SPEC: &str = "
options:
  version: {type: str, required: true}
  port: {type: int, default: 6443}
  mode: {choices: [server, agent]}
  nodes:
    type: list
    elements: dict
    options:
      name: {required: true}
      weight: {type: int}
";

    fn messages(given: &Value) -> Vec<String> {
        let spec = ArgumentSpec::read("main", &parse_text("t", SPEC).unwrap()).unwrap();
        spec.check(given.as_object().unwrap())
    }

    #[test]
    fn good_values_pass() {
        let given = json!({
            "version": "1.35", "port": "6443", "mode": "agent", "other": 1,
            "nodes": [{"name": "a", "weight": 2}]
        });
        assert_eq!(messages(&given), Vec::<String>::new());
    }

    #[test]
    fn everything_wrong_is_said() {
        let given =
            json!({"port": "high", "mode": "boss", "nodes": [{"weight": "x", "size": 1}, 3]});
        assert_eq!(
            messages(&given),
            [
                "argument `port` must be of type int, not \"high\"",
                "argument `mode` must be one of: server, agent, not boss",
                "argument `nodes[0].weight` must be of type int, not \"x\"",
                "missing required arguments: name found in nodes[0]",
                "unsupported argument `size` found in nodes[0]",
                "argument `nodes[1]` must be of type dict, not 3",
                "missing required arguments: version",
            ]
        );
    }

    #[test]
    fn mistakes_in_the_spec_itself_have_a_place() {
        let node =
            parse_text("s.yml", "options:\n  a: {tpye: int}\n  b: {type: number}\n").unwrap();
        assert_eq!(
            ArgumentSpec::read("main", &node).unwrap_err().to_string(),
            "s.yml:2:7: `tpye` is not a keyword of an argument spec\ns.yml:3:13: `number` is not a type"
        );
    }
}
