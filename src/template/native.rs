//! What kind of template a text is: none, one expression alone, or text with templates in it.
//!
//! A small scanner, not a regular expression, because quotes and braces nest. It knows nothing of values.

use std::ops::Range;

/// What a text holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// No template at all.
    Plain,
    /// One `{{ expression }}` alone; the bytes of the expression, and of the white space after it.
    Expression {
        /// The expression without its braces and white-space marks.
        inner: Range<usize>,
        /// Where the white space after the closing braces starts.
        rest: usize,
    },
    /// Anything else with templates in it.
    Template,
}

/// Whether `text` may hold a template.
pub(super) fn has_template(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}

/// Finds out what `text` holds.
pub(super) fn form(text: &str) -> Form {
    if !has_template(text) {
        return Form::Plain;
    }
    let start = text.len() - text.trim_start().len();
    // White space before the expression is part of the result, as it is in Ansible.
    if start > 0 || !text[start..].starts_with("{{") {
        return Form::Template;
    }
    let Some(end) = closing(text, start + 2) else {
        return Form::Template;
    };
    if !text[end + 2..].trim().is_empty() {
        return Form::Template;
    }
    let mut inner = start + 2..end;
    if text[inner.clone()].starts_with(['-', '+']) {
        inner.start += 1;
    }
    if text[inner.clone()].ends_with(['-', '+']) {
        inner.end -= 1;
    }
    if text[inner.clone()].trim().is_empty() {
        return Form::Template;
    }
    Form::Expression {
        inner,
        rest: end + 2,
    }
}

/// The offset of the `}}` that closes the expression that starts at `at`.
pub(super) fn closing(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = at;
    let mut depth = 0_usize;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => at = string_end(bytes, at, quote),
            b'{' | b'[' | b'(' => {
                depth += 1;
                at += 1;
            }
            b'}' if depth == 0 && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    None
}

/// One past the closing quote of the string that starts at `at`, or the end of the text.
pub(super) fn string_end(bytes: &[u8], at: usize, quote: u8) -> usize {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::{Form, form};

    #[test]
    fn one_expression_alone_is_told_from_text() {
        let cases = [
            ("plain", None),
            ("{{ a }}", Some(" a ")),
            ("{{- a -}}", Some(" a ")),
            ("{{ '}}' }}", Some(" '}}' ")),
            ("{{ {'a': {'b': 1}} }}", Some(" {'a': {'b': 1}} ")),
            ("{{ a }}\n", Some(" a ")),
            ("{{ a }}{{ b }}", None),
            ("x {{ a }}", None),
            ("{% if a %}b{% endif %}", None),
            ("{{ a", None),
        ];
        for (text, expected) in cases {
            let found = match form(text) {
                Form::Expression { inner, .. } => Some(&text[inner]),
                _ => None,
            };
            assert_eq!(found, expected, "{text}");
        }
    }
}
