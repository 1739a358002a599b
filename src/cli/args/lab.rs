//! `windlass lab`.

use super::Sources;
use clap::{Args, Subcommand};

/// `windlass lab`.
#[derive(Debug, Args)]
pub struct LabArgs {
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// What to do.
    #[command(subcommand)]
    pub action: LabAction,
}

/// What to do with the lab.
#[derive(Debug, Subcommand)]
pub enum LabAction {
    /// Show the lab's hosts: versions on disk and running, nodes, faults.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forget all that the lab's hosts went through.
    Reset,
    /// Set or clear a fault on a host.
    Fault {
        /// The host.
        host: String,
        /// The fault.
        fault: String,
        /// Clear it instead.
        #[arg(long)]
        clear: bool,
    },
}
