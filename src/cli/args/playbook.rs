//! How playbooks are read: for all verbs that read them.

use clap::Args;
use std::path::PathBuf;

/// How playbooks are read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playbooks")]
pub struct PlaybookArgs {
    /// Look for roles in this folder too; may be repeated.
    #[arg(id = "run.roles_path", long = "roles-path", value_name = "FOLDER")]
    pub roles_path: Vec<PathBuf>,
    /// Whether plays that say nothing of gather_facts gather facts.
    #[arg(id = "run.gathering", long = "gathering", value_name = "WHEN")]
    pub gathering: String,
}
