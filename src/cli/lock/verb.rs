//! The verb itself: what is looked at, and what it is shown as.

use super::asked::Asked;
use super::breaking::Wish;
use super::{json, shown};
use crate::cli::args::{LockAction, LockArgs};
use crate::cli::{CliError, output, state};
use crate::engine::exit_code;
use std::path::Path;

/// Shows locks, or breaks some.
pub(in crate::cli) fn main(args: &LockArgs) -> Result<u8, CliError> {
    let state = state::folder(args.sources.state_dir.as_deref())?;
    let runtime = tokio::runtime::Runtime::new()?;
    match &args.action {
        None => runtime.block_on(show(args, &state)),
        Some(LockAction::Break {
            run,
            yes,
            force,
            connection,
        }) => {
            if args.json || args.hosts {
                return Err(CliError::usage(
                    "--json and --hosts are for looking at locks, not for breaking them",
                    "`windlass lock --hosts --json` looks; `windlass lock break` asks the hosts by itself",
                ));
            }
            if run.is_none() && args.limit.is_empty() {
                return Err(CliError::usage(
                    "whose lock is to be broken?",
                    "name the run, or the hosts with --limit; `windlass lock --hosts` shows both",
                ));
            }
            let wish = Wish {
                run: run.as_deref(),
                yes: *yes,
                force: *force,
            };
            runtime.block_on(async {
                let asked = Asked::open(args, connection, &state).await?;
                let code = asked.break_them(&wish).await;
                asked.engine.hang_up().await;
                code
            })
        }
    }
}

/// Shows the locks of this user's inventories on this machine and, where they are asked for, those of hosts and clusters.
async fn show(args: &LockArgs, state: &Path) -> Result<u8, CliError> {
    let store = state::store(state);
    let own = store.locks();
    let (mut hosts, mut clusters) = (None, None);
    if args.hosts || !args.limit.is_empty() {
        let asked = Asked::open(args, &args.connection, state).await?;
        let seen = asked.engine.look_at_locks(&asked.hosts).await;
        clusters = Some(asked.engine.look_at_leases(&seen).await);
        hosts = Some(seen);
        asked.engine.hang_up().await;
    }
    if args.json {
        let text = json::text(&store, &own, hosts.as_deref(), clusters.as_deref())?;
        output::line(text)?;
        return Ok(exit_code::DONE);
    }
    shown::own(&own)?;
    shown::hosts(&store, &hosts.unwrap_or_default())?;
    shown::clusters(&clusters.unwrap_or_default())?;
    Ok(exit_code::DONE)
}
