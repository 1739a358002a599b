//! How much of an upgrade fits into a window, and how many windows it takes.

use super::calendar::{Closing, Window};
use super::expect::{Allowance, Expected};
use crate::plan::Upgrade;
use jiff::{Timestamp, Zoned};
use serde::Serialize;
use std::time::Duration;

/// How an upgrade shares itself out among windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// When the first window opens; nothing when it is open now.
    pub opens: Option<Zoned>,
    /// When it closes; nothing when it does not.
    pub closes: Option<Zoned>,
    /// Batches that fit into the first window.
    pub fit: usize,
    /// All batches.
    pub batches: usize,
    /// How many windows all of them take, were each as long as the first; nothing when a batch fits into none.
    pub windows: Option<usize>,
    /// What the batches are expected to take, in seconds.
    pub expected: u64,
    /// Whether a part of it is assumed, as nothing was measured.
    pub assumed: bool,
}

impl Allowance {
    /// How much of `upgrade` fits into the window that is open at `now`, or opens next.
    pub fn share(&self, upgrade: &Upgrade, now: Timestamp, forks: usize) -> Option<Share> {
        let opens = match self.window.closes(now) {
            Some(_) => None,
            None => Some(self.window.opens(now)?),
        };
        let from = opens.as_ref().map_or(now, Zoned::timestamp);
        let closes = match self.window.closes(from)? {
            Closing::At(closes) => Some(closes),
            Closing::Never => None,
        };
        let length = closes.as_ref().map_or(Duration::MAX, |closes| {
            Duration::try_from(closes.timestamp().duration_since(from)).unwrap_or_default()
        });
        let stages = upgrade.clusters.iter().flat_map(|cluster| &cluster.stages);
        let expected: Vec<Expected> = stages
            .flat_map(|stage| {
                stage.batches.iter().map(|batch| {
                    let earlier = self.usual.batch(&stage.play, batch.steps.len(), forks);
                    Expected::of(None, self.given, earlier, Duration::ZERO)
                })
            })
            .collect();
        let lengths: Vec<Duration> = expected.iter().map(|it| it.length()).collect();
        let (fit, windows) = fill(&lengths, length);
        Some(Share {
            opens,
            closes,
            fit,
            batches: lengths.len(),
            windows,
            expected: lengths.iter().sum::<Duration>().as_secs(),
            assumed: expected.iter().any(|it| it.is_assumed()),
        })
    }
}

/// How many go into the first window of this length, and how many windows all take.
fn fill(lengths: &[Duration], window: Duration) -> (usize, Option<usize>) {
    let mut left = window;
    let mut windows = usize::from(!lengths.is_empty());
    let mut first = 0;
    for length in lengths {
        if *length > left {
            if *length > window {
                return (first, None);
            }
            windows += 1;
            left = window;
        }
        left -= *length;
        first += usize::from(windows == 1);
    }
    (first, Some(windows))
}

impl Window {
    /// When it is, in words: `open until 06:00 CET`, `opens Sat 28 Nov 02:00 CET, closes 06:00 CET`.
    pub fn when(opens: Option<&Zoned>, closes: Option<&Zoned>) -> String {
        let ends = closes.map(|closes| closes.strftime("%a %H:%M %Z").to_string());
        match (opens, ends) {
            (None, None) => "always open".to_owned(),
            (None, Some(ends)) => format!("open until {ends}"),
            (Some(opens), None) => format!("opens {}", opens.strftime("%a %d %b %H:%M %Z")),
            (Some(opens), Some(ends)) => {
                format!(
                    "opens {}, closes {ends}",
                    opens.strftime("%a %d %b %H:%M %Z")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fill;
    use std::time::Duration;

    #[test]
    fn a_batch_is_never_torn_in_two() {
        let cases: [(&[u64], u64, usize, Option<usize>); 6] = [
            (&[], 60, 0, Some(0)),
            (&[20, 20, 20], 60, 3, Some(1)),
            (&[20, 20, 21], 60, 2, Some(2)),
            (&[50, 50, 50], 60, 1, Some(3)),
            (&[20, 70], 60, 1, None),
            (&[61], 60, 0, None),
        ];
        for (lengths, window, fit, windows) in cases {
            let lengths: Vec<Duration> = lengths.iter().copied().map(Duration::from_mins).collect();
            assert_eq!(
                fill(&lengths, Duration::from_mins(window)),
                (fit, windows),
                "{lengths:?}"
            );
        }
    }
}
