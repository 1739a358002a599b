//! `windlass run`.

use super::{ConnectionArgs, Sources};
use clap::{ArgAction, Args};
use std::path::PathBuf;

/// `windlass run`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that stands alone"
)]
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The playbooks, run one after the other as one run.
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub playbooks: Vec<PathBuf>,
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Only these hosts: names, groups, patterns, or @FILE with one per line.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Vec<String>,
    /// A variable: NAME=VALUE words, a YAML or JSON mapping, or @FILE; may be repeated.
    #[arg(short = 'e', long = "extra-vars", value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Only tasks with one of these tags.
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// No tasks with one of these tags.
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub skip_tags: Vec<String>,
    /// Change nothing; say what would change.
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show differences of files.
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Only check the playbook and the inventory for mistakes.
    #[arg(long, group = "instead")]
    pub syntax_check: bool,
    /// List the hosts of each play.
    #[arg(long, group = "instead")]
    pub list_hosts: bool,
    /// List the tasks of each play.
    #[arg(long, group = "instead")]
    pub list_tasks: bool,
    /// Hosts that work at once.
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub forks: u32,
    /// Stop when more than N hosts of the run have failed.
    #[arg(long, value_name = "N")]
    pub max_failures: Option<usize>,
    /// Run notified handlers on failed hosts too.
    #[arg(long)]
    pub force_handlers: bool,
    /// How hosts are reached.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Print events as JSON, one a line.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Show more: results, then task files, then connections.
    #[arg(short, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Plain lines even on a terminal.
    #[arg(long, help_heading = "Output")]
    pub plain: bool,
    /// Say at the end where the time went: by task, and by host and phase.
    #[arg(long, help_heading = "Output")]
    pub profile: bool,
    /// Write the run as one HTML page when it is over: timelines, failures with their output, totals.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
}
