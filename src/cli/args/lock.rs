//! `windlass lock`.

use super::{ConnectionArgs, Sources};
use clap::{Args, Subcommand};

/// `windlass lock`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = false,
    after_help = "Examples:
  windlass lock                                       the locks of this user's inventories
  windlass lock --hosts -i inventory -b               those on the hosts and of the cluster, too
  windlass lock break 20261121-070312-4f1c2a -b       free what a dead run holds"
)]
pub struct LockArgs {
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Ask the hosts of the inventory, and the clusters that they say are locked.
    #[arg(long)]
    pub hosts: bool,
    /// Ask these hosts only: names, groups, patterns, or @FILE with one per line.
    #[arg(short, long, value_name = "PATTERN", global = true)]
    pub limit: Vec<String>,
    /// Print what is shown as JSON.
    #[arg(long)]
    pub json: bool,
    /// How hosts are reached.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// What to do; without it, locks are shown.
    #[command(subcommand)]
    pub action: Option<LockAction>,
}

/// What to do with locks.
#[derive(Debug, Subcommand)]
pub enum LockAction {
    /// Take locks on hosts, and the Lease of their cluster, away from a run that is dead.
    Break {
        /// The run; without it, all runs that hold the hosts of --limit.
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        /// Even from a run whose process is alive on this machine.
        #[arg(long)]
        force: bool,
        /// How hosts are reached.
        #[command(flatten)]
        connection: ConnectionArgs,
    },
}
