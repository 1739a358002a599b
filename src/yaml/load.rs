//! From text to a tree of nodes: events of the parser, tags, anchors, merge keys, duplicate keys.

use super::resolve;
use super::{Mapping, Node, NodeKind, Style, Text};
use crate::source::{Diagnostic, Diagnostics, SourceFile, Span};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use std::collections::HashMap;
use std::sync::Arc;

/// How deep lists and mappings may nest.
const DEPTH_LIMIT: usize = 128;

/// All documents of `source`. An empty file has none.
pub fn parse(source: &Arc<SourceFile>) -> Result<Vec<Node>, Diagnostics> {
    let mut loader = Loader::new(source);
    let mut documents = Vec::new();
    for item in Parser::new_from_iter(source.text().chars()) {
        match item {
            Ok((event, span)) => loader.event(event, span, &mut documents),
            Err(error) => {
                let at = loader.offset(error.marker().index());
                let span = Span::new(source.clone(), at, at);
                loader.diagnostics.push(
                    Diagnostic::error("yaml-syntax", format!("not valid YAML: {}", error.info()))
                        .at(&span, "here"),
                );
                break;
            }
        }
    }
    loader.diagnostics.or(documents)
}

/// The one document of a text; `Null` when it is empty.
pub fn parse_text(label: &str, text: &str) -> Result<Node, Diagnostics> {
    let source = SourceFile::new(label, text);
    let mut documents = parse(&source)?;
    if documents.len() > 1 {
        return Err(
            Diagnostic::error("yaml-documents", "more than one document")
                .at(&documents[1].span, "the second starts here")
                .into(),
        );
    }
    Ok(documents.pop().unwrap_or_else(|| Node {
        span: Span::new(source, 0, 0),
        kind: NodeKind::Null,
    }))
}

/// A container that is still open.
struct Open {
    start: usize,
    anchor: usize,
    contents: Contents,
}

enum Contents {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<(Node, Node)>,
        key: Option<Node>,
    },
}

struct Loader<'a> {
    source: &'a Arc<SourceFile>,
    /// Byte offset of each character; empty when the text is ASCII.
    offsets: Vec<usize>,
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    diagnostics: Diagnostics,
}

impl<'a> Loader<'a> {
    fn new(source: &'a Arc<SourceFile>) -> Self {
        let text = source.text();
        let offsets = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at).collect()
        };
        Self {
            source,
            offsets,
            stack: Vec::new(),
            anchors: HashMap::new(),
            diagnostics: Diagnostics::new(),
        }
    }

    /// The parser counts characters; spans count bytes.
    fn offset(&self, characters: usize) -> usize {
        if self.offsets.is_empty() {
            characters
        } else {
            self.offsets
                .get(characters)
                .copied()
                .unwrap_or(self.source.text().len())
        }
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        let (start, end) = (
            self.offset(span.start.index()),
            self.offset(span.end.index()),
        );
        Span::new(self.source.clone(), start, end)
    }

    fn event(&mut self, event: Event<'_>, at: saphyr_parser::Span, documents: &mut Vec<Node>) {
        let span = self.span(at);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, tag.as_deref(), span);
                self.finish(node, anchor, documents);
            }
            Event::SequenceStart(anchor, tag) => {
                self.container_tag(tag.as_deref(), &span);
                self.open(&span, anchor, Contents::Sequence(Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                self.container_tag(tag.as_deref(), &span);
                let contents = Contents::Mapping {
                    entries: Vec::new(),
                    key: None,
                };
                self.open(&span, anchor, contents);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&span, documents),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                if node.is_none() {
                    self.diagnostics.push(
                        Diagnostic::error("yaml-anchor", "an alias inside its own anchor")
                            .at(&span, "here"),
                    );
                }
                let node = node.unwrap_or(Node {
                    span,
                    kind: NodeKind::Null,
                });
                self.finish(node, 0, documents);
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
    }

    fn open(&mut self, span: &Span, anchor: usize, contents: Contents) {
        if self.stack.len() == DEPTH_LIMIT {
            self.diagnostics.push(
                Diagnostic::error("yaml-depth", "lists and mappings nest too deep")
                    .at(span, "more than 128 levels"),
            );
        }
        self.stack.push(Open {
            start: span.start(),
            anchor,
            contents,
        });
    }

    fn close(&mut self, end: &Span, documents: &mut Vec<Node>) {
        let Some(open) = self.stack.pop() else {
            return;
        };
        let span = trimmed(self.source, open.start, end.end());
        let kind = match open.contents {
            Contents::Sequence(items) => NodeKind::Sequence(items),
            Contents::Mapping { entries, .. } => NodeKind::Mapping(self.mapping(entries)),
        };
        self.finish(Node { span, kind }, open.anchor, documents);
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, documents: &mut Vec<Node>) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut().map(|open| &mut open.contents) {
            None => documents.push(node),
            Some(Contents::Sequence(items)) => items.push(node),
            Some(Contents::Mapping { entries, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
    }

    /// Applies `<<` and refuses keys that stand twice.
    fn mapping(&mut self, entries: Vec<(Node, Node)>) -> Mapping {
        let mut own: Vec<(Node, Node)> = Vec::with_capacity(entries.len());
        let mut merged: Vec<(Node, Node)> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        for (key, value) in entries {
            if is_merge_key(&key) {
                self.merge(value, &mut merged);
                continue;
            }
            let name = format!("{}{}", key.kind_name(), key.key_text());
            if let Some(first) = seen.get(&name) {
                self.diagnostics.push(
                    Diagnostic::error(
                        "yaml-duplicate-key",
                        format!("the key `{}` stands twice in one mapping", key.key_text()),
                    )
                    .at(&key.span, "here again")
                    .at(first, "first here")
                    .hint("remove one of them; only one of the two values would be used"),
                );
                continue;
            }
            seen.insert(name, key.span.clone());
            own.push((key, value));
        }
        for (key, value) in merged {
            let name = format!("{}{}", key.kind_name(), key.key_text());
            if seen.contains_key(&name) {
                continue;
            }
            seen.insert(name, key.span.clone());
            own.push((key, value));
        }
        Mapping::new(own)
    }

    fn merge(&mut self, value: Node, merged: &mut Vec<(Node, Node)>) {
        match value.kind {
            NodeKind::Mapping(mapping) => merged.extend(mapping.iter().cloned()),
            NodeKind::Sequence(items) => {
                for item in items {
                    self.merge(item, merged);
                }
            }
            _ => self.diagnostics.push(
                Diagnostic::error("yaml-merge", "`<<` merges mappings only")
                    .at(&value.span, format!("this is {}", value.kind_name())),
            ),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let written = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        };
        let string = |literal| {
            NodeKind::String(Text {
                text: text.to_owned(),
                style: written,
                literal,
            })
        };
        let kind = match tag.map(tag_name).as_deref() {
            None if written == Style::Plain => resolve::plain(text),
            None | Some("!" | "!!str") => string(false),
            Some("!unsafe") => string(true),
            Some("!vault" | "!vault-encrypted") => NodeKind::Vault(text.to_owned()),
            Some("!!null") => NodeKind::Null,
            Some("!!bool" | "!!int" | "!!float") => resolve::plain(text),
            Some(other) => {
                self.unknown_tag(other, &span);
                string(false)
            }
        };
        Node { span, kind }
    }

    fn container_tag(&mut self, tag: Option<&Tag>, span: &Span) {
        match tag.map(tag_name).as_deref() {
            None | Some("!" | "!!map" | "!!seq" | "!!omap" | "!!set") => {}
            Some("!unsafe") => self.diagnostics.push(
                Diagnostic::error("yaml-tag", "`!unsafe` is read on strings only")
                    .at(span, "on a list or mapping here")
                    .hint("put `!unsafe` on each string in it"),
            ),
            Some(other) => self.unknown_tag(other, span),
        }
    }

    fn unknown_tag(&mut self, tag: &str, span: &Span) {
        self.diagnostics.push(
            Diagnostic::error("yaml-tag", format!("unknown YAML tag `{tag}`"))
                .at(span, "on this value")
                .hint("known tags: !vault, !unsafe, !!str, !!int, !!float, !!bool"),
        );
    }
}

/// A closed container ends where its last line of content ends, not where the next key starts.
fn trimmed(source: &Arc<SourceFile>, start: usize, end: usize) -> Span {
    let text = source.text().get(start..end).unwrap_or("");
    Span::new(source.clone(), start, start + text.trim_end().len())
}

fn is_merge_key(key: &Node) -> bool {
    matches!(&key.kind, NodeKind::String(text) if text.text == "<<" && text.style == Style::Plain)
}

fn tag_name(tag: &Tag) -> String {
    if tag.handle == "tag:yaml.org,2002:" {
        format!("!!{}", tag.suffix)
    } else {
        format!("{}{}", tag.handle, tag.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> serde_json::Value {
        parse_text("test.yml", text).unwrap().to_value()
    }

    fn error(text: &str) -> String {
        parse_text("test.yml", text).unwrap_err().to_string()
    }

    #[test]
    fn every_key_and_scalar_knows_its_place() {
        let node = parse_text(
            "t.yml",
            "- hosts: all\n  tasks:\n    - debug: {msg: \"é\", x: 1}\n",
        )
        .unwrap();
        let play = node.as_sequence().unwrap()[0].as_mapping().unwrap();
        let (key, tasks) = play.entry("tasks").unwrap();
        assert_eq!(key.span.to_string(), "t.yml:2:3");
        assert_eq!(key.span.text(), "tasks");
        let debug = tasks.as_sequence().unwrap()[0].as_mapping().unwrap();
        let x = debug
            .get("debug")
            .unwrap()
            .as_mapping()
            .unwrap()
            .entry("x")
            .unwrap();
        assert_eq!(x.0.span.to_string(), "t.yml:3:25");
        assert_eq!(x.1.span.text(), "1");
    }

    #[test]
    fn merge_keys_yield_to_own_keys() {
        let text = "base: &b {a: 1, b: 2}\nuse:\n  <<: *b\n  b: 3\n";
        assert_eq!(value(text)["use"], serde_json::json!({"b": 3, "a": 1}));
    }

    #[test]
    fn duplicate_keys_are_refused_with_both_places() {
        let text = error("a: 1\nb: 2\na: 3\n");
        assert_eq!(
            text,
            "test.yml:3:1: the key `a` stands twice in one mapping"
        );
    }

    #[test]
    fn unsafe_and_vault_tags_are_kept() {
        let node = parse_text(
            "t.yml",
            "a: !unsafe '{{ x }}'\nb: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n",
        )
        .unwrap();
        let map = node.as_mapping().unwrap();
        assert!(matches!(&map.get("a").unwrap().kind, NodeKind::String(t) if t.literal));
        assert!(
            matches!(&map.get("b").unwrap().kind, NodeKind::Vault(t) if t.starts_with("$ANSIBLE_VAULT"))
        );
    }

    #[test]
    fn syntax_errors_name_the_place() {
        assert!(error("a: [1, 2\nb: 3\n").starts_with("test.yml:"));
        assert!(error("a: !frob x\n").contains("unknown YAML tag `!frob`"));
    }

    #[test]
    fn an_empty_text_is_null() {
        assert!(parse_text("t", "# nothing\n").unwrap().is_null());
    }
}
