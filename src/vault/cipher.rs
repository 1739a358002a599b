//! AES256 as Ansible Vault uses it: keys by PBKDF2, the ciphertext proved by an HMAC before it is opened.

use super::envelope::Envelope;
use aes::Aes256;
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use ctr::Ctr128BE;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Rounds of PBKDF2 with HMAC-SHA256 (ansible-core, `VaultAES256`).
const ROUNDS: u32 = 10_000;

/// Key of the cipher, key of the HMAC, first counter: in bytes.
const DERIVED: usize = 32 + 32 + 16;

/// Padding fills the last block of so many bytes (PKCS#7).
const BLOCK: usize = 16;

/// What is inside, if `password` opens it.
pub(super) fn open(envelope: &Envelope, password: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut derived = Zeroizing::new([0; DERIVED]);
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password, &envelope.salt, ROUNDS, derived.as_mut_slice())
        .ok()?;
    let (cipher_key, rest) = derived.split_at(32);
    let (mac_key, counter) = rest.split_at(32);
    let mut mac = <Hmac<Sha256>>::new_from_slice(mac_key).ok()?;
    mac.update(&envelope.ciphertext);
    // Takes the same time wherever they differ.
    mac.verify_slice(&envelope.mac).ok()?;
    let mut plain = Zeroizing::new(envelope.ciphertext.clone());
    Ctr128BE::<Aes256>::new_from_slices(cipher_key, counter)
        .ok()?
        .apply_keystream(&mut plain);
    let padding = usize::from(*plain.last()?);
    if padding == 0 || padding > BLOCK || padding > plain.len() {
        return None;
    }
    let length = plain.len() - padding;
    if plain[length..]
        .iter()
        .any(|byte| usize::from(*byte) != padding)
    {
        return None;
    }
    plain.truncate(length);
    Some(plain)
}
