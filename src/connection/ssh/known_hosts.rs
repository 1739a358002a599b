//! `known_hosts` files as OpenSSH reads them: which lines are about a host, and what they say of a key.
//!
//! Pure: it must not open files or connections.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use ssh_key::{Algorithm, HashAlg, PublicKey};
use std::fmt;
use std::path::{Path, PathBuf};

/// A line about the host that was looked up.
#[derive(Debug, Clone)]
pub(super) struct Line {
    place: Place,
    role: Role,
    /// `None` when the key cannot be read: the host is known, but not by a key that could match.
    key: Option<PublicKey>,
}

/// A file and a line number, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Key,
    Authority,
    Revoked,
}

/// What the lines say of an offered key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A line has this very key.
    Known,
    /// The key is marked as revoked.
    Revoked(Place),
    /// Other keys are known, of whatever type: the first of them, with its fingerprint.
    Changed(Place, Option<String>),
    /// Only a certificate authority is known.
    AuthorityOnly(Place),
    /// Nothing is known of the host.
    Unknown,
}

/// The lines of one file that are about a host. `name` is as `known_hosts` writes it: `host` or `[host]:port`.
pub(super) fn lines_about(text: &str, file: &Path, name: &str) -> Vec<Line> {
    let mut found = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        // The parser wants single spaces; OpenSSH takes tabs as well.
        let words: Vec<&str> = raw.split_whitespace().collect();
        if words.first().is_none_or(|first| first.starts_with('#')) {
            continue;
        }
        let place = Place {
            file: file.to_owned(),
            line: index + 1,
        };
        found.extend(read_line(&words, name).map(|(role, key)| Line { place, role, key }));
    }
    found
}

fn read_line(words: &[&str], name: &str) -> Option<(Role, Option<PublicKey>)> {
    match words.join(" ").parse::<Entry>() {
        Ok(entry) => {
            let role = match entry.marker() {
                None => Role::Key,
                Some(Marker::CertAuthority) => Role::Authority,
                Some(Marker::Revoked) => Role::Revoked,
            };
            matches(entry.host_patterns(), name).then(|| (role, Some(entry.public_key().clone())))
        }
        // A key of a type that is not known here still says that the host is no newcomer.
        Err(_) if !words[0].starts_with('@') => {
            let patterns = words[0].parse::<HostPatterns>().ok()?;
            matches(&patterns, name).then_some((Role::Key, None))
        }
        Err(_) => None,
    }
}

fn matches(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
            .is_ok_and(|mac| mac.chain_update(name.as_bytes()).verify_slice(hash).is_ok()),
        HostPatterns::Patterns(patterns) => {
            let name = name.to_ascii_lowercase();
            let fits = |pattern: &str| {
                let pattern = pattern.to_ascii_lowercase();
                // A bracketed name with the usual port is the same as the bare name.
                let bare = pattern
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix("]:22"));
                glob(bare.unwrap_or(&pattern).as_bytes(), name.as_bytes())
            };
            let denied = patterns
                .iter()
                .filter_map(|pattern| pattern.strip_prefix('!'))
                .any(fits);
            !denied
                && patterns
                    .iter()
                    .filter(|pattern| !pattern.starts_with('!'))
                    .any(|pattern| fits(pattern))
        }
    }
}

/// `*` and `?` as OpenSSH matches them.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when the last star takes one more byte.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// What the lines say of the key that a host offers.
pub(super) fn judge(lines: &[Line], offered: &PublicKey) -> Verdict {
    let same = |line: &&Line| {
        line.key
            .as_ref()
            .is_some_and(|key| key.key_data() == offered.key_data())
    };
    if let Some(line) = lines
        .iter()
        .filter(|line| line.role == Role::Revoked)
        .find(same)
    {
        return Verdict::Revoked(line.place.clone());
    }
    let of_role = |role: Role| lines.iter().filter(move |line| line.role == role);
    if of_role(Role::Key).any(|line| same(&line)) {
        return Verdict::Known;
    }
    let same_type = of_role(Role::Key).find(|line| {
        line.key
            .as_ref()
            .is_some_and(|key| key.algorithm() == offered.algorithm())
    });
    if let Some(line) = same_type.or_else(|| of_role(Role::Key).next()) {
        return Verdict::Changed(line.place.clone(), line.key.as_ref().map(describe));
    }
    match of_role(Role::Authority).next() {
        Some(line) => Verdict::AuthorityOnly(line.place.clone()),
        None => Verdict::Unknown,
    }
}

/// The algorithms of the keys that are known, to be asked for first: a host with several keys then shows one we know.
pub(super) fn known_algorithms(lines: &[Line]) -> Vec<Algorithm> {
    lines
        .iter()
        .filter(|line| line.role == Role::Key)
        .filter_map(|line| Some(line.key.as_ref()?.algorithm()))
        .collect()
}

/// Type and fingerprint, as `ssh-keygen -l` prints them.
pub(super) fn describe(key: &PublicKey) -> String {
    let algorithm = key.algorithm();
    format!(
        "{} {}",
        algorithm.as_str(),
        key.fingerprint(HashAlg::Sha256)
    )
}

/// A host as `known_hosts` names it.
pub(super) fn known_name(address: &str, port: u16) -> String {
    if port == 22 {
        address.to_owned()
    } else {
        format!("[{address}]:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcE=";
    const DSS: &str = "ssh-odd AAAAB3NzaC1vZGQ=";

    fn verdict(text: &str, name: &str) -> Verdict {
        let text = text
            .replace("ONE", ONE)
            .replace("TWO", TWO)
            .replace("ECDSA", ECDSA)
            .replace("DSS", DSS);
        let lines = lines_about(&text, Path::new("kh"), name);
        judge(&lines, &ONE.parse().unwrap())
    }

    fn place(line: usize) -> Place {
        Place {
            file: PathBuf::from("kh"),
            line,
        }
    }

    #[test]
    fn names_are_matched() {
        let cases = [
            ("web1 ONE", "web1", true),
            ("WEB1 ONE", "web1", true),
            ("a,web1,b ONE comment words", "web1", true),
            ("web1\tONE", "web1", true),
            ("  web1   ONE", "web1", true),
            ("# web1 ONE", "web1", false),
            ("web* ONE", "web1", true),
            ("web? ONE", "web12", false),
            ("*.example.org,!bad.example.org ONE", "ok.example.org", true),
            (
                "*.example.org,!bad.example.org ONE",
                "bad.example.org",
                false,
            ),
            ("!web1 ONE", "web2", false),
            ("[web1]:2222 ONE", "[web1]:2222", true),
            ("[web*]:2222 ONE", "[web1]:2222", true),
            ("[web1]:22 ONE", "web1", true),
            ("web1 ONE", "[web1]:2222", false),
            (
                "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ONE",
                "192.168.1.61",
                true,
            ),
            (
                "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ONE",
                "192.168.1.62",
                false,
            ),
        ];
        for (text, name, known) in cases {
            let expected = if known {
                Verdict::Known
            } else {
                Verdict::Unknown
            };
            assert_eq!(verdict(text, name), expected, "{text} for {name}");
        }
    }

    #[test]
    fn keys_are_judged() {
        let two = describe(&TWO.parse().unwrap());
        let ecdsa = describe(&ECDSA.parse().unwrap());
        let cases = [
            ("h TWO", Verdict::Changed(place(1), Some(two.clone()))),
            ("h TWO\nh ONE", Verdict::Known),
            ("h ECDSA", Verdict::Changed(place(1), Some(ecdsa))),
            ("h ECDSA\n\nh TWO", Verdict::Changed(place(3), Some(two))),
            ("h DSS", Verdict::Changed(place(1), None)),
            ("h ONE\n@revoked * ONE", Verdict::Revoked(place(2))),
            ("@revoked h TWO", Verdict::Unknown),
            ("@revoked other ONE\nh ONE", Verdict::Known),
            ("@cert-authority h ONE", Verdict::AuthorityOnly(place(1))),
            ("@cert-authority h TWO\nh ONE", Verdict::Known),
            ("garbage\n\n@what h ONE", Verdict::Unknown),
        ];
        for (text, expected) in cases {
            assert_eq!(verdict(text, "h"), expected, "{text}");
        }
    }

    #[test]
    fn known_types_come_first() {
        let text = format!("h {ECDSA}\n@revoked h {ONE}");
        let lines = lines_about(&text, Path::new("kh"), "h");
        let names: Vec<_> = known_algorithms(&lines)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["ecdsa-sha2-nistp256"]);
    }
}
