//! The forms in which one secret turns up in text: as it is, escaped, quoted, encoded, line by line.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A shorter line of a secret of several lines is not looked for by itself, in bytes.
const SHORTEST_LINE: usize = 8;

/// A shorter piece of base64 would be found in ordinary words.
const SHORTEST_BASE64: usize = 8;

/// A secret that fills its base64 from the first sign on is found from this length on.
const SHORTEST_ALIGNED: usize = 6;

/// Everything to look for where `secret` must not be seen.
pub(super) fn forms(secret: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let whole = secret.trim_end_matches(['\n', '\r']);
    one(whole, &mut found);
    if whole.contains('\n') {
        for line in whole.lines().map(str::trim) {
            if line.len() >= SHORTEST_LINE && !line.starts_with("-----") {
                one(line, &mut found);
            }
        }
    }
    found
}

fn one(text: &str, found: &mut BTreeSet<String>) {
    let mut plain = vec![text.to_owned()];
    if text.contains('\'') {
        plain.push(text.replace('\'', r"'\''"));
    }
    plain.extend(url_encoded(text));
    // JSON inside of JSON is usual: a result that holds what `to_json` gave.
    for form in plain {
        let once = json_escaped(&form);
        if once != form {
            found.insert(json_escaped(&once));
            found.insert(once);
        }
        found.insert(form);
    }
    found.extend(base64(text));
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// By RFC 3986, with small and large hex digits, with and without slashes kept, and as forms write it.
fn url_encoded(text: &str) -> Vec<String> {
    let open = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    if text.bytes().all(open) {
        return Vec::new();
    }
    let encode = |kept: &[u8], upper: bool| {
        let mut encoded = String::new();
        for byte in text.bytes() {
            // Writing to a string cannot fail.
            let _ = match byte {
                _ if open(byte) || kept.contains(&byte) => write!(encoded, "{}", char::from(byte)),
                _ if upper => write!(encoded, "%{byte:02X}"),
                _ => write!(encoded, "%{byte:02x}"),
            };
        }
        encoded
    };
    let mut forms = vec![encode(b"", true), encode(b"", false), encode(b"/", true)];
    if text.contains(' ') {
        forms.push(encode(b"", true).replace("%20", "+"));
    }
    forms.retain(|form| form != text);
    forms
}

/// The signs that the secret alone decides, wherever it begins in the encoded bytes.
fn base64(text: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3_usize {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(text.as_bytes());
        let first = [0, 2, 3][before];
        let end = bytes.len() * 8 / 6;
        let least = if before == 0 {
            SHORTEST_ALIGNED
        } else {
            SHORTEST_BASE64
        };
        if end < first + least {
            continue;
        }
        for encoded in [
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
        ] {
            let piece = encoded[first..end].to_owned();
            if !forms.contains(&piece) {
                forms.push(piece);
            }
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn a_secret_is_known_in_each_form() {
        let secret = "p4ss \"w'o/rd\" é";
        let found = forms(secret);
        for form in [
            secret,
            r#"p4ss \"w'o/rd\" é"#,
            r#"p4ss "w'\''o/rd" é"#,
            "p4ss%20%22w%27o%2Frd%22%20%C3%A9",
            "p4ss%20%22w%27o/rd%22%20%C3%A9",
            "p4ss+%22w%27o%2Frd%22+%C3%A9",
        ] {
            assert!(found.contains(form), "{form}: {found:?}");
        }
        // As `echo` and `Authorization: Basic` encode it.
        for text in [
            format!("{secret}\n"),
            format!("u:{secret}"),
            format!("me:{secret}"),
            format!("you:{secret}x"),
        ] {
            let encoded = STANDARD.encode(&text);
            assert!(
                found.iter().any(|form| encoded.contains(form.as_str())),
                "{text}: {encoded}"
            );
        }
    }

    #[test]
    fn lines_of_a_key_are_known_one_by_one() {
        let found =
            forms("-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n  abcdefghij\nxy\n-----END KEY-----\n");
        assert!(found.contains("MIIEpAIBAAKCAQEA") && found.contains("abcdefghij"));
        assert!(!found.contains("xy") && !found.contains("-----BEGIN KEY-----"));
    }
}
