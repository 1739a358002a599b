//! Text in XML: escaped, and without the characters that XML cannot hold at all.

use super::text::clean;

/// `text` between tags.
pub(super) fn text(text: &str) -> String {
    clean(text)
        .chars()
        .filter(|c| is_allowed(*c))
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            // `]]>` must not stand in text.
            '>' => "&gt;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

/// `value` as an attribute's value, in its quotes. Line breaks and tabs would be read as spaces, so they are written as references.
pub(super) fn attribute(value: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text(value).chars() {
        match c {
            '"' => quoted.push_str("&quot;"),
            '\n' => quoted.push_str("&#10;"),
            '\t' => quoted.push_str("&#9;"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether XML 1.0 may hold the character, escaped or not.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place_and_holds_only_what_xml_may_hold() {
        let cases = [
            (
                "a<b>&\"c\"",
                "a&lt;b&gt;&amp;\"c\"",
                "\"a&lt;b&gt;&amp;&quot;c&quot;\"",
            ),
            ("]]>", "]]&gt;", "\"]]&gt;\""),
            (
                "a\u{0}\u{1b}[31mb\u{1b}[0m\u{b}\u{ffff}\r\n\tc",
                "ab\n\tc",
                "\"ab&#10;&#9;c\"",
            ),
            ("héé \u{1f6a2}", "héé \u{1f6a2}", "\"héé \u{1f6a2}\""),
        ];
        for (given, in_text, in_attribute) in cases {
            assert_eq!(text(given), in_text);
            assert_eq!(attribute(given), in_attribute);
        }
    }
}
