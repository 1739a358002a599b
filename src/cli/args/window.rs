//! When a run may begin something.

use clap::Args;
use std::time::Duration;

/// When a run may begin something.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Window")]
pub struct WindowArgs {
    /// Begin batches only in this window, and only those that end in it; such as `Sat 02:00-06:00 Europe/Berlin`.
    #[arg(id = "run.window", long = "window", value_name = "WINDOW")]
    pub window: Option<String>,
    /// Expect a batch to take so long where this run has not measured it yet, such as 20m.
    #[arg(
        id = "run.window_pace",
        long = "window-pace",
        value_name = "TIME",
        value_parser = time
    )]
    pub window_pace: Option<Duration>,
}

fn time(text: &str) -> Result<Duration, String> {
    crate::playbook::parse_duration(text)
        .ok_or_else(|| "not a time such as 90s, 20m or 1h".to_owned())
}
