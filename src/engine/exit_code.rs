//! The process's exit code, from how the hosts stand.

use crate::event::{Counts, HostState};

/// Done, or nothing to do.
pub const DONE: u8 = 0;
/// Input or usage; nothing was touched.
pub const USAGE: u8 = 1;
/// Hosts failed; rolled back where the play says so.
pub const FAILED: u8 = 2;
/// A rollback is incomplete: a person is needed.
pub const ROLLBACK_INCOMPLETE: u8 = 3;
/// Hosts could not be reached.
pub const UNREACHABLE: u8 = 4;
/// Another run holds the lock.
pub const LOCKED: u8 = 5;
/// Stopped because the window closes; the rest is pending.
pub const WINDOW_CLOSED: u8 = 6;
/// Interrupted; every host was left in a known state.
pub const INTERRUPTED: u8 = 130;

/// The code that says most about these hosts; what needs a person most comes first.
pub(super) fn of(recap: &[Counts], interrupted: bool, refused: bool) -> u8 {
    let any = |wanted: fn(&Counts) -> bool| recap.iter().any(wanted);
    if any(|host| host.state == HostState::RollbackIncomplete) {
        ROLLBACK_INCOMPLETE
    } else if interrupted {
        INTERRUPTED
    } else if any(|host| {
        host.failed > 0 || matches!(host.state, HostState::Failed | HostState::Held)
    }) {
        FAILED
    } else if any(|host| host.unreachable > 0 || host.state == HostState::Unreachable) {
        UNREACHABLE
    } else if any(|host| matches!(host.state, HostState::RolledBack | HostState::Aborted)) {
        FAILED
    } else if refused {
        USAGE
    } else {
        DONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(state: HostState, failed: u32, unreachable: u32) -> Counts {
        Counts {
            unreachable,
            failed,
            state,
            ..Counts::default()
        }
    }

    #[test]
    fn the_worst_host_decides() {
        let done = host(HostState::Done, 0, 0);
        let cases = [
            (vec![done.clone()], false, false, DONE),
            (vec![], false, true, USAGE),
            (
                vec![done.clone(), host(HostState::RolledBack, 1, 0)],
                false,
                false,
                FAILED,
            ),
            (
                vec![host(HostState::RollbackIncomplete, 1, 0)],
                true,
                false,
                ROLLBACK_INCOMPLETE,
            ),
            (
                vec![host(HostState::Unreachable, 0, 1)],
                false,
                false,
                UNREACHABLE,
            ),
            (
                vec![
                    host(HostState::Unreachable, 0, 1),
                    host(HostState::Failed, 1, 0),
                ],
                false,
                false,
                FAILED,
            ),
            (vec![done], true, false, INTERRUPTED),
        ];
        for (recap, interrupted, refused, expected) in cases {
            assert_eq!(of(&recap, interrupted, refused), expected, "{recap:?}");
        }
    }
}
