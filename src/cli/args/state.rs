//! Where runs are kept: for verbs that need no inventory.

use clap::Args;
use std::path::PathBuf;

/// Where runs are kept.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// Where runs, locks and the lab are kept.
    #[arg(id = "run.state_dir", long = "state-dir", value_name = "FOLDER")]
    pub state_dir: Option<PathBuf>,
}
