//! How a run is shown.

use clap::{ArgAction, Args};

/// How a run is shown.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that stands alone"
)]
#[derive(Debug, Default, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print events as JSON, one a line.
    #[arg(
        id = "output.form=json",
        long = "json",
        conflicts_with = "output.form=plain"
    )]
    pub json: bool,
    /// Show more: results, then task files, then connections.
    #[arg(id = "output.verbosity", short = 'v', long = "verbose", action = ArgAction::Count)]
    pub verbose: u8,
    /// Say only what changes and what goes wrong, and how it ended in one line; nothing else when nothing is to do.
    #[arg(id = "output.form=quiet", short = 'q', long = "quiet", conflicts_with_all = ["output.form=json", "output.verbosity", "output.profile"])]
    pub quiet: bool,
    /// Plain lines even on a terminal.
    #[arg(id = "output.form=plain", long = "plain")]
    pub plain: bool,
    /// Say at the end where the time went: by task, and by host and phase.
    #[arg(id = "output.profile", long = "profile")]
    pub profile: bool,
}
