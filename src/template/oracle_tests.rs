//! What ansible-core 2.18.19 and ansible.utils make of a table of templates, and that windlass makes the same of them.
//!
//! Each line of `testdata/cases.jsonl` is how the text is read (`text`, `node`, `cond`, `file`), the text, the value
//! or null, and the error that Ansible's message holds or null. Where Ansible's native and its plain templates differ,
//! the value is one of both.

use super::*;
use crate::yaml::{Node, parse_text};
use serde_json::{Map, Value, json};
use std::sync::Arc;

type Case = (String, String, Value, Option<String>);

struct Fleet(Scope);

impl HostVariables for Fleet {
    fn names(&self) -> Vec<String> {
        ["h1", "h2", "h3"].map(str::to_owned).to_vec()
    }

    fn scope(&self, host: &str) -> Option<Scope> {
        let at = self.names().iter().position(|name| name == host)? + 1;
        let mut layer = Variables::new();
        layer.insert("inventory_hostname".to_owned(), json!(host).into());
        layer.insert("ip".to_owned(), json!(format!("10.0.0.{at}")).into());
        if at == 1 {
            layer.insert("access_ip".to_owned(), json!("1.1.1.1").into());
        }
        let only = if at == 2 { json!({}) } else { json!({"x": at}) };
        layer.insert("only".to_owned(), only.into());
        Some(self.0.with(layer))
    }
}

fn scope() -> Scope {
    let written = parse_text("vars.yml", include_str!("testdata/vars.yml")).unwrap();
    let facts: Map<String, Value> =
        serde_json::from_str(include_str!("testdata/facts.json")).unwrap();
    let facts = facts
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    let mut scope = Scope::default()
        .with(variables_of(written.as_mapping().unwrap()))
        .with(facts);
    scope.hosts = Some(Arc::new(Fleet(scope.clone())));
    scope
}

fn cases() -> Vec<Case> {
    include_str!("testdata/cases.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn run(kind: &str, text: &str, scope: &Scope) -> Result<Value, TemplateError> {
    let templar = Templar::new();
    match kind {
        "cond" => templar
            .test(&Node::text("when", text), scope)
            .map(Value::from),
        "file" => templar
            .render_file("file.j2", text, &FileOptions::default(), scope)
            .map(Value::from),
        "node" => templar.render(&parse_text("vars.yml", text).unwrap(), scope),
        _ => templar.render_text(text, scope),
    }
}

/// Whether two values print the same: as the order of keys counts, comparing the values would not do.
fn same_text(one: &Value, other: &Value) -> bool {
    let (one, other) = (one.to_string(), other.to_string());
    one == other
}

/// The cases that come out differently, each in a line.
fn wrong(cases: &[Case], scope: &Scope) -> Vec<String> {
    let mut wrong = Vec::new();
    for (kind, text, value, error) in cases {
        let found = run(kind, text, scope);
        let right = match (&found, error) {
            (Ok(found), None) => same_text(found, value),
            (Err(found), Some(error)) => found.message == *error,
            _ => false,
        };
        if !right {
            wrong.push(format!("{kind} {text:?}: {found:?}, not {value} {error:?}"));
        }
    }
    wrong
}

#[test]
fn templates_come_out_as_in_ansible() {
    let wrong = wrong(&cases(), &scope());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn many_threads_render_at_once() {
    let (cases, scope) = (cases(), scope());
    let part: Vec<Case> = cases.into_iter().step_by(7).collect();
    let wrong: Vec<String> = std::thread::scope(|threads| {
        let runs: Vec<_> = (0..8)
            .map(|_| threads.spawn(|| wrong(&part, &scope)))
            .collect();
        runs.into_iter()
            .flat_map(|run| run.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_checked_without_variables() {
    let messages = |text: &str| -> Vec<String> {
        Templar::new()
            .check_file("a.j2", text)
            .iter()
            .map(|found| found.message.clone())
            .collect()
    };
    let cases = [
        ("{{ a | upper }}\n{% if b is defined %}x{% endif %}", None),
        ("{{ a | map('upper') | select('match', 'x') }}", None),
        ("{{ a | selectattr('n', 'equalto', 'x') }}", None),
        ("{{ a | uper }}", Some("unknown filter `uper`")),
        ("{{ a is matched }}", Some("unknown test `matched`")),
        ("{{ a | map('uper') }}", Some("unknown filter `uper`")),
        (
            "{{ a | reject('matched') }}",
            Some("unknown test `matched`"),
        ),
        (
            "{{ a | rejectattr('n', 'matched', 'x') }}",
            Some("unknown test `matched`"),
        ),
        ("{{ a | map(attribute='uper') }}", None),
        (
            "#jinja2: lines:True\nx",
            Some("the template option `lines` is not known"),
        ),
    ];
    for (text, expected) in cases {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(messages(text), expected, "{text}");
    }
    assert_eq!(messages("{% if %}").len(), 1);
}
