//! Locks in lines for a person.

use crate::cli::{CliError, output};
use crate::engine::{HostLockSeen, LeaseSeen, Stand};
use crate::holder::{Holder, age};
use crate::journal::{LockFile, Store};
use crate::undo::{HeldLock, LockState};

/// The locks of this user's inventories on this machine.
pub(super) fn own(locks: &[LockFile]) -> Result<(), CliError> {
    if locks.is_empty() {
        output::line("no run has taken a lock here yet")?;
    }
    for lock in locks {
        output::line(own_line(lock))?;
    }
    Ok(())
}

fn own_line(lock: &LockFile) -> String {
    let Some(holder) = &lock.holder else {
        return format!("unreadable  {}", lock.path.display());
    };
    let inventory = if holder.inventory.is_empty() {
        lock.path.display().to_string()
    } else {
        format!("inventory {}", holder.inventory)
    };
    if lock.is_held() {
        format!("held  {inventory}: {}", since(holder))
    } else {
        format!("free  {inventory}: last held by {}", holder.who())
    }
}

/// The locks of hosts.
pub(super) fn hosts(store: &Store, seen: &[HostLockSeen]) -> Result<(), CliError> {
    let width = seen.iter().map(|each| each.host.len()).max().unwrap_or(0);
    for each in seen {
        let text = match &each.state {
            Err(why) => format!("not reached: {why}"),
            Ok(LockState::Unusable(why)) => format!("not known: {why}"),
            Ok(LockState::Free | LockState::Ours) => "free".to_owned(),
            Ok(LockState::Held(held)) => format!("held: {}", describe(store, held)),
        };
        output::line(format!("{:<width$}  {text}", each.host))?;
    }
    Ok(())
}

/// The Leases of clusters.
pub(super) fn clusters(leases: &[LeaseSeen]) -> Result<(), CliError> {
    for lease in leases {
        let text = match &lease.state {
            Err(why) => format!("not known: {why}"),
            Ok(None) => "free".to_owned(),
            Ok(Some(held)) => {
                let who = held.holder.as_ref();
                let expired = if held.expired {
                    ", so it is expired"
                } else {
                    ""
                };
                format!(
                    "held: {}; renewed {} ago{expired}",
                    who.map_or_else(|| held.identity.clone(), since),
                    age(held.quiet),
                )
            }
        };
        output::line(format!("cluster of {}  {text}", lease.hosts.join(", ")))?;
    }
    Ok(())
}

fn since(holder: &Holder) -> String {
    format!(
        "{} since {}, for {}",
        holder.who(),
        holder.since_text(),
        age(holder.held_for())
    )
}

fn describe(store: &Store, held: &HeldLock) -> String {
    let mut text = match &held.holder {
        None if held.run.is_empty() => "by a run that never wrote its name".to_owned(),
        None => format!("run {}", held.run),
        Some(holder) => format!(
            "{} since {}, for {}",
            holder.who(),
            holder.since_text(),
            age(held.age.unwrap_or_else(|| holder.held_for()))
        ),
    };
    match held.quiet {
        Some(quiet) => text += &["; last sign of life ", &age(quiet), " ago"].concat(),
        None => text += "; no sign of life since the host was booted",
    }
    let stand = Stand::of(store, &held.run, held.holder.as_ref());
    format!("{text}; {}", stand.note())
}
