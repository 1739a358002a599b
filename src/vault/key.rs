//! One vault password, under its id.

use std::fmt;
use zeroize::Zeroizing;

/// The id of a password that is given without one.
pub const DEFAULT_LABEL: &str = "default";

/// A vault password and its id.
pub struct Key {
    label: String,
    password: Zeroizing<Vec<u8>>,
}

impl Key {
    /// The password `password` under the id `label`.
    pub fn new(label: &str, password: &[u8]) -> Self {
        Self {
            label: label.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        }
    }

    /// Its vault id.
    pub fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn password(&self) -> &[u8] {
        &self.password
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.label)
    }
}
