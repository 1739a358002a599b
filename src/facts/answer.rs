//! The script's answer, taken apart.

use std::collections::HashMap;

/// What the host said.
#[derive(Debug, Default)]
pub(super) struct Answer {
    fields: Vec<(String, String)>,
    files: HashMap<String, Vec<String>>,
    /// The environment.
    pub(super) environment: Vec<(String, String)>,
}

impl Answer {
    /// Takes an answer apart; `None` when it was cut off.
    pub(super) fn read(output: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(output);
        let mut answer = Self::default();
        let mut parts = text.split('\0');
        while let Some(name) = parts.next() {
            if name == "env" {
                answer.environment = parts
                    .filter_map(|entry| entry.split_once('='))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                return Some(answer);
            }
            let Some(value) = parts.next() else {
                // After the last field's NUL there is nothing.
                return name.is_empty().then_some(answer);
            };
            if name == "files" {
                answer.read_files(value);
            } else {
                answer.fields.push((name.to_owned(), value.to_owned()));
            }
        }
        Some(answer)
    }

    /// `grep` wrote the file's path before each line; none of these paths has a colon.
    fn read_files(&mut self, text: &str) {
        for line in text.lines() {
            if let Some((path, line)) = line.split_once(':') {
                self.files
                    .entry(path.to_owned())
                    .or_default()
                    .push(line.to_owned());
            }
        }
    }

    /// A field, or nothing.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// Fields whose names begin so, with the rest of their names.
    pub(super) fn fields_of<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// Whether a word stands in a field that is a list of words.
    pub(super) fn has(&self, field: &str, word: &str) -> bool {
        self.field(field)
            .split_whitespace()
            .any(|each| each == word)
    }

    /// The files that have lines.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// A file's lines.
    pub(super) fn lines(&self, path: &str) -> &[String] {
        self.files.get(path).map_or(&[], Vec::as_slice)
    }

    /// A file's first line.
    pub(super) fn line(&self, path: &str) -> &str {
        self.lines(path).first().map_or("", |line| line.trim())
    }

    /// The value of `NAME=value` in a file of shell assignments, unquoted.
    pub(super) fn assignment(&self, path: &str, name: &str) -> Option<String> {
        self.lines(path).iter().find_map(|line| {
            let (key, value) = line.trim().split_once('=')?;
            (key == name).then(|| unquote(value))
        })
    }

    /// The number in `Name:   12 kB`.
    pub(super) fn number(&self, path: &str, name: &str) -> Option<u64> {
        self.lines(path).iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name)
                .then(|| value.split_whitespace().next()?.parse().ok())
                .flatten()
        })
    }
}

fn unquote(value: &str) -> String {
    shlex::split(value)
        .and_then(|words| words.into_iter().next())
        .unwrap_or_else(|| value.trim_matches(['"', '\'']).to_owned())
}
