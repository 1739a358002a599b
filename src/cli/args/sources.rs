//! Where hosts come from, and where runs are kept: for all verbs.

use super::VaultArgs;
use clap::Args;
use std::path::PathBuf;

/// Where hosts come from.
#[derive(Debug, Args)]
pub struct Sources {
    /// Inventory: a file, a folder, or a list of hosts with a comma in it; may be repeated.
    #[arg(
        id = "run.inventory",
        short = 'i',
        long = "inventory",
        global = true,
        value_name = "SOURCE"
    )]
    pub inventory: Vec<String>,
    /// Where runs, locks and the lab are kept.
    #[arg(
        id = "run.state_dir",
        long = "state-dir",
        global = true,
        value_name = "FOLDER"
    )]
    pub state_dir: Option<PathBuf>,
    /// What opens vaulted values and files.
    #[command(flatten)]
    pub vault: VaultArgs,
}
