//! Taking locks away from a run that is dead.

use super::asked::Asked;
use super::shown;
use crate::cli::{CliError, output};
use crate::engine::{HostLockSeen, LeaseSeen, Stand, exit_code};
use crate::undo::{HeldLock, LockState};
use console::Term;

/// What is to be broken, and how sure the user is.
pub(super) struct Wish<'a> {
    pub(super) run: Option<&'a str>,
    pub(super) yes: bool,
    pub(super) force: bool,
}

impl Asked {
    /// Shows what would be broken, asks, and does it.
    pub(super) async fn break_them(&self, wish: &Wish<'_>) -> Result<u8, CliError> {
        let mut seen = self.engine.look_at_locks(&self.hosts).await;
        let not_reached: Vec<HostLockSeen> = seen
            .iter()
            .filter(|each| !matches!(each.state, Ok(LockState::Free | LockState::Held(_))))
            .cloned()
            .collect();
        seen.retain(|each| match &each.state {
            Ok(LockState::Held(held)) => wish.run.is_none_or(|run| run == held.run),
            _ => false,
        });
        shown::hosts(&self.store, &not_reached)?;
        if seen.is_empty() {
            let whose = wish
                .run
                .map_or_else(String::new, |run| format!(" of run {run}"));
            output::line(format!("no lock{whose} was found"))?;
            return Ok(code_of(&not_reached));
        }
        let leases = self.engine.look_at_leases(&seen).await;
        shown::hosts(&self.store, &seen)?;
        shown::clusters(&leases)?;
        self.refuse_if_alive(&seen, wish)?;
        if !wish.yes && !confirmed(seen.len())? {
            output::line("nothing was broken")?;
            return Ok(exit_code::DONE);
        }
        let after = self.take_away(&seen, &leases).await?;
        shown::hosts(&self.store, &after)?;
        Ok(code_of(&not_reached).max(code_of(&after)))
    }

    fn stand(&self, held: &HeldLock) -> Stand {
        Stand::of(&self.store, &held.run, held.holder.as_ref())
    }

    /// A run that lives would be torn from its hosts in the middle of its work.
    fn refuse_if_alive(&self, seen: &[HostLockSeen], wish: &Wish<'_>) -> Result<(), CliError> {
        let alive = seen.iter().find_map(|each| match &each.state {
            Ok(LockState::Held(held)) if self.stand(held) == Stand::Alive => Some(held),
            _ => None,
        });
        match alive {
            Some(held) if !wish.force => {
                let pid = held.holder.as_ref().map_or(0, |holder| holder.pid);
                Err(CliError::usage(
                    format!("run {} is under way on this machine", held.run),
                    format!(
                        "end it first, with `kill {pid}`; --force breaks its locks all the same, and it stops before its next step"
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// How the locks stand after they were broken.
    async fn take_away(
        &self,
        seen: &[HostLockSeen],
        leases: &[LeaseSeen],
    ) -> Result<Vec<HostLockSeen>, CliError> {
        let mut runs: Vec<&str> = Vec::new();
        for each in seen {
            if let Ok(LockState::Held(held)) = &each.state
                && !runs.contains(&held.run.as_str())
            {
                runs.push(&held.run);
            }
        }
        let mut after = Vec::new();
        for run in runs {
            // The Lease first: who waits for it finds the hosts a moment later.
            for lease in leases {
                match self.engine.break_lease(lease, run).await {
                    Ok(_) => {}
                    Err(why) => output::complain(&format!(
                        "the Lease in the cluster of {} stays until it expires: {why}",
                        lease.hosts.join(", ")
                    )),
                }
            }
            let of_run: Vec<String> = seen
                .iter()
                .filter(|each| matches!(&each.state, Ok(LockState::Held(held)) if held.run == run))
                .map(|each| each.host.clone())
                .collect();
            let broken = self.engine.break_locks(&of_run, run).await;
            output::line(format!("run {run}: {} broken", counted(of_run.len())))?;
            after.extend(broken);
        }
        after.retain(|each| !matches!(each.state, Ok(LockState::Free)));
        Ok(after)
    }
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 lock".to_owned(),
        n => format!("{n} locks"),
    }
}

/// Hosts of which it is not known how they stand.
fn code_of(seen: &[HostLockSeen]) -> u8 {
    let lost =
        |each: &HostLockSeen| !matches!(each.state, Ok(LockState::Free | LockState::Held(_)));
    if seen.iter().any(lost) {
        exit_code::UNREACHABLE
    } else {
        exit_code::DONE
    }
}

/// Asks on the terminal; without one it is refused.
fn confirmed(count: usize) -> Result<bool, CliError> {
    let term = Term::stderr();
    if !term.is_term() {
        return Err(CliError::usage(
            format!(
                "{} would be broken, and there is no terminal to ask",
                counted(count)
            ),
            "say --yes to break without being asked",
        ));
    }
    term.write_str(&format!("break {}? [y/N] ", counted(count)))?;
    let answer = term.read_line()?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
