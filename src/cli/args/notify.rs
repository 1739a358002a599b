//! Who is told what happens in a run.

use clap::Args;
use std::path::PathBuf;

/// Who is told what happens in a run.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Notifications")]
pub struct NotifyArgs {
    /// Tell a webhook (http:// or https://) or a command; @FILE has one per line and keeps secrets off the command line; may be repeated.
    #[arg(long, value_name = "TARGET")]
    pub notify: Vec<String>,
    /// Tell only this: start, failed (each host that failed), end [default: all three].
    #[arg(
        long,
        value_name = "WHEN",
        value_delimiter = ',',
        requires = "notify",
        value_parser = ["start", "failed", "end"]
    )]
    pub notify_on: Vec<String>,
    /// Send the first line of this file to webhooks as a bearer token.
    #[arg(long, value_name = "FILE", requires = "notify")]
    pub notify_token_file: Option<PathBuf>,
    /// Seconds for one try of three, and at the end of the run for what is left [default: 10].
    #[arg(long, value_name = "SECONDS", requires = "notify", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub notify_timeout: Option<u64>,
}
