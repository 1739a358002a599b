//! A settings file as it may be drawn: what looks like a secret is covered, so that no message shows it.
//!
//! Places stay: each byte of a secret becomes one star.

use crate::secrecy::is_secret_name;

/// Whether a key of this name holds a secret itself, and not the file that holds it or whether it is asked for.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.trim_matches(['"', '\'']);
    is_secret_name(key) && !key.split('_').any(|word| word == "ask")
}

/// The text with the values of such keys covered, in TOML as in `ansible.cfg`.
pub(super) fn covered(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    while at < text.len() {
        let end = text[at..]
            .find('\n')
            .map_or(text.len(), |length| at + length);
        let line = &text[at..end];
        let value = line
            .match_indices('=')
            .find(|(equals, _)| is_secret(last_key(&line[..*equals])))
            .map(|(equals, _)| at + equals + 1);
        let end = match value {
            None => end,
            Some(start) => {
                let end = end_of_value(text, start, end);
                for byte in &mut bytes[start..end] {
                    if !byte.is_ascii_whitespace() {
                        *byte = b'*';
                    }
                }
                end
            }
        };
        at = end + 1;
    }
    // Only whole values were replaced, so this is the text of before but for stars.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The key right before `=`: also in `[a]`-less dotted keys and in inline tables.
fn last_key(before: &str) -> &str {
    before
        .rsplit(['.', ',', '{'])
        .next()
        .unwrap_or(before)
        .trim()
}

/// Where a value that starts at `start` on a line up to `line_end` ends: TOML's long strings and lists go on.
fn end_of_value(text: &str, start: usize, line_end: usize) -> usize {
    let value = &text[start..];
    let lead = value.len() - value.trim_start_matches([' ', '\t']).len();
    let rest = &value[lead..];
    for (open, close) in [("\"\"\"", "\"\"\""), ("'''", "'''"), ("[", "]")] {
        if let Some(inner) = rest.strip_prefix(open) {
            let length = inner
                .find(close)
                .map_or(rest.len(), |at| open.len() + at + close.len());
            return (start + lead + length).max(line_end);
        }
    }
    line_end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_covered_in_place() {
        for (text, expected) in [
            (
                "become_pass = \"hunter2\"\nb = 1",
                "become_pass = *********\nb = 1",
            ),
            ("[become]\npassword = 'é'", "[become]\npassword = ****"),
            ("become.password = \"x\"", "become.password = ***"),
            ("notify = { token = \"x\" }", "notify = { token = *** *"),
            (
                "secret = \"\"\"a\nb\"\"\"\nc = 1",
                "secret = ****\n****\nc = 1",
            ),
            ("token = [\n\"x\"\n]\nc = 1", "token = *\n***\n*\nc = 1"),
            ("password_file = \"p\"", "password_file = \"p\""),
            ("ask_password = true", "ask_password = true"),
            ("vault_identity_list = a@b", "vault_identity_list = a@b"),
            ("forks = 1", "forks = 1"),
        ] {
            let found = covered(text);
            assert_eq!(found, expected);
            assert_eq!(found.len(), text.len());
        }
    }
}
