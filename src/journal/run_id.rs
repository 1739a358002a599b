//! The name of a run.

use jiff::Timestamp;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// A name such as `20261121-070312-4f1c2a`: sorts by time, safe in a path and as a Kubernetes annotation.
///
/// After the second come its 256th part, so that runs of one second keep their order, and 16 bits of chance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// A new name, from the time (UTC) and chance.
    pub fn new() -> Self {
        let now = Timestamp::now();
        let chance = RandomState::new().hash_one(now.as_nanosecond()) & 0xffff;
        let part = now.subsec_nanosecond().unsigned_abs() / (1_000_000_000 / 256 + 1);
        let second = now.strftime("%Y%m%d-%H%M%S");
        Self(format!("{second}-{part:02x}{chance:04x}"))
    }

    /// Takes a name that a user typed; only letters, digits and `-` are allowed.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (!text.is_empty() && text.chars().all(fits)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RunId;

    #[test]
    fn runs_of_one_second_keep_their_order() {
        let mut last = RunId::new();
        for _ in 0..20 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            let next = RunId::new();
            assert!(last < next, "{last} {next}");
            assert_eq!(next.as_str().len(), "20261121-070312-4f1c2a".len());
            last = next;
        }
    }

    #[test]
    fn ids_are_safe_in_a_path() {
        let id = RunId::new();
        assert_eq!(RunId::parse(id.as_str()), Some(id));
        assert_eq!(RunId::parse("../x"), None);
        assert_eq!(RunId::parse(""), None);
    }
}
