//! `windlass rollback`.

use super::{ConnectionArgs, Sources};
use clap::Args;

/// `windlass rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The run to take back; without it, the runs are listed.
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Only these hosts.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Vec<String>,
    /// How hosts are reached.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Print events as JSON, one a line.
    #[arg(id = "output.form=json", long = "json")]
    pub json: bool,
}
