//! What opens vaulted values and files.

use clap::Args;
use std::path::PathBuf;

/// What opens vaulted values and files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub struct VaultArgs {
    /// Read a vault password from this file; an executable is run and prints it; may be repeated.
    #[arg(
        id = "vault.password_file",
        long = "vault-password-file",
        visible_alias = "vault-pass-file",
        global = true,
        value_name = "FILE",
        help_heading = "Vault"
    )]
    pub vault_password_file: Vec<PathBuf>,
    /// A vault password with an id: [LABEL@]FILE, or [LABEL@]prompt to ask for it; may be repeated.
    #[arg(
        id = "vault.ids",
        long = "vault-id",
        global = true,
        value_name = "[LABEL@]SOURCE",
        help_heading = "Vault"
    )]
    pub vault_id: Vec<String>,
    /// Ask for the vault password.
    #[arg(
        id = "vault.ask_password",
        short = 'J',
        long = "ask-vault-pass",
        visible_alias = "ask-vault-password",
        global = true,
        help_heading = "Vault"
    )]
    pub ask_vault_pass: bool,
}
