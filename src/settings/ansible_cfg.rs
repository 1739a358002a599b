//! `ansible.cfg` as Python's `configparser` reads it: sections, keys and values with their places.
//!
//! Keys that mean nothing here are Ansible's business.

use super::hidden::covered;
use crate::source::{Diagnostic, Diagnostics, SourceFile, Span};
use std::path::{Path, PathBuf};

/// One key with its value.
#[derive(Debug)]
struct Entry {
    section: String,
    key: String,
    value: String,
    span: Span,
    /// How far its line is indented: lines that are indented more go on with the value.
    indent: usize,
}

/// The whole file.
#[derive(Debug)]
pub(super) struct AnsibleCfg {
    entries: Vec<Entry>,
    /// Its folder, which its paths are relative to; empty for the working folder.
    pub(super) folder: PathBuf,
}

impl AnsibleCfg {
    /// Reads the file at `path`, which is relative to `folder`.
    pub(super) fn read(path: &Path, folder: &Path, problems: &mut Diagnostics) -> Option<Self> {
        match std::fs::read_to_string(folder.join(path)) {
            Ok(text) => Some(Self::parse(path, &text, problems)),
            Err(error) => {
                let message = format!("{}: {error}", path.display());
                problems.push(Diagnostic::error("ansible-cfg", message));
                None
            }
        }
    }

    fn parse(path: &Path, text: &str, problems: &mut Diagnostics) -> Self {
        let source = SourceFile::new(path, covered(text));
        let mut entries: Vec<Entry> = Vec::new();
        let mut section: Option<String> = None;
        let mut open = false;
        let mut start = 0;
        for whole in text.split_inclusive('\n') {
            let line = without_comment(whole);
            let content = line.trim();
            let indent = line.len() - line.trim_start().len();
            let span = Span::new(
                source.clone(),
                start + indent,
                start + indent + content.len(),
            );
            start += whole.len();
            if content.is_empty() {
                continue;
            }
            if open
                && let Some(last) = entries.last_mut()
                && indent > last.indent
            {
                last.value.push('\n');
                last.value.push_str(content);
                continue;
            }
            open = false;
            if let Some(name) = content
                .strip_prefix('[')
                .and_then(|it| it.split(']').next())
            {
                section = Some(name.to_owned());
                continue;
            }
            match (&section, content.find(['=', ':'])) {
                (Some(section), Some(at)) => {
                    open = true;
                    entries.push(Entry {
                        section: section.clone(),
                        key: content[..at].trim().to_lowercase(),
                        value: content[at + 1..].trim().to_owned(),
                        span,
                        indent,
                    });
                }
                (None, _) => problems.push(broken(&span, "it stands before the first [section]")),
                (_, None) => problems.push(broken(&span, "neither [section] nor KEY = VALUE")),
            }
        }
        Self {
            entries,
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
        }
    }

    /// What the key says, and where; the last one counts.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<(String, &Span)> {
        let is_it = |entry: &&Entry| entry.section == section && entry.key == key;
        let entry = self.entries.iter().rev().find(is_it)?;
        Some((unquoted(&entry.value).to_owned(), &entry.span))
    }
}

/// The line without what follows `;`, or without anything where it is a comment as a whole.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with(['#', ';']) {
        return "";
    }
    let inner = line
        .match_indices(';')
        .find(|(at, _)| line[..*at].ends_with(char::is_whitespace));
    match inner {
        Some((at, _)) => &line[..at],
        None => line,
    }
}

/// Ansible takes quotes around a whole value off.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = value
            .strip_prefix(quote)
            .and_then(|it| it.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.ends_with('\\')) {
            return inner;
        }
    }
    value
}

fn broken(span: &Span, why: &str) -> Diagnostic {
    Diagnostic::error("ansible-cfg", format!("not a line of ansible.cfg: {why}")).at(span, "")
}

/// The file as text that a test writes down.
#[cfg(test)]
pub(super) fn parsed(text: &str) -> (AnsibleCfg, Diagnostics) {
    let mut problems = Diagnostics::new();
    let file = AnsibleCfg::parse(Path::new("ansible.cfg"), text, &mut problems);
    (file, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment
[defaults]
Forks = 20 ; more than usual
inventory: hosts.ini
callbacks_enabled =
  profile_tasks
  timer
remote_user = 'deploy'
pattern = a;b

; another
[ssh_connection]
ssh_args = -o A=b -o C=d
forks = 3
forks = 4
";

    #[test]
    fn keys_are_read_as_by_configparser() {
        let (file, problems) = parsed(TEXT);
        assert!(problems.is_empty(), "{problems}");
        for (section, key, expected, line) in [
            ("defaults", "forks", "20", 3),
            ("defaults", "inventory", "hosts.ini", 4),
            ("defaults", "callbacks_enabled", "\nprofile_tasks\ntimer", 5),
            ("defaults", "remote_user", "deploy", 8),
            ("defaults", "pattern", "a;b", 9),
            ("ssh_connection", "ssh_args", "-o A=b -o C=d", 13),
            ("ssh_connection", "forks", "4", 15),
        ] {
            let (value, span) = file.get(section, key).unwrap();
            assert_eq!((value.as_str(), span.position().line), (expected, line));
        }
        assert!(file.get("defaults", "ssh_args").is_none());
    }

    #[test]
    fn broken_lines_are_named() {
        let (_, problems) = parsed("forks = 1\n[defaults]\nforks\n");
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "ansible.cfg:1:1: not a line of ansible.cfg: it stands before the first [section]",
                "ansible.cfg:3:1: not a line of ansible.cfg: neither [section] nor KEY = VALUE",
            ]
        );
    }
}
