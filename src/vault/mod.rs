//! What Ansible Vault encrypted, formats 1.1 and 1.2: reading it, and the passwords that open it.
//!
//! Nothing is encrypted here: making, editing and rekeying vaults stays with `ansible-vault`. This room must not know
//! YAML or variables: it turns envelopes into text, and teaches what it opened to the secrets that are masked.

mod cipher;
mod envelope;
mod error;
mod key;
mod keyring;
mod password_file;

pub use envelope::is_vaulted;
pub use error::VaultError;
pub use key::{DEFAULT_LABEL, Key};
pub use keyring::Vault;
pub use password_file::PasswordError;
