//! The window: no batch begins that would not end before it closes.
//!
//! What is under way is never cut short. This file must not know how a window is written down.

use super::shared::Settings;
use crate::plan::{Allowance, Expected, Fit, Measured};
use crate::playbook::Play;
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

impl<'a> Next<'a> {
    /// A batch of a play that has this name as it is rendered.
    pub(super) fn of(play: &Play, name: &'a str, soak: Duration, hosts: usize) -> Self {
        Self {
            play: name,
            soak,
            goes_back: play.rollback.is_some(),
            hosts,
        }
    }
}

impl Closing {
    /// Why a batch does not begin now; nothing when it may, as without a window and in a dry run.
    pub(super) fn keeps(&mut self, settings: &Settings, next: &Next<'_>) -> Option<String> {
        let allowance = settings.window.as_ref().filter(|_| !settings.check)?;
        let reason = self.reason(allowance, settings.forks, next, Timestamp::now())?;
        self.stopped = true;
        Some(reason)
    }

    fn reason(
        &self,
        allowance: &Allowance,
        forks: usize,
        next: &Next<'_>,
        now: Timestamp,
    ) -> Option<String> {
        let this_run = self.slowest.get(next.play);
        let expected = Expected::of(
            this_run.map(|it| it.scaled(next.hosts, forks)),
            allowance.given.filter(|_| next.goes_back),
            allowance.usual.batch(next.play, next.hosts, forks),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Usual, Window};
    use crate::source::Span;
    use jiff::tz::TimeZone;

    const WORKERS: Next<'_> = Next {
        play: "workers",
        soak: Duration::from_secs(30),
        goes_back: true,
        hosts: 3,
    };

    fn allowance(given: Option<u64>) -> Allowance {
        let text = Span::synthetic("--window", "02:00-06:00");
        Allowance {
            window: Window::read(&text, || Ok(TimeZone::UTC)).unwrap(),
            given: given.map(Duration::from_mins),
            usual: Usual::default(),
        }
    }

    fn reason(closing: &Closing, allowance: &Allowance, next: &Next<'_>, time: &str) -> String {
        let now = format!("2026-11-21T{time}Z").parse().unwrap();
        closing.reason(allowance, 50, next, now).unwrap_or_default()
    }

    #[test]
    fn a_batch_begins_only_if_it_would_end_in_time() {
        let fresh = Closing::default();
        let looks = Next {
            goes_back: false,
            ..WORKERS
        };
        assert_eq!(reason(&fresh, &allowance(None), &WORKERS, "05:44:30"), "");
        assert_eq!(
            reason(&fresh, &allowance(None), &WORKERS, "05:44:31"),
            "the window closes at 06:00 UTC, in 15 min, and nothing was measured yet, so 15 min are assumed for a batch \
             (--window-pace says otherwise)"
        );
        assert_eq!(
            reason(&fresh, &allowance(Some(5)), &WORKERS, "05:55:00"),
            ""
        );
        assert_eq!(
            reason(&fresh, &allowance(Some(5)), &WORKERS, "05:56:00"),
            "the window closes at 06:00 UTC, in 4 min 0 s, and a batch is said to take 5 min"
        );
        // What disturbs nobody begins as long as the window is open.
        assert_eq!(reason(&fresh, &allowance(Some(5)), &looks, "05:59:59"), "");
        assert_eq!(
            reason(&fresh, &allowance(None), &looks, "06:00:00"),
            "the window 02:00-06:00 is over; it opens again Sun 22 Nov 02:00 UTC"
        );
    }

    #[test]
    fn the_slowest_batch_of_the_play_is_the_measure() {
        let mut closing = Closing::default();
        closing.learn("workers", 3, Duration::from_mins(7));
        closing.learn("workers", 3, Duration::from_mins(6));
        closing.learn("control planes", 1, Duration::from_mins(30));
        assert_eq!(reason(&closing, &allowance(None), &WORKERS, "05:53:00"), "");
        assert_eq!(
            reason(&closing, &allowance(None), &WORKERS, "05:54:00"),
            "the window closes at 06:00 UTC, in 6 min, and the slowest batch of this run took 7 min"
        );
        // More hosts than can work at once take longer.
        let many = Next {
            hosts: 100,
            ..WORKERS
        };
        assert_eq!(reason(&closing, &allowance(None), &many, "05:46:00"), "");
        assert!(!reason(&closing, &allowance(None), &many, "05:46:01").is_empty());
    }
}
