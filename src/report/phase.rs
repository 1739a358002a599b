//! What the time of a host goes to: the one rule for profiles, metrics and pages. Must not know how times are shown.

use crate::event::{Status, TaskResult};
use std::time::Duration;

/// What a host's time goes to. Beyond drain, restart (until what was restarted is well again) and waits it is overhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Drain,
    Restart,
    /// Waits that a playbook asks for.
    Wait,
    /// Waiting until what was restarted is well again.
    Gate,
    Other,
}

impl Phase {
    /// All phases, in the order in which they are shown.
    pub(super) const ALL: [Self; 5] = [
        Self::Drain,
        Self::Restart,
        Self::Wait,
        Self::Gate,
        Self::Other,
    ];

    /// The phase that a task belongs to, by its action and by what came of it.
    pub(super) fn of(action: &str, result: &TaskResult) -> Self {
        let short = action.rsplit('.').next().unwrap_or(action);
        match (action, short) {
            ("windlass.drain", _) => Self::Drain,
            ("windlass.gate" | "windlass.api_server" | "windlass.healthz", _) => Self::Gate,
            _ if is_service(short) && result.status == Status::Changed => Self::Restart,
            (_, "pause" | "wait_for") => Self::Wait,
            _ => Self::Other,
        }
    }

    /// The name that programs see.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Restart => "restart",
            Self::Wait => "wait",
            Self::Gate => "gate",
            Self::Other => "other",
        }
    }
}

/// Whether a module, by its name without a collection, starts and stops services.
pub(super) fn is_service(module: &str) -> bool {
    matches!(module, "systemd" | "systemd_service" | "service")
}

/// Time by phase, of a host or of all hosts together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times([Duration; Phase::ALL.len()]);

impl Times {
    /// So much more went to `phase`.
    pub(super) fn add(&mut self, phase: Phase, took: Duration) {
        self.0[phase as usize] += took;
    }

    /// What went to `phase`.
    pub(super) fn of(&self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }

    /// What went to none of the phases that an upgrade cannot do without.
    pub(super) fn overhead(&self) -> Duration {
        self.of(Phase::Other)
    }
}
