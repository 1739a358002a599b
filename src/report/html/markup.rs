//! Text of hosts and users in HTML: nothing of it is ever taken for markup. Must not know what the page shows.

use crate::report::text::clean;
use std::fmt::{self, Display, Formatter};

/// Text that is shown as it is, without control characters, in elements and in quoted attributes.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = clean(self.0);
        let mut rest: &str = &text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

/// Where a path may break.
pub(super) const PATH: &[char] = &['/', '=', ','];
/// Where a host's name may break.
pub(super) const NAME: &[char] = &['.'];

/// Text in which `<wbr>` allows a break after these separators, so that long words do not widen a column.
pub(super) struct Breakable<'a>(pub(super) &'a str, pub(super) &'static [char]);

impl Display for Breakable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(self.1) {
            write!(f, "{}<wbr>", Text(&rest[..=at]))?;
            rest = &rest[at + 1..];
        }
        Text(rest).fmt(f)
    }
}

/// JSON within a script element. Only strings can hold a `<`, and as an escape it cannot end the element or begin a comment.
pub(super) fn json(value: &serde_json::Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// An icon of the page's own set; what it stands for is said in words beside it.
pub(super) fn icon(name: &str) -> String {
    format!("<svg class=\"icon\" aria-hidden=\"true\"><use href=\"#i-{name}\"/></svg>")
}

/// A count with separators: `12,345`.
pub(super) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + 4);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 host`, `1,200 hosts`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_text() {
        let cases = [
            ("a & b", "a &amp; b"),
            (
                "</script><img src=x onerror='a()'>",
                "&lt;/script&gt;&lt;img src=x onerror=&#39;a()&#39;&gt;",
            ),
            ("\" onload=\"a", "&quot; onload=&quot;a"),
            ("red\u{1b}[31m\u{202e}x\0y", "redxy"),
            ("één", "één"),
        ];
        for (text, expected) in cases {
            assert_eq!(Text(text).to_string(), expected);
        }
        assert_eq!(Breakable("/a<b/c", PATH).to_string(), "/<wbr>a&lt;b/<wbr>c");
    }

    #[test]
    fn data_cannot_leave_its_script_element() {
        let value = serde_json::json!({"</script><!--": "\u{2028}&"});
        let text = json(&value);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn numbers_have_separators() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(number(count), text);
        }
        assert_eq!(counted(1, "host"), "1 host");
    }
}
