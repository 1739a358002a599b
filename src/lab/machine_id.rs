//! The machine-id of a lab host: the host has it in a file, its node reports it, and neither must know the other.

use sha2::{Digest as _, Sha256};

/// 32 digits, always the same for a name.
pub(in crate::lab) fn machine_id(host: &str) -> String {
    Sha256::digest(format!("windlass lab host {host}"))
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::machine_id;

    #[test]
    fn each_host_has_its_own() {
        assert_eq!(machine_id("a"), machine_id("a"));
        assert_ne!(machine_id("a"), machine_id("b"));
        assert_eq!(machine_id("a").len(), 32);
    }
}
