//! What a host's time goes to, by what a task does. Must not know how it is shown.

use crate::event::{Status, TaskResult};

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
    /// The phase of a task with this action and result.
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
}

/// Whether a module, by its name without a collection, starts and stops services.
pub(super) fn is_service(module: &str) -> bool {
    matches!(module, "systemd" | "systemd_service" | "service")
}
