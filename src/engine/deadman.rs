//! The dead-man timer, seen from the controller: when it is armed, how it is moved on, what is said of it.
//!
//! What it does on the host is in `undo`. Recording a step arms it and moves it, without a round trip of its own. While
//! nothing is recorded, such as during a long drain, it is moved each time that a quarter of its time has passed: it is
//! there for a controller or a connection that is gone, not for a slow step. Hosts outside the batch that a task is
//! delegated to have none, as nobody could say whose change would go back.

use super::host::Host;
use super::keywords::{KeywordError, duration};
use super::lineage::Lineage;
use super::locks;
use super::play::PlayRun;
use super::rollback::open;
use super::shared::Shared;
use crate::connection::Command;
use crate::event::Kind;
use crate::template::Scope;
use crate::undo::{Armed, WENT_BACK, parse_alone, parse_armed};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The least that a host waits: systemd and the scripts count whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// The timer is moved when this part of its time has passed.
const PART: u32 = 4;

/// The dead-man timer of one host.
#[derive(Debug, Default)]
pub(super) struct Deadman {
    /// How long the host waits for the run; `None` is for ever.
    limit: Option<Duration>,
    /// When the timer was armed or moved last; `None` when none runs.
    set: Option<Instant>,
    /// The host cannot have one; the user was told.
    off: bool,
    /// The host went back by itself; the user was told.
    went_back: bool,
}

impl Deadman {
    /// Whether a timer runs on the host.
    pub(super) fn runs(&self) -> bool {
        self.set.is_some()
    }

    /// The timer was stopped: the host was committed or went back.
    pub(super) fn stopped(&mut self) {
        self.set = None;
    }

    /// The limit, when it is time to arm or to move the timer.
    fn due(&self) -> Option<Duration> {
        let limit = self.limit.filter(|_| !self.off)?;
        let fresh = |set: Instant| set.elapsed() < limit / PART;
        (!self.set.is_some_and(fresh)).then_some(limit)
    }
}

/// What the next step that is recorded on `host` sets the timer to, if it is to.
pub(super) fn due(host: &Host) -> Option<Duration> {
    host.state().deadman.due()
}

/// Readies a host of a batch: what the play says is rendered for it.
pub(super) fn ready(
    shared: &Shared,
    play: &PlayRun,
    host: &Host,
    scope: &Scope,
) -> Result<(), KeywordError> {
    let node = play
        .play
        .rollback
        .as_ref()
        .and_then(|it| it.deadman.as_ref());
    let limit = match node {
        Some(node) if play.goes_back() => match shared.templar.render(node, scope)? {
            value if is_off(&value) => None,
            _ => Some(duration(&shared.templar, "deadman", node, scope)?),
        },
        _ => None,
    };
    let mut state = host.state();
    state.deadman.limit = limit
        .filter(|limit| !limit.is_zero())
        .map(|limit| limit.max(SHORTEST));
    state.deadman.set = None;
    Ok(())
}

/// `false`, also as `-e` gives it; a number of seconds is not a boolean here.
fn is_off(value: &Value) -> bool {
    match value {
        Value::Bool(on) => !on,
        Value::String(text) => crate::yaml::truth(text) == Some(false),
        _ => false,
    }
}

/// Takes note of what `host` said as a step was recorded on it.
pub(super) fn heard(shared: &Shared, host: &Host, said: &str) {
    let Some(armed) = parse_armed(said) else {
        return;
    };
    let mut state = host.state();
    let deadman = &mut state.deadman;
    let kind = match armed {
        Armed::Moved => {
            deadman.set = Some(Instant::now());
            return;
        }
        Armed::Now => {
            deadman.set = Some(Instant::now());
            Kind::DeadmanArmed {
                host: host.name.clone(),
                limit: deadman.limit.unwrap_or_default(),
            }
        }
        Armed::Off(_) if deadman.off => return,
        Armed::Off(reason) => {
            deadman.off = true;
            Kind::Warning {
                host: Some(host.name.clone()),
                message: format!(
                    "there is no dead-man timer, so the host does not go back by itself if this run is killed: {reason}"
                ),
            }
        }
    };
    drop(state);
    shared.events.emit(kind);
}

/// Says once that `host` went back by itself in the middle of this run.
pub(super) fn went_back(shared: &Shared, host: &Host, since: &str, complete: bool) {
    let mut state = host.state();
    state.deadman.stopped();
    if std::mem::replace(&mut state.deadman.went_back, true) {
        return;
    }
    drop(state);
    shared.events.emit(Kind::WentBack {
        host: host.name.clone(),
        run: shared.run.to_string(),
        since: since.to_owned(),
        complete,
    });
}

/// Does `work`, and moves the timers of the batch on meanwhile. No timer runs after it that the batch still answers for.
pub(super) async fn kept(
    shared: &Arc<Shared>,
    play: &Arc<PlayRun>,
    work: impl Future<Output = ()>,
) {
    let lineage = play.lineage();
    // All of this is one task, so that nothing of it outlives the run.
    let keeping =
        futures::future::join_all(play.batch.iter().map(|host| keep(shared, &lineage, host)));
    tokio::select! {
        () = work => {}
        _ = keeping => {}
    }
    for host in &play.batch {
        host.state().deadman.limit = None;
    }
}

/// Moves the timer of one host on, for ever.
async fn keep(shared: &Arc<Shared>, lineage: &Lineage, host: &Arc<Host>) {
    loop {
        let (limit, age) = {
            let state = host.state();
            let age = state.deadman.set.map(|set| set.elapsed());
            (state.deadman.limit, age)
        };
        let Some(limit) = limit else {
            return std::future::pending().await;
        };
        let part = limit / PART;
        match age {
            Some(age) if age >= part => {
                if !extend(shared, lineage, host, limit).await {
                    // What the connection lacks is the tasks' business to report.
                    tokio::time::sleep(part / 2).await;
                }
            }
            age => tokio::time::sleep(part.saturating_sub(age.unwrap_or_default())).await,
        }
    }
}

/// Moves the timer of a host; tells whether that came of it.
async fn extend(
    shared: &Arc<Shared>,
    lineage: &Lineage,
    host: &Arc<Host>,
    limit: Duration,
) -> bool {
    let asking = async {
        let opened = open(shared, lineage, host).await.ok()?;
        let log = opened.log.under_lock(locks::of(host));
        let mut command = Command::new(log.extend(limit));
        command.become_user = opened.become_user;
        opened.connection.run(command).await.ok()
    };
    let Ok(Some(output)) = tokio::time::timeout(limit / PART, asking).await else {
        return false;
    };
    if output.status == WENT_BACK {
        let text = output.stdout_text();
        went_back(shared, host, parse_alone(&text).unwrap_or_default(), true);
        return true;
    }
    if output.status != 0 {
        return false;
    }
    let mut state = host.state();
    if state.deadman.runs() {
        state.deadman.set = Some(Instant::now());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_due_when_none_runs_and_when_a_quarter_of_its_time_has_passed() {
        let minute = Some(Duration::from_mins(1));
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds));
        // limit, set, off, due
        let cases = [
            (None, None, false, None),
            (minute, None, false, minute),
            (minute, None, true, None),
            (minute, ago(1), false, None),
            (minute, ago(16), false, minute),
        ];
        for (limit, set, off, expected) in cases {
            let deadman = Deadman {
                limit,
                set,
                off,
                went_back: false,
            };
            assert_eq!(deadman.due(), expected, "{deadman:?}");
        }
    }
}
