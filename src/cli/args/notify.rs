//! Who is told what happens in a run.

use clap::Args;
use std::path::PathBuf;

/// Who is told what happens in a run.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Notifications")]
pub struct NotifyArgs {
    /// Tell a webhook (http:// or https://) or a command what happens, as JSON; may be repeated.
    #[arg(long, value_name = "TARGET")]
    pub notify: Vec<String>,
    /// Tell the webhooks and commands in this file, one on each line; a URL that is a secret belongs there.
    #[arg(id = "notify.file", long = "notify-file", value_name = "FILE")]
    pub notify_file: Option<PathBuf>,
    /// Tell only this: start, failed (each host that failed), end.
    #[arg(
        id = "notify.on",
        long = "notify-on",
        value_name = "WHEN",
        value_delimiter = ','
    )]
    pub notify_on: Vec<String>,
    /// Send the first line of this file to webhooks as a bearer token.
    #[arg(
        id = "notify.token_file",
        long = "notify-token-file",
        value_name = "FILE"
    )]
    pub notify_token_file: Option<PathBuf>,
    /// Seconds for one try of three, and at the end of the run for what is left.
    #[arg(id = "notify.timeout", long = "notify-timeout", value_name = "SECONDS")]
    pub notify_timeout: Option<u32>,
}
