//! What opens vaulted values and files.

use clap::Args;
use std::path::PathBuf;

/// What opens vaulted values and files. Nothing given is told from something given, so that settings can stand in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub struct VaultArgs {
    /// Read a vault password from this file; an executable is run and prints it; may be repeated.
    #[arg(
        long,
        visible_alias = "vault-pass-file",
        global = true,
        value_name = "FILE",
        help_heading = "Vault"
    )]
    pub vault_password_file: Vec<PathBuf>,
    /// A vault password with an id: [LABEL@]FILE, or [LABEL@]prompt to ask for it; may be repeated.
    #[arg(
        long,
        global = true,
        value_name = "[LABEL@]SOURCE",
        help_heading = "Vault"
    )]
    pub vault_id: Vec<String>,
    /// Ask for the vault password.
    #[arg(
        short = 'J',
        long,
        visible_alias = "ask-vault-password",
        global = true,
        help_heading = "Vault"
    )]
    pub ask_vault_pass: bool,
}
