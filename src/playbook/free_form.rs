//! Parameters written as one line: `key=value` words, and command lines with options among them.
//!
//! Words are split as ansible-core's `parsing/splitter.py` does: quotes and templates hold a word together.

use crate::source::Span;
use crate::yaml::{Node, NodeKind, Style, Text};

/// Options that Ansible takes out of a command line.
const COMMAND_OPTIONS: [&str; 8] = [
    "chdir",
    "creates",
    "executable",
    "removes",
    "stdin",
    "stdin_add_newline",
    "strip_empty_ends",
    "warn",
];

/// One word and where it stands in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    pub(super) start: usize,
    pub(super) text: &'t str,
}

/// What a command line holds.
#[derive(Debug)]
pub(super) struct CommandLine {
    /// The command, its text as written.
    pub(super) command: Option<Node>,
    /// The options.
    pub(super) options: Vec<(Node, Node)>,
}

/// The words of `text`; an error is the offset of the quote or template that is never closed.
pub(super) fn words(text: &str) -> Result<Vec<Word<'_>>, usize> {
    let mut words = Vec::new();
    let mut start: Option<usize> = None;
    let mut quote: Option<(char, usize)> = None;
    let mut at = 0;
    while let Some(current) = text[at..].chars().next() {
        let step = current.len_utf8();
        let rest = &text[at..];
        if let Some(close) = template_close(rest) {
            start.get_or_insert(at);
            at += rest[2..].find(close).ok_or(at)? + 4;
            continue;
        }
        match (quote, current) {
            (Some((open, _)), _) if current == open => quote = None,
            (_, '\\') => {
                start.get_or_insert(at);
                at += step + rest[step..].chars().next().map_or(0, char::len_utf8);
                continue;
            }
            (None, '"' | '\'') => {
                quote = Some((current, at));
                start.get_or_insert(at);
            }
            (None, _) if current.is_whitespace() => {
                if let Some(start) = start.take() {
                    words.push(Word {
                        start,
                        text: &text[start..at],
                    });
                }
            }
            _ => {
                start.get_or_insert(at);
            }
        }
        at += step;
    }
    if let Some((_, at)) = quote {
        return Err(at);
    }
    if let Some(start) = start {
        words.push(Word {
            start,
            text: &text[start..],
        });
    }
    Ok(words)
}

fn template_close(text: &str) -> Option<&'static str> {
    match text.get(..2)? {
        "{{" => Some("}}"),
        "{%" => Some("%}"),
        "{#" => Some("#}"),
        _ => None,
    }
}

/// Key and value of a `key=value` word; an escaped `=` does not part them.
pub(super) fn pair<'t>(word: &Word<'t>) -> Option<(&'t str, &'t str)> {
    let at = word
        .text
        .match_indices('=')
        .map(|(at, _)| at)
        .find(|at| *at > 0 && !word.text[..*at].ends_with('\\'))?;
    let key = &word.text[..at];
    key.chars()
        .all(|each| each.is_alphanumeric() || "_-.".contains(each))
        .then(|| (key, &word.text[at + 1..]))
}

/// The two nodes of a `key=value` word of `whole`.
pub(super) fn pair_nodes(whole: &Node, word: &Word<'_>) -> Option<(Node, Node)> {
    let (key, value) = pair(word)?;
    let span = at_offset(whole, word.start, word.text);
    let key_span = span.part(0, key.len());
    let value_span = span.part(key.len() + 1, word.text.len());
    Some((
        text_node(key_span, key.to_owned()),
        text_node(value_span, unquoted(value)),
    ))
}

/// Takes the options out of a command line and keeps the rest as it was written.
pub(super) fn command_line(whole: &Node, text: &str) -> Result<CommandLine, usize> {
    let mut options = Vec::new();
    let mut command = String::new();
    let mut kept = 0;
    for word in words(text)? {
        if pair(&word).is_some_and(|(key, _)| COMMAND_OPTIONS.contains(&key)) {
            options.extend(pair_nodes(whole, &word));
            command.push_str(&text[kept..word.start]);
            let end = word.start + word.text.len();
            kept = end + (text[end..].len() - text[end..].trim_start_matches(' ').len());
        }
    }
    command.push_str(&text[kept..]);
    let trimmed = command.trim();
    let node = (!trimmed.is_empty()).then(|| {
        if trimmed == text {
            whole.clone()
        } else {
            text_node(whole.span.clone(), trimmed.to_owned())
        }
    });
    Ok(CommandLine {
        command: node,
        options,
    })
}

/// A text node at `span`.
pub(super) fn text_node(span: Span, text: String) -> Node {
    Node {
        span,
        kind: NodeKind::String(Text {
            text,
            style: Style::Plain,
            literal: false,
        }),
    }
}

/// Where `part`, at byte `offset` of the scalar's text, stands in the file; the whole scalar when that cannot be told.
pub(super) fn at_offset(node: &Node, offset: usize, part: &str) -> Span {
    let written = node.span.text();
    for shift in 0..=1 {
        let at = offset + shift;
        if written.get(at..at + part.len()) == Some(part) {
            return node.span.part(at, at + part.len());
        }
    }
    part_of(node, part)
}

/// Where `part` first stands in the scalar; the whole scalar when it does not stand there as it is.
pub(super) fn part_of(node: &Node, part: &str) -> Span {
    match node.span.text().find(part) {
        Some(at) if !part.is_empty() => node.span.part(at, at + part.len()),
        _ => node.span.clone(),
    }
}

/// A value without the quotes around it, its escapes resolved.
fn unquoted(value: &str) -> String {
    let inner = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars().peekable();
    while let Some(each) = characters.next() {
        let resolved = (each == '\\')
            .then(|| characters.peek().and_then(|next| escape(*next)))
            .flatten();
        match resolved {
            Some(meant) => {
                characters.next();
                text.push(meant);
            }
            None => text.push(each),
        }
    }
    text
}

fn escape(letter: char) -> Option<char> {
    Some(match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '\\' | '"' | '\'' | '=' => letter,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        words(text)
            .unwrap()
            .into_iter()
            .map(|word| word.text)
            .collect()
    }

    #[test]
    fn quotes_and_templates_hold_words_together() {
        assert_eq!(texts("a=1  b='x y' c"), ["a=1", "b='x y'", "c"]);
        assert_eq!(
            texts("x={{ a | default('b c') }}/y z"),
            ["x={{ a | default('b c') }}/y", "z"]
        );
        assert_eq!(texts(r"say it\'s fine"), ["say", r"it\'s", "fine"]);
        assert_eq!(words("say it's").unwrap_err(), 6);
        assert_eq!(words("a {{ b").unwrap_err(), 2);
    }

    #[test]
    fn a_command_line_keeps_its_text_and_gives_up_its_options() {
        let text = "grep  -e 'a b' FOO=1 chdir=/tmp file creates=\"/x y\"";
        let node = Node::text("t", text);
        let line = command_line(&node, text).unwrap();
        assert_eq!(
            line.command.unwrap().as_str(),
            Some("grep  -e 'a b' FOO=1 file")
        );
        let options: Vec<_> = line
            .options
            .iter()
            .map(|(key, value)| (key.as_str().unwrap(), value.as_str().unwrap()))
            .collect();
        assert_eq!(options, [("chdir", "/tmp"), ("creates", "/x y")]);
        assert_eq!(line.options[0].1.span.text(), "/tmp");
    }

    #[test]
    fn values_lose_quotes_and_escapes() {
        assert_eq!(unquoted(r#""a\nb""#), "a\nb");
        assert_eq!(unquoted("'x'y"), "'x'y");
        assert_eq!(unquoted(r"a\=b"), "a=b");
    }
}
