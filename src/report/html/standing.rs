//! How a host stands at the end, as the page counts and filters it. Must not know how it came to that.

use crate::event::HostState;

/// How a host stands. Beyond the states of the recap it is told apart whether a host was changed at all, and whether the
/// record ends while the host was at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    Changed,
    Unchanged,
    TakenBack,
    RolledBack,
    Failed,
    RollbackIncomplete,
    Held,
    Unreachable,
    Aborted,
    InFlight,
    Pending,
}

/// All of them, in the order in which they are counted up.
pub(super) const ALL: [Standing; 11] = [
    Standing::Changed,
    Standing::Unchanged,
    Standing::TakenBack,
    Standing::RolledBack,
    Standing::Failed,
    Standing::RollbackIncomplete,
    Standing::Held,
    Standing::Unreachable,
    Standing::Aborted,
    Standing::InFlight,
    Standing::Pending,
];

impl Standing {
    /// Of a host that the run left in this state.
    pub(super) fn of(state: HostState, changed: bool) -> Self {
        match state {
            HostState::Done if changed => Self::Changed,
            HostState::Done => Self::Unchanged,
            HostState::Failed => Self::Failed,
            HostState::RolledBack => Self::RolledBack,
            HostState::RollbackIncomplete => Self::RollbackIncomplete,
            HostState::Held => Self::Held,
            HostState::Unreachable => Self::Unreachable,
            HostState::Pending => Self::Pending,
            HostState::Aborted => Self::Aborted,
        }
    }

    /// In words; in check mode nothing was changed.
    pub(super) fn words(self, check: bool) -> &'static str {
        match self {
            Self::Changed if check => "would change",
            Self::Changed => "changed",
            Self::Unchanged => "nothing to do",
            Self::TakenBack => "taken back",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
            Self::RollbackIncomplete => "rollback incomplete",
            Self::Held => "held",
            Self::Unreachable => "unreachable",
            Self::Aborted => "aborted",
            Self::InFlight => "unfinished",
            Self::Pending => "pending",
        }
    }

    /// Its name in classes of the style sheet and in icons.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::TakenBack => "taken",
            Self::RolledBack => "back",
            Self::Failed => "failed",
            Self::RollbackIncomplete => "stuck",
            Self::Held => "held",
            Self::Unreachable => "unreachable",
            Self::Aborted => "aborted",
            Self::InFlight => "flight",
            Self::Pending => "pending",
        }
    }

    /// Whether something went wrong on the host itself.
    pub(super) fn is_trouble(self) -> bool {
        matches!(
            self,
            Self::RolledBack
                | Self::Failed
                | Self::RollbackIncomplete
                | Self::Held
                | Self::Unreachable
        )
    }
}
