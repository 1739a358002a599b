//! The pages under `docs/roles` are made from the roles' argument specs and defaults, `docs/settings.md` from the table of
//! settings, and they must be up to date.
//!
//! After a role or a setting has changed, `WINDLASS_WRITE_DOCS=1 cargo test --test docs` writes them anew.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "docs/settings.rs"]
mod settings;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use windlass::source::SourceFile;
use windlass::yaml::{self, Node};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders of the roles that ship, by name.
fn roles() -> Vec<PathBuf> {
    let mut roles: Vec<PathBuf> = fs::read_dir(root().join("playbooks/roles"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    roles.sort();
    roles
}

fn name_of(role: &Path) -> String {
    role.file_name().unwrap().to_string_lossy().into_owned()
}

/// The first document of a file; nothing when there is no such file or it is empty.
fn read(path: &Path) -> Option<Node> {
    let text = fs::read_to_string(path).ok()?;
    let source = SourceFile::new(path.to_owned(), text);
    yaml::parse(&source)
        .expect("roles are valid YAML")
        .into_iter()
        .next()
}

/// The comment at the head of a file, as text.
fn head(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .take_while(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A value as a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn code(text: &str) -> String {
    match cell(text) {
        text if text.is_empty() => String::new(),
        text => format!("`{text}`"),
    }
}

/// A description: text, or a list of sentences.
fn described(option: &Node) -> String {
    let field = option.as_mapping().and_then(|it| it.get("description"));
    match field.map(Node::to_value) {
        Some(serde_json::Value::Array(lines)) => {
            let lines: Vec<&str> = lines.iter().filter_map(serde_json::Value::as_str).collect();
            lines.join(" ")
        }
        Some(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// One row per variable of an entry point.
fn rows(options: &Node, defaults: Option<&Node>) -> String {
    let mut text = String::new();
    let defaults = defaults.and_then(Node::as_mapping);
    for (name, option) in options.as_mapping().into_iter().flatten() {
        let field = |field: &str| option.as_mapping().and_then(|it| it.get(field));
        let name = name.key_text();
        let kind = match (field("type"), field("elements")) {
            (Some(kind), Some(of)) => format!("{} of {}", kind.key_text(), of.key_text()),
            (Some(kind), None) => kind.key_text(),
            (None, _) => "str".to_owned(),
        };
        let required = field("required").is_some_and(|it| it.to_value() == true);
        let default = match defaults
            .and_then(|it| it.get(&name))
            .or_else(|| field("default"))
        {
            Some(value) => code(value.span.text()),
            None if required => "required".to_owned(),
            None => String::new(),
        };
        let choices = field("choices")
            .and_then(Node::as_sequence)
            .unwrap_or_default();
        let choices: Vec<String> = choices.iter().map(|it| code(&it.key_text())).collect();
        let mut what = cell(&described(option));
        if !choices.is_empty() {
            let _ = write!(what, " One of {}.", choices.join(", "));
        }
        let _ = writeln!(text, "| `{name}` | {kind} | {default} | {what} |");
    }
    text
}

/// The page of one role.
fn page(role: &Path) -> String {
    let name = name_of(role);
    let defaults_file = role.join("defaults/main.yml");
    let defaults = read(&defaults_file);
    let specs = read(&role.join("meta/argument_specs.yml")).expect("a role has argument specs");
    let entries = specs.as_mapping().unwrap().get("argument_specs").unwrap();
    let mut text = format!("# The role `{name}`\n");
    let intro = head(&defaults_file);
    if !intro.is_empty() {
        let _ = write!(text, "\n{intro}\n");
    }
    for (entry, spec) in entries.as_mapping().unwrap() {
        let field = |field: &str| spec.as_mapping().and_then(|it| it.get(field));
        let summary = field("short_description")
            .map(Node::key_text)
            .unwrap_or_default();
        let title = match entry.key_text().as_str() {
            "main" => summary,
            part => format!("{summary} (`tasks_from: {part}`)"),
        };
        let _ = write!(text, "\n## {title}\n");
        match field("options") {
            Some(options) if !rows(options, None).is_empty() => {
                text += "\n| Variable | Type | Default | What it is |\n|---|---|---|---|\n";
                text += &rows(options, defaults.as_ref());
            }
            _ => text += "\nIt has no variables of its own.\n",
        }
    }
    let meta = read(&role.join("meta/main.yml"));
    let needed = meta
        .as_ref()
        .and_then(Node::as_mapping)
        .and_then(|it| it.get("dependencies"));
    let links: Vec<String> = needed
        .and_then(Node::as_sequence)
        .unwrap_or_default()
        .iter()
        .filter_map(|it| Some(it.as_mapping()?.get("role")?.key_text()))
        .map(|role| format!("[`{role}`]({role}.md)"))
        .collect();
    if !links.is_empty() {
        let _ = write!(
            text,
            "\nIt also reads the variables of {}.\n",
            links.join(", ")
        );
    }
    text
}

/// The list of all roles.
fn index() -> String {
    let mut text =
        "# Roles\n\nMade from the roles' argument specs and defaults by `tests/docs.rs`.\n\n"
            .to_owned();
    for role in roles() {
        let name = name_of(&role);
        let intro = head(&role.join("defaults/main.yml"));
        let first = intro.replace('\n', " ");
        let first = first
            .split_once(". ")
            .map_or(first.as_str(), |(first, _)| first);
        let _ = writeln!(
            text,
            "- [`{name}`]({name}.md): {}",
            first.trim_end_matches('.')
        );
    }
    text
}

#[test]
fn pages_of_roles_are_up_to_date() {
    let folder = root().join("docs/roles");
    let mut pages: Vec<(String, String)> = roles()
        .iter()
        .map(|role| (format!("{}.md", name_of(role)), page(role)))
        .collect();
    pages.push(("README.md".to_owned(), index()));
    pages.sort();
    if std::env::var_os("WINDLASS_WRITE_DOCS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &pages {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let mut there: Vec<String> = fs::read_dir(&folder)
        .expect("docs/roles is there")
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    there.sort();
    let names: Vec<&String> = pages.iter().map(|(name, _)| name).collect();
    let hint = "write them anew with WINDLASS_WRITE_DOCS=1 cargo test --test docs";
    assert_eq!(there.iter().collect::<Vec<_>>(), names, "{hint}");
    for (name, text) in &pages {
        let found = fs::read_to_string(folder.join(name)).unwrap();
        assert!(found == *text, "docs/roles/{name} is out of date; {hint}");
        assert!(
            text.lines().any(|line| line.len() > 20),
            "{name} says nothing"
        );
    }
}

#[test]
fn the_page_of_settings_is_up_to_date() {
    let path = root().join("docs/settings.md");
    let text = settings::page();
    if std::env::var_os("WINDLASS_WRITE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == text,
        "docs/settings.md is out of date; write it anew with WINDLASS_WRITE_DOCS=1 cargo test --test docs"
    );
}

/// Every variable in `defaults` is an option of the spec, and a default in the spec is the same as there.
#[test]
fn defaults_and_specs_agree() {
    for role in roles() {
        let specs = read(&role.join("meta/argument_specs.yml")).unwrap();
        let entries = specs.as_mapping().unwrap().get("argument_specs").unwrap();
        let Some(defaults) = read(&role.join("defaults/main.yml")) else {
            continue;
        };
        for (name, value) in defaults.as_mapping().into_iter().flatten() {
            let name = name.key_text();
            let known: Vec<&Node> = entries
                .as_mapping()
                .unwrap()
                .iter()
                .filter_map(|(_, spec)| spec.as_mapping()?.get("options")?.as_mapping()?.get(&name))
                .collect();
            assert!(
                !known.is_empty(),
                "{}: {name} has no option",
                name_of(&role)
            );
            for option in known {
                if let Some(default) = option.as_mapping().and_then(|it| it.get("default")) {
                    assert_eq!(
                        default.to_value(),
                        value.to_value(),
                        "{}: {name} has two defaults",
                        name_of(&role)
                    );
                }
            }
        }
    }
}
