//! Values of an INI inventory: Python literals where they are such (`ast.literal_eval`), else text.
//!
//! This file knows the notation of values; it must not know hosts or groups.

use super::words::Word;
use crate::yaml::{Mapping, Node, NodeKind, Style, Text};

/// How deep lists and dictionaries may nest before the value counts as text.
const DEPTH_LIMIT: usize = 64;

/// The value of `word`.
pub(super) fn value(word: &Word) -> Node {
    let mut reader = Reader {
        word,
        at: 0,
        depth: 0,
    };
    reader.document().unwrap_or_else(|| Node {
        span: word.whole(),
        kind: NodeKind::String(Text {
            text: word.text.clone(),
            style: if word.is_verbatim() {
                Style::Plain
            } else {
                Style::Quoted
            },
            literal: false,
        }),
    })
}

/// Every method gives `None` when the text is not a literal.
struct Reader<'a> {
    word: &'a Word,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.word.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn node(&self, start: usize, kind: NodeKind) -> Node {
        Node {
            span: self.word.span(start..self.at),
            kind,
        }
    }

    /// One value up to the end or a comment; `1, 2` without brackets is a list too, as in Python.
    fn document(&mut self) -> Option<Node> {
        self.skip_blanks();
        let start = self.at;
        let first = self.item()?;
        let mut items = vec![first];
        let mut is_tuple = false;
        while self.eat(',') {
            is_tuple = true;
            self.skip_blanks();
            if self.at_end() {
                break;
            }
            items.push(self.item()?);
        }
        if !self.at_end() {
            return None;
        }
        if is_tuple {
            return Some(self.node(start, NodeKind::Sequence(items)));
        }
        items.pop()
    }

    fn at_end(&self) -> bool {
        self.rest().is_empty() || self.rest().starts_with('#')
    }

    /// One value and the blanks after it.
    fn item(&mut self) -> Option<Node> {
        if self.depth == DEPTH_LIMIT {
            return None;
        }
        self.depth += 1;
        let start = self.at;
        let node = match self.rest().chars().next()? {
            '[' => {
                let (items, _) = self.items('[', ']')?;
                self.node(start, NodeKind::Sequence(items))
            }
            '(' => self.parenthesis(start)?,
            '{' => self.braces(start)?,
            '\'' | '"' => self.strings(start)?,
            '+' | '-' | '.' | '0'..='9' => self.number(start)?,
            _ => self.constant(start)?,
        };
        self.depth -= 1;
        self.skip_blanks();
        Some(node)
    }

    /// Items between brackets, and whether a comma stands among them.
    fn items(&mut self, open: char, close: char) -> Option<(Vec<Node>, bool)> {
        if !self.eat(open) {
            return None;
        }
        self.skip_blanks();
        let mut items = Vec::new();
        let mut comma = false;
        while !self.eat(close) {
            if !items.is_empty() {
                if !self.eat(',') {
                    return None;
                }
                comma = true;
                self.skip_blanks();
                if self.eat(close) {
                    break;
                }
            }
            items.push(self.item()?);
        }
        Some((items, comma))
    }

    /// A tuple becomes a list; `(1)` is 1.
    fn parenthesis(&mut self, start: usize) -> Option<Node> {
        let (mut items, comma) = self.items('(', ')')?;
        if items.len() == 1 && !comma {
            return items.pop();
        }
        Some(self.node(start, NodeKind::Sequence(items)))
    }

    /// A dictionary, or a set, which becomes a list.
    fn braces(&mut self, start: usize) -> Option<Node> {
        self.eat('{');
        self.skip_blanks();
        let mut mapping = Mapping::default();
        if self.eat('}') {
            return Some(self.node(start, NodeKind::Mapping(mapping)));
        }
        let first = self.item()?;
        if !self.rest().starts_with(':') {
            self.at = start;
            let (items, _) = self.items('{', '}')?;
            return Some(self.node(start, NodeKind::Sequence(items)));
        }
        let mut key = first;
        loop {
            if !self.eat(':') {
                return None;
            }
            self.skip_blanks();
            let value = self.item()?;
            mapping.insert(key, value);
            let comma = self.eat(',');
            self.skip_blanks();
            if self.eat('}') {
                return Some(self.node(start, NodeKind::Mapping(mapping)));
            }
            if !comma {
                return None;
            }
            key = self.item()?;
        }
    }

    /// One string or several in a row, which are joined.
    fn strings(&mut self, start: usize) -> Option<Node> {
        let mut text = String::new();
        let mut end = self.at;
        while self.rest().starts_with(['\'', '"']) {
            self.string(&mut text)?;
            end = self.at;
            self.skip_blanks();
        }
        self.at = end;
        let kind = NodeKind::String(Text {
            text,
            style: Style::Quoted,
            literal: false,
        });
        Some(self.node(start, kind))
    }

    fn string(&mut self, text: &mut String) -> Option<()> {
        let quote = self.rest().chars().next()?;
        self.eat(quote);
        loop {
            let c = self.rest().chars().next()?;
            self.at += c.len_utf8();
            match c {
                _ if c == quote => return Some(()),
                '\\' => self.escape(text)?,
                _ => text.push(c),
            }
        }
    }

    /// The escapes of a Python string; one that Python does not know stays as it is.
    fn escape(&mut self, text: &mut String) -> Option<()> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        let plain = match c {
            '\\' | '\'' | '"' => c,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'x' => self.code(2, 16)?,
            'u' => self.code(4, 16)?,
            'U' => self.code(8, 16)?,
            '0'..='7' => {
                self.at -= 1;
                let digits = self
                    .rest()
                    .chars()
                    .take(3)
                    .take_while(|c| c.is_digit(8))
                    .count();
                self.code(digits, 8)?
            }
            _ => {
                text.push('\\');
                c
            }
        };
        text.push(plain);
        Some(())
    }

    fn code(&mut self, digits: usize, radix: u32) -> Option<char> {
        let number = self.rest().get(..digits)?;
        let code = u32::from_str_radix(number, radix).ok()?;
        self.at += digits;
        char::from_u32(code)
    }

    fn number(&mut self, start: usize) -> Option<Node> {
        let negative = self.eat('-');
        if !negative {
            self.eat('+');
        }
        let rest = self.rest();
        let mut length = 0;
        for (at, c) in rest.char_indices() {
            let exponent_sign = matches!(c, '+' | '-')
                && rest[..at].ends_with(['e', 'E'])
                && !rest.starts_with("0x");
            if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || exponent_sign) {
                break;
            }
            length = at + 1;
        }
        let kind = number(&rest[..length], negative)?;
        self.at += length;
        Some(self.node(start, kind))
    }

    fn constant(&mut self, start: usize) -> Option<Node> {
        let constants = [
            ("True", NodeKind::Bool(true)),
            ("False", NodeKind::Bool(false)),
            ("None", NodeKind::Null),
        ];
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let (_, kind) = constants
            .into_iter()
            .find(|(name, _)| *name == &rest[..end])?;
        self.at += end;
        Some(self.node(start, kind))
    }
}

/// A number without its sign, by Python's rules: `0x1f`, `0o17`, `0b1`, `1_000`, `1.5`, `1e3`; `0644` is none.
fn number(text: &str, negative: bool) -> Option<NodeKind> {
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    let whole = |value: i64| NodeKind::Int(if negative { -value } else { value });
    let clean = text.replace('_', "");
    let lower = clean.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return Some(whole(i64::from_str_radix(digits, radix).ok()?));
        }
    }
    if clean.bytes().all(|byte| byte.is_ascii_digit()) && !clean.is_empty() {
        if clean.starts_with('0') && clean.bytes().any(|byte| byte != b'0') {
            return None;
        }
        return Some(whole(clean.parse().ok()?));
    }
    let is_float = lower.bytes().any(|byte| byte.is_ascii_digit())
        && !lower.starts_with('e')
        && lower
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".e+-".contains(&byte));
    let value: f64 = if is_float {
        lower.parse().ok()?
    } else {
        return None;
    };
    Some(NodeKind::Float(if negative { -value } else { value }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;
    use serde_json::json;

    fn read(text: &str) -> Node {
        let source = SourceFile::new("hosts", text);
        value(&Word::verbatim(&source, 0..text.len()))
    }

    #[test]
    fn values_are_python_literals_or_text() {
        let cases = [
            ("1", json!(1)),
            ("-5", json!(-5)),
            ("0644", json!("0644")),
            ("00", json!(0)),
            ("0o644", json!(420)),
            ("0x1F", json!(31)),
            ("1_000", json!(1000)),
            ("1.10", json!(1.1)),
            ("1e3", json!(1000.0)),
            ("1.35.2", json!("1.35.2")),
            ("v1.35", json!("v1.35")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("99999999999999999999", json!("99999999999999999999")),
            ("True", json!(true)),
            ("true", json!("true")),
            ("FALSE", json!("FALSE")),
            ("None", json!(null)),
            ("'1'", json!("1")),
            ("'a' \"b\"", json!("ab")),
            (r"'a\n\x41\u00e9\q'", json!("a\nAé\\q")),
            ("[1, 'a', [True]]", json!([1, "a", [true]])),
            ("[1, a]", json!("[1, a]")),
            ("{'a': 1, 'b': {}}", json!({"a": 1, "b": {}})),
            ("{'x', 'y'}", json!(["x", "y"])),
            ("(1,)", json!([1])),
            ("(1)", json!(1)),
            ("1,2", json!([1, 2])),
            ("a,b", json!("a,b")),
            ("1 # one", json!(1)),
            ("x # y", json!("x # y")),
            ("", json!("")),
            ("{{ other }}", json!("{{ other }}")),
            ("-", json!("-")),
            ("2001:db8::1", json!("2001:db8::1")),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).to_value(), expected, "{text}");
        }
    }

    #[test]
    fn items_know_their_places() {
        let node = read("[1, 'ab']");
        let items = node.as_sequence().unwrap();
        assert_eq!(items[1].span.text(), "'ab'");
        assert_eq!(items[1].span.to_string(), "hosts:1:5");
    }
}
