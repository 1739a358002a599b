//! INI inventories: `[group]`, `[group:children]`, `[group:vars]` and host lines.
//!
//! This file knows the INI notation; it must not know YAML or where files lie.

use super::draft::Draft;
use super::literal;
use super::words::{SplitError, Word, split};
use crate::source::{Diagnostic, SourceFile, Span};
use std::ops::Range;
use std::sync::Arc;

/// Reads one INI file into `draft`.
pub(super) fn read(source: &Arc<SourceFile>, draft: &mut Draft) {
    let mut reader = Reader {
        source,
        draft,
        section: Section {
            group: "ungrouped".to_owned(),
            kind: Kind::Hosts,
        },
        declared: Vec::new(),
        awaited: Vec::new(),
    };
    let mut start = 0;
    for line in source.text().split_inclusive('\n') {
        let text = line.trim();
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        if !text.is_empty() && !text.starts_with(['#', ';']) {
            reader.line(at..at + text.len());
        }
    }
    reader.finish();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hosts,
    Children,
    Vars,
}

struct Section {
    group: String,
    kind: Kind,
}

/// What was written about a group that may be declared further down.
enum Awaited {
    Child {
        parent: String,
        child: Word,
    },
    Variable {
        group: Word,
        key: Word,
        value: Word,
    },
    /// An empty `[group:vars]`.
    Vars(Word),
}

struct Reader<'a> {
    source: &'a Arc<SourceFile>,
    draft: &'a mut Draft,
    section: Section,
    /// Names of `:vars` sections, in order, to find the one that is open.
    declared: Vec<Word>,
    awaited: Vec<Awaited>,
}

impl Reader<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.source.clone(), range.start, range.end)
    }

    fn line(&mut self, range: Range<usize>) {
        let text = &self.source.text()[range.clone()];
        if text.starts_with('[') && (section_end(text).is_some() || text.ends_with(']')) {
            self.header(range);
            return;
        }
        match self.section.kind {
            Kind::Hosts => self.host_line(range),
            Kind::Children => self.child_line(range),
            Kind::Vars => self.variable_line(range),
        }
    }

    fn header(&mut self, range: Range<usize>) {
        let text = &self.source.text()[range.clone()];
        let end = section_end(text).unwrap_or(text.len() - 1);
        let inside = &text[1..end];
        let (name, kind) = inside.split_once(':').unwrap_or((inside, "hosts"));
        let name_range = range.start + 1..range.start + 1 + name.len();
        if name.is_empty() || inside.contains(char::is_whitespace) || name.contains('[') {
            self.draft.problems.push(
                Diagnostic::error(
                    "inventory-section",
                    format!("`[{inside}]` is not a section"),
                )
                .at(&self.span(range), "")
                .hint("write `[group]`, `[group:children]` or `[group:vars]`, without spaces"),
            );
            self.section.kind = Kind::Hosts;
            return;
        }
        let kind = match kind {
            "hosts" => Kind::Hosts,
            "children" => Kind::Children,
            "vars" => Kind::Vars,
            other => {
                let at = name_range.end + 1;
                let span = self.span(at..at + other.len());
                self.draft.problems.push(
                    Diagnostic::error(
                        "inventory-section",
                        format!("section `[{inside}]` has the unknown type `{other}`"),
                    )
                    .at(&span, "")
                    .hint("the types are `children`, `vars` and `hosts`"),
                );
                Kind::Hosts
            }
        };
        let word = Word::verbatim(self.source, name_range);
        if kind == Kind::Vars {
            self.declared.push(word.clone());
            self.awaited.push(Awaited::Vars(word.clone()));
        } else {
            self.draft.group(&word.text, &word.whole());
        }
        self.section = Section {
            group: word.text,
            kind,
        };
    }

    fn host_line(&mut self, range: Range<usize>) {
        let line = match split(self.source, range.clone()) {
            Ok(line) => line,
            Err(error) => {
                let (message, at) = match error {
                    SplitError::OpenQuote(at) => ("a quote that never closes", at),
                    SplitError::TrailingBackslash(at) => ("a backslash with nothing after it", at),
                };
                let span = self.span(at..at + 1);
                self.draft.error("inventory-syntax", message, &span);
                return;
            }
        };
        if let Some(at) = line.cut_at {
            let span = self.span(at..range.end);
            self.draft.problems.push(
                Diagnostic::warning("inventory-comment", "`#` inside a value starts a comment")
                    .at(&span, "left out")
                    .hint("put the value in quotes if the `#` belongs to it"),
            );
        }
        let Some((name, words)) = line.words.split_first() else {
            return;
        };
        let group = self.section.group.clone();
        let hosts = self.draft.hosts(&name.text, &group, &name.whole());
        for word in words {
            let Some(at) = word.text.find('=') else {
                self.draft.problems.push(
                    Diagnostic::error(
                        "inventory-syntax",
                        format!(
                            "expected `name=value` after the host, found `{}`",
                            word.text
                        ),
                    )
                    .at(&word.whole(), "")
                    .hint("write no blanks around `=`, and quotes around a value with blanks"),
                );
                continue;
            };
            let value = literal::value(&word.from(at + 1));
            let key = &word.text[..at];
            self.draft
                .host_variable(&hosts, key, &word.span(0..at), &value);
        }
    }

    fn child_line(&mut self, range: Range<usize>) {
        let text = &self.source.text()[range.clone()];
        let name = text.split('#').next().unwrap_or(text).trim_end();
        let word = Word::verbatim(self.source, range.start..range.start + name.len());
        if name.contains(|c: char| c.is_whitespace() || c == ':' || c == ']') {
            self.draft.problems.push(
                Diagnostic::error(
                    "inventory-syntax",
                    format!("expected a group name, found `{name}`"),
                )
                .at(&word.whole(), "")
                .hint("a `:children` section lists one group per line"),
            );
            return;
        }
        let parent = self.section.group.clone();
        self.awaited.push(Awaited::Child {
            parent,
            child: word,
        });
    }

    fn variable_line(&mut self, range: Range<usize>) {
        let text = &self.source.text()[range.clone()];
        let Some(at) = text.find('=') else {
            let span = self.span(range.clone());
            self.draft.error(
                "inventory-syntax",
                format!("expected `name=value`, found `{text}`"),
                &span,
            );
            return;
        };
        let key = text[..at].trim_end();
        let rest = &text[at + 1..];
        let value_start = range.start + at + 1 + (rest.len() - rest.trim_start().len());
        let Some(group) = self.declared.last().cloned() else {
            return;
        };
        self.awaited.push(Awaited::Variable {
            group,
            key: Word::verbatim(self.source, range.start..range.start + key.len()),
            value: Word::verbatim(self.source, value_start..range.end),
        });
    }

    /// Settles what was said about groups that are declared further down.
    fn finish(self) {
        let draft = self.draft;
        for awaited in self.awaited {
            match awaited {
                Awaited::Child { parent, child } => {
                    let span = child.whole();
                    if draft.inventory.groups.contains_key(&child.text) {
                        draft.child(&parent, &child.text, &span);
                    } else {
                        let message = format!(
                            "section `[{parent}:children]` names the undefined group `{}`",
                            child.text
                        );
                        undefined(draft, &child, message);
                    }
                }
                Awaited::Vars(group) => {
                    if !draft.inventory.groups.contains_key(&group.text) {
                        let message = format!(
                            "section `[{0}:vars]` is for the undefined group `{0}`",
                            group.text
                        );
                        undefined(draft, &group, message);
                    }
                }
                Awaited::Variable { group, key, value } => {
                    let value = literal::value(&value);
                    draft.group_variable(&group.text, &key.text, &key.whole(), &value);
                }
            }
        }
    }
}

fn undefined(draft: &mut Draft, group: &Word, message: String) {
    let hint = draft
        .group_suggestion(&group.text)
        .unwrap_or_else(|| format!("declare it with `[{}]`", group.text));
    let problem = Diagnostic::error("undefined-group", message)
        .at(&group.whole(), "")
        .hint(hint);
    draft.problems.push(problem);
}

/// Where the `]` of a section header stands, if nothing but a comment follows it.
fn section_end(text: &str) -> Option<usize> {
    let end = text.find(']')?;
    let rest = text[end + 1..].trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(end)
}
