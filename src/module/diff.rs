//! Differences as unified text, for `--diff`.

use similar::TextDiff;
use std::fmt::Write as _;

/// Files larger than this are not compared, in bytes.
pub(super) const LIMIT: usize = 100 * 1024;

/// `before` and `after` as unified text with file headers; empty when they are alike.
pub(super) fn unified(before_name: &str, after_name: &str, before: &[u8], after: &[u8]) -> String {
    if before == after {
        return String::new();
    }
    let note = |what: &str| format!("--- {before_name}\n+++ {after_name}\n({what})\n");
    if before.len() > LIMIT || after.len() > LIMIT {
        return note("too large to compare");
    }
    match (std::str::from_utf8(before), std::str::from_utf8(after)) {
        (Ok(before), Ok(after)) if !before.contains('\0') && !after.contains('\0') => {
            TextDiff::from_lines(before, after)
                .unified_diff()
                .context_radius(3)
                .header(before_name, after_name)
                .to_string()
        }
        _ => note("binary files differ"),
    }
}

/// One attribute that changes: its name, before, after.
pub(super) type Attribute = (&'static str, String, String);

/// A difference between attributes: one `name: value` line each, only those that differ.
pub(super) fn attributes(path: &str, changes: &[Attribute]) -> String {
    let (mut before, mut after) = (String::new(), String::new());
    for (name, old, new) in changes.iter().filter(|(_, old, new)| old != new) {
        let _ = writeln!(before, "{name}: {old}");
        let _ = writeln!(after, "{name}: {new}");
    }
    unified(
        &format!("before: {path}"),
        &format!("after: {path}"),
        before.as_bytes(),
        after.as_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compared_by_line_and_binary_is_noted() {
        assert_eq!(
            unified("before: f", "after: f", b"a\nb\n", b"a\nc\n"),
            "--- before: f\n+++ after: f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
        );
        assert_eq!(
            unified("a", "b", b"\0", b"x"),
            "--- a\n+++ b\n(binary files differ)\n"
        );
        assert_eq!(unified("a", "b", b"x", b"x"), "");
        let changes = [
            ("mode", "0644".to_owned(), "0600".to_owned()),
            ("owner", "root".to_owned(), "root".to_owned()),
        ];
        let text = attributes("f", &changes);
        assert!(text.contains("-mode: 0644\n+mode: 0600\n"), "{text}");
        assert!(!text.contains("owner"));
    }
}
