//! The inventory as `ansible-inventory` shows it: `--list`, `--host` and `--graph`.
//!
//! This file knows those shapes; it must not know a terminal. Templates are shown as they stand.

use super::model::Inventory;
use crate::secrecy::MASK;
use crate::template::{Variable, Variables};
use crate::yaml::{Node, NodeKind};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

impl Inventory {
    /// All hosts, groups and host variables, in the shape of `ansible-inventory --list`.
    pub fn to_list_json(&self) -> Value {
        let mut hostvars = Map::new();
        for (name, vars) in &self.merged {
            if !vars.is_empty() {
                hostvars.insert(name.clone(), object(vars));
            }
        }
        let mut list = Map::new();
        list.insert("_meta".to_owned(), json!({ "hostvars": hostvars }));
        for name in self.walk() {
            let Some(group) = self.groups.get(name) else {
                continue;
            };
            let mut entry = Map::new();
            if !group.children.is_empty() {
                entry.insert("children".to_owned(), json!(group.children));
            }
            if name != "all" && !group.hosts.is_empty() {
                entry.insert("hosts".to_owned(), json!(group.hosts));
            }
            if !entry.is_empty() {
                list.insert(name.to_owned(), Value::Object(entry));
            }
        }
        Value::Object(list)
    }

    /// The variables of one host, sorted by name, in the shape of `ansible-inventory --host`.
    pub fn host_json(&self, name: &str) -> Option<Value> {
        self.host_variables(name).map(|vars| object(&vars))
    }

    /// The groups as a tree, in the shape of `ansible-inventory --graph`, with or without variables.
    pub fn graph(&self, with_vars: bool) -> String {
        let mut text = String::new();
        self.branch("all", 0, with_vars, &mut text);
        text
    }

    /// Every group once, parents before children.
    fn walk(&self) -> Vec<&str> {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut open = vec!["all"];
        let mut order = Vec::new();
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            order.push(name);
            if let Some(group) = self.groups.get(name) {
                open.extend(group.children.iter().rev().map(String::as_str));
            }
        }
        order
    }

    fn branch(&self, name: &str, depth: usize, with_vars: bool, text: &mut String) {
        let Some(group) = self.groups.get(name) else {
            return;
        };
        line(text, depth, &format!("@{name}:"));
        for child in &group.children {
            self.branch(child, depth + 1, with_vars, text);
        }
        if name != "all" {
            for host in &group.hosts {
                line(text, depth + 1, host);
                if let (true, Some(vars)) = (with_vars, self.merged.get(host)) {
                    variables(text, depth + 2, vars);
                }
            }
        }
        if with_vars {
            variables(text, depth + 1, &group.vars);
        }
    }
}

fn line(text: &mut String, depth: usize, what: &str) {
    text.push_str(&"  |".repeat(depth));
    if depth > 0 {
        text.push_str("--");
    }
    text.push_str(what);
    text.push('\n');
}

fn variables(text: &mut String, depth: usize, vars: &Variables) {
    if let Value::Object(entries) = object(vars) {
        for (name, value) in entries {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            line(text, depth, &format!("{{{name} = {value}}}"));
        }
    }
}

fn object(vars: &Variables) -> Value {
    let mut names: Vec<(&String, &Variable)> = vars.iter().collect();
    names.sort_by_key(|(name, _)| *name);
    Value::Object(
        names
            .into_iter()
            .map(|(name, variable)| {
                let value = match variable {
                    Variable::Source(node) => shown(node),
                    Variable::Data(value) => (**value).clone(),
                };
                (name.clone(), value)
            })
            .collect(),
    )
}

/// The value with vaulted and `!unsafe` scalars marked as Ansible marks them in JSON; what is vaulted is masked.
fn shown(node: &Node) -> Value {
    match &node.kind {
        // An envelope can be tried with passwords at leisure, and what is shown is pasted anywhere.
        NodeKind::Vault(_) => json!({ "__ansible_vault": MASK }),
        NodeKind::String(text) if text.literal => json!({ "__ansible_unsafe": text.text }),
        NodeKind::Sequence(items) => items.iter().map(shown).collect(),
        NodeKind::Mapping(mapping) => mapping
            .iter()
            .map(|(key, value)| (key.key_text(), shown(value)))
            .collect(),
        _ => node.to_value(),
    }
}

#[cfg(test)]
mod tests {
    use crate::inventory::{Inventory, load};
    use serde_json::json;
    use std::io::Write;

    fn inventory() -> Inventory {
        let mut file = tempfile::NamedTempFile::with_suffix(".yml").unwrap();
        let text = concat!(
            "all:\n  hosts:\n    lone:\n  children:\n    prod:\n      children:\n        web:\n",
            "          hosts:\n            web1: {b: '{{ a }}', a: [1]}\n          vars: {c: !unsafe '{{ x }}'}\n",
        );
        file.write_all(text.as_bytes()).unwrap();
        load(&[file.path().display().to_string()], None).unwrap()
    }

    #[test]
    fn the_list_has_hosts_children_and_variables() {
        let expected = json!({
            "_meta": {"hostvars": {"web1": {"a": [1], "b": "{{ a }}", "c": {"__ansible_unsafe": "{{ x }}"}}}},
            "all": {"children": ["ungrouped", "prod"]},
            "ungrouped": {"hosts": ["lone"]},
            "prod": {"children": ["web"]},
            "web": {"hosts": ["web1"]},
        });
        assert_eq!(inventory().to_list_json(), expected);
        assert_eq!(inventory().host_json("nobody"), None);
    }

    #[test]
    fn the_graph_is_a_tree() {
        let plain =
            "@all:\n  |--@ungrouped:\n  |  |--lone\n  |--@prod:\n  |  |--@web:\n  |  |  |--web1\n";
        assert_eq!(inventory().graph(false), plain);
        let full = inventory().graph(true);
        assert!(full.contains("\n  |  |  |  |--{a = [1]}\n"), "{full}");
        assert!(full.contains("\n  |  |  |--{c = "), "{full}");
    }

    #[test]
    fn the_magic_groups_variable_names_all_groups() {
        let groups = json!(inventory().groups_map());
        let expected = json!({"all": ["lone", "web1"], "ungrouped": ["lone"], "prod": ["web1"], "web": ["web1"]});
        assert_eq!(groups, expected);
    }
}
