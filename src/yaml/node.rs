//! A YAML tree in which every node knows where it stands.

use crate::source::Span;
use serde_json::Value;

/// One value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is, after YAML 1.1 resolution.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// `null`, `~` or nothing.
    Null,
    /// `yes`, `no`, `true`, `false`, `on`, `off`.
    Bool(bool),
    /// A whole number; `0644` is octal, as in YAML 1.1.
    Int(i64),
    /// A number with a point or an exponent.
    Float(f64),
    /// Text, perhaps with templates in it.
    String(Text),
    /// The envelope of an `!vault` scalar, still encrypted.
    Vault(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping in the order it was written.
    Mapping(Mapping),
}

/// A text scalar.
#[derive(Debug, Clone)]
pub struct Text {
    /// The text after YAML's own escapes.
    pub text: String,
    /// How it was written, which decides how offsets in it map to the file.
    pub style: Style,
    /// Written as `!unsafe`: never a template.
    pub literal: bool,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// As a block after `|` or `>`.
    Block,
}

/// Keys and values in the order they were written; keys are unique.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    entries: Vec<(Node, Node)>,
}

impl Mapping {
    /// A mapping of these entries; the caller has made sure that no key stands twice.
    pub fn new(entries: Vec<(Node, Node)>) -> Self {
        Self { entries }
    }

    /// The value under the text key `name`.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|(_, value)| value)
    }

    /// Key and value under the text key `name`.
    pub fn entry(&self, name: &str) -> Option<&(Node, Node)> {
        self.entries
            .iter()
            .find(|(key, _)| key.as_str() == Some(name))
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Node, Node)> {
        self.entries.iter()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry, replacing one with the same key.
    pub fn insert(&mut self, key: Node, value: Node) {
        let name = key.key_text();
        match self
            .entries
            .iter_mut()
            .find(|(other, _)| other.key_text() == name)
        {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
    }
}

impl<'a> IntoIterator for &'a Mapping {
    type Item = &'a (Node, Node);
    type IntoIter = std::slice::Iter<'a, (Node, Node)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Node {
    /// A text node that no file holds; `label` says where it came from.
    pub fn text(label: &str, text: &str) -> Self {
        Self {
            span: Span::synthetic(label, text),
            kind: NodeKind::String(Text {
                text: text.to_owned(),
                style: Style::Plain,
                literal: false,
            }),
        }
    }

    /// The text of a text scalar.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::String(text) => Some(&text.text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.kind {
            NodeKind::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// All vaulted scalars below, each with its envelope.
    pub fn vaulted(&self) -> Vec<(&Span, &str)> {
        let mut found = Vec::new();
        self.walk(&mut |node| {
            if let NodeKind::Vault(envelope) = &node.kind {
                found.push((&node.span, envelope.as_str()));
            }
        });
        found
    }

    /// Visits this node and all below it, keys included.
    pub fn walk<'n>(&'n self, visit: &mut impl FnMut(&'n Self)) {
        visit(self);
        match &self.kind {
            NodeKind::Sequence(items) => items.iter().for_each(|item| item.walk(visit)),
            NodeKind::Mapping(mapping) => {
                for (key, value) in mapping {
                    key.walk(visit);
                    value.walk(visit);
                }
            }
            _ => {}
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Null)
    }

    /// What kind of node this is, in words for a message.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Int(_) => "a whole number",
            NodeKind::Float(_) => "a number",
            NodeKind::String(_) => "a string",
            NodeKind::Vault(_) => "a vaulted value",
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
        }
    }

    /// The text of a scalar when it serves as a key: `1`, `true` and `a` as they print.
    pub fn key_text(&self) -> String {
        match &self.kind {
            NodeKind::String(text) => text.text.clone(),
            NodeKind::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
            NodeKind::Null => "None".to_owned(),
            NodeKind::Int(value) => value.to_string(),
            NodeKind::Float(value) => value.to_string(),
            NodeKind::Vault(_) | NodeKind::Sequence(_) | NodeKind::Mapping(_) => {
                self.span.text().to_owned()
            }
        }
    }

    /// The plain value, templates left as they stand. Vaulted scalars become their envelope's text.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Int(value) => Value::from(*value),
            NodeKind::Float(value) => Value::from(*value),
            NodeKind::String(text) => Value::String(text.text.clone()),
            NodeKind::Vault(envelope) => Value::String(envelope.clone()),
            NodeKind::Sequence(items) => items.iter().map(Self::to_value).collect(),
            NodeKind::Mapping(mapping) => mapping
                .iter()
                .map(|(key, value)| (key.key_text(), value.to_value()))
                .collect(),
        }
    }

    /// A literal node of `value`, all of it standing at `span`; its text is never a template.
    pub fn from_value(value: &Value, span: &Span) -> Self {
        let kind = match value {
            Value::Null => NodeKind::Null,
            Value::Bool(value) => NodeKind::Bool(*value),
            Value::Number(number) => number.as_i64().map_or_else(
                || NodeKind::Float(number.as_f64().unwrap_or(f64::NAN)),
                NodeKind::Int,
            ),
            Value::String(text) => literal(text),
            Value::Array(items) => NodeKind::Sequence(
                items
                    .iter()
                    .map(|item| Self::from_value(item, span))
                    .collect(),
            ),
            Value::Object(entries) => NodeKind::Mapping(Mapping::new(
                entries
                    .iter()
                    .map(|(key, value)| {
                        let key = Self {
                            span: span.clone(),
                            kind: literal(key),
                        };
                        (key, Self::from_value(value, span))
                    })
                    .collect(),
            )),
        };
        Self {
            span: span.clone(),
            kind,
        }
    }
}

fn literal(text: &str) -> NodeKind {
    NodeKind::String(Text {
        text: text.to_owned(),
        style: Style::Plain,
        literal: true,
    })
}
