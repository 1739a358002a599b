//! YAML inventories: groups with `hosts`, `children` and `vars`, nested.
//!
//! This file knows that layout; it must not know INI or where files lie.

use super::draft::Draft;
use crate::source::{Diagnostic, SourceFile, Span, did_you_mean};
use crate::yaml::{self, Mapping, Node};
use std::sync::Arc;

/// What a group may hold.
const GROUP_KEYS: [&str; 3] = ["children", "hosts", "vars"];

/// Reads one YAML file into `draft`.
pub(super) fn read(source: &Arc<SourceFile>, draft: &mut Draft) {
    let documents = match yaml::parse(source) {
        Ok(documents) => documents,
        Err(problems) => {
            draft.problems.extend(problems);
            return;
        }
    };
    if let Some(second) = documents.get(1) {
        draft.error("inventory-yaml", "more than one document", &second.span);
    }
    let Some(document) = documents.first().filter(|first| !first.is_null()) else {
        return;
    };
    let Some(groups) = document.as_mapping() else {
        let message = format!(
            "expected a mapping of groups, found {}",
            document.kind_name()
        );
        draft.error("inventory-yaml", message, &document.span);
        return;
    };
    if let Some((key, _)) = groups.entry("plugin") {
        draft.problems.push(
            Diagnostic::error(
                "inventory-plugin",
                "inventory plugins are not supported yet",
            )
            .at(&key.span, "")
            .hint("list the hosts in an INI or YAML inventory"),
        );
        return;
    }
    for (name, body) in groups {
        group(name, body, None, draft);
    }
}

fn group(key: &Node, body: &Node, parent: Option<&str>, draft: &mut Draft) {
    let Some(name) = text_key(key, "a group name", draft) else {
        return;
    };
    draft.group(name, &key.span);
    if let Some(parent) = parent {
        draft.child(parent, name, &key.span);
    }
    let Some(sections) = optional_mapping(body, &format!("group `{name}`"), draft) else {
        return;
    };
    for (section, content) in sections {
        match section.as_str() {
            Some("vars") => {
                let what = format!("`vars` of group `{name}`");
                for (key, value) in optional_mapping(content, &what, draft)
                    .into_iter()
                    .flatten()
                {
                    draft.group_variable(name, &key.key_text(), &key.span, value);
                }
            }
            Some("children") => children(name, content, draft),
            Some("hosts") => hosts(name, content, draft),
            _ => unknown_key(name, section, draft),
        }
    }
}

fn children(parent: &str, content: &Node, draft: &mut Draft) {
    if content.as_str().is_some() {
        group(content, &null_at(&content.span), Some(parent), draft);
        return;
    }
    let what = format!("`children` of group `{parent}`");
    for (key, body) in optional_mapping(content, &what, draft)
        .into_iter()
        .flatten()
    {
        group(key, body, Some(parent), draft);
    }
}

fn hosts(group: &str, content: &Node, draft: &mut Draft) {
    if let Some(name) = content.as_str() {
        draft.hosts(name, group, &content.span);
        return;
    }
    let what = format!("`hosts` of group `{group}`");
    for (key, body) in optional_mapping(content, &what, draft)
        .into_iter()
        .flatten()
    {
        let Some(text) = text_key(key, "a host name", draft) else {
            continue;
        };
        let names = draft.hosts(text, group, &key.span);
        let what = format!("host `{text}`");
        for (key, value) in optional_mapping(body, &what, draft).into_iter().flatten() {
            draft.host_variable(&names, &key.key_text(), &key.span, value);
        }
    }
}

fn unknown_key(group: &str, key: &Node, draft: &mut Draft) {
    let name = key.key_text();
    let hint = did_you_mean(&name, GROUP_KEYS).map_or_else(
        || {
            format!("a group holds `hosts`, `children` and `vars`; a group inside `{group}` goes under `children`")
        },
        |near| format!("did you mean `{near}`?"),
    );
    draft.problems.push(
        Diagnostic::error(
            "inventory-yaml",
            format!("unknown key `{name}` in group `{group}`"),
        )
        .at(&key.span, "")
        .hint(hint),
    );
}

fn text_key<'a>(key: &'a Node, what: &str, draft: &mut Draft) -> Option<&'a str> {
    if key.as_str().is_none() {
        draft.problems.push(
            Diagnostic::error(
                "inventory-yaml",
                format!("expected {what}, found {}", key.kind_name()),
            )
            .at(&key.span, "")
            .hint("put the name in quotes"),
        );
    }
    key.as_str()
}

/// The mapping, nothing for null, and an error for anything else.
fn optional_mapping<'a>(node: &'a Node, what: &str, draft: &mut Draft) -> Option<&'a Mapping> {
    let mapping = node.as_mapping();
    if mapping.is_none() && !node.is_null() {
        let problem = Diagnostic::error(
            "inventory-yaml",
            format!("{what} must be a mapping, found {}", node.kind_name()),
        )
        .at(&node.span, "");
        draft.problems.push(if node.as_sequence().is_some() {
            problem.hint("write `name:` on each line instead of `- name`")
        } else {
            problem
        });
    }
    mapping
}

fn null_at(span: &Span) -> Node {
    Node {
        span: span.clone(),
        kind: yaml::NodeKind::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Inventory;
    use crate::source::Diagnostics;
    use serde_json::json;

    fn inventory(text: &str) -> Result<Inventory, Diagnostics> {
        let mut draft = Draft::new(std::sync::Arc::default());
        read(&SourceFile::new("hosts.yml", text), &mut draft);
        draft.finish()
    }

    #[test]
    fn nested_groups_are_read() {
        let found = inventory(concat!(
            "all:\n  vars: {zone: a}\n  hosts:\n    lone:\n  children:\n    web:\n      hosts:\n",
            "        web[1:2]: {rack: 1}\n      vars:\n        port: 80\n      children:\n        canary:\n",
            "          hosts: web2\n    empty:\nextra:\n  hosts:\n    web1:2200:\n",
        ))
        .unwrap();
        assert_eq!(found.hosts_in("web"), ["web1", "web2"]);
        assert_eq!(found.groups_of("web2"), ["canary", "web"]);
        assert_eq!(found.groups_of("web1"), ["extra", "web"]);
        assert_eq!(found.groups_of("lone"), ["ungrouped"]);
        assert_eq!(found.hosts_in("empty"), Vec::<String>::new());
        assert_eq!(
            found.host_json("web1").unwrap(),
            json!({"ansible_port": 2200, "port": 80, "rack": 1, "zone": "a"})
        );
    }

    #[test]
    fn an_empty_file_is_an_empty_inventory() {
        assert!(inventory("---\n").unwrap().hosts.is_empty());
    }

    #[test]
    fn mistakes_name_the_place() {
        let cases = [
            (
                "- web1\n",
                "hosts.yml:1:1: expected a mapping of groups, found a list",
            ),
            (
                "plugin: aws\n",
                "hosts.yml:1:1: inventory plugins are not supported yet",
            ),
            (
                "web:\n  hots:\n",
                "hosts.yml:2:3: unknown key `hots` in group `web`",
            ),
            (
                "web: 3\n",
                "hosts.yml:1:6: group `web` must be a mapping, found a whole number",
            ),
            (
                "web:\n  hosts:\n    - a\n",
                "hosts.yml:3:5: `hosts` of group `web` must be a mapping, found a list",
            ),
            (
                "web:\n  hosts:\n    a: b\n",
                "hosts.yml:3:8: host `a` must be a mapping, found a string",
            ),
            (
                "web:\n  hosts:\n    12:\n",
                "hosts.yml:3:5: expected a host name, found a whole number",
            ),
            (
                "1:\n",
                "hosts.yml:1:1: expected a group name, found a whole number",
            ),
            (
                "web:\n  vars:\n    a b: 1\n",
                "hosts.yml:3:5: `a b` is not a variable name",
            ),
            (
                "a:\n  children:\n    b:\n      children:\n        a:\n",
                "hosts.yml:5:9: `a` can not be a child of `b`: the groups would form a circle",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(inventory(text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_misspelt_key_gets_a_suggestion() {
        let found = inventory("web:\n  hots:\n").unwrap_err();
        assert_eq!(
            found.iter().next().unwrap().hints,
            ["did you mean `hosts`?"]
        );
    }
}
