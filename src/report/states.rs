//! The words for how a host stands and for what an exit code means.

use super::colors::Tone;
use crate::event::HostState;

/// All states, in the order in which they are counted up.
pub(super) const ALL: [HostState; 8] = [
    HostState::Done,
    HostState::Failed,
    HostState::RolledBack,
    HostState::RollbackIncomplete,
    HostState::Held,
    HostState::Unreachable,
    HostState::Aborted,
    HostState::Pending,
];

/// The state in words.
pub(super) fn words(state: HostState) -> &'static str {
    match state {
        HostState::Done => "done",
        HostState::Failed => "failed",
        HostState::RolledBack => "rolled back",
        HostState::RollbackIncomplete => "rollback incomplete",
        HostState::Held => "held",
        HostState::Unreachable => "unreachable",
        HostState::Pending => "pending",
        HostState::Aborted => "aborted",
    }
}

/// The name that programs see.
pub(super) fn name(state: HostState) -> &'static str {
    match state {
        HostState::Done => "done",
        HostState::Failed => "failed",
        HostState::RolledBack => "rolled_back",
        HostState::RollbackIncomplete => "rollback_incomplete",
        HostState::Held => "held",
        HostState::Unreachable => "unreachable",
        HostState::Pending => "pending",
        HostState::Aborted => "aborted",
    }
}

/// The state's colour.
pub(super) fn tone(state: HostState) -> Tone {
    match state {
        HostState::Done => Tone::Ok,
        HostState::RolledBack => Tone::Changed,
        HostState::Pending => Tone::Skipped,
        HostState::Aborted | HostState::Held => Tone::Warning,
        HostState::Failed | HostState::RollbackIncomplete => Tone::Failed,
        HostState::Unreachable => Tone::Unreachable,
    }
}

/// What the process's exit code means; nothing for 0.
pub(super) fn exit_code(code: u8) -> Option<String> {
    let meaning = match code {
        0 => return None,
        1 => "the input was refused; the reason is above",
        2 => "hosts failed; they were rolled back where the play says so",
        3 => "a rollback is incomplete; a person is needed",
        4 => "hosts could not be reached",
        5 => "another run holds the lock",
        6 => "stopped for the window; the next run goes on with the rest",
        130 => "interrupted; every host was left in a known state",
        _ => return Some(format!("exit code {code}")),
    };
    Some(format!("exit code {code}: {meaning}"))
}
