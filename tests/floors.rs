//! The house rules that no compiler checks: which room may use which, and who may name which crate.
//!
//! The table here is the one in the documentation of the library; a test compares the two. Sources are read as tokens
//! (see `floors/tokens.rs`), so comments and strings do not count. Each test lists all that is wrong, by file and line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "floors/tokens.rs"]
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tokens::{Token, tokens};

/// The floor of each room. A room uses rooms on lower floors only; `cli`, at the top, may use all.
const FLOORS: [(&str, u8); 23] = [
    ("source", 0),
    ("event", 0),
    ("holder", 0),
    ("secrecy", 0),
    ("yaml", 1),
    ("shell", 1),
    ("vault", 1),
    ("template", 2),
    ("connection", 2),
    ("inventory", 3),
    ("playbook", 3),
    ("settings", 3),
    ("artifact", 4),
    ("undo", 4),
    ("facts", 4),
    ("kubernetes", 4),
    ("module", 5),
    ("journal", 6),
    ("plan", 6),
    ("engine", 7),
    ("report", 8),
    ("lab", 8),
    ("cli", 9),
];

/// Crates that only some places may name, by the start of their path under `src`.
const CRATES: [(&str, &[&str]); 9] = [
    ("minijinja", &["template/"]),
    ("minijinja_contrib", &["template/"]),
    ("saphyr_parser", &["yaml/"]),
    ("russh", &["connection/ssh/", "lab/"]),
    ("kube", &["kubernetes/"]),
    ("k8s_openapi", &["kubernetes/"]),
    ("toml", &["settings/"]),
    ("clap", &["cli/", "main.rs"]),
    ("anyhow", &["cli/", "main.rs"]),
];

/// The longest a source file may be, in lines.
const LONGEST: usize = 600;

/// One source file.
struct Source {
    /// Below `src`, with slashes.
    path: String,
    text: String,
}

impl Source {
    /// The file's place in the module tree: `a/b.rs` and `a/b/mod.rs` are `[a, b]`.
    fn module(&self) -> Vec<String> {
        let mut parts: Vec<_> = self
            .path
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if matches!(
            parts.last().map(String::as_str),
            Some("mod" | "lib" | "main")
        ) {
            parts.pop();
        }
        parts
    }
}

/// All Rust files under `src`, in a settled order.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 100, "only {} files in src", paths.len());
    paths
        .into_iter()
        .map(|path| Source {
            text: fs::read_to_string(&path).unwrap(),
            path: path
                .strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .into_owned(),
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn floor(room: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, floor)| *floor)
}

/// Fails with all that is wrong, one a line.
fn refuse(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n  {}\n", wrong.join("\n  "));
}

/// The rooms that `tokens` name, each with its line; `home` is the place of the file in the module tree.
fn rooms(tokens: &[Token], home: &[String]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    // Modules written out inside the file, by the depth of braces they opened at.
    let mut inner: Vec<(usize, String)> = Vec::new();
    let mut depth = 0;
    let mut last_mod = None;
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "mod" => last_mod = tokens.get(at + 1).map(|name| name.text.clone()),
            "{" => {
                depth += 1;
                if let Some(name) = last_mod.take() {
                    inner.push((depth, name));
                }
            }
            "}" => {
                inner.retain(|(opened, _)| *opened < depth);
                depth -= 1;
            }
            ";" => last_mod = None,
            "crate" | "super" if starts_path(tokens, at) => {
                let mut place: Vec<String> = home.to_vec();
                place.extend(inner.iter().map(|(_, name)| name.clone()));
                follow(tokens, at, Some(place), &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Whether the word at `at` begins a path; `super::super` and `pub(crate)` go on or name nothing.
fn starts_path(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).map(|at| tokens[at].text.as_str());
    before != Some("::") && tokens.get(at + 1).is_some_and(|next| next.text == "::")
}

/// Follows a path, and each branch of a `{...}` in it, to the first name below the crate. Returns where it ends.
fn follow(
    tokens: &[Token],
    mut at: usize,
    mut place: Option<Vec<String>>,
    found: &mut Vec<(String, usize)>,
) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "crate" => place = Some(Vec::new()),
            "super" => {
                if let Some(place) = &mut place {
                    place.pop();
                }
            }
            "self" => {}
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = follow(tokens, at, place.clone(), found);
                    if tokens.get(at).is_some_and(|token| token.text == ",") {
                        at += 1;
                    } else if tokens.get(at).is_none_or(|token| token.text != "}") {
                        return at;
                    }
                }
                return at + 1;
            }
            name => {
                if place.as_ref().is_some_and(Vec::is_empty) {
                    found.push((name.to_owned(), token.line));
                }
                // What is below a room is that room's own affair, so the rest of the path is only passed over.
                place = None;
            }
        }
        at += 1;
        if tokens.get(at).is_some_and(|token| token.text == "as") {
            at += 2;
        }
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            return at;
        }
        at += 1;
    }
    at
}

#[test]
fn rooms_use_only_lower_floors() {
    let mut wrong = Vec::new();
    for source in sources() {
        let home = source.module();
        let Some(room) = home.first() else { continue };
        let Some(own) = floor(room) else {
            wrong.push(format!("src/{}: {room} is on no floor", source.path));
            continue;
        };
        for (other, line) in rooms(&tokens(&source.text), &home) {
            if other == *room || room == "cli" {
                continue;
            }
            let place = format!("src/{}:{line}", source.path);
            match floor(&other) {
                None => wrong.push(format!("{place}: {other} is on no floor")),
                Some(floor) if floor >= own => wrong.push(format!(
                    "{place}: {room} (floor {own}) uses {other} (floor {floor})"
                )),
                Some(_) => {}
            }
        }
    }
    refuse("a room uses only rooms on lower floors", &wrong);
}

#[test]
fn the_documentation_of_the_library_has_the_same_floors() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let mut written = BTreeMap::new();
    let mut public = Vec::new();
    for line in text.lines() {
        if let Some(row) = line.strip_prefix("//! | ") {
            let mut cells = row.split(" | ");
            let (floor, room) = (cells.next().unwrap(), cells.next().unwrap_or_default());
            if let (Ok(floor), Some(room)) = (floor.parse::<u8>(), room.strip_prefix("[`")) {
                written.insert(room.trim_end_matches("`]").to_owned(), floor);
            }
        } else if let Some(name) = line.strip_prefix("pub mod ") {
            public.push(name.trim_end_matches(';').to_owned());
        }
    }
    assert!(!public.is_empty());
    for room in &public {
        assert_eq!(written.get(room).copied(), floor(room), "room {room}");
    }
    assert_eq!(written.len(), public.len(), "{written:?}\n{public:?}");
}

#[test]
fn each_crate_is_named_where_it_belongs() {
    let mut wrong = Vec::new();
    for source in sources() {
        let tokens = tokens(&source.text);
        for (at, token) in tokens.iter().enumerate() {
            let Some((name, places)) = CRATES.iter().find(|(name, _)| *name == token.text) else {
                continue;
            };
            let before = at.checked_sub(1).map(|at| tokens[at].text.as_str());
            let after = tokens.get(at + 1).map(|token| token.text.as_str());
            let path_start = after == Some("::") && before != Some("::");
            let whole = matches!(before, Some("use" | "crate")) && after == Some(";");
            // `::kube::Client` names the crate, `crate::kube::x` does not.
            let absolute = before == Some("::")
                && at
                    .checked_sub(2)
                    .is_none_or(|at| !tokens[at].is_word() && tokens[at].text != ">");
            if (path_start || whole || absolute)
                && !places.iter().any(|place| source.path.starts_with(place))
            {
                wrong.push(format!(
                    "src/{}:{}: {name} belongs to {}",
                    source.path,
                    token.line,
                    places.join(", ")
                ));
            }
        }
    }
    refuse("a crate is named only where it belongs", &wrong);
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LONGEST {
            wrong.push(format!("src/{}: {lines} lines", source.path));
        }
        if !source.text.starts_with("//! ") {
            wrong.push(format!("src/{}:1: no `//!` at the top", source.path));
        }
    }
    refuse("files have docs and at most 600 lines", &wrong);
}

#[test]
fn a_mod_file_holds_only_docs_modules_uses_and_constants() {
    let mut wrong = Vec::new();
    for source in sources() {
        if !source.path.ends_with("mod.rs") {
            continue;
        }
        let tokens = tokens(&source.text);
        let mut depth = 0;
        for token in &tokens {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                "fn" | "struct" | "enum" | "trait" | "impl" | "static" | "macro_rules" | "type"
                    if depth == 0 =>
                {
                    wrong.push(format!(
                        "src/{}:{}: {} in a mod.rs",
                        source.path, token.line, token.text
                    ));
                }
                _ => {}
            }
        }
    }
    refuse("a mod.rs holds docs, `mod`, `use` and `const`", &wrong);
}

#[test]
fn paths_are_followed_to_their_rooms() {
    let home = ["engine".to_owned(), "task".to_owned()];
    for (text, expected) in [
        ("use crate::yaml::Node;", vec!["yaml"]),
        (
            "use crate::{cli, event::{Event, Kind}, yaml as y};",
            vec!["cli", "event", "yaml"],
        ),
        ("use super::super::report::Style;", vec!["report"]),
        ("use super::{super::report, host::Host};", vec!["report"]),
        ("use super::host::Host;", vec![]),
        (
            "mod tests { use super::super::host; fn f() {} } use super::x;",
            vec![],
        ),
        (
            "mod tests { use super::super::super::lab::Lab; }",
            vec!["lab"],
        ),
        ("pub(crate) fn f() -> crate::shell::Word {}", vec!["shell"]),
        (
            "// use crate::cli;\nconst A: &str = \"crate::cli\"; /* crate::cli */",
            vec![],
        ),
    ] {
        let found = rooms(&tokens(text), &home);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected, "{text}");
    }
}
