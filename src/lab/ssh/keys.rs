//! The keys of a lab: one client key, and a host key per host.
//!
//! Host keys are derived from one secret seed and the host's name. So a host keeps its key for as long as the lab
//! folder lives, and a thousand hosts need one file. This file must not know who uses the keys.

use crate::lab::folder;
use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;

/// Length of a seed in bytes.
const SEED: usize = 32;

/// Makes the host keys of one lab.
pub(in crate::lab) struct HostKeys {
    seed: [u8; SEED],
}

impl HostKeys {
    /// Reads the seed of the lab, and makes one if there is none.
    pub(in crate::lab) fn open(path: &Path) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => match bytes.try_into() {
                Ok(seed) => Ok(Self { seed }),
                Err(_) => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the seed of the host keys is damaged",
                )),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed = random()?;
                folder::write(path, &seed, folder::PRIVATE)?;
                Ok(Self { seed })
            }
            Err(error) => Err(error),
        }
    }

    /// The key of the host with this name, the same at every call.
    pub(in crate::lab) fn of(&self, host: &str) -> PrivateKey {
        let digest = Sha256::new()
            .chain_update(self.seed)
            .chain_update(host.as_bytes())
            .finalize();
        PrivateKey::from(Ed25519Keypair::from_seed(&digest.into()))
    }
}

/// Reads the key that opens every host of the lab, and makes one if there is none.
pub(in crate::lab) fn client_key(path: &Path) -> io::Result<PrivateKey> {
    let damaged = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    match std::fs::read(path) {
        Ok(text) => PrivateKey::from_openssh(text).map_err(damaged),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = PrivateKey::from(Ed25519Keypair::from_seed(&random()?));
            let text = key.to_openssh(LineEnding::LF).map_err(damaged)?;
            folder::write(path, text.as_bytes(), folder::PRIVATE)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

fn random() -> io::Result<[u8; SEED]> {
    let mut bytes = [0; SEED];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("no random numbers from the system"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let (seed, client) = (folder.path().join("seed"), folder.path().join("client"));
        let first = HostKeys::open(&seed).unwrap();
        let second = HostKeys::open(&seed).unwrap();
        assert_eq!(first.of("a").public_key(), second.of("a").public_key());
        assert_ne!(first.of("a").public_key(), first.of("b").public_key());

        let key = client_key(&client).unwrap();
        let again = client_key(&client).unwrap();
        assert_eq!(key.public_key().key_data(), again.public_key().key_data());
        for path in [seed, client] {
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_seed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed");
        std::fs::write(&path, "short").unwrap();
        assert!(HostKeys::open(&path).is_err());
    }
}
