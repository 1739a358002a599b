//! The table of tests.

use super::{compare, files, results, url, values, version};
use crate::template::arguments::{Arguments, Raw, defined};
use minijinja::value::Value;
use minijinja::{Environment, Error, State};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A test: the value it asks about, and its arguments.
type Test = fn(&Value, &Arguments) -> Result<bool, Error>;

/// minijinja's own tests that behave as Ansible's do.
const BUILT_IN: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "even",
    "false",
    "filter",
    "float",
    "integer",
    "iterable",
    "lower",
    "mapping",
    "none",
    "number",
    "odd",
    "sameas",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

const TESTS: &[(&str, Test)] = &[
    ("!=", compare::ne),
    ("<", compare::lt),
    ("<=", compare::le),
    ("==", compare::eq),
    (">", compare::gt),
    (">=", compare::ge),
    ("None", values::none),
    ("abs", files::abs),
    ("all", values::all),
    ("any", values::any),
    ("change", results::changed),
    ("changed", results::changed),
    ("contains", values::contains),
    ("directory", files::directory),
    ("eq", compare::eq),
    ("equalto", compare::eq),
    ("exists", files::exists),
    ("failed", results::failed),
    ("failure", results::failed),
    ("falsy", values::falsy),
    ("file", files::file),
    ("finished", results::finished),
    ("ge", compare::ge),
    ("greaterthan", compare::gt),
    ("gt", compare::gt),
    ("in", compare::within),
    ("is_abs", files::abs),
    ("is_dir", files::directory),
    ("is_file", files::file),
    ("is_link", files::link),
    ("issubset", values::subset),
    ("issuperset", values::superset),
    ("le", compare::le),
    ("lessthan", compare::lt),
    ("link", files::link),
    ("link_exists", files::link_exists),
    ("lt", compare::lt),
    ("match", values::matches),
    ("nan", values::nan),
    ("ne", compare::ne),
    ("reachable", results::reachable),
    ("regex", values::regex),
    ("search", values::search),
    ("sequence", values::sequence),
    ("skip", results::skipped),
    ("skipped", results::skipped),
    ("started", results::started),
    ("subset", values::subset),
    ("succeeded", results::succeeded),
    ("success", results::succeeded),
    ("successful", results::succeeded),
    ("superset", values::superset),
    ("timedout", results::timed_out),
    ("truthy", values::truthy),
    ("unreachable", results::unreachable),
    ("uri", url::uri),
    ("url", url::url),
    ("vault_encrypted", values::vault_encrypted),
    ("version", version::version),
    ("version_compare", version::version),
];

static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    TESTS
        .iter()
        .map(|(name, _)| *name)
        .chain(BUILT_IN.iter().copied())
        .flat_map(|name| [name.to_owned(), format!("ansible.builtin.{name}")])
        .collect()
});

/// The names of all tests.
pub(in crate::template) fn names() -> &'static BTreeSet<String> {
    &NAMES
}

/// Adds all tests, and takes away those of minijinja that Ansible does not have.
pub(in crate::template) fn register(environment: &mut Environment<'static>) {
    for name in ["startingwith", "endingwith", "int"] {
        environment.remove_test(name);
    }
    for (name, test) in TESTS {
        let test = *test;
        let run = move |value: &Value, raw: Raw| {
            defined(value)?;
            test(value, &Arguments::new(raw)?)
        };
        environment.add_test(*name, run);
        environment.add_test(format!("ansible.builtin.{name}"), run);
    }
    for name in BUILT_IN {
        let run = move |state: &mut State<'_, '_>, value: &Value, raw: Raw| {
            let mut arguments = vec![value.clone()];
            arguments.extend(raw.into_values());
            state.perform_test(name, &arguments)
        };
        environment.add_test(format!("ansible.builtin.{name}"), run);
    }
}
