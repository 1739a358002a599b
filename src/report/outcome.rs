//! How a run ended, in one word for programs and in a few for people.

use super::Synopsis;
use super::colors::Tone;
use serde::{Deserialize, Serialize};

/// How a run ended, or that it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All hosts are done, and something changed.
    Done,
    /// All hosts were as they should be.
    NothingToDo,
    /// The input was refused.
    Refused,
    /// Hosts failed.
    Failed,
    /// A way back is incomplete: a person is needed.
    RollbackIncomplete,
    /// Hosts could not be reached.
    Unreachable,
    /// The window ended before all hosts were started.
    WindowClosed,
    /// A person or the system ended it.
    Interrupted,
    /// Its process is gone, and it never said that it ended.
    Crashed,
    /// It is under way.
    Running,
    /// Its journal cannot be read.
    Unreadable,
}

impl Outcome {
    /// All of them, what is good first.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::NothingToDo,
        Self::Refused,
        Self::Failed,
        Self::RollbackIncomplete,
        Self::Unreachable,
        Self::WindowClosed,
        Self::Interrupted,
        Self::Crashed,
        Self::Running,
        Self::Unreadable,
    ];

    /// Of a run that may be at work still.
    pub fn of(synopsis: &Synopsis, is_running: bool) -> Self {
        let Some(end) = &synopsis.end else {
            // Told to stop at once, a run has no time for a last word.
            return match (is_running, synopsis.interrupted) {
                (true, _) => Self::Running,
                (false, true) => Self::Interrupted,
                (false, false) => Self::Crashed,
            };
        };
        match end.exit_code {
            0 if end.recap.iter().any(|host| host.changed > 0) => Self::Done,
            // What a rollback does is counted by no task.
            0 if synopsis.rollback_of.is_some() => Self::Done,
            0 => Self::NothingToDo,
            1 => Self::Refused,
            3 => Self::RollbackIncomplete,
            4 => Self::Unreachable,
            6 => Self::WindowClosed,
            130 => Self::Interrupted,
            _ => Self::Failed,
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NothingToDo => "nothing to do",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::RollbackIncomplete => "rollback incomplete",
            Self::Unreachable => "unreachable",
            Self::WindowClosed => "window closed",
            Self::Interrupted => "interrupted",
            Self::Crashed => "crashed",
            Self::Running => "running",
            Self::Unreadable => "unreadable",
        }
    }

    /// The name that programs see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NothingToDo => "nothing_to_do",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::RollbackIncomplete => "rollback_incomplete",
            Self::Unreachable => "unreachable",
            Self::WindowClosed => "window_closed",
            Self::Interrupted => "interrupted",
            Self::Crashed => "crashed",
            Self::Running => "running",
            Self::Unreadable => "unreadable",
        }
    }

    /// The colour of the words.
    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Done | Self::NothingToDo => Tone::Ok,
            Self::Running => Tone::Note,
            Self::WindowClosed | Self::Interrupted => Tone::Warning,
            Self::Unreachable => Tone::Unreachable,
            Self::Refused
            | Self::Failed
            | Self::RollbackIncomplete
            | Self::Crashed
            | Self::Unreadable => Tone::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::HostState;
    use crate::report::sample::{at, counts, end, run};

    fn ended(changed: u32, code: u8) -> Synopsis {
        let recap = vec![counts("a", 1, changed, HostState::Done)];
        Synopsis::of("20260102-a1", &[at(0, run()), at(0, end(recap, code))])
    }

    #[test]
    fn each_end_has_its_word() {
        for (synopsis, expected) in [
            (ended(1, 0), Outcome::Done),
            (ended(0, 0), Outcome::NothingToDo),
            (ended(0, 1), Outcome::Refused),
            (ended(0, 2), Outcome::Failed),
            (ended(0, 3), Outcome::RollbackIncomplete),
            (ended(0, 4), Outcome::Unreachable),
            (ended(0, 6), Outcome::WindowClosed),
            (ended(0, 130), Outcome::Interrupted),
        ] {
            assert_eq!(Outcome::of(&synopsis, true), expected);
        }
        let begun = Synopsis::of("20260102-a1", &[at(0, run())]);
        assert_eq!(Outcome::of(&begun, true), Outcome::Running);
        assert_eq!(Outcome::of(&begun, false), Outcome::Crashed);
    }

    #[test]
    fn programs_see_the_same_name_everywhere() {
        for outcome in Outcome::ALL {
            let text = serde_json::to_value(outcome).unwrap();
            assert_eq!(text, outcome.name());
        }
    }
}
