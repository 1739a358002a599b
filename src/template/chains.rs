//! Makes lookups on undefined values chain, as Ansible's do, while every other use of them stays an error.
//!
//! minijinja is either strict (`a.b.c | default('x')` fails when `a` is missing) or lenient everywhere (`a == 1` is
//! silently false when `a` is missing). So the text is rewritten before it is compiled: `a.b.c` becomes
//! `((a|_chain(..)).b|_chain(..)).c`, where the filter turns an undefined value into an object without attributes.
//! The last lookup then yields a plain undefined value, on which the strict rules hold. Offsets map back.
//!
//! Two more things are rewritten on the way: `'text' % value`, which minijinja does not have, and backslashes in the
//! string literals of playbooks' expressions, which Ansible keeps.

use super::native::string_end;
use std::ops::Range;

/// The filter that stands between the parts of a chain.
pub(super) const CHAIN: &str = "_chain";
/// The filter that stands for `%` after a string literal.
pub(super) const PERCENT: &str = "_percent";

/// A lookup with at least one attribute or subscript: `a.b`, `a['b'].c`.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// Where it starts in the original text.
    pub(super) start: usize,
    /// Its parts in order; the first is the base.
    pub(super) parts: Vec<Part>,
}

/// One part of a chain.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// One past its last byte.
    pub(super) end: usize,
    /// The attribute or constant key, without quotes; for the base its name.
    pub(super) name: Option<String>,
    /// Whether it is a method that is called.
    method: bool,
}

impl Chain {
    /// The parts before the first method.
    pub(super) fn lookups(&self) -> &[Part] {
        let end = self.parts.iter().position(|part| part.method);
        &self.parts[..end.unwrap_or(self.parts.len())]
    }
}

/// What is to be rewritten in a text.
#[derive(Debug, Default)]
struct Found {
    chains: Vec<Chain>,
    /// Backslashes in string literals.
    escapes: Vec<usize>,
    /// Each `%` after a string literal, and the end of what follows it.
    formats: Vec<(usize, usize)>,
}

/// A piece of the rewritten text: where, what, and how much of the original it replaces.
type Piece = (usize, String, usize);

/// A text with its chains guarded.
#[derive(Debug, Clone)]
pub(super) struct Guarded {
    /// The text to compile.
    pub(super) text: String,
    /// All chains and bare names of the original text.
    pub(super) chains: Vec<Chain>,
    /// What was put in: offset in the original, length, length of what it replaced.
    inserts: Vec<(usize, usize, usize)>,
}

impl Guarded {
    /// A bare expression, closed by a filter that refuses an undefined result. With `literal`, backslashes in its
    /// string literals stay as they are written.
    pub(super) fn expression(text: &str, literal: bool) -> Self {
        let mut walker = Walker::new(text, 0, text.len());
        walker.walk(None);
        Self::build(text, walker.found, true, literal)
    }

    /// A template. With `literal`, backslashes in string literals inside `{{ }}` stay as they are written.
    pub(super) fn template(text: &str, literal: bool) -> Self {
        let mut found = Found::default();
        let mut at = 0;
        while let Some(brace) = text[at..].find('{') {
            let open = at + brace;
            at = match text.as_bytes().get(open + 1) {
                Some(b'{') => region(text, open + 2, &mut found, false),
                Some(b'%') => statement(text, open + 2, &mut found),
                Some(b'#') => text[open..]
                    .find("#}")
                    .map_or(text.len(), |end| open + end + 2),
                _ => open + 1,
            };
        }
        Self::build(text, found, false, literal)
    }

    /// The parts of a template that are expressions or statements.
    pub(super) fn regions(text: &str) -> Vec<Range<usize>> {
        let mut regions = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find('{') {
            let open = at + found;
            let closer = match text.as_bytes().get(open + 1) {
                Some(b'{') => b'}',
                Some(b'%') => b'%',
                Some(b'#') => {
                    at = text[open..]
                        .find("#}")
                        .map_or(text.len(), |end| open + end + 2);
                    continue;
                }
                _ => {
                    at = open + 1;
                    continue;
                }
            };
            let end = region_end(text, open + 2, closer);
            at = (end + 2).min(text.len());
            let body = text[open + 2..end]
                .trim_start_matches(['-', '+'])
                .trim_start();
            if body.starts_with("raw") {
                at = text[end..]
                    .find("endraw")
                    .map_or(text.len(), |found| end + found + "endraw".len());
                continue;
            }
            regions.push(open + 2..end);
        }
        regions
    }

    /// The string literal that is argument `index` (0 or 1) of a call whose name ends at `at`, without its quotes.
    pub(super) fn literal_argument(text: &str, at: usize, index: usize) -> Option<Range<usize>> {
        let mut rest = text[at..].strip_prefix('(')?;
        for place in 0..=index {
            rest = rest.trim_start();
            let start = text.len() - rest.len();
            let quote = rest.bytes().next().filter(|byte| b"'\"".contains(byte))?;
            let end = string_end(text.as_bytes(), start, quote);
            rest = text[end..].trim_start();
            if place == index {
                let closed = rest.starts_with([',', ')']);
                return closed.then_some(start + 1..end - 1);
            }
            rest = rest.strip_prefix(',')?;
        }
        None
    }

    /// The names after `|` and `is` in a range, with which of both (`|` or `i`) it is.
    pub(super) fn callables(text: &str, range: Range<usize>) -> Vec<(char, Range<usize>)> {
        let mut walker = Walker::new(text, range.start, range.end);
        walker.walk(None);
        walker.callables
    }

    fn build(text: &str, found: Found, wrap: bool, literal: bool) -> Self {
        let mut pieces: Vec<Piece> = Vec::new();
        if wrap {
            pieces.push((0, "(".to_owned(), 0));
        }
        for chain in &found.chains {
            for pair in chain.parts.windows(2) {
                if !pair[1].method {
                    pieces.push((chain.start, "(".to_owned(), 0));
                    let end = pair[0].end;
                    pieces.push((end, format!("|{CHAIN}({},{end}))", chain.start), 0));
                }
            }
        }
        for (at, end) in &found.formats {
            pieces.push((*at, format!("|{PERCENT}("), 1));
            pieces.push((*end, ")".to_owned(), 0));
        }
        if literal {
            pieces.extend(found.escapes.iter().map(|at| (*at, "\\".to_owned(), 0)));
        }
        pieces.sort_by_key(|(at, _, _)| *at);
        if wrap {
            pieces.push((text.len(), format!("\n)|{}", super::filters::RESULT), 0));
        }
        let mut result = String::with_capacity(text.len() + pieces.len() * 8);
        let mut last = 0;
        for (at, piece, replaced) in &pieces {
            result.push_str(&text[last..*at]);
            result.push_str(piece);
            last = at + replaced;
        }
        result.push_str(&text[last..]);
        Self {
            text: result,
            chains: found.chains,
            inserts: pieces
                .iter()
                .map(|(at, piece, replaced)| (*at, piece.len(), *replaced))
                .collect(),
        }
    }

    /// Where an offset of the guarded text stands in the original.
    pub(super) fn original(&self, offset: usize) -> usize {
        let mut shift = 0;
        for (at, length, replaced) in &self.inserts {
            if at + shift >= offset {
                break;
            }
            if at + shift + length > offset {
                return *at;
            }
            shift += length - replaced;
        }
        offset - shift
    }
}

/// Walks the expression from `start` to its `}}`; the offset after it.
fn region(text: &str, start: usize, found: &mut Found, block: bool) -> usize {
    let end = region_end(text, start, if block { b'%' } else { b'}' });
    let mut walker = Walker::new(text, start, end);
    walker.walk(None);
    found.chains.append(&mut walker.found.chains);
    found.formats.append(&mut walker.found.formats);
    if !block {
        // Ansible leaves the literals of statements alone.
        found.escapes.append(&mut walker.found.escapes);
    }
    (end + 2).min(text.len())
}

fn region_end(text: &str, start: usize, closer: u8) -> usize {
    if closer == b'}' {
        return super::native::closing(text, start).unwrap_or(text.len());
    }
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => at = string_end(bytes, at, quote),
            b'%' if bytes.get(at + 1) == Some(&b'}') => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Walks a `{% .. %}`; the target of a `set` is not a lookup, and `raw` holds no templates.
fn statement(text: &str, start: usize, found: &mut Found) -> usize {
    let end = region_end(text, start, b'%');
    let body = text[start..end].trim_start_matches(['-', '+']).trim_start();
    let word_length = body
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(body.len());
    let at_body = end - body.len();
    match &body[..word_length] {
        "raw" => text[end..]
            .find("endraw")
            .map_or(text.len(), |found| end + found + "endraw".len()),
        "set" => {
            let value = body.find('=').map_or(end, |at| at_body + at + 1);
            region(text, value.min(end), found, true)
        }
        _ => region(text, at_body + word_length, found, true),
    }
}

struct Walker<'t> {
    text: &'t str,
    at: usize,
    end: usize,
    found: Found,
    callables: Vec<(char, Range<usize>)>,
}

impl<'t> Walker<'t> {
    fn new(text: &'t str, start: usize, end: usize) -> Self {
        Self {
            text,
            at: start,
            end,
            found: Found::default(),
            callables: Vec::new(),
        }
    }

    fn peek(&self) -> Option<u8> {
        (self.at < self.end).then(|| self.text.as_bytes()[self.at])
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn word(&mut self) -> &'t str {
        let start = self.at;
        while self.at < self.end {
            let Some(c) = self.text[self.at..self.end].chars().next() else {
                break;
            };
            if !c.is_alphanumeric() && c != '_' {
                break;
            }
            self.at += c.len_utf8();
        }
        &self.text[start..self.at]
    }

    /// Walks operands until `close`, or to the end.
    fn walk(&mut self, close: Option<u8>) {
        loop {
            self.space();
            let Some(byte) = self.peek() else { return };
            let start = self.at;
            match byte {
                _ if Some(byte) == close => {
                    self.at += 1;
                    return;
                }
                b'|' => {
                    self.at += 1;
                    self.callable('|');
                }
                _ => self.operand(start, byte),
            }
        }
    }

    /// Walks one operand with what is looked up on it; anything else is stepped over.
    fn operand(&mut self, start: usize, byte: u8) {
        match byte {
            b'\'' | b'"' => {
                self.string(byte);
                self.postfix(start, None);
                self.format();
            }
            b'(' | b'[' | b'{' => {
                self.at += 1;
                self.walk(Some(closer(byte)));
                self.postfix(start, None);
            }
            b'0'..=b'9' => self.number(),
            _ if byte == b'_' || byte.is_ascii_alphabetic() || byte >= 0x80 => {
                let word = self.word();
                if word.is_empty() {
                    self.at += self.text[start..].chars().next().map_or(1, char::len_utf8);
                } else {
                    self.name(start, word);
                }
            }
            _ => self.at += 1,
        }
    }

    /// A string literal; its backslashes are noted, but for those that hide a quote.
    fn string(&mut self, quote: u8) {
        let bytes = self.text.as_bytes();
        let end = string_end(bytes, self.at, quote).min(self.end);
        while self.at < end {
            if bytes[self.at] == b'\\' {
                match bytes.get(self.at + 1) {
                    Some(b'\'' | b'"') => {}
                    Some(b'\\') => self.found.escapes.extend([self.at, self.at + 1]),
                    _ => self.found.escapes.push(self.at),
                }
                self.at += 1;
            }
            self.at += 1;
        }
        self.at = end;
    }

    /// `% value` after a string literal: the value is one operand with its filters.
    fn format(&mut self) {
        let before = self.at;
        self.space();
        let mark = self.at;
        if self.peek() != Some(b'%') || self.text[mark..].starts_with("%}") {
            self.at = before;
            return;
        }
        self.at += 1;
        self.space();
        while matches!(self.peek(), Some(b'-' | b'+')) {
            self.at += 1;
        }
        if let Some(byte) = self.peek() {
            self.operand(self.at, byte);
        }
        loop {
            let before = self.at;
            self.space();
            if self.peek() != Some(b'|') {
                self.at = before;
                break;
            }
            self.at += 1;
            self.callable('|');
        }
        self.found.formats.push((mark, self.at));
    }

    fn name(&mut self, start: usize, word: &str) {
        match word {
            "is" => {
                self.space();
                let before = self.at;
                if self.word() != "not" {
                    self.at = before;
                }
                self.callable('i');
            }
            "and" | "or" | "not" | "in" | "if" | "else" | "elif" | "import" | "from" | "as"
            | "with" | "without" | "context" | "ignore" | "missing" | "recursive" | "true"
            | "false" | "none" | "True" | "False" | "None" => {}
            _ => self.postfix(start, Some(word)),
        }
    }

    /// The dotted name of a filter or test, and its arguments.
    fn callable(&mut self, kind: char) {
        self.space();
        let start = self.at;
        loop {
            self.word();
            if self.peek() != Some(b'.') {
                break;
            }
            self.at += 1;
        }
        self.callables.push((kind, start..self.at));
        if self.peek() == Some(b'(') {
            self.at += 1;
            self.walk(Some(b')'));
        }
    }

    fn number(&mut self) {
        while let Some(byte) = self.peek() {
            let next_is_digit =
                self.at + 1 < self.end && self.text.as_bytes()[self.at + 1].is_ascii_digit();
            if !(byte.is_ascii_alphanumeric() || byte == b'_' || (byte == b'.' && next_is_digit)) {
                break;
            }
            self.at += 1;
        }
    }

    /// Attributes, subscripts and calls after a base.
    fn postfix(&mut self, start: usize, name: Option<&str>) {
        let base = Part {
            end: self.at,
            name: name.map(str::to_owned),
            method: false,
        };
        let mut parts = vec![base];
        loop {
            let before = self.at;
            self.space();
            match self.peek() {
                Some(b'.') => {
                    self.at += 1;
                    self.space();
                    let name = self.word().to_owned();
                    let method = self.peek() == Some(b'(');
                    parts.push(Part {
                        end: self.at,
                        name: Some(name),
                        method,
                    });
                }
                Some(b'[') => {
                    self.at += 1;
                    let inside = self.at;
                    self.walk(Some(b']'));
                    let key = self.text[inside..self.at].trim_end_matches(']').trim();
                    parts.push(Part {
                        end: self.at,
                        name: constant(key),
                        method: false,
                    });
                }
                Some(b'(') => {
                    self.at += 1;
                    self.walk(Some(b')'));
                    if let Some(last) = parts.last_mut() {
                        last.end = self.at;
                    }
                }
                _ => {
                    self.at = before;
                    break;
                }
            }
        }
        if parts[0].name.as_deref() != Some("loop") && (parts.len() > 1 || name.is_some()) {
            self.found.chains.push(Chain { start, parts });
        }
    }
}

fn closer(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// The text of a constant subscript.
fn constant(key: &str) -> Option<String> {
    let quoted = key
        .strip_prefix(['\'', '"'])
        .and_then(|rest| rest.strip_suffix(['\'', '"']));
    match quoted {
        Some(text) if !text.contains(['\'', '"']) => Some(text.to_owned()),
        _ if key.parse::<i64>().is_ok() => Some(key.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Guarded;

    fn guarded(text: &str) -> String {
        Guarded::template(text, true).text
    }

    #[test]
    fn lookups_on_the_way_are_guarded() {
        let cases = [
            ("{{ a }}", "{{ a }}"),
            ("{{ a.b }}", "{{ (a|_chain(3,4)).b }}"),
            ("{{ a.b[0] }}", "{{ ((a|_chain(3,4)).b|_chain(3,6))[0] }}"),
            ("{{ a.split('.') }}", "{{ a.split('.') }}"),
            ("{{ a.b.split('.') }}", "{{ (a|_chain(3,4)).b.split('.') }}"),
            (
                "{{ x | my.filter(a.b) }}",
                "{{ x | my.filter((a|_chain(17,18)).b) }}",
            ),
            ("{{ a is not my.test }}", "{{ a is not my.test }}"),
            (
                "{{ a in [1, 2] and b not in [3] }}",
                "{{ a in [1, 2] and b not in [3] }}",
            ),
            (
                "{% set ns.x = a.b %}",
                "{% set ns.x = (a|_chain(14,15)).b %}",
            ),
            (
                "{% raw %}{{ a.b }}{% endraw %}",
                "{% raw %}{{ a.b }}{% endraw %}",
            ),
            ("{# a.b #}{{ 1.5 }} a.b", "{# a.b #}{{ 1.5 }} a.b"),
            ("{% for x in loop.y %}", "{% for x in loop.y %}"),
            (
                "{{ '%s' % a.b }}",
                "{{ '%s' |_percent( (a|_chain(10,11)).b) }}",
            ),
            ("{{ 'a' % (b, c) ~ d }}", "{{ 'a' |_percent( (b, c)) ~ d }}"),
            (
                "{{ x % y }}{% set a = 'b' %}",
                "{{ x % y }}{% set a = 'b' %}",
            ),
            (
                r"{{ f('\1', '\\d', '\'') }}",
                r"{{ f('\\1', '\\\\d', '\'') }}",
            ),
            (r"{% if a is match('\d') %}", r"{% if a is match('\d') %}"),
        ];
        for (text, expected) in cases {
            assert_eq!(guarded(text), expected, "{text}");
        }
    }

    #[test]
    fn offsets_map_back() {
        let text = "{{ a.b + '%s' % c.d }}";
        let guarded = Guarded::template(text, true);
        for (at, c) in text.char_indices().filter(|(_, c)| "abcd".contains(*c)) {
            let there = guarded
                .text
                .match_indices(c)
                .find(|(place, _)| guarded.original(*place) == at);
            assert!(there.is_some(), "{c}");
        }
    }
}
