//! Going on with an earlier run.

use clap::Args;

/// Going on with an earlier run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Going on")]
pub struct AgainArgs {
    /// Go on with the last run of these playbooks and this inventory, if it is not done.
    #[arg(long)]
    pub resume: bool,
    /// Go on with it also when the playbook or the inventory changed since.
    #[arg(long, requires = "resume")]
    pub changed: bool,
}
