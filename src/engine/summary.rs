//! How a run ended: a line for each host, and the exit code.

use super::exit_code;
use super::host::Standing;
use super::run::Run;
use crate::event::{Counts, HostState, Kind};

/// How a run ended.
#[derive(Debug)]
pub struct Summary {
    /// One line per host that took part, or was to.
    pub recap: Vec<Counts>,
    /// The exit code.
    pub exit_code: u8,
}

impl Summary {
    /// Whether all is well and nothing was to be done.
    pub fn is_idle(&self) -> bool {
        self.exit_code == exit_code::DONE && self.recap.iter().all(|host| host.changed == 0)
    }
}

impl Run {
    /// Says how all hosts stand, as the last event.
    pub(super) fn summary(&self) -> Summary {
        let mut recap = Vec::new();
        for host in self.shared().everyone() {
            let state = host.state();
            let mut counts = state.counts.clone();
            counts.state = final_state(&state.standing, state.ended_as, &counts);
            let untouched = counts.ok
                + counts.failed
                + counts.unreachable
                + counts.skipped
                + counts.rescued
                + counts.ignored
                == 0;
            // What was committed is done, unless more was to be done to it.
            let left = self.pending.get(&host.name);
            let left = left.is_some_and(|works| *works || !state.committed);
            if counts.state == HostState::Done && left {
                counts.state = HostState::Pending;
            } else if untouched && counts.state == HostState::Done {
                continue;
            }
            recap.push(counts);
        }
        let exit_code = exit_code::of(
            &recap,
            self.shared().is_interrupted(),
            self.setup_failed.is_some() || !self.matched,
        );
        let exit_code = match exit_code {
            exit_code::DONE if self.shared().lost_lock() => exit_code::LOCKED,
            // Whatever cannot be recorded, it did not end well.
            exit_code::DONE if self.blocked || self.shared().events.broken().is_some() => {
                exit_code::FAILED
            }
            exit_code::DONE if self.closing.has_stopped() => exit_code::WINDOW_CLOSED,
            other => other,
        };
        if !self.matched && self.setup_failed.is_none() {
            self.shared().events.emit(Kind::Warning {
                host: None,
                message: "no play of the playbook matched a host".to_owned(),
            });
        }
        self.shared().events.emit(Kind::RunFinished {
            recap: recap.clone(),
            exit_code,
            took: self.started.elapsed(),
        });
        Summary { recap, exit_code }
    }
}

fn final_state(standing: &Standing, ended_as: Option<HostState>, counts: &Counts) -> HostState {
    if let Some(state) = ended_as {
        return state;
    }
    match standing {
        Standing::Failed(_) => HostState::Failed,
        Standing::Unreachable(_) => HostState::Unreachable,
        Standing::Aborted(_) => HostState::Aborted,
        Standing::Active | Standing::Ended if counts.failed > 0 => HostState::Failed,
        Standing::Active | Standing::Ended => HostState::Done,
    }
}
