//! `windlass inventory`.

use super::Sources;
use clap::Args;

/// `windlass inventory`.
#[derive(Debug, Args)]
pub struct InventoryArgs {
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// As JSON, in the shape of `ansible-inventory --list`.
    #[arg(long, group = "shape")]
    pub list: bool,
    /// The variables of one host, as JSON.
    #[arg(long, value_name = "HOST", group = "shape")]
    pub host: Option<String>,
    /// As a tree of groups (the default).
    #[arg(long, group = "shape")]
    pub graph: bool,
    /// Show variables in the tree.
    #[arg(long, conflicts_with_all = ["list", "host"])]
    pub vars: bool,
    /// Only these hosts.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Vec<String>,
}
