//! The README shows what really happens: its commands are run, and what it shows must come, in that order.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::cargo::CommandCargoExt;
use regex::Regex;
use std::path::Path;
use std::process::{Command, Stdio};

/// A command of the README with the lines that it is shown to print; `...` stands for anything.
struct Shown {
    arguments: Vec<String>,
    code: i32,
    lines: Vec<String>,
}

fn shown(readme: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ cargo run --release -- ") {
            let (command, remark) = command.split_once(" # ").unwrap_or((command, ""));
            let code = remark
                .strip_prefix("exits with ")
                .map_or(0, |code| code.parse().unwrap());
            all.push(Shown {
                arguments: command.split_whitespace().map(str::to_owned).collect(),
                code,
                lines: Vec::new(),
            });
        } else if let Some(last) = all.last_mut() {
            last.lines.push(line.to_owned());
        }
    }
    all
}

/// Whether `found` is `expected`, where `...` is any text. Times may differ, and how many tasks had nothing to do.
fn is_alike(expected: &str, found: &str) -> bool {
    let time = Regex::new(r"[0-9.]+ s\b").unwrap();
    let idle = Regex::new(r"\b(ok|skipped)=[0-9]+ +").unwrap();
    let plain = |text: &str| {
        let text = time.replace_all(text, "T s").into_owned();
        idle.replace_all(&text, "$1=N ").into_owned()
    };
    let pattern = regex::escape(&plain(expected)).replace(r"\.\.\.", ".*");
    Regex::new(&format!("^{pattern}$"))
        .unwrap()
        .is_match(&plain(found.trim_end()))
}

#[test]
fn what_the_readme_shows_happens() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(project.join("README.md")).unwrap();
    let state = tempfile::tempdir().unwrap();
    let commands = shown(&readme);
    assert!(commands.len() >= 5, "the README shows commands");
    for each in commands {
        let output = Command::cargo_bin("windlass")
            .unwrap()
            .current_dir(project)
            .env("WINDLASS_STATE_DIR", state.path())
            .args(&each.arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(each.code),
            "{:?}: {text}{errors}",
            each.arguments
        );
        let mut lines = text.lines();
        for expected in each.lines.iter().filter(|line| line.trim() != "...") {
            assert!(
                lines.any(|found| is_alike(expected, found)),
                "{:?} does not print, or not in this order:\n{expected}\nbut\n{text}",
                each.arguments
            );
        }
    }
}
