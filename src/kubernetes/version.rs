//! Versions of Kubernetes components, as they print them.
//!
//! This file knows the text form and the order. It must not know the skew rules.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version such as `v1.35.1`, `v1.36.0-rc.1` or `v1.34.3+k3s1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// The first number, so far always 1.
    pub major: u64,
    /// The second number, which the skew rules are about.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// What stands after `-`: `rc.1`, or a vendor's mark. Empty for a release.
    pub pre: String,
    /// What stands after `+`: `k3s1`. Empty without one.
    pub build: String,
}

/// The text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version such as v1.35.1")]
pub struct BadVersion(String);

impl Version {
    /// How many minor versions `other` is ahead of this one; `None` across major versions.
    pub fn minors_to(&self, other: &Self) -> Option<i64> {
        (self.major == other.major)
            .then(|| i64::try_from(i128::from(other.minor) - i128::from(self.minor)).ok())
            .flatten()
    }

    /// Whether two texts name one version; `1.35.1` and `v1.35.1` do. Texts that are no versions are compared as they stand.
    pub fn same(one: &str, other: &str) -> bool {
        match (one.parse::<Self>(), other.parse::<Self>()) {
            (Ok(one), Ok(other)) => one == other,
            _ => one == other,
        }
    }
}

impl FromStr for Version {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Self, BadVersion> {
        let bad = || BadVersion(text.to_owned());
        let trimmed = text.trim();
        let body = trimmed.strip_prefix('v').unwrap_or(trimmed);
        let (body, build) = body.split_once('+').unwrap_or((body, ""));
        let (core, pre) = body.split_once('-').unwrap_or((body, ""));
        let mut numbers = core.split('.').map(number);
        let mut next = || numbers.next().flatten().ok_or_else(bad);
        let (major, minor, patch) = (next()?, next()?, next()?);
        if numbers.next().is_some() || !is_suffix(pre) || !is_suffix(build) {
            return Err(bad());
        }
        Ok(Self {
            major,
            minor,
            patch,
            pre: pre.to_owned(),
            build: build.to_owned(),
        })
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn is_suffix(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

impl Ord for Version {
    /// As semantic versioning orders them; then by build, since `+k3s2` follows `+k3s1`.
    fn cmp(&self, other: &Self) -> Ordering {
        let core = |version: &Self| (version.major, version.minor, version.patch);
        core(self)
            .cmp(&core(other))
            .then_with(|| {
                // A release follows its candidates.
                self.pre
                    .is_empty()
                    .cmp(&other.pre.is_empty())
                    .then_with(|| natural(&self.pre, &other.pre))
            })
            .then_with(|| natural(&self.build, &other.build))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares texts with the numbers in them taken as numbers: `k3s2` stands before `k3s10`.
fn natural(one: &str, other: &str) -> Ordering {
    pieces(one).cmp(&pieces(other)).then_with(|| one.cmp(other))
}

/// Runs of digits and runs of anything else, digits first in the order.
fn pieces(text: &str) -> Vec<Result<u64, &str>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest
            .find(|each: char| each.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(end);
        found.push(piece.parse().map_err(|_| piece));
        rest = tail;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_print_as_they_were_read() {
        for text in [
            "v1.35.1",
            "v1.34.3+k3s1",
            "v1.36.0-rc.1",
            "v1.33.5-eks-3025e55",
            "v1.30.0-beta.0+rke2r1",
        ] {
            assert_eq!(version(text).to_string(), text);
        }
        assert_eq!(version("1.35.1"), version("v1.35.1"));
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "v1",
            "1.35",
            "1.35.1.2",
            "v1.x.0",
            "v1.+5.0",
            "Kubernetes v1.35.1",
            "v1.35.1+k3s 1",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered() {
        let ascending = [
            "v1.9.9",
            "v1.34.9",
            "v1.35.0-alpha.2",
            "v1.35.0-rc.2",
            "v1.35.0-rc.10",
            "v1.35.0",
            "v1.35.1+k3s2",
            "v1.35.1+k3s10",
            "v1.35.2",
            "v1.36.0",
            "v2.0.0",
        ];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn distance_is_in_minors() {
        let cases = [
            ("v1.34.3", "v1.35.1", Some(1)),
            ("v1.35.1", "v1.34.3", Some(-1)),
            ("v1.35.0", "v1.35.9", Some(0)),
            ("v1.35.0", "v2.0.0", None),
        ];
        for (from, to, expected) in cases {
            assert_eq!(version(from).minors_to(&version(to)), expected);
        }
        assert!(Version::same("1.35.1", "v1.35.1"));
        assert!(!Version::same("v1.35.1", "v1.35.1+k3s1"));
    }
}
