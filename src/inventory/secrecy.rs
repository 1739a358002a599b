//! Keeps passwords out of what is shown about a line of an INI inventory.
//!
//! This file knows which names stand for secrets; it must not know what was wrong with the line.

use crate::source::{Diagnostics, SourceFile, Span};
use std::sync::Arc;

/// Parts of variable names whose values are secrets.
const SECRET_NAMES: [&str; 4] = ["pass", "secret", "token", "private_key"];

/// Where the first secret in `line` starts, in bytes: right after the `=` of a name that stands for one.
pub(super) fn secret_start(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    lower.match_indices('=').map(|(at, _)| at).find_map(|at| {
        let name = lower[..at].trim_end();
        let start = name.rfind(char::is_whitespace).unwrap_or(0);
        let is_secret = SECRET_NAMES.iter().any(|part| name[start..].contains(part));
        is_secret.then_some(at + 1)
    })
}

/// The same problems, all of them in `source`, shown on lines in which secrets are stars.
pub(super) fn mask(source: &Arc<SourceFile>, problems: Diagnostics) -> Diagnostics {
    let mut text = String::with_capacity(source.text().len());
    for line in source.text().split_inclusive('\n') {
        let (open, secret) = line.split_at(secret_start(line).unwrap_or(line.len()));
        text.push_str(open);
        // As many bytes as before, so that places stay what they are.
        text.extend(
            secret
                .bytes()
                .map(|byte| if byte == b'\n' { '\n' } else { '*' }),
        );
    }
    let masked = source.with_text(text);
    let mut found = Diagnostics::new();
    for mut problem in problems {
        for label in &mut problem.labels {
            label.span = Span::new(masked.clone(), label.span.start(), label.span.end());
        }
        found.push(problem);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Diagnostic;

    #[test]
    fn secrets_start_after_their_name() {
        let cases = [
            ("web1 rack=1", None),
            ("web1 ansible_password=x y", Some(22)),
            ("web1 a=1 API_TOKEN=x", Some(19)),
            ("db_secret = x", Some(11)),
            ("password1 a=b", None),
        ];
        for (line, expected) in cases {
            assert_eq!(secret_start(line), expected, "{line}");
        }
    }

    #[test]
    fn shown_lines_have_stars_and_keep_their_places() {
        let source = SourceFile::new("hosts", "a\nh ansible_password=hunter2 oops\n");
        let problem = Diagnostic::error("x", "wrong").at(&Span::new(source.clone(), 29, 33), "");
        let found = mask(&source, problem.into());
        let text = found.iter().next().unwrap().render(false);
        assert!(
            text.contains("hosts:2:28") && text.contains("ansible_password=***"),
            "{text}"
        );
        assert!(
            !text.contains("hunter2") && !text.contains("oops"),
            "{text}"
        );
    }
}
