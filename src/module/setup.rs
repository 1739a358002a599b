//! `setup`: facts about the host.

use super::parameter::optional;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::facts::{Request, Subset, parse, script};
use crate::playbook::{FreeForm, Kind, Spec};
use async_trait::async_trait;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The module.
#[derive(Debug)]
pub(super) struct Setup;

static SPEC: Spec = Spec {
    name: "setup",
    summary: "finds out facts about the host",
    free_form: FreeForm::No,
    parameters: &[
        optional(
            "fact_path",
            Kind::Path,
            "folder of the host's own facts, *.fact; /etc/ansible/facts.d by default",
        ),
        optional(
            "filter",
            Kind::List,
            "shell patterns: only facts whose names match one; the prefix `ansible_` may be left out",
        ),
        optional(
            "gather_subset",
            Kind::List,
            "which facts: all, min, hardware, network, virtual, or one of these with `!` to leave it out",
        ),
        optional(
            "gather_timeout",
            Kind::Int,
            "seconds that looking at mounts may take; 10 by default",
        ),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    fact_path: Option<String>,
    #[serde(default)]
    filter: Vec<String>,
    gather_subset: Option<Vec<String>>,
    gather_timeout: Option<u32>,
}

#[async_trait]
impl Module for Setup {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let words = arguments
            .gather_subset
            .unwrap_or_else(|| vec!["all".to_owned()]);
        let defaults = Request::default();
        let request = Request {
            subset: Subset::parse(&words).map_err(ModuleError::failed)?,
            fact_path: arguments.fact_path.unwrap_or(defaults.fact_path),
            timeout: arguments.gather_timeout.unwrap_or(defaults.timeout),
        };
        let patterns = patterns(&arguments.filter)?;
        let output = cx.remote.run(script(&request)).await?;
        super::deliver::succeed(&output)?;
        let found = parse(&output.stdout, &request)
            .map_err(|error| ModuleError::failed(error.to_string()))?;
        let mut facts: Map<String, Value> = found
            .facts
            .into_iter()
            .filter(|(name, _)| wanted(&patterns, name))
            .collect();
        facts.insert("gather_subset".to_owned(), words.into());
        facts.insert("module_setup".to_owned(), true.into());
        let mut result = Map::new();
        result.insert("ansible_facts".to_owned(), facts.clone().into());
        if !found.warnings.is_empty() {
            result.insert("warnings".to_owned(), found.warnings.into());
        }
        Ok(Inspection::Done(Outcome {
            result,
            facts,
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Ok(Outcome::default())
    }
}

/// Shell patterns as regular expressions.
fn patterns(filter: &[String]) -> Result<Vec<Regex>, ModuleError> {
    filter
        .iter()
        .filter(|pattern| !matches!(pattern.trim(), "" | "*"))
        .map(|pattern| {
            Regex::new(&expression(pattern.trim()))
                .map_err(|_| ModuleError::failed(format!("`filter`: `{pattern}` is not a pattern")))
        })
        .collect()
}

/// Python's `fnmatch`: `*`, `?` and `[...]`, of which `[!...]` means any other.
fn expression(pattern: &str) -> String {
    let mut text = String::from(r"(?s)\A");
    let mut rest = pattern;
    while let Some(sign) = rest.chars().next() {
        let after = &rest[sign.len_utf8()..];
        rest = after;
        match sign {
            '*' => text.push_str(".*"),
            '?' => text.push('.'),
            '[' => {
                // A bracket right at the start belongs to the set.
                let inner = after.strip_prefix('!').unwrap_or(after);
                let inner = inner.strip_prefix(']').unwrap_or(inner);
                let skipped = after.len() - inner.len();
                let Some(end) = inner.find(']').map(|at| at + skipped) else {
                    text.push_str(r"\[");
                    continue;
                };
                let set = &after[..end];
                let (not, set) = match set.strip_prefix('!') {
                    Some(set) => ("^", set),
                    None => ("", set),
                };
                let set = set
                    .replace('\\', r"\\")
                    .replace('[', r"\[")
                    .replace(']', r"\]");
                text.push_str(&["[", not, &set, "]"].concat());
                rest = &after[end + 1..];
            }
            other => text.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    text.push_str(r"\z");
    text
}

fn wanted(patterns: &[Regex], name: &str) -> bool {
    let short = name.strip_prefix("ansible_").unwrap_or(name);
    patterns.is_empty()
        || patterns
            .iter()
            .any(|pattern| pattern.is_match(name) || pattern.is_match(short))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::json;

    #[test]
    fn facts_come_in_one_round_trip_and_are_filtered() {
        on_both(async |host: Host| {
            let outcome = host.done(&Setup, json!({})).await;
            assert_eq!(host.round_trips(), 1);
            assert_eq!(outcome.facts["ansible_system"], "Linux");
            assert_eq!(outcome.result["ansible_facts"]["ansible_system"], "Linux");
            assert!(outcome.facts.contains_key("ansible_memtotal_mb"));
            let params =
                json!({"filter": ["ansible_[!a-r]ystem", "kern?l"], "gather_subset": "!all,min"});
            let outcome = host.done(&Setup, params).await;
            let names: Vec<_> = outcome.facts.keys().map(String::as_str).collect();
            assert_eq!(
                names,
                [
                    "ansible_system",
                    "ansible_kernel",
                    "gather_subset",
                    "module_setup"
                ]
            );
            assert_eq!(outcome.facts["gather_subset"], json!(["!all", "min"]));
            let error = host
                .inspect(&Setup, json!({"gather_subset": ["everything"]}))
                .await;
            assert!(
                error
                    .unwrap_err()
                    .to_string()
                    .starts_with("Bad subset 'everything'")
            );
        });
    }

    #[test]
    fn patterns_are_pythons() {
        for (pattern, name, expected) in [
            ("ansible_*_mb", "ansible_memtotal_mb", true),
            ("*_mb", "ansible_memtotal_mbx", false),
            ("[abc]x", "bx", true),
            ("[!abc]x", "bx", false),
            ("[]]", "]", true),
            ("a[", "a[", true),
            ("a.c", "abc", false),
        ] {
            let regex = Regex::new(&expression(pattern)).unwrap();
            assert_eq!(regex.is_match(name), expected, "{pattern} {name}");
        }
    }
}
