//! Whether a value that is hidden only because of where it stood is worth masking elsewhere.
//!
//! A task under `no_log` hides its whole result: the password in it, and `ok`, a version, a path and a date as well. If
//! each of those were masked from then on, half of all output would be stars. So only values that look like a secret are
//! learned from such a place. Values that are declared secret (passwords, vaulted values) need not pass here.

/// The shortest value that looks like a secret, in bytes.
const SHORTEST: usize = 8;

/// Longer texts are taken apart into lines before they come here.
const LONGEST: usize = 4096;

/// A word without spaces of one kind of characters is a secret only from this length on, in bytes.
const LONG_WORD: usize = 20;

/// Whether `value`, one line of text, looks like a secret and not like a word, a path, a host, a version or a date.
pub fn looks_secret(value: &str) -> bool {
    let value = value.trim();
    if value.len() < SHORTEST || value.len() > LONGEST {
        return false;
    }
    if value.contains("{{") || value.starts_with("--") || value.starts_with("-----") {
        return false;
    }
    if is_numeric(value) || is_version(value) || is_path(value) || is_domain(value) || is_url(value)
    {
        return false;
    }
    let classes = classes(value);
    if value.contains(char::is_whitespace) {
        // A sentence has capitals and letters; a line with a secret in it has more.
        return classes >= 3;
    }
    classes >= 2 || value.len() >= LONG_WORD
}

/// Whether a value under a name that says secret is none by its looks: a path to a file, a version, an open URL.
pub(super) fn is_plain(value: &str) -> bool {
    is_path(value) || is_version(value) || is_url(value)
}

/// The same for any value of an encrypted file, which holds settings too: a short word such as `kubelet` is none either.
pub(super) fn is_setting(value: &str) -> bool {
    let is_word = value.len() < SHORTEST && value.chars().all(|c| c.is_ascii_lowercase());
    is_word || is_plain(value)
}

/// How many of lower case, upper case, digits and other signs there are; what joins words counts for nothing.
fn classes(value: &str) -> usize {
    let has = |test: fn(char) -> bool| usize::from(value.chars().any(test));
    has(char::is_lowercase)
        + has(char::is_uppercase)
        + has(|c| c.is_ascii_digit())
        + has(|c| !c.is_alphanumeric() && !c.is_whitespace() && !"-_.,:;/='\"()[]`".contains(c))
}

/// Numbers, dates, times, addresses; a long row of digits may be a key.
fn is_numeric(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_digit() || ".:-+/TZ ,_".contains(c);
    value.chars().all(plain) && value.len() < 40
}

/// `v1.35.2+k3s1`, `2.18.0-rc1`.
fn is_version(value: &str) -> bool {
    let value = value.strip_prefix('v').unwrap_or(value);
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0
        && value[digits..].starts_with('.')
        && value.len() < 32
        && value
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".+-_~".contains(c))
}

/// Absolute, from home or from here; a part as long as a key makes it none.
fn is_path(value: &str) -> bool {
    let Some(rest) = ["/", "~/", "./", "../"]
        .iter()
        .find_map(|start| value.strip_prefix(start))
    else {
        return false;
    };
    let is_part = |part: &str| {
        part.len() < 40
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || "-_.,@:=".contains(c))
    };
    rest.split('/').all(is_part)
}

/// A host's name, a file's name, a key with points.
fn is_domain(value: &str) -> bool {
    let labels: Vec<&str> = value.split('.').collect();
    labels.len() > 1
        && labels
            .last()
            .is_some_and(|last| last.chars().all(|c| c.is_ascii_lowercase()))
        && labels.iter().all(|label| {
            (1..=24).contains(&label.len())
                && label
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
        })
}

/// A URL is known by its host; its user's password is masked by itself.
fn is_url(value: &str) -> bool {
    value.split_once("://").is_some_and(|(scheme, rest)| {
        scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '+')
            && !rest.contains(['?', '@'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_look_like_secrets() {
        for value in [
            "hunter22",
            "Xk9#mQ2v",
            "K10c0ffee::server:5a11",
            "correcthorsebatterystaple",
            "AKIAIOSFODNN7EXAMPLE",
            "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c",
            "password=S3cret value",
            "/9j4AAQSkZJRgABAQEASABIAAD+x2kQk3JvZ0pVq1Xx7mN9s",
        ] {
            assert!(looks_secret(value), "{value}");
        }
    }

    #[test]
    fn ordinary_values_do_not() {
        for value in [
            "true",
            "ok",
            "0",
            "running",
            "v1.35.2+k3s1",
            "1.35.10",
            "2026-11-21 13:10:01.123456",
            "10.0.0.1:6443",
            "/var/lib/rancher/k3s/server/token",
            "worker1.example.com",
            "k3s.yaml",
            "https://mirror.example.com/k3s/v1.35.2",
            "All items completed",
            "non-zero return code",
            "production",
            "1763730000",
            "--password=x9",
            "{{ db_password }}Xy1",
        ] {
            assert!(!looks_secret(value), "{value}");
        }
    }
}
