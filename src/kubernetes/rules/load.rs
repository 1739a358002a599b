//! From `rules.yml`, and the user's file over it, to rules; with file, line and column of every mistake.
//!
//! This file knows the form of the file. It must not know what follows from a rule.

use super::data::{ApiRule, FlagRule, FloorFact, FloorRule, HopRule, SkewRule};
use super::read::{Fields, components};
use super::{Distribution, Rules};
use crate::source::{Diagnostic, Diagnostics, SourceFile, did_you_mean};
use crate::yaml::{self, Mapping, Node, NodeKind};
use std::path::{Path, PathBuf};

/// Our own rules.
const BUILT_IN: &str = include_str!("rules.yml");

/// The parts of the file.
const SECTIONS: [&str; 5] = ["skew", "hops", "floors", "removed_flags", "removed_apis"];

/// Why there are no rules to go by.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The user's file cannot be read.
    #[error("cannot read the rules in {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file has mistakes, each with its place.
    #[error("{0}")]
    Wrong(Diagnostics),
}

impl Rules {
    /// Our own rules with those of the file `over` laid over them.
    pub fn load(over: Option<&Path>) -> Result<Self, RulesError> {
        let Some(path) = over else {
            return Self::from_texts(None).map_err(RulesError::Wrong);
        };
        let text = std::fs::read_to_string(path).map_err(|error| RulesError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        let over = SourceFile::new(path, text);
        Self::from_texts(Some(&over)).map_err(RulesError::Wrong)
    }

    pub(super) fn from_texts(
        over: Option<&std::sync::Arc<SourceFile>>,
    ) -> Result<Self, Diagnostics> {
        let mut wrong = Diagnostics::new();
        let mut entries = Entries::default();
        let own = SourceFile::new("rules.yml", BUILT_IN);
        for source in std::iter::once(&own).chain(over) {
            for document in yaml::parse(source)? {
                entries.lay_over(&document, &mut wrong);
            }
        }
        let mut rules = Self::default();
        for (section, id, node) in entries.0 {
            if let NodeKind::Mapping(mapping) = &node.kind {
                let mut fields = Fields::new(&node, mapping);
                if fields.flag("disabled") {
                    wrong.extend(fields.wrong);
                } else {
                    rules.add(section, &id, &mut fields);
                    wrong.extend(fields.finish());
                }
            }
        }
        wrong.or(rules)
    }

    fn add(&mut self, section: &str, id: &str, fields: &mut Fields<'_>) {
        match section {
            "skew" => self.skew.extend(skew(id, fields)),
            "hops" => self.hops.extend(hop(id, fields)),
            "floors" => self.floors.extend(floor(id, fields)),
            "removed_flags" => self.flags.extend(flags(id, fields)),
            _ => self.apis.extend(api(id, fields)),
        }
    }
}

/// Section, id and merged fields of each rule, in the order they were first named.
#[derive(Default)]
struct Entries(Vec<(&'static str, String, Node)>);

impl Entries {
    fn lay_over(&mut self, document: &Node, wrong: &mut Diagnostics) {
        if document.is_null() {
            return;
        }
        let Some(sections) = document.as_mapping() else {
            wrong.push(
                Diagnostic::error("rules-form", "rules are a mapping of lists")
                    .at(&document.span, document.kind_name()),
            );
            return;
        };
        for (key, value) in sections {
            let name = key.key_text();
            let Some(section) = SECTIONS.into_iter().find(|each| *each == name) else {
                let mut diagnostic = Diagnostic::error(
                    "rules-unknown-section",
                    format!("no rules of the kind `{name}`"),
                )
                .at(&key.span, "here");
                if let Some(near) = did_you_mean(&name, SECTIONS) {
                    diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
                }
                wrong.push(diagnostic);
                continue;
            };
            match value.as_sequence() {
                Some(items) => items.iter().for_each(|item| self.lay(section, item, wrong)),
                None if value.is_null() => {}
                None => wrong.push(
                    Diagnostic::error("rules-form", format!("`{section}` takes a list of rules"))
                        .at(&value.span, value.kind_name()),
                ),
            }
        }
    }

    fn lay(&mut self, section: &'static str, item: &Node, wrong: &mut Diagnostics) {
        let id = item
            .as_mapping()
            .and_then(|mapping| mapping.get("id"))
            .and_then(Node::as_str);
        let (Some(mapping), Some(id)) = (item.as_mapping(), id) else {
            wrong.push(
                Diagnostic::error("rules-no-id", "a rule is a mapping with an `id`")
                    .at(&item.span, "here"),
            );
            return;
        };
        let known = self
            .0
            .iter_mut()
            .find(|(where_, name, _)| *where_ == section && name == id);
        match known {
            Some((_, _, node)) => over(node, mapping),
            None => self.0.push((section, id.to_owned(), item.clone())),
        }
    }
}

/// Lays the fields of `mapping` over those of `node`.
fn over(node: &mut Node, mapping: &Mapping) {
    if let NodeKind::Mapping(fields) = &mut node.kind {
        for (key, value) in mapping {
            fields.insert(key.clone(), value.clone());
        }
    }
}

fn skew(id: &str, fields: &mut Fields<'_>) -> Option<SkewRule> {
    let cite = fields.cite(id);
    let what = fields.text("what");
    let (component, against) = (fields.component("component"), fields.component("against"));
    let same_host = match fields.optional("scope") {
        None => false,
        Some(node) => fields
            .choice("scope", node, &[("cluster", false), ("host", true)])
            .unwrap_or_default(),
    };
    let (from, below) = (
        fields.optional_minor("from"),
        fields.optional_minor("below"),
    );
    let (newer, older) = (fields.count("newer"), fields.count("older"));
    let patches = fields.flag("patches");
    Some(SkewRule {
        cite,
        what,
        component: component?,
        against: against?,
        same_host,
        from,
        below,
        newer,
        older,
        patches,
    })
}

fn hop(id: &str, fields: &mut Fields<'_>) -> Option<HopRule> {
    let cite = fields.cite(id);
    let what = fields.text("what");
    let minors = fields.count("minors");
    let found = chosen(fields, "components", &components());
    if found.is_empty() {
        fields.texts("components");
        return None;
    }
    Some(HopRule {
        cite,
        what,
        components: found,
        minors,
    })
}

fn floor(id: &str, fields: &mut Fields<'_>) -> Option<FloorRule> {
    let cite = fields.cite(id);
    let what = fields.text("what");
    let fact = fields.one_of("fact", &FloorFact::NAMES);
    let from = fields.minor("from");
    let at_least = fields.numbers("at_least");
    let names = Distribution::ALL.map(|each| (each.name(), each));
    let distributions = chosen(fields, "distributions", &names);
    let lifted = match fields.optional("unless") {
        None => false,
        Some(node) => fields
            .choice("unless", node, &[("failCgroupV1=false", true)])
            .unwrap_or_default(),
    };
    Some(FloorRule {
        cite,
        what,
        fact: fact?,
        from: from?,
        at_least,
        distributions,
        lifted_by_fail_cgroup_v1: lifted,
    })
}

fn flags(id: &str, fields: &mut Fields<'_>) -> Option<FlagRule> {
    let cite = fields.cite(id);
    let component = fields.component("component");
    let minor = fields.minor("minor");
    let flags = fields.texts("flags");
    Some(FlagRule {
        cite,
        component: component?,
        minor: minor?,
        flags,
    })
}

fn api(id: &str, fields: &mut Fields<'_>) -> Option<ApiRule> {
    let cite = fields.cite(id);
    let minor = fields.minor("minor");
    Some(ApiRule {
        cite,
        minor: minor?,
        group_version: fields.text("group_version"),
        kinds: fields.texts("kinds"),
        instead: fields.text("instead"),
    })
}

/// The items of an optional list, each one of `choices`.
fn chosen<T: Copy>(
    fields: &mut Fields<'_>,
    name: &'static str,
    choices: &[(&'static str, T)],
) -> Vec<T> {
    let Some(node) = fields.optional(name) else {
        return Vec::new();
    };
    let Some(items) = node.as_sequence() else {
        fields.refuse(node, format!("`{name}` takes a list"), None);
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| fields.choice(name, item, choices))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(text: &str) -> Result<Rules, Diagnostics> {
        Rules::from_texts(Some(&SourceFile::new("mine.yml", text)))
    }

    #[test]
    fn our_own_rules_are_right_and_name_their_sources() {
        let rules = Rules::load(None).unwrap();
        assert_eq!(rules.skew.len(), 14);
        assert_eq!(rules.hops.len(), 5);
        assert_eq!(rules.floors.len(), 3);
        let (source, checked) = rules.source_of("etcd-3.6-from-3.5.26").unwrap();
        assert!(source.starts_with("https://github.com/k3s-io/"), "{source}");
        assert_eq!(checked, "2026-11-21");
        assert!(rules.source_of("apis-1.32-flowcontrol").is_some());
        assert!(rules.source_of("nothing").is_none());
    }

    #[test]
    fn every_id_stands_once() {
        let own = SourceFile::new("rules.yml", BUILT_IN);
        let mut seen = std::collections::HashSet::new();
        for (_, section) in yaml::parse(&own).unwrap()[0].as_mapping().unwrap() {
            for item in section.as_sequence().unwrap() {
                let id = item
                    .as_mapping()
                    .unwrap()
                    .get("id")
                    .unwrap()
                    .as_str()
                    .unwrap();
                assert!(seen.insert(id.to_owned()), "{id} stands twice");
            }
        }
        assert!(seen.len() > 40);
    }

    #[test]
    fn a_users_file_changes_fields_takes_rules_away_and_adds_some() {
        let rules = over(
            "skew:\n  - id: kubelet-apiserver\n    older: 1\n\
             hops:\n  - {id: etcd-hop, disabled: true}\n\
             floors:\n  - id: my-containerd\n    fact: containerd\n    from: \"1.35\"\n    at_least: \"2.1\"\n    \
             what: our base image\n    source: our handbook\n    checked: \"2026-11-01\"\n",
        )
        .unwrap();
        let kubelet = |rules: &Rules| {
            let found = rules
                .skew
                .iter()
                .find(|rule| rule.cite.id == "kubelet-apiserver");
            found.map(|rule| (rule.newer, rule.older)).unwrap()
        };
        assert_eq!(kubelet(&rules), (0, 1));
        assert_eq!(rules.hops.len(), 4);
        assert_eq!(rules.floors.len(), 4);
        assert_eq!(rules.floors[3].at_least, [2, 1]);
        assert_eq!(over("").unwrap().skew.len(), 14);
    }

    #[test]
    fn mistakes_have_their_place_and_a_way_out() {
        let cases = [
            (
                "skews: []\n",
                "mine.yml:1:1: no rules of the kind `skews`",
                "did you mean `skew`?",
            ),
            ("- a\n", "mine.yml:1:1: rules are a mapping of lists", ""),
            (
                "hops: 3\n",
                "mine.yml:1:7: `hops` takes a list of rules",
                "",
            ),
            (
                "hops:\n  - minors: 2\n",
                "mine.yml:2:5: a rule is a mapping with an `id`",
                "",
            ),
            (
                "hops:\n  - {id: etcd-hop, minors: many}\n",
                "mine.yml:2:28: `minors` takes a number of minors, 0 or more",
                "",
            ),
            (
                "hops:\n  - {id: etcd-hop, minor: 2}\n",
                "mine.yml:2:20: no rule here has `minor`",
                "did you mean `minors`?",
            ),
            (
                "hops:\n  - {id: etcd-hop, components: [etdc]}\n",
                "mine.yml:2:33: `components` is one of",
                "did you mean `etcd`?",
            ),
            (
                "floors:\n  - {id: cgroup-v2, from: 1.30}\n",
                "mine.yml:2:27: `from` takes a minor such as \"1.35\"",
                "put it in quotes: \"1.30\"",
            ),
            (
                "hops:\n  - {id: mine, minors: 1, components: [etcd], what: x, source: y}\n",
                "mine.yml:2:5: the rule has no `checked`",
                "",
            ),
        ];
        for (text, message, hint) in cases {
            let wrong = over(text).unwrap_err();
            let first = wrong.iter().next().unwrap();
            assert!(first.to_string().starts_with(message), "{text}: {first}");
            assert_eq!(first.hints.join(""), hint, "{text}");
        }
    }
}
