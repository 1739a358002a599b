//! Passwords in URLs: `https://user:password@host`.

use super::likely::looks_secret;
use percent_encoding::percent_decode_str;
use std::ops::Range;

/// A user without a password is a token only from this length on, in bytes.
const SHORTEST_TOKEN: usize = 16;

/// Where the passwords of URLs in `text` stand, in bytes.
pub(super) fn passwords(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let start = from + at + 3;
        let rest = &text[start..];
        let end = rest
            .find(|c: char| c.is_whitespace() || c.is_control() || "/?#\"'<>`\\|".contains(c))
            .unwrap_or(rest.len());
        from = start;
        let Some(user_end) = rest[..end].rfind('@') else {
            continue;
        };
        let user = &rest[..user_end];
        match user.find(':') {
            Some(colon) if colon + 1 < user_end => {
                found.push(start + colon + 1..start + user_end);
            }
            None if user.len() >= SHORTEST_TOKEN && looks_secret(user) => {
                found.push(start..start + user_end);
            }
            _ => {}
        }
    }
    found
}

/// The passwords of URLs in `text`, as they stand and decoded.
pub fn url_secrets(text: &str) -> Vec<String> {
    let mut secrets = Vec::new();
    for range in passwords(text) {
        let password = &text[range];
        let plain = percent_decode_str(password)
            .decode_utf8_lossy()
            .into_owned();
        if plain != password {
            secrets.push(plain);
        }
        secrets.push(password.to_owned());
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passwords_are_found() {
        let cases: [(&str, &[&str]); 7] = [
            ("get https://u:p%40x@h/a?q=1 now", &["p@x", "p%40x"]),
            ("http://u:a@b@h \"ftp://v:w@h\"", &["a@b", "w"]),
            ("https://h:443/a:b@c", &[]),
            ("ssh://root@h", &[]),
            (
                "https://ghp_16C7e42F292c6912E7@h/x",
                &["ghp_16C7e42F292c6912E7"],
            ),
            ("containerd://sha256:ab and @", &[]),
            ("https://u:@h", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(url_secrets(text), expected, "{text}");
        }
    }
}
