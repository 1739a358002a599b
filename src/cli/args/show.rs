//! `windlass show`.

use super::StateArgs;
use clap::{ArgAction, Args};
use std::path::PathBuf;

/// `windlass show`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that stands alone"
)]
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run: its id, the begin or the end of it, or `last` (the default).
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Where runs are kept.
    #[command(flatten)]
    pub state: StateArgs,
    /// Stay with a run that is under way until it ends; on a terminal, with the live view.
    #[arg(short, long)]
    pub follow: bool,
    /// Print the events as JSON, one a line, as `run --json` did.
    #[arg(long, conflicts_with = "junit")]
    pub json: bool,
    /// Write what came of each task on each host as JUnit XML, for CI systems; `-` is standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "follow")]
    pub junit: Option<PathBuf>,
    /// Show differences of files, where the run was asked for them.
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Show more: results, then task files, then connections.
    #[arg(short, action = ArgAction::Count)]
    pub verbose: u8,
    /// Plain lines even on a terminal.
    #[arg(long, requires = "follow")]
    pub plain: bool,
    /// Write the run as one HTML page (timelines, failures with their output, totals); `-` is standard output.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["follow", "json", "junit", "diff", "verbose", "profile"]
    )]
    pub html: Option<PathBuf>,
    /// Say at the end where the time went: by task, and by host and phase.
    #[arg(long)]
    pub profile: bool,
}
