//! `windlass lock`: who holds what, and taking locks away from a run that is dead.
//!
//! It takes no lock and keeps no journal: it is there for the moment when another run holds everything.

use super::args::{ConnectionArgs, LockAction, LockArgs};
use super::{CliError, input, labs, output, run, state, vault};
use crate::engine::{Events, HostLockSeen, LeaseSeen, Parts, Run, Settings, Stand, exit_code};
use crate::holder::{Holder, age};
use crate::inventory::Inventory;
use crate::journal::{LockFile, RunId, Store};
use crate::lab::Fleet;
use crate::module::Modules;
use crate::playbook::{LoadOptions, Loader};
use crate::template::{Templar, Variables};
use crate::undo::{HeldLock, LockState};
use console::Term;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Shows locks, or breaks some.
pub(super) fn main(args: &LockArgs) -> Result<u8, CliError> {
    let state = state::folder(args.sources.state_dir.as_deref())?;
    let runtime = tokio::runtime::Runtime::new()?;
    match &args.action {
        None => {
            show_own(&state::store(&state))?;
            if args.hosts || !args.limit.is_empty() {
                runtime.block_on(async {
                    let asked = Asked::open(args, &args.connection, &state).await?;
                    let seen = asked.engine.look_at_locks(&asked.hosts).await;
                    let leases = asked.engine.look_at_leases(&seen).await;
                    asked.show(&seen, &leases)?;
                    asked.engine.hang_up().await;
                    Ok::<(), CliError>(())
                })?;
            }
            Ok(exit_code::DONE)
        }
        Some(LockAction::Break {
            run,
            yes,
            force,
            connection,
        }) => {
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

/// What is to be broken, and how sure the user is.
struct Wish<'a> {
    run: Option<&'a str>,
    yes: bool,
    force: bool,
}

/// The locks of this user's inventories on this machine.
fn show_own(store: &Store) -> Result<(), CliError> {
    let locks = store.locks();
    if locks.is_empty() {
        output::line("no run has taken a lock here yet")?;
    }
    for lock in locks {
        output::line(own_line(&lock))?;
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

fn since(holder: &Holder) -> String {
    format!(
        "{} since {}, for {}",
        holder.who(),
        holder.since_text(),
        age(holder.held_for())
    )
}

/// The hosts that are asked, and all it takes to reach them.
struct Asked {
    engine: Run,
    store: Store,
    hosts: Vec<String>,
    /// The lab, where hosts are its own; it ends with this.
    _fleet: Option<Fleet>,
}

impl Asked {
    async fn open(
        args: &LockArgs,
        connection: &ConnectionArgs,
        state: &Path,
    ) -> Result<Self, CliError> {
        let mut inventory = input::inventory(&args.sources, None)?;
        let limit = input::limit(&args.limit, &inventory, &args.sources)?;
        let hosts = limit.unwrap_or_else(|| inventory.hosts.keys().cloned().collect());
        let templar = Arc::new(Templar::with_vault(vault::opened()));
        let fleet = labs::start(&mut inventory, &templar, state, &args.sources.inventory).await?;
        let settings = run::settings(connection, Variables::new())?;
        Ok(Self {
            engine: engine(inventory, templar, settings, state),
            store: state::store(state),
            hosts,
            _fleet: fleet,
        })
    }

    fn show(&self, seen: &[HostLockSeen], leases: &[LeaseSeen]) -> Result<(), CliError> {
        let width = seen.iter().map(|each| each.host.len()).max().unwrap_or(0);
        for each in seen {
            let text = match &each.state {
                Err(why) => format!("not reached: {why}"),
                Ok(LockState::Unusable(why)) => format!("not known: {why}"),
                Ok(LockState::Free | LockState::Ours) => "free".to_owned(),
                Ok(LockState::Held(held)) => format!("held: {}", self.describe(held)),
            };
            output::line(format!("{:<width$}  {text}", each.host))?;
        }
        for lease in leases {
            let text = match &lease.state {
                Err(why) => format!("not known: {why}"),
                Ok(None) => "free".to_owned(),
                Ok(Some(held)) => format!(
                    "held: {}; renewed {} ago{}",
                    held.holder
                        .as_ref()
                        .map_or_else(|| held.identity.clone(), since),
                    age(held.quiet),
                    if held.expired {
                        ", so it is expired"
                    } else {
                        ""
                    }
                ),
            };
            output::line(format!("cluster of {}  {text}", lease.hosts.join(", ")))?;
        }
        Ok(())
    }

    fn describe(&self, held: &HeldLock) -> String {
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
            Some(quiet) => text += &format!("; last sign of life {} ago", age(quiet)),
            None => text += "; no sign of life since the host was booted",
        }
        format!("{text}; {}", self.stand(held).note())
    }

    fn stand(&self, held: &HeldLock) -> Stand {
        Stand::of(&self.store, &held.run, held.holder.as_ref())
    }

    /// Shows what would be broken, asks, and does it.
    async fn break_them(&self, wish: &Wish<'_>) -> Result<u8, CliError> {
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
        self.show(&not_reached, &[])?;
        if seen.is_empty() {
            let whose = wish
                .run
                .map_or_else(String::new, |run| format!(" of run {run}"));
            output::line(format!("no lock{whose} was found"))?;
            return Ok(code_of(&not_reached));
        }
        let leases = self.engine.look_at_leases(&seen).await;
        self.show(&seen, &leases)?;
        self.refuse_if_alive(&seen, wish)?;
        if !wish.yes && !confirmed(seen.len())? {
            output::line("nothing was broken")?;
            return Ok(exit_code::DONE);
        }
        let after = self.take_away(&seen, &leases).await?;
        self.show(&after, &[])?;
        Ok(code_of(&not_reached).max(code_of(&after)))
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

/// An engine that runs no play.
fn engine(inventory: Inventory, templar: Arc<Templar>, settings: Settings, state: &Path) -> Run {
    let (events, _) = mpsc::unbounded_channel();
    Run::new(Parts {
        run: RunId::new(),
        inventory: Arc::new(inventory),
        templar,
        loader: Arc::new(Loader::new(Arc::new(Modules), LoadOptions::default())),
        settings,
        events: Events::new(None, events),
        interrupted: Arc::default(),
        store: state::store(state),
    })
}
