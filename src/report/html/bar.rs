//! The bars of a host's timeline: what a span of time was spent on. Must not know how they are drawn.

use crate::event::{Status, TaskResult};
use crate::report::phase::{Phase, is_service};
use serde_json::Value;

/// What a span of a host's time was spent on. The order is the one of the legend, and the script knows bars by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bar {
    /// Looking, with nothing changed.
    Check,
    /// Sending files ahead of the change.
    Stage,
    /// Taking the host out of service.
    Drain,
    /// Replacing files and restarting services.
    Swap,
    /// Waiting until the host is well again.
    Gate,
    /// A pause that the playbook asks for.
    Wait,
    /// Watching a batch before the next one starts.
    Soak,
    /// Going back.
    Rollback,
}

/// All bars, in the order of the legend.
pub(super) const ALL: [Bar; 8] = [
    Bar::Check,
    Bar::Stage,
    Bar::Drain,
    Bar::Swap,
    Bar::Gate,
    Bar::Wait,
    Bar::Soak,
    Bar::Rollback,
];

impl Bar {
    /// What a task's time counts as: its phase, and beyond the phases of `--profile` whether it changed something.
    pub(super) fn of(action: &str, result: &TaskResult) -> Self {
        let short = action.rsplit('.').next().unwrap_or(action);
        let went_wrong = matches!(result.status, Status::Failed | Status::Unknown);
        let changed = result.status == Status::Changed
            || went_wrong && result.result.get("changed").and_then(Value::as_bool) == Some(true);
        match Phase::of(action, result) {
            Phase::Drain => Self::Drain,
            Phase::Restart => Self::Swap,
            Phase::Gate => Self::Gate,
            Phase::Wait => Self::Wait,
            Phase::Other => match action {
                "windlass.cordon" => Self::Drain,
                "windlass.uncordon" => Self::Gate,
                "windlass.artifact" => Self::Stage,
                _ if changed || went_wrong && is_service(short) => Self::Swap,
                _ => Self::Check,
            },
        }
    }

    /// Its name in classes of the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Stage => "stage",
            Self::Drain => "drain",
            Self::Swap => "swap",
            Self::Gate => "gate",
            Self::Wait => "wait",
            Self::Soak => "soak",
            Self::Rollback => "rollback",
        }
    }

    /// Its name for a person.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Check => "Checks",
            Self::Stage => "Staging",
            Self::Drain => "Drain",
            Self::Swap => "Swap",
            Self::Gate => "Gate",
            Self::Wait => "Pause",
            Self::Soak => "Soak",
            Self::Rollback => "Rollback",
        }
    }

    /// What it means, in a few words.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Check => "looking, nothing changed",
            Self::Stage => "files sent ahead",
            Self::Drain => "taken out of service",
            Self::Swap => "files replaced, services restarted",
            Self::Gate => "waiting until healthy",
            Self::Wait => "asked for by the playbook",
            Self::Soak => "watched before the next batch",
            Self::Rollback => "going back",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::result;
    use serde_json::json;

    #[test]
    fn a_step_counts_as_what_it_does_to_the_host() {
        let changed = json!({"changed": true});
        let cases = [
            ("windlass.cordon", Status::Changed, Bar::Drain),
            ("windlass.drain", Status::Ok, Bar::Drain),
            ("windlass.artifact", Status::Changed, Bar::Stage),
            ("ansible.builtin.copy", Status::Changed, Bar::Swap),
            ("ansible.builtin.copy", Status::Failed, Bar::Swap),
            ("copy", Status::Ok, Bar::Check),
            ("ansible.builtin.systemd", Status::Changed, Bar::Swap),
            ("systemd", Status::Failed, Bar::Swap),
            ("service", Status::Ok, Bar::Check),
            ("windlass.gate", Status::Failed, Bar::Gate),
            ("windlass.uncordon", Status::Changed, Bar::Gate),
            ("ansible.builtin.pause", Status::Ok, Bar::Wait),
            ("command", Status::Ok, Bar::Check),
        ];
        for (action, status, expected) in cases {
            let value = if status == Status::Ok {
                json!({})
            } else {
                changed.clone()
            };
            assert_eq!(
                Bar::of(action, &result(status, value)),
                expected,
                "{action} {status:?}"
            );
        }
    }

    #[test]
    fn every_bar_is_in_the_legend_at_its_own_place() {
        for (at, bar) in ALL.into_iter().enumerate() {
            assert_eq!(bar as usize, at);
        }
    }
}
