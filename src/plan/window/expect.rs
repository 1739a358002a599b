//! What a batch is expected to take, and whether it ends before the window closes.

use super::calendar::{Closing, Window};
use crate::plan::Usual;
use jiff::{Timestamp, Zoned};
use std::time::Duration;

/// What a batch takes where nothing is known: draining and watching a node takes minutes.
const ASSUMED: Duration = Duration::from_mins(15);

/// What a batch of so many hosts took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// From its start to the start of the next one, its soak included.
    pub took: Duration,
    /// Its hosts.
    pub hosts: usize,
}

impl Measured {
    /// What as many hosts as `hosts` would take, `forks` at a time: never less than this.
    pub fn scaled(self, hosts: usize, forks: usize) -> Duration {
        let rounds = |hosts: usize| hosts.div_ceil(forks.max(1)).max(1);
        let (now, then) = (rounds(hosts), rounds(self.hosts));
        if now <= then {
            return self.took;
        }
        self.took.mul_f64(now as f64 / then as f64)
    }
}

/// What a batch is expected to take, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The slowest one of this run took so long.
    ThisRun(Duration),
    /// The user says so.
    Given(Duration),
    /// Nine of ten batches of earlier runs took no longer.
    EarlierRuns(Duration),
    /// Nothing is known.
    Assumed(Duration),
}

impl Expected {
    /// What is known of a batch of `hosts`: this run's slowest one first, which a greater value of the user's tops, then
    /// earlier runs'. `soak` is part of what was measured, and comes on top of what is assumed.
    pub fn of(
        this_run: Option<Duration>,
        given: Option<Duration>,
        earlier: Option<Duration>,
        soak: Duration,
    ) -> Self {
        match (this_run, given, earlier) {
            (Some(took), Some(given), _) if given > took => Self::Given(given),
            (Some(took), _, _) => Self::ThisRun(took),
            (None, Some(given), _) => Self::Given(given),
            (None, None, Some(took)) => Self::EarlierRuns(took.max(soak)),
            (None, None, None) => Self::Assumed(ASSUMED + soak),
        }
    }

    /// How long.
    pub fn length(self) -> Duration {
        match self {
            Self::ThisRun(length)
            | Self::Given(length)
            | Self::EarlierRuns(length)
            | Self::Assumed(length) => length,
        }
    }

    /// Whether it rests on nothing.
    pub fn is_assumed(self) -> bool {
        matches!(self, Self::Assumed(_))
    }

    /// `a batch takes LENGTH`, and how that is known.
    pub fn words(self, length: &str) -> String {
        match self {
            Self::ThisRun(_) => format!("the slowest batch of this run took {length}"),
            Self::Given(_) => format!("a batch is said to take {length}"),
            Self::EarlierRuns(_) => format!("batches of earlier runs took up to {length}"),
            Self::Assumed(_) => {
                format!(
                    "nothing was measured yet, so {length} are assumed for a batch (--window-pace says otherwise)"
                )
            }
        }
    }
}

/// Whether something may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It would end before the window closes.
    Fits,
    /// It would not.
    TooLong {
        /// When the window closes.
        closes: Zoned,
        /// How far away that is.
        left: Duration,
    },
    /// The window is not open.
    Closed,
}

impl Window {
    /// Whether what takes `length` may begin at `now`.
    pub fn fits(&self, now: Timestamp, length: Duration) -> Fit {
        match self.closes(now) {
            None => Fit::Closed,
            Some(Closing::Never) => Fit::Fits,
            Some(Closing::At(closes)) => {
                let left = closes.timestamp().duration_since(now);
                let left = Duration::try_from(left).unwrap_or_default();
                if length <= left {
                    Fit::Fits
                } else {
                    Fit::TooLong { closes, left }
                }
            }
        }
    }
}

/// What a run knows of its window before it begins.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// The window.
    pub window: Window,
    /// What the user says that a batch takes.
    pub given: Option<Duration>,
    /// What earlier runs took.
    pub usual: Usual,
}
