//! A minor version without its patch: `1.35`.

use crate::kubernetes::Version;
use std::fmt;
use std::str::FromStr;

/// A minor such as `1.35`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
}

impl Minor {
    /// The minor that `version` belongs to.
    pub fn of(version: &Version) -> Self {
        Self {
            major: version.major,
            minor: version.minor,
        }
    }

    /// How many minors this one is ahead of `other`; `None` across major versions.
    pub fn ahead_of(self, other: Self) -> Option<i64> {
        let difference = i128::from(self.minor) - i128::from(other.minor);
        (self.major == other.major)
            .then(|| i64::try_from(difference).ok())
            .flatten()
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Minor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.trim_start_matches('v').split_once('.').ok_or(())?;
        let number = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| text.parse().ok())
                .flatten()
                .ok_or(())
        };
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Minor;

    #[test]
    fn minors_are_read_and_compared() {
        let minor = |text: &str| text.parse::<Minor>();
        assert_eq!(minor("1.30").unwrap().to_string(), "1.30");
        assert!(minor("1.9").unwrap() < minor("v1.30").unwrap());
        for bad in ["", "1", "1.x", "1.35.1", "1.-3"] {
            assert!(minor(bad).is_err(), "{bad}");
        }
        let ahead = |one: &str, other: &str| minor(one).unwrap().ahead_of(minor(other).unwrap());
        assert_eq!(ahead("1.35", "1.32"), Some(3));
        assert_eq!(ahead("1.32", "1.35"), Some(-3));
        assert_eq!(ahead("2.0", "1.35"), None);
    }
}
