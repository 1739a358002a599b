//! Host patterns: `web`, `web*`, `~regex`, `a:b`, `a:&b`, `a:!b`, `g[0]`, `g[1:3]`, and `@file` for a limit.
//!
//! This file knows the notation; it must not know the inventory.

use fancy_regex::Regex;
use std::collections::HashSet;
use std::net::Ipv6Addr;

/// Why a pattern can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A `[` without `]`.
    #[error("the pattern `{0}` has `[` without `]`")]
    Bracket(String),
    /// Not a regular expression.
    #[error("the pattern `{part}` is not a regular expression: {reason}")]
    Regex {
        /// The part of the pattern.
        part: String,
        /// What the expression's parser says.
        reason: String,
    },
    /// `g[7]` of a group that has fewer hosts.
    #[error(
        "the pattern `{part}` asks for a host that is not there: it has {count} hosts to choose from"
    )]
    Subscript {
        /// The part of the pattern.
        part: String,
        /// How many hosts there are.
        count: usize,
    },
    /// `@file` that can not be read.
    #[error("can not read the limit file `{path}`: {reason}")]
    LimitFile {
        /// The file.
        path: String,
        /// What the operating system says.
        reason: String,
    },
}

/// Which hosts to take.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// In the order they take effect: plain, then `&`, then `!`.
    pub(super) parts: Vec<Part>,
}

/// How a part changes what the parts before it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operator {
    /// Adds hosts.
    Add,
    /// Keeps only these.
    And,
    /// Leaves these out.
    Not,
}

/// One part between the separators.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) operator: Operator,
    /// Without the operator, as written.
    pub(super) text: String,
    /// Without the subscript.
    pub(super) name: String,
    pub(super) matcher: Matcher,
    pub(super) subscript: Option<Subscript>,
}

/// What a name is compared with.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// This very name.
    Name,
    /// A glob, which covers the whole name.
    Glob(Regex),
    /// A regular expression, which matches from the start as Python's `re.match` does.
    Regex(Regex),
    /// These hosts, and no groups.
    Hosts(HashSet<String>),
}

/// Which of the matching hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subscript {
    /// The one at this place, from the end when negative.
    Index(i64),
    /// From the first to the last place, both included; without a last place to the end.
    Slice(usize, Option<usize>),
}

impl Pattern {
    /// Reads one pattern. An empty one matches all hosts.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Self::from_list(&[text.to_owned()])
    }

    /// Reads a list of patterns, which count as one.
    pub fn from_list(texts: &[String]) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        for text in texts {
            for part in split(text)? {
                parts.push(Part::parse(&part)?);
            }
        }
        Ok(Self::ordered(parts))
    }

    /// Reads a `--limit`, in which `@file` stands for the lines of a file; lines that start with `#` are left out.
    pub fn limit(text: &str) -> Result<Self, PatternError> {
        Self::limit_with(text, |_| None)
    }

    /// The same; `known` gives the hosts that a name such as `failed` of `@failed` stands for, where it is not a file's.
    pub fn limit_with(
        text: &str,
        known: impl Fn(&str) -> Option<Vec<String>>,
    ) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        for part in split(text)? {
            let name = part.trim_start_matches(['&', '!']).strip_prefix('@');
            if let Some(hosts) = name.and_then(&known) {
                parts.push(Part::hosts(&part, hosts));
                continue;
            }
            let Some(path) = part.strip_prefix('@') else {
                parts.push(Part::parse(&part)?);
                continue;
            };
            let lines = std::fs::read_to_string(path).map_err(|error| PatternError::LimitFile {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
            let lines = lines.lines().map(str::trim);
            for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
                parts.push(Part::parse(line)?);
            }
        }
        Ok(Self::ordered(parts))
    }

    fn ordered(mut parts: Vec<Part>) -> Self {
        parts.sort_by_key(|part| part.operator);
        Self { parts }
    }
}

/// The parts between `,` and `:`, and between blanks; brackets and IPv6 addresses stay whole.
fn split(text: &str) -> Result<Vec<String>, PatternError> {
    let mut parts: Vec<String> = Vec::new();
    for item in outside_brackets(text, |c| c == ',')? {
        let bare = item.trim().trim_start_matches(['&', '!']);
        let unbracketed = bare.trim_start_matches('[').trim_end_matches(']');
        if unbracketed.parse::<Ipv6Addr>().is_ok() {
            parts.push(item.trim().replace(['[', ']'], ""));
        } else {
            let separator = |c: char| c == ':' || c.is_whitespace();
            parts.extend(outside_brackets(&item, separator)?);
        }
    }
    parts.retain(|part| !part.is_empty());
    Ok(parts)
}

fn outside_brackets(
    text: &str,
    separator: impl Fn(char) -> bool,
) -> Result<Vec<String>, PatternError> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for c in text.chars() {
        let Some(part) = parts.last_mut() else { break };
        let is_regex = part.trim_start_matches(['&', '!', ' ']).starts_with('~');
        if depth == 0 && separator(c) {
            parts.push(String::new());
            continue;
        }
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '(' | '{' if is_regex => depth += 1,
            ')' | '}' if is_regex => depth = depth.saturating_sub(1),
            _ => {}
        }
        part.push(c);
    }
    if depth > 0 && !text.contains('~') {
        return Err(PatternError::Bracket(text.trim().to_owned()));
    }
    Ok(parts)
}

impl Part {
    /// A part that stands for these hosts.
    fn hosts(text: &str, hosts: Vec<String>) -> Self {
        let name = text.trim_start_matches(['&', '!']).to_owned();
        Self {
            operator: match text.as_bytes().first() {
                Some(b'&') => Operator::And,
                Some(b'!') => Operator::Not,
                _ => Operator::Add,
            },
            text: name.clone(),
            name,
            matcher: Matcher::Hosts(hosts.into_iter().collect()),
            subscript: None,
        }
    }

    fn parse(text: &str) -> Result<Self, PatternError> {
        let (operator, text) = match text.as_bytes().first() {
            Some(b'&') => (Operator::And, &text[1..]),
            Some(b'!') => (Operator::Not, &text[1..]),
            _ => (Operator::Add, text),
        };
        let (name, subscript) = if text.starts_with('~') {
            (text, None)
        } else {
            subscript(text)
        };
        let compile = |expression: &str| {
            Regex::new(expression).map_err(|error| PatternError::Regex {
                part: text.to_owned(),
                reason: error.to_string(),
            })
        };
        let matcher = if let Some(expression) = name.strip_prefix('~') {
            Matcher::Regex(compile(&format!(r"\A(?:{expression})"))?)
        } else if name.contains(['*', '?', '[']) {
            Matcher::Glob(compile(&glob(name))?)
        } else {
            Matcher::Name
        };
        Ok(Self {
            operator,
            text: text.to_owned(),
            name: name.to_owned(),
            matcher,
            subscript,
        })
    }

    /// Whether `name` is meant.
    pub(super) fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Name => self.name == name,
            Matcher::Hosts(hosts) => hosts.contains(name),
            // Too much backtracking counts as no match.
            Matcher::Glob(regex) | Matcher::Regex(regex) => regex.is_match(name).unwrap_or(false),
        }
    }
}

/// Takes `[n]`, `[n:]` or `[n:m]` off the end (`-` serves as `:`, as in old playbooks).
fn subscript(text: &str) -> (&str, Option<Subscript>) {
    let parsed = text
        .strip_suffix(']')
        .and_then(|text| text.rsplit_once('['))
        .filter(|(name, _)| !name.is_empty())
        .and_then(|(name, inside)| Some((name, place(inside)?)));
    match parsed {
        Some((name, subscript)) => (name, Some(subscript)),
        None => (text, None),
    }
}

fn place(text: &str) -> Option<Subscript> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number(text.strip_prefix('-').unwrap_or(text)) {
        return text.parse().ok().map(Subscript::Index);
    }
    let (first, last) = text.split_once([':', '-'])?;
    if !is_number(first) || !(last.is_empty() || is_number(last)) {
        return None;
    }
    let last = if last.is_empty() {
        None
    } else {
        Some(last.parse().ok()?)
    };
    Some(Subscript::Slice(first.parse().ok()?, last))
}

/// A shell glob as a regular expression over the whole name.
fn glob(text: &str) -> String {
    let mut expression = String::from(r"(?s)\A");
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => match rest.find(']').filter(|end| *end > 0) {
                Some(end) => {
                    let set = rest[..end].replace('\\', r"\\").replace('[', r"\[");
                    let set = match set.strip_prefix('!') {
                        Some(others) => format!("^{others}"),
                        None if set.starts_with('^') => format!(r"\{set}"),
                        None => set,
                    };
                    expression.extend(["[", &set, "]"]);
                    rest = &rest[end + 1..];
                }
                None => expression.push_str(r"\["),
            },
            _ => expression.push_str(&fancy_regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push_str(r"\z");
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        let pattern = Pattern::parse(text).unwrap();
        pattern
            .parts
            .iter()
            .map(|part| format!("{:?} {} {:?}", part.operator, part.name, part.subscript))
            .collect()
    }

    #[test]
    fn parts_are_split_and_ordered() {
        let cases: [(&str, &[&str]); 8] = [
            ("web", &["Add web None"]),
            (
                "a:!b:&c,d",
                &["Add a None", "Add d None", "And c None", "Not b None"],
            ),
            (" a ,, b: ", &["Add a None", "Add b None"]),
            ("", &[]),
            (
                "g[1:3]:h[-1]",
                &["Add g Some(Slice(1, Some(3)))", "Add h Some(Index(-1))"],
            ),
            (
                "g[2:],web[ab]",
                &["Add g Some(Slice(2, None))", "Add web[ab] None"],
            ),
            (
                "2001:db8::1,!fe80::2",
                &["Add 2001:db8::1 None", "Not fe80::2 None"],
            ),
            ("~(a|b{1,2}):x", &["Add ~(a|b{1,2}) None", "Add x None"]),
        ];
        for (text, expected) in cases {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn globs_cover_the_whole_name_and_expressions_its_start() {
        let cases = [
            ("web*", "web1", true),
            ("web?", "web12", false),
            ("web[ab]", "weba", true),
            ("web[!ab]", "weba", false),
            ("w.b*", "wab", false),
            ("~web\\d", "web12", true),
            ("~eb", "web1", false),
            ("web", "web1", false),
        ];
        for (pattern, name, expected) in cases {
            let pattern = Pattern::parse(pattern).unwrap();
            let part = &pattern.parts[0];
            assert_eq!(part.matches(name), expected, "{} {name}", part.text);
        }
    }

    #[test]
    fn wrong_patterns_say_why() {
        assert_eq!(
            Pattern::parse("web[1").unwrap_err().to_string(),
            "the pattern `web[1` has `[` without `]`"
        );
        assert!(matches!(
            Pattern::parse("~web(").unwrap_err(),
            PatternError::Regex { .. }
        ));
        assert!(matches!(
            Pattern::limit("@/no/such").unwrap_err(),
            PatternError::LimitFile { .. }
        ));
    }
}
