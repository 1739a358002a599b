//! `windlass resume`.

use super::{NotifyArgs, OutputArgs, ReportArgs, StateArgs, VaultArgs, WindowArgs};
use clap::Args;
use std::path::PathBuf;

/// `windlass resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run to go on with [default: the newest one that is not done].
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// A variable whose value the run did not record, as it was given to it: NAME=VALUE words, a mapping, or @FILE.
    #[arg(short = 'e', long = "extra-vars", value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Go on also when the playbook or the inventory changed since; what a host is through with is not done again.
    #[arg(long)]
    pub changed: bool,
    /// Hosts that work at once [default: as before].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub forks: Option<u32>,
    /// Where runs are kept.
    #[command(flatten)]
    pub state: StateArgs,
    /// Read the password for becoming from the first line of this file [default: as before].
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "ask_become_pass",
        help_heading = "Connection"
    )]
    pub become_password_file: Option<PathBuf>,
    /// Ask for the password for becoming; a run that asked for it asks again.
    #[arg(short = 'K', long, help_heading = "Connection")]
    pub ask_become_pass: bool,
    /// What opens vaulted values and files, beside what did before.
    #[command(flatten)]
    pub vault: VaultArgs,
    /// When something may begin; as before where nothing is said.
    #[command(flatten)]
    pub window: WindowArgs,
    /// How it is shown.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Reports of the run in files.
    #[command(flatten)]
    pub report: ReportArgs,
    /// Who is told what happens.
    #[command(flatten)]
    pub notify: NotifyArgs,
}
