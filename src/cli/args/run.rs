//! `windlass run`.

use super::{
    AgainArgs, ConnectionArgs, NotifyArgs, OutputArgs, PlaybookArgs, ReportArgs, Sources,
    WindowArgs,
};
use clap::Args;
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
    /// Only these hosts: names, groups, patterns, @FILE with one per line; @failed, @pending or @last of the last run.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Vec<String>,
    /// A variable: NAME=VALUE words, a YAML or JSON mapping, or @FILE; may be repeated.
    #[arg(short = 'e', long = "extra-vars", value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Only tasks with one of these tags.
    #[arg(
        id = "run.tags",
        short = 't',
        long = "tags",
        value_name = "TAGS",
        value_delimiter = ','
    )]
    pub tags: Vec<String>,
    /// No tasks with one of these tags.
    #[arg(
        id = "run.skip_tags",
        long = "skip-tags",
        value_name = "TAGS",
        value_delimiter = ','
    )]
    pub skip_tags: Vec<String>,
    /// Change nothing; say what would change.
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show differences of files.
    #[arg(id = "output.diff", short = 'D', long = "diff")]
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
    #[arg(id = "run.forks", short = 'f', long = "forks", value_name = "N")]
    pub forks: u32,
    /// Stop when more than N hosts of the run have failed.
    #[arg(id = "run.max_failures", long = "max-failures", value_name = "N")]
    pub max_failures: Option<u32>,
    /// A task that fails on one host ends the play for all, where the playbook does not say otherwise.
    #[arg(id = "run.any_errors_fatal", long = "any-errors-fatal")]
    pub any_errors_fatal: bool,
    /// Run notified handlers on failed hosts too.
    #[arg(id = "run.force_handlers", long = "force-handlers")]
    pub force_handlers: bool,
    /// How playbooks are read.
    #[command(flatten)]
    pub playbook: PlaybookArgs,
    /// How hosts are reached.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Going on with an earlier run.
    #[command(flatten)]
    pub again: AgainArgs,
    /// When something may begin.
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
