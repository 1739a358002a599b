//! `windlass plan`.

use super::{ConnectionArgs, PlaybookArgs, Sources, WindowArgs};
use clap::Args;
use std::path::PathBuf;

/// `windlass plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The playbooks that would be run.
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
    /// Lay the version rules of this file over the built-in ones [default: the variable kube_rules_file].
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// How playbooks are read.
    #[command(flatten)]
    pub playbook: PlaybookArgs,
    /// How hosts are reached.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// What fits into a window.
    #[command(flatten)]
    pub window: WindowArgs,
    /// As JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
