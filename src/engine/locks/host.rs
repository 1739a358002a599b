//! The lock of one host: taken, kept, and noticed when it is gone.

use super::verdict::{Blocker, Stand};
use crate::connection::{Command, ConnectionError, Output};
use crate::engine::host::Host;
use crate::engine::lineage::Lineage;
use crate::engine::rollback::{Opened, open};
use crate::engine::shared::Shared;
use crate::undo::{HeldLock, HostLock, LockState, UndoLog};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a run is waited for that may be about to give way.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked.
const PAUSE: Duration = Duration::from_millis(200);

/// What becomes of two runs that take locks at the same time.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Contest {
    /// When this run began to take locks.
    began: Instant,
    /// It has the cluster, which the other one cannot have.
    insistent: bool,
}

/// How a host's lock was found.
pub(in crate::engine) enum Taken {
    /// This run has it.
    Ours,
    /// Another run has it.
    Held(Blocker),
    /// The host cannot keep one; why.
    Without(String),
}

/// A lock that this run has on a host.
#[derive(Clone)]
pub(in crate::engine) struct Kept {
    pub(super) lock: HostLock,
    /// How the host is reached when the lock is given back.
    pub(super) lineage: Lineage,
    /// When it was last known to be this run's.
    pub(super) seen: Instant,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lock of {}", self.lock.run())
    }
}

/// The lock that this run has on `host`.
pub(in crate::engine) fn of(host: &Host) -> Option<HostLock> {
    host.state().lock.as_ref().map(|kept| kept.lock.clone())
}

/// Takes the lock of `host`. Where nothing is found that other runs left on it, the host need not be asked for that again.
///
/// `contest` says what becomes of two runs that take locks at the same time.
pub(in crate::engine) async fn take(
    shared: &Arc<Shared>,
    lineage: &Lineage,
    host: &Arc<Host>,
    contest: Contest,
) -> Result<Taken, ConnectionError> {
    let Some(terms) = shared.terms() else {
        return Ok(Taken::Ours);
    };
    let opened = open(shared, lineage, host).await?;
    let lock = opened.log.lock(&terms.holder, terms.leases());
    let look = opened.log.look_for_others();
    let until = Instant::now() + PATIENCE;
    let mut script = lock.take(&look);
    loop {
        let output = ask(&opened, &script).await?;
        let held = match HostLock::parse(&output.stdout_text(), &output.stderr_text()) {
            LockState::Ours => {
                let mut state = host.state();
                // A run that goes on with another one looks for more than this.
                state.looked_back |= shared.resumed().is_none()
                    && UndoLog::parse_left(&output.stdout_text()).is_empty();
                state.lock = Some(Kept {
                    lock,
                    lineage: lineage.clone(),
                    seen: Instant::now(),
                });
                return Ok(Taken::Ours);
            }
            LockState::Held(held) => held,
            LockState::Unusable(why) => return Ok(Taken::Without(why)),
            LockState::Free => return Ok(Taken::Without("the host did not keep it".to_owned())),
        };
        let stand = Stand::of(&shared.store, &held.run, held.holder.as_ref());
        script = if stand == Stand::Dead {
            lock.take_over(&held.run, &look)
        } else if contest.may_win(&held, &terms.holder.run) {
            tokio::time::sleep(PAUSE).await;
            lock.take(&look)
        } else {
            return Ok(Taken::Held(blocker(&host.name, held, stand)));
        };
        if Instant::now() > until {
            return Ok(Taken::Held(blocker(&host.name, held, stand)));
        }
    }
}

impl Contest {
    /// From now on locks are taken.
    pub(in crate::engine) fn new(insistent: bool) -> Self {
        Self {
            began: Instant::now(),
            insistent,
        }
    }

    /// Whether the other run may be about to give way. One that had the lock before this run began to take any never does;
    /// of two that were at it together, and hold hosts that the other one wants, the lesser name goes on.
    fn may_win(self, held: &HeldLock, own: &str) -> bool {
        let together = held.age.is_some_and(|age| age < self.began.elapsed());
        together && (self.insistent || own < held.run.as_str())
    }
}

fn blocker(host: &str, held: HeldLock, stand: Stand) -> Blocker {
    Blocker {
        what: host.to_owned(),
        run: held.run,
        holder: held.holder,
        age: held.age,
        quiet: held.quiet,
        stand,
    }
}

pub(super) async fn ask(opened: &Opened, script: &str) -> Result<Output, ConnectionError> {
    let mut command = Command::new(script);
    command.become_user.clone_from(&opened.become_user);
    opened.connection.run(command).await
}

/// Takes note of what `host` said as a step was recorded on it: a run that has lost a lock goes no further.
pub(in crate::engine) fn heard(shared: &Shared, host: &Host, said: &str) {
    if HostLock::is_lost(said) {
        shared.lose_lock(format!("the lock of this run on {} was broken", host.name));
        host.state().lock = None;
    } else if let Some(kept) = &mut host.state().lock {
        kept.seen = Instant::now();
    }
}

/// Gives a sign of life and looks whether the lock is still this run's; gives the reason when it is not.
pub(super) async fn confirm(
    shared: &Arc<Shared>,
    host: &Arc<Host>,
    fresh: Duration,
) -> Option<String> {
    let kept = host.state().lock.clone()?;
    if kept.seen.elapsed() < fresh {
        return None;
    }
    // What the connection lacks is the tasks' business to report.
    let opened = open(shared, &kept.lineage, host).await.ok()?;
    let output = ask(&opened, &kept.lock.check()).await.ok()?;
    let name = &host.name;
    match HostLock::parse(&output.stdout_text(), &output.stderr_text()) {
        LockState::Ours => {
            if let Some(kept) = &mut host.state().lock {
                kept.seen = Instant::now();
            }
            None
        }
        LockState::Free => {
            host.state().lock = None;
            Some(format!("the lock of this run on {name} was broken"))
        }
        LockState::Held(held) => {
            host.state().lock = None;
            let stand = Stand::of(&shared.store, &held.run, held.holder.as_ref());
            let now = blocker(name, held, stand);
            Some(format!("the lock of this run on {name} was broken: {now}"))
        }
        LockState::Unusable(_) => None,
    }
}

/// Gives the lock of `host` back. One that cannot be reached keeps it, and the next run from here takes it over.
pub(super) async fn give_back(
    shared: &Arc<Shared>,
    host: &Arc<Host>,
) -> Result<(), ConnectionError> {
    let Some(kept) = host.state().lock.take() else {
        return Ok(());
    };
    let opened = open(shared, &kept.lineage, host).await?;
    ask(&opened, &kept.lock.give_back()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_come_at_once_one_waits_for_the_other() {
        let now = Instant::now();
        let contest = |insistent| Contest {
            began: now.checked_sub(Duration::from_mins(1)).unwrap(),
            insistent,
        };
        let held = |run: &str, age: Option<u64>| HeldLock {
            run: run.to_owned(),
            age: age.map(Duration::from_secs),
            ..HeldLock::default()
        };
        let cases = [
            // held by, its age, insistent, waits
            ("r2", Some(1), false, true),
            ("r0", Some(1), false, false),
            ("r0", Some(1), true, true),
            ("r2", Some(90), true, false),
            ("r2", None, true, false),
        ];
        for (run, age, insistent, expected) in cases {
            assert_eq!(
                contest(insistent).may_win(&held(run, age), "r1"),
                expected,
                "{run} {age:?} {insistent}"
            );
        }
    }
}
