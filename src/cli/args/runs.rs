//! `windlass runs`.

use super::StateArgs;
use clap::Args;

/// `windlass runs`.
#[derive(Debug, Args)]
#[command(
    after_help = "A run is named by its id, or by the begin or the end of it:
  windlass show 1c2a     what happened in the run whose id ends so
  windlass show          what happened in the last run"
)]
pub struct RunsArgs {
    /// Where runs are kept.
    #[command(flatten)]
    pub state: StateArgs,
    /// Show so many; 0 shows all.
    #[arg(short, long, value_name = "N", default_value_t = 20)]
    pub number: usize,
    /// As JSON: a list, newest first.
    #[arg(long)]
    pub json: bool,
}
