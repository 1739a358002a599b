//! Finds secrets in bytes, in each form in which they can be there. It shares nothing with the program's own masking.

use crate::planted::{PLANTED, Planted};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fs;
use std::path::Path;

/// The forms of one secret: plain, in JSON, in a URL, and in base64 wherever it begins there.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let json_twice = serde_json::to_string(&json).unwrap();
    let url: String = secret
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    let mut forms = vec![
        secret.to_owned(),
        json,
        json_twice.trim_matches('"').to_owned(),
        secret.replace('\'', r"'\''"),
        url.to_lowercase().replace(&secret.to_lowercase(), secret),
        url,
    ];
    for before in 0..3 {
        let encoded = STANDARD_NO_PAD.encode([&vec![b'x'; before], secret.as_bytes()].concat());
        // The first signs hold bits of what stands before, the last ones of what follows.
        forms.push(encoded[4 * usize::from(before > 0)..encoded.len() - 2].to_owned());
    }
    forms.sort();
    forms.dedup();
    forms
}

/// The planted secrets that are in `bytes`, each with the form in which it is there.
pub(crate) fn found_in(bytes: &[u8]) -> Vec<(&'static Planted, String)> {
    let text = String::from_utf8_lossy(bytes);
    PLANTED
        .iter()
        .filter_map(|planted| {
            let form = forms(planted.value)
                .into_iter()
                .find(|form| text.contains(form.as_str()))?;
            Some((planted, form))
        })
        .collect()
}

/// Fails with all secrets in `bytes`, and the lines that they are on.
pub(crate) fn assert_clean(what: &str, bytes: &[u8]) {
    let found = found_in(bytes);
    let text = String::from_utf8_lossy(bytes);
    let told: String = found
        .iter()
        .map(|(planted, form)| {
            let line = text
                .lines()
                .find(|line| line.contains(form.as_str()))
                .unwrap_or_default();
            format!("\n{} ({}): {line}", planted.value, planted.place)
        })
        .collect();
    assert!(found.is_empty(), "secrets in {what}:{told}");
}

/// Looks through all files under a folder, but for those under `except`.
pub(crate) fn assert_folder_clean(folder: &Path, except: &Path) -> usize {
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path == except || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            seen += assert_folder_clean(&path, except);
        } else if path.is_file() {
            assert_clean(&path.display().to_string(), &fs::read(&path).unwrap());
            seen += 1;
        }
    }
    seen
}

/// The search is known to work: each secret is found in each form.
#[test]
fn a_secret_is_found_in_each_form() {
    for planted in &PLANTED {
        let secret = planted.value;
        let forms = [
            format!("<{secret}>"),
            serde_json::json!({ "msg": format!("a {secret} b") }).to_string(),
            serde_json::json!({"msg": serde_json::json!([secret]).to_string()}).to_string(),
            STANDARD_NO_PAD.encode(format!("{secret}\n")),
            STANDARD_NO_PAD.encode(format!("u:{secret} and more")),
            STANDARD_NO_PAD.encode(format!("{{\"u\": {secret}}}")),
        ];
        for text in forms {
            let found = found_in(text.as_bytes());
            assert!(
                found.iter().any(|(it, _)| it.value == secret),
                "{secret}: {text}"
            );
        }
    }
    assert!(found_in(b"no secret in here: ********").is_empty());
}
