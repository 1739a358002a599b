//! All vault passwords of a run, and what they opened.

use super::cipher;
use super::envelope::{Envelope, is_vaulted};
use super::{Key, VaultError};
use crate::secrecy::Secrets;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// What was opened, by the hash of its envelope.
type Opened = HashMap<[u8; 32], Result<Arc<Zeroizing<Vec<u8>>>, VaultError>>;

/// Opens vaulted values and files; shared by all who read the user's files.
///
/// Each envelope is opened once, since that costs thousands of hashes. What comes out is masked wherever it is shown.
#[derive(Default)]
pub struct Vault {
    keys: Vec<Key>,
    secrets: Arc<Secrets>,
    opened: Mutex<Opened>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// With these passwords, the first one tried first. They and all that they open become known to `secrets`.
    pub fn new(keys: Vec<Key>, secrets: Arc<Secrets>) -> Self {
        for key in &keys {
            if let Ok(password) = std::str::from_utf8(key.password()) {
                secrets.learn(password);
            }
        }
        Self {
            keys,
            secrets,
            opened: Mutex::default(),
        }
    }

    /// What is known not to be shown.
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// Whether there is no password.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a password under this vault id was given.
    pub fn has(&self, label: &str) -> bool {
        self.keys.iter().any(|key| key.label() == label)
    }

    /// The vault id that an envelope names.
    pub fn label_of(envelope: &str) -> Option<String> {
        Envelope::parse(envelope).ok()?.label
    }

    /// The text of an inline value. All of it is a secret.
    pub fn value(&self, envelope: &str) -> Result<String, VaultError> {
        let plain = self.open(envelope)?;
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::NotText)?;
        self.secrets.learn(text);
        Ok(text.to_owned())
    }

    /// The content of a file, opened where it is vaulted. The reader of the file teaches its parts to the secrets.
    pub fn file(&self, content: Vec<u8>) -> Result<Vec<u8>, VaultError> {
        if !is_vaulted(&content) {
            return Ok(content);
        }
        let envelope =
            String::from_utf8(content).map_err(|_| VaultError::Malformed("it is not text"))?;
        Ok(self.open(&envelope)?.to_vec())
    }

    fn open(&self, envelope: &str) -> Result<Arc<Zeroizing<Vec<u8>>>, VaultError> {
        let key: [u8; 32] = Sha256::digest(envelope.as_bytes()).into();
        let known = |opened: &Mutex<Opened>| {
            opened
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&key)
                .cloned()
        };
        if let Some(known) = known(&self.opened) {
            return known;
        }
        let result = self.open_anew(envelope).map(Arc::new);
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, result.clone());
        result
    }

    /// Passwords under the envelope's own id come first, then all others, as in Ansible.
    fn open_anew(&self, envelope: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let envelope = Envelope::parse(envelope)?;
        let label = envelope.label.clone();
        if self.keys.is_empty() {
            return Err(VaultError::NoPassword { label });
        }
        let is_own = |key: &&Key| Some(key.label()) == label.as_deref();
        let own = self.keys.iter().filter(is_own);
        let others = self.keys.iter().filter(|key| !is_own(key));
        let mut tried = Vec::new();
        for key in own.chain(others) {
            if let Some(plain) = cipher::open(&envelope, key.password()) {
                return Ok(plain);
            }
            tried.push(key.label().to_owned());
        }
        Err(VaultError::NotDecrypted { label, tried })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ansible-vault encrypt_string` of ansible-core 2.18 with the password `testpw`: `42`.
    const NUMBER: &str = "$ANSIBLE_VAULT;1.1;AES256
          33386565663531633339383063666562376636373763333339306538333066343139366634316533
          3065396133393762333764346630336230386565626638300a373436323632646436653661373139
          31333261306634316461333463383835353231656466366131376561653962613163396234303137
          6130336635663332650a653766326636666437643839346339386337653035353065653030333532
          6566
";
    /// The same with the password `other-pw` under the id `dev`: `labelled sécret`.
    const LABELLED: &str = "$ANSIBLE_VAULT;1.2;AES256;dev
          66633766356533636463646130623332343461383835623437643964303462353737616564663431
          3964373234646137666139316661646334386466646535390a316436333665393463313231396165
          31336332626532353634633138346166646239316633366266396563656636323866386435653565
          3764386333373765640a663535336135356363393832363739343863643063346161323831383638
          31656534323161303666623063666232666161666436643930346139346237333831
";

    fn vault(keys: &[(&str, &str)]) -> Vault {
        let keys = keys
            .iter()
            .map(|(label, password)| Key::new(label, password.as_bytes()))
            .collect();
        Vault::new(keys, Arc::default())
    }

    #[test]
    fn what_ansible_encrypted_is_read_and_known_as_a_secret() {
        let vault = vault(&[("default", "testpw"), ("x", "other-pw")]);
        assert_eq!(vault.value(NUMBER).unwrap(), "42");
        // The id is a hint: any password may open it.
        assert_eq!(vault.value(LABELLED).unwrap(), "labelled sécret");
        assert_eq!(
            vault.secrets().text("a labelled sécret and testpw"),
            "a ******** and ********"
        );
        assert_eq!(
            vault.file(LABELLED.as_bytes().to_vec()).unwrap(),
            "labelled sécret".as_bytes()
        );
        assert_eq!(vault.file(b"plain".to_vec()).unwrap(), b"plain");
    }

    #[test]
    fn what_no_password_opens_names_the_ids() {
        let error = vault(&[("default", "wrong"), ("dev", "wrong too")])
            .value(LABELLED)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "no vault secret decrypts it (it was encrypted with the id `dev`); ids tried: dev, default"
        );
        let error = vault(&[]).value(NUMBER).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it is vaulted, and no vault password is given"
        );
        assert_eq!(Vault::label_of(LABELLED).as_deref(), Some("dev"));
    }

    #[test]
    fn a_changed_vault_stays_closed() {
        let changed = NUMBER.replacen("6566\n", "6565\n", 1);
        assert_ne!(changed, NUMBER);
        let error = vault(&[("default", "testpw")]).value(&changed).unwrap_err();
        assert!(matches!(error, VaultError::NotDecrypted { .. }), "{error}");
    }

    #[test]
    fn debug_output_shows_no_password() {
        let shown = format!("{:?}", vault(&[("dev", "testpw")]));
        assert_eq!(shown, "Vault { keys: [Key(dev)], .. }");
    }
}
