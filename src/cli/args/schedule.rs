//! `windlass schedule`.

use clap::Args;
use std::path::PathBuf;

/// `windlass schedule`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass schedule run playbooks/upgrade.yml -i inventory --window \"Sat 02:00-06:00 Europe/Berlin\" -q
  windlass schedule --on \"Sat 02:00\" --cron run playbooks/upgrade.yml -i inventory
  windlass schedule --write . run playbooks/upgrade.yml -i inventory --window 02:00-06:00")]
pub struct ScheduleArgs {
    /// When it begins, such as `Sat 02:00` or `Mon-Fri 22:00 Europe/Berlin` [default: when the command's window opens].
    #[arg(long, value_name = "TIME")]
    pub on: Option<String>,
    /// What the units and files are called, after `windlass-` [default: the playbook's name].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Only the service and the timer for systemd.
    #[arg(long, group = "kind")]
    pub systemd: bool,
    /// Only the line for cron.
    #[arg(long, group = "kind")]
    pub cron: bool,
    /// Let cron mail what the run says, instead of adding it to a log file.
    #[arg(long, conflicts_with = "systemd")]
    pub mail: bool,
    /// Write files into this folder instead of printing them.
    #[arg(long, value_name = "FOLDER")]
    pub write: Option<PathBuf>,
    /// The command to be run, as it would be typed after `windlass`.
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub command: Vec<String>,
}
