//! Why a vaulted value or file stays closed.

/// Why a vaulted value or file stays closed. No message holds what is inside, or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It begins like a vault, but is none.
    #[error("this is not a vault that can be read: {0}")]
    Malformed(&'static str),
    /// A format or a cipher that is not read.
    #[error("the vault's {what} `{found}` is not supported")]
    Unsupported {
        /// `format` or `cipher`.
        what: &'static str,
        /// What the header says.
        found: String,
    },
    /// No password was given at all.
    #[error("it is vaulted{}, and no vault password is given", with_id(.label.as_deref()))]
    NoPassword {
        /// The vault id in the header.
        label: Option<String>,
    },
    /// No password opens it.
    #[error("no vault secret decrypts it{}; ids tried: {}", made_with(.label.as_deref()), .tried.join(", "))]
    NotDecrypted {
        /// The vault id in the header.
        label: Option<String>,
        /// The ids of all passwords, in the order in which they were tried.
        tried: Vec<String>,
    },
    /// What is inside is not UTF-8 where text is needed.
    #[error("what is vaulted is not UTF-8 text")]
    NotText,
}

fn with_id(label: Option<&str>) -> String {
    label.map_or_else(String::new, |label| format!(" with the id `{label}`"))
}

fn made_with(label: Option<&str>) -> String {
    label.map_or_else(String::new, |label| {
        format!(" (it was encrypted with the id `{label}`)")
    })
}

impl VaultError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Malformed(_) => {
                "encrypt the value anew with `ansible-vault encrypt_string`, or the file with `ansible-vault encrypt`"
            }
            Self::Unsupported { .. } => {
                "the formats 1.1 and 1.2 with AES256 are read; `ansible-vault rekey` writes them"
            }
            Self::NoPassword { .. } => {
                "give it with --vault-password-file FILE, --vault-id [LABEL@]FILE or --ask-vault-pass"
            }
            Self::NotDecrypted { .. } => {
                "give its password as well: --vault-id [LABEL@]FILE may be repeated"
            }
            Self::NotText => "only text can be a value; files for hosts may hold anything",
        }
    }
}
