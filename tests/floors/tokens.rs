//! Rust source as words and signs with their lines; comments and literals are left out.
//!
//! It knows just enough of the language to tell code from text. It must not know what the tokens are looked through for.

/// A word or a sign.
pub(crate) struct Token {
    /// The word, `::`, or one character.
    pub(crate) text: String,
    /// Its line, from 1.
    pub(crate) line: usize,
}

impl Token {
    /// Whether it is a word.
    pub(crate) fn is_word(&self) -> bool {
        self.text.chars().next().is_some_and(is_word)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of `text`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut reader = Reader {
        rest: text,
        line: 1,
    };
    let mut tokens = Vec::new();
    while let Some(first) = reader.rest.chars().next() {
        let line = reader.line;
        let length = if let Some(length) = silent(reader.rest) {
            length
        } else {
            let length = if is_word(first) {
                reader
                    .rest
                    .find(|c| !is_word(c))
                    .unwrap_or(reader.rest.len())
            } else if reader.rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token {
                text: reader.rest[..length].to_owned(),
                line,
            });
            length
        };
        reader.pass(length);
    }
    tokens
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    fn pass(&mut self, length: usize) {
        let (passed, rest) = self.rest.split_at(length);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }
}

/// The length of the space, comment or literal that `text` starts with, if it does.
fn silent(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    for prefix in ["", "b", "c"] {
        let Some(rest) = text.strip_prefix(prefix) else {
            continue;
        };
        if let Some(body) = rest.strip_prefix('"') {
            return Some(prefix.len() + 1 + quoted(body, '"'));
        }
        if let Some(length) = raw_string(rest) {
            return Some(prefix.len() + length);
        }
        if let Some(length) = character(rest) {
            return Some(prefix.len() + length);
        }
    }
    None
}

/// The length of a comment in which others may be nested.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `body` up to and with the closing quote.
fn quoted(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    body.len()
}

/// The length of `r"..."` or `r#"..."#`.
fn raw_string(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let body = rest[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(1 + hashes + 1 + length)
}

/// The length of a character such as `'x'` or `'\n'`; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let mut chars = body.chars();
    let first = chars.next()?;
    (first == '\\' || chars.next() == Some('\'')).then(|| 1 + quoted(body, '\''))
}
