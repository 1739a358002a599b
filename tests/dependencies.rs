//! What may be linked into the binary: the licences, bans and sources of `deny.toml`.
//!
//! `cargo deny` says the same and more, where it is installed. This test needs nothing but cargo and no network, since
//! whoever runs it has built the crates. It reads the lists from `deny.toml`, so there is one place to change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The lists of `deny.toml`.
struct Policy {
    licenses: Vec<String>,
    exceptions: Vec<(String, String)>,
    banned: Vec<String>,
}

impl Policy {
    /// Reads the lists; the file has one entry a line, which is all that this understands of TOML.
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
        let text = fs::read_to_string(path).unwrap();
        let mut policy = Self {
            licenses: Vec::new(),
            exceptions: Vec::new(),
            banned: Vec::new(),
        };
        let mut list = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_suffix(" = [") {
                name.clone_into(&mut list);
            } else if line == "]" {
                list.clear();
            } else if !line.starts_with('#') && !list.is_empty() {
                let quoted: Vec<_> = line.split('"').skip(1).step_by(2).collect();
                match (list.as_str(), quoted[..].first(), quoted.get(1)) {
                    ("allow", Some(license), None) => policy.licenses.push((*license).to_owned()),
                    ("deny", Some(name), None) => policy.banned.push((*name).to_owned()),
                    ("exceptions", Some(name), Some(license)) => policy
                        .exceptions
                        .push(((*name).to_owned(), (*license).to_owned())),
                    _ => panic!("deny.toml: cannot read {line:?} in {list}"),
                }
            }
        }
        assert!(policy.licenses.len() > 3 && policy.banned.len() > 3);
        policy
    }

    fn allows(&self, name: &str, license: &str) -> bool {
        self.licenses.iter().any(|allowed| allowed == license)
            || self
                .exceptions
                .iter()
                .any(|(krate, allowed)| krate == name && allowed == license)
    }
}

/// Whether an SPDX expression holds when the licences that `allowed` accepts do.
fn holds(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut at = 0;
    let value = any_of(&words, &mut at, allowed);
    assert_eq!(at, words.len(), "cannot read the licence {expression:?}");
    value
}

fn any_of(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut value = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        value |= all_of(words, at, allowed);
    }
    value
}

fn all_of(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut value = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        value &= one(words, at, allowed);
    }
    value
}

fn one(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let value = any_of(words, at, allowed);
        *at += 1;
        return value;
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
        return allowed(&words[*at - 3..*at].join(" "));
    }
    allowed(word)
}

/// What `cargo` prints.
fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The packages that are built on this machine, as `cargo metadata` describes them.
fn packages() -> Vec<Value> {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let text = cargo(&[
        "metadata",
        "--offline",
        "--locked",
        "--format-version=1",
        "--filter-platform",
        host,
    ]);
    let metadata: Value = serde_json::from_str(&text).unwrap();
    let packages = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() > 50);
    packages
}

#[test]
fn dependencies_keep_to_deny_toml() {
    let policy = Policy::read();
    let mut wrong = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let id = format!("{name} {}", package["version"].as_str().unwrap());
        if policy.banned.iter().any(|banned| banned == name) {
            wrong.push(format!("{id} is banned: cargo tree -i {name}"));
        }
        match package["source"].as_str() {
            None if name == env!("CARGO_PKG_NAME") => {}
            Some(source) if source.starts_with("registry+") => {}
            source => wrong.push(format!("{id} comes from {source:?}")),
        }
        match package["license"].as_str() {
            Some(license) if holds(license, &|word| policy.allows(name, word)) => {}
            license => wrong.push(format!("{id} has the licence {license:?}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "deny.toml forbids:\n  {}\n",
        wrong.join("\n  ")
    );
}

#[test]
fn licence_expressions_are_read() {
    let allowed = |word: &str| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&word);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("ISC AND (GPL-3.0 OR BSD-4-Clause)", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("Apache-2.0", false),
        ("MIT OR GPL-3.0 AND GPL-2.0", true),
    ] {
        assert_eq!(holds(expression, &allowed), expected, "{expression}");
    }
}
