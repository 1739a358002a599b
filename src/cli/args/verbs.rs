//! The verbs.

use super::{
    BundleArgs, InventoryArgs, LabArgs, LockArgs, PlanArgs, RollbackArgs, RunArgs, RunsArgs,
    ShowArgs,
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
  windlass rollback 20261121-070312-4f1c                           take a run back")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
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
    /// List the runs of this controller, newest first.
    Runs(RunsArgs),
    /// Show what happened in a run, or what happens in one that is under way.
    Show(ShowArgs),
    /// Take back what a run changed.
    Rollback(RollbackArgs),
    /// Make one file of binaries, images and checksums for places without a way out, or check one.
    Bundle(BundleArgs),
    /// Show who holds which locks, or free what a dead run holds.
    Lock(Box<LockArgs>),
    /// Look after the lab that ships with the inventory.
    Lab(LabArgs),
}
