//! The window: no batch begins that would not end before it closes.
//!
//! What is under way is never cut short. This file must not know how a window is written down.

use super::shared::Settings;
use crate::plan::{Expected, Fit, Measured};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// What batches took so far, and whether the window has ended the run.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// The slowest batch of each play that changed something.
    slowest: HashMap<String, Measured>,
    stopped: bool,
}

/// A batch that is about to begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next<'a> {
    /// The play's name.
    pub(super) play: &'a str,
    /// How long it is watched.
    pub(super) soak: Duration,
    /// Whether its hosts go back when they fail: what such a play takes is assumed where it is not known, as it disturbs
    /// hosts. Other plays, such as looks and transfers, begin as long as the window is open, unless they are known to be slow.
    pub(super) goes_back: bool,
    /// How many hosts it has.
    pub(super) hosts: usize,
}

impl Closing {
    /// Why a batch does not begin now; nothing when it may, as without a window and in a dry run.
    pub(super) fn keeps(&mut self, settings: &Settings, next: &Next<'_>) -> Option<String> {
        let reason = self.reason(settings, next, Timestamp::now())?;
        self.stopped = true;
        Some(reason)
    }

    fn reason(&self, settings: &Settings, next: &Next<'_>, now: Timestamp) -> Option<String> {
        let allowance = settings.window.as_ref().filter(|_| !settings.check)?;
        let this_run = self.slowest.get(next.play);
        let expected = Expected::of(
            this_run.map(|it| it.scaled(next.hosts, settings.forks)),
            allowance.given.filter(|_| next.goes_back),
            allowance.usual.batch(next.play, next.hosts, settings.forks),
            next.soak,
        );
        let length = if expected.is_assumed() && !next.goes_back {
            Duration::ZERO
        } else {
            expected.length()
        };
        match allowance.window.fits(now, length) {
            Fit::Fits => None,
            Fit::Closed => Some(match allowance.window.opens(now) {
                Some(opens) => format!(
                    "the window {} is over; it opens again {}",
                    allowance.window.text(),
                    opens.strftime("%a %d %b %H:%M %Z")
                ),
                None => format!("the window {} is over", allowance.window.text()),
            }),
            Fit::TooLong { closes, left } => Some(format!(
                "the window closes at {}, in {}, and {}",
                closes.strftime("%H:%M %Z"),
                whole(left),
                expected.words(&whole(length))
            )),
        }
    }

    /// A batch that changed something took so long, its soak included.
    pub(super) fn learn(&mut self, play: &str, hosts: usize, took: Duration) {
        let measured = Measured { took, hosts };
        let slowest = self.slowest.entry(play.to_owned()).or_insert(measured);
        if took > slowest.took {
            *slowest = measured;
        }
    }

    /// Whether the run ended because of the window.
    pub(super) fn has_stopped(&self) -> bool {
        self.stopped
    }
}

/// A length in the words of a person: `45 s`, `12 min`, `2 h 5 min`.
fn whole(length: Duration) -> String {
    let seconds = length.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) if minutes < 5 => format!("{minutes} min {} s", seconds % 60),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
