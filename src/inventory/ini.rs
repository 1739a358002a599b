//! INI inventories: `[group]`, `[group:children]`, `[group:vars]` and host lines.
//!
//! This file knows the INI notation; it must not know YAML or where files lie.

use super::draft::Draft;
use super::literal;
use super::secrecy;
use super::words::{SplitError, Word, split};
use crate::source::{Diagnostic, SourceFile, Span};
use std::ops::Range;
use std::sync::Arc;

/// Reads one INI file into `draft`.
pub(super) fn read(source: &Arc<SourceFile>, draft: &mut Draft) {
    let earlier = std::mem::take(&mut draft.problems);
    read_lines(source, draft);
    let found = std::mem::replace(&mut draft.problems, earlier);
    draft.problems.extend(secrecy::mask(source, found));
}

fn read_lines(source: &Arc<SourceFile>, draft: &mut Draft) {
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
                let before = &self.source.text()[range.start..word.whole().start()];
                self.not_a_variable(word, secrecy::secret_start(before).is_some());
                continue;
            };
            let value = literal::value(&word.from(at + 1));
            let key = &word.text[..at];
            self.draft
                .host_variable(&hosts, key, &word.span(0..at), &value);
        }
    }

    /// A word without `=`; after a password it may be a piece of it, and is not repeated.
    fn not_a_variable(&mut self, word: &Word, is_secret: bool) {
        let message = if is_secret {
            "expected `name=value` after the host".to_owned()
        } else {
            format!(
                "expected `name=value` after the host, found `{}`",
                word.text
            )
        };
        self.draft.problems.push(
            Diagnostic::error("inventory-syntax", message)
                .at(&word.whole(), "")
                .hint("write no blanks around `=`, and quotes around a value with blanks"),
        );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Inventory;
    use crate::source::Diagnostics;
    use serde_json::{Value, json};

    fn inventory(text: &str) -> Result<Inventory, Diagnostics> {
        let mut draft = Draft::new(std::sync::Arc::default());
        read(&SourceFile::new("hosts", text), &mut draft);
        draft.finish()
    }

    fn vars(inventory: &Inventory, host: &str) -> Value {
        inventory.host_json(host).unwrap()
    }

    #[test]
    fn sections_ranges_ports_and_values_are_read() {
        let found = inventory(concat!(
            "; old comment\nlone # no group\n[cluster:children]\nweb\ndb # below\n",
            "[web]  # the web\nweb[01:02]:2222 rack=1 on=True name='a b' tags=\"['x']\"\n",
            "[web:vars]\n  port = 80\nmode = 0644\ntext = a # b\nempty =\n[db]\ndb1 mode=own\n[db:hosts]\ndb2\n",
        ))
        .unwrap();
        let names: Vec<&str> = found.hosts.keys().map(String::as_str).collect();
        assert_eq!(names, ["lone", "web01", "web02", "db1", "db2"]);
        assert_eq!(found.hosts_in("cluster"), ["web01", "web02", "db1", "db2"]);
        assert_eq!(found.groups_of("web01"), ["cluster", "web"]);
        assert_eq!(found.groups_of("lone"), ["ungrouped"]);
        assert_eq!(
            vars(&found, "web02"),
            json!({"ansible_port": 2222, "rack": 1, "on": true, "name": "a b", "tags": ["x"],
                   "port": 80, "mode": "0644", "text": "a # b", "empty": ""})
        );
        assert_eq!(vars(&found, "db1"), json!({"mode": "own"}));
        assert!(found.warnings.is_empty());
    }

    #[test]
    fn values_know_their_places() {
        use crate::template::Variable;
        let found =
            inventory("[web]\nweb1 a=1 msg=\"{{ b }}\"\n[web:vars]\n c = {{ d }}\n").unwrap();
        let place = |name: &str| match &found.merged["web1"][name] {
            Variable::Source(node) => format!("{} {}", node.span, node.span.text()),
            Variable::Data(_) => String::new(),
        };
        assert_eq!(place("a"), "hosts:2:8 1");
        assert_eq!(place("msg"), "hosts:2:15 {{ b }}");
        assert_eq!(place("c"), "hosts:4:6 {{ d }}");
    }

    #[test]
    fn mistakes_name_the_place() {
        let cases = [
            (
                "web1 a\n",
                "hosts:1:6: expected `name=value` after the host, found `a`",
            ),
            ("web1 a='x\n", "hosts:1:8: a quote that never closes"),
            ("web1 a-b=1\n", "hosts:1:6: `a-b` is not a variable name"),
            (
                "web[3:1]\n",
                "hosts:1:1: host range `[3:1]` must begin before it ends",
            ),
            (
                "[web]\n---\n",
                "hosts:2:1: `---` starts a YAML file, this one is read as INI",
            ),
            (
                "[web servers]\n",
                "hosts:1:1: `[web servers]` is not a section",
            ),
            (
                "[web:var]\n",
                "hosts:1:6: section `[web:var]` has the unknown type `var`",
            ),
            (
                "[web]\n[web:vars]\nfoo\n",
                "hosts:3:1: expected `name=value`, found `foo`",
            ),
            (
                "[wbe:vars]\na=1\n[web]\n",
                "hosts:1:2: section `[wbe:vars]` is for the undefined group `wbe`",
            ),
            (
                "[a:children]\n b c\n",
                "hosts:2:2: expected a group name, found `b c`",
            ),
            (
                "[a:children]\nwbe\n[web]\n",
                "hosts:2:1: section `[a:children]` names the undefined group `wbe`",
            ),
            (
                "[a:children]\nb\n[b:children]\na\n",
                "hosts:4:1: `a` can not be a child of `b`: the groups would form a circle",
            ),
            (
                "[a:children]\nall\n",
                "hosts:2:1: `all` can not be a child group",
            ),
            (
                "[a]\nx\n[a:vars]\nansible_group_priority=high\n",
                "hosts:4:24: `ansible_group_priority` must be a whole number",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(inventory(text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn all_mistakes_come_at_once_and_undefined_groups_get_a_suggestion() {
        let found = inventory("web1 x\n[a:children]\nwbe\n[web]\nweb2:\n").unwrap_err();
        assert_eq!(found.iter().count(), 3);
        let hints: Vec<&String> = found.iter().flat_map(|each| &each.hints).collect();
        assert!(
            hints.iter().any(|hint| *hint == "did you mean `web`?"),
            "{hints:?}"
        );
    }

    #[test]
    fn a_piece_of_a_password_is_not_shown() {
        let found = inventory("web1 ansible_password=hunter two\n").unwrap_err();
        let text = found.iter().next().unwrap().render(false);
        assert!(text.contains("hosts:1:30"), "{text}");
        assert!(!text.contains("hunter") && !text.contains("two"), "{text}");
    }

    #[test]
    fn odd_but_legal_things_are_warned_of() {
        let cases = [
            (
                "[web-1]\nx\n",
                "hosts:1:2: invalid characters in the group name `web-1`",
            ),
            (
                "x a=b#c\n",
                "hosts:1:6: `#` inside a value starts a comment",
            ),
            ("[x]\nx\n", "hosts:1:2: `x` names both a group and a host"),
        ];
        for (text, expected) in cases {
            let found = inventory(text).unwrap();
            assert_eq!(found.warnings.len(), 1, "{text}");
            assert_eq!(found.warnings[0].to_string(), expected);
        }
    }
}
