//! The verbs.

use super::{
    BundleArgs, InventoryArgs, LabArgs, LockArgs, PlanArgs, ResumeArgs, RollbackArgs, RunArgs,
    RunsArgs, ScheduleArgs, SettingsArgs, ShowArgs,
};
use clap::{Parser, Subcommand};

/// Upgrades Kubernetes hosts over SSH, batch by batch, and takes a host back when it fails.
///
/// Hosts need a POSIX shell and sshd; nothing is installed there.
#[derive(Debug, Parser)]
#[command(
    name = "windlass",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(after_help = "Examples:
  windlass plan playbooks/upgrade.yml -i inventory                 what would be done, and whether it may
  windlass run playbooks/upgrade.yml -i inventory                  the whole fleet
  windlass run playbooks/upgrade.yml -i inventory --limit worker7  one node
  windlass run playbooks/upgrade.yml -i inventory --check --diff   what would change
  windlass resume                                                  go on with the last run
  windlass rollback 20261121-070312-4f1c2a                         take a run back")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Colours where there is a terminal, everywhere, or nowhere.
    #[arg(
        id = "output.color",
        long = "color",
        global = true,
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: String,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a playbook.
    Run(Box<RunArgs>),
    /// Show what an upgrade would do, step by step, and whether the version rules allow it; changes nothing.
    Plan(Box<PlanArgs>),
    /// Show hosts, groups and variables.
    Inventory(InventoryArgs),
    /// Go on with a run that did not end well: hosts that are done are passed over.
    Resume(Box<ResumeArgs>),
    /// List the runs of this controller, newest first.
    Runs(RunsArgs),
    /// Show what happened in a run, or what happens in one that is under way.
    Show(ShowArgs),
    /// Take back what a run changed.
    Rollback(Box<RollbackArgs>),
    /// Print a timer and a crontab line that start a run.
    Schedule(Box<ScheduleArgs>),
    /// Make one file of binaries, images and checksums for places without a way out, or check one.
    Bundle(BundleArgs),
    /// Show who holds which locks, or free what a dead run holds.
    Lock(Box<LockArgs>),
    /// Show what holds where the command line says nothing, and where it comes from.
    Settings(SettingsArgs),
    /// Look after the lab that ships with the inventory.
    Lab(LabArgs),
}
