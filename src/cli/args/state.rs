//! Where runs are kept: for verbs that need no inventory.

use clap::Args;
use std::path::PathBuf;

/// Where runs are kept.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// Where runs, locks and the lab are kept [default: the user's state folder].
    #[arg(
        long,
        value_name = "FOLDER",
        env = "WINDLASS_STATE_DIR",
        hide_env_values = true
    )]
    pub state_dir: Option<PathBuf>,
}
