//! Locks for programs.

use crate::cli::CliError;
use crate::engine::{HostLockSeen, LeaseSeen, Stand};
use crate::holder::Holder;
use crate::journal::{LockFile, Store};
use crate::undo::LockState;
use serde::Serialize;
use std::time::Duration;

/// All that was looked at; what was not asked for is left out.
#[derive(Serialize)]
struct Locks<'a> {
    /// The locks of this user's inventories on this machine.
    inventories: Vec<Own<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts: Option<Vec<OfHost<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clusters: Option<Vec<OfCluster<'a>>>,
}

#[derive(Serialize)]
struct Own<'a> {
    file: String,
    /// `held`, `free` or `unreadable`.
    state: &'static str,
    /// Who has it, or had it last.
    #[serde(flatten)]
    by: By<'a>,
}

#[derive(Serialize)]
struct OfHost<'a> {
    host: &'a str,
    /// `held`, `free`, `unreachable` or `unknown`.
    state: &'static str,
    #[serde(flatten)]
    by: By<'a>,
    /// How long it has been held.
    held_seconds: Option<f64>,
    /// How long the last sign of life is ago.
    quiet_seconds: Option<f64>,
    /// What is known of the run: `alive`, `dead`, `stale` or `elsewhere`.
    stand: Option<&'static str>,
    /// Why it is not known how the lock stands.
    message: Option<&'a str>,
}

#[derive(Serialize)]
struct OfCluster<'a> {
    /// Its control-plane hosts.
    hosts: &'a [String],
    /// `held`, `expired`, `free` or `unknown`.
    state: &'static str,
    #[serde(flatten)]
    by: By<'a>,
    quiet_seconds: Option<f64>,
    message: Option<&'a str>,
}

/// Who has a lock.
#[derive(Serialize, Default)]
struct By<'a> {
    run: Option<&'a str>,
    user: Option<&'a str>,
    machine: Option<&'a str>,
    pid: Option<u32>,
    what: Option<&'a str>,
    inventory: Option<&'a str>,
    since: Option<jiff::Timestamp>,
}

impl<'a> By<'a> {
    /// `run` is known where the holder is not.
    fn new(run: &'a str, holder: Option<&'a Holder>) -> Self {
        let Some(holder) = holder else {
            return Self {
                run: Some(run).filter(|run| !run.is_empty()),
                ..Self::default()
            };
        };
        Self {
            run: Some(&holder.run),
            user: Some(&holder.user),
            machine: Some(&holder.machine),
            pid: Some(holder.pid),
            what: Some(&holder.what),
            inventory: Some(&holder.inventory),
            since: Some(holder.since),
        }
    }
}

/// The text of it.
pub(super) fn text(
    store: &Store,
    own: &[LockFile],
    hosts: Option<&[HostLockSeen]>,
    clusters: Option<&[LeaseSeen]>,
) -> Result<String, CliError> {
    let locks = Locks {
        inventories: own.iter().map(of_inventory).collect(),
        hosts: hosts.map(|seen| seen.iter().map(|each| of_host(store, each)).collect()),
        clusters: clusters.map(|seen| seen.iter().map(of_cluster).collect()),
    };
    Ok(serde_json::to_string_pretty(&locks).map_err(anyhow::Error::from)?)
}

fn of_inventory(lock: &LockFile) -> Own<'_> {
    Own {
        file: lock.path.display().to_string(),
        state: match &lock.holder {
            None => "unreadable",
            Some(_) if lock.is_held() => "held",
            Some(_) => "free",
        },
        by: By::new("", lock.holder.as_ref()),
    }
}

fn of_host<'a>(store: &Store, seen: &'a HostLockSeen) -> OfHost<'a> {
    let nothing = |state, message| OfHost {
        host: &seen.host,
        state,
        by: By::default(),
        held_seconds: None,
        quiet_seconds: None,
        stand: None,
        message,
    };
    let held = match &seen.state {
        Err(why) => return nothing("unreachable", Some(why)),
        Ok(LockState::Unusable(why)) => return nothing("unknown", Some(why)),
        Ok(LockState::Free | LockState::Ours) => return nothing("free", None),
        Ok(LockState::Held(held)) => held,
    };
    let holder = held.holder.as_ref();
    OfHost {
        by: By::new(&held.run, holder),
        held_seconds: held
            .age
            .or_else(|| holder.map(Holder::held_for))
            .map(|age| age.as_secs_f64()),
        quiet_seconds: held.quiet.map(|quiet| quiet.as_secs_f64()),
        stand: Some(match Stand::of(store, &held.run, holder) {
            Stand::Alive => "alive",
            Stand::Dead => "dead",
            Stand::Stale => "stale",
            Stand::Elsewhere => "elsewhere",
        }),
        ..nothing("held", None)
    }
}

fn of_cluster(seen: &LeaseSeen) -> OfCluster<'_> {
    let nothing = |state, message| OfCluster {
        hosts: &seen.hosts,
        state,
        by: By::default(),
        quiet_seconds: None,
        message,
    };
    match &seen.state {
        Err(why) => nothing("unknown", Some(why.as_str())),
        Ok(None) => nothing("free", None),
        Ok(Some(held)) => OfCluster {
            by: By::new(held.run(), held.holder.as_ref()),
            // A Lease that was never renewed has been quiet for ever.
            quiet_seconds: (held.quiet != Duration::MAX).then_some(held.quiet.as_secs_f64()),
            ..nothing(if held.expired { "expired" } else { "held" }, None)
        },
    }
}
