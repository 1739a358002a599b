//! What a run did on one host. Must not know how it is shown.

use super::bar::Bar;
use super::output::Output;
use super::standing::Standing;
use crate::event::{Counts, HostState, Status};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// Spans of one kind that lie closer together than this are one.
const CLOSE: i64 = 250;

/// A span of a host's time, in milliseconds since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) bar: Bar,
    pub(super) from: i64,
    pub(super) until: i64,
}

/// A step that is worth a line of its own: it changed something, went wrong, or took long.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The task, by its place in the run's list.
    pub(super) task: usize,
    pub(super) status: Status,
    /// When it ended, in milliseconds since the start of the run.
    pub(super) until: i64,
    pub(super) took: Duration,
    /// What it changed, or why it failed, on one line.
    pub(super) note: String,
    /// What it said, where it failed.
    pub(super) outputs: Vec<Output>,
}

/// A host's way back.
#[derive(Debug, Clone)]
pub(super) struct Rollback {
    pub(super) from: i64,
    pub(super) until: Option<i64>,
    pub(super) reason: String,
    pub(super) undone: Vec<String>,
    /// The commands that a person must run.
    pub(super) remaining: Vec<String>,
    pub(super) message: Option<String>,
    /// What a person does instead where there is no way back.
    pub(super) instead: Vec<String>,
}

/// A batch, by the places of its play and of itself within the play.
pub(super) type Place = (usize, usize);

/// One host's part in the run.
#[derive(Debug, Clone, Default)]
pub(super) struct Host {
    pub(super) name: String,
    /// In the order in which they ended.
    pub(super) spans: Vec<Span>,
    pub(super) steps: Vec<Step>,
    pub(super) rollback: Option<Rollback>,
    /// What else happened to it, with when.
    pub(super) notes: Vec<(i64, String)>,
    /// Counted from the results, for when the record ends before the recap.
    pub(super) counts: Counts,
    /// The state that the events say; the recap's, once it is there, overrides it.
    pub(super) state: Option<HostState>,
    /// What the next result will have changed, from the undo log.
    pub(super) undo: Option<String>,
    /// Whether going back was what the run was for.
    pub(super) asked_back: bool,
    /// Whether a play has the host under way.
    pub(super) in_flight: bool,
    /// Steps that changed something, and time spent, by batch.
    work: HashMap<Place, (u32, Duration)>,
}

impl Host {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// How it stands at the end.
    pub(super) fn standing(&self) -> Standing {
        let changed = self.counts.changed > 0;
        match self.state {
            Some(HostState::RolledBack) if self.asked_back => Standing::TakenBack,
            Some(state) => Standing::of(state, changed),
            None if self.in_flight => Standing::InFlight,
            None if self.has_worked() => Standing::of(HostState::Done, changed),
            None => Standing::Pending,
        }
    }

    fn has_worked(&self) -> bool {
        self.counts.ok + self.counts.skipped + self.counts.changed > 0
    }

    /// Takes in a span, as one with the last where they are of a kind and close.
    pub(super) fn add_span(&mut self, span: Span) {
        if let Some(last) = self.spans.last_mut()
            && last.bar == span.bar
            && span.from - last.until <= CLOSE
        {
            last.until = last.until.max(span.until);
            last.from = last.from.min(span.from);
            return;
        }
        self.spans.push(span);
    }

    /// Notes work done in a batch.
    pub(super) fn worked(&mut self, place: Place, changed: bool, took: Duration) {
        let work = self.work.entry(place).or_default();
        work.0 += u32::from(changed);
        work.1 += took;
    }

    /// The batch that the host is listed under: one of several rather than a play that went in one go, then the one that
    /// changed it most, then the one that took longest.
    pub(super) fn home(&self, is_batched: impl Fn(usize) -> bool) -> Option<Place> {
        self.work
            .iter()
            .max_by_key(|(place, work)| (is_batched(place.0), **work, std::cmp::Reverse(**place)))
            .map(|(place, _)| *place)
    }

    /// The step that made it fail, where one did.
    pub(super) fn failure(&self) -> Option<&Step> {
        let is_bad = |step: &&Step| {
            matches!(
                step.status,
                Status::Failed | Status::Unreachable | Status::Unknown
            )
        };
        self.steps.iter().rev().find(is_bad)
    }

    /// Why it is as it is, on one line, where something went wrong.
    pub(super) fn reason(&self) -> Option<&str> {
        if !self.standing().is_trouble() && self.standing() != Standing::Aborted {
            return None;
        }
        let rollback = self.rollback.as_ref().map(|it| it.reason.as_str());
        let step = self.failure().map(|step| step.note.as_str());
        self.counts.reason.as_deref().or(rollback).or(step)
    }

    /// Time under way: what its tasks and its way back took.
    pub(super) fn busy(&self) -> Duration {
        let millis: i64 = self
            .spans
            .iter()
            .filter(|span| span.bar != Bar::Soak)
            .map(|span| span.until - span.from)
            .sum();
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// Ends a way back that the record does not end.
    pub(super) fn close(&mut self, end: i64) {
        if let Some(rollback) = &self.rollback
            && rollback.until.is_none()
        {
            self.add_span(Span {
                bar: Bar::Rollback,
                from: rollback.from,
                until: end,
            });
        }
    }
}

/// Milliseconds from `start` to `at`; never negative, since clocks may be set back during a run.
pub(super) fn millis(start: Timestamp, at: Timestamp) -> i64 {
    (at.as_millisecond() - start.as_millisecond()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(bar: Bar, from: i64, until: i64) -> Span {
        Span { bar, from, until }
    }

    #[test]
    fn spans_of_a_kind_that_lie_close_are_one() {
        let mut host = Host::new("a");
        host.add_span(span(Bar::Check, 0, 100));
        host.add_span(span(Bar::Check, 150, 200));
        host.add_span(span(Bar::Drain, 200, 900));
        host.add_span(span(Bar::Drain, 2_000, 2_100));
        assert_eq!(
            host.spans,
            [
                span(Bar::Check, 0, 200),
                span(Bar::Drain, 200, 900),
                span(Bar::Drain, 2_000, 2_100)
            ]
        );
        assert_eq!(host.busy(), Duration::from_secs(1));
    }

    #[test]
    fn a_host_is_at_home_where_it_was_changed() {
        let mut host = Host::new("a");
        let home = |host: &Host| host.home(|play| play == 2);
        assert_eq!(home(&host), None);
        host.worked((0, 0), false, Duration::from_secs(9));
        assert_eq!(home(&host), Some((0, 0)));
        host.worked((1, 2), true, Duration::from_secs(1));
        assert_eq!(home(&host), Some((1, 2)));
        host.worked((2, 1), false, Duration::from_secs(1));
        assert_eq!(home(&host), Some((2, 1)));
    }

    #[test]
    fn without_a_recap_a_host_stands_as_the_events_left_it() {
        let mut host = Host::new("a");
        assert_eq!(host.standing(), Standing::Pending);
        host.counts.ok = 3;
        assert_eq!(host.standing(), Standing::Unchanged);
        host.in_flight = true;
        assert_eq!(host.standing(), Standing::InFlight);
        host.state = Some(HostState::RolledBack);
        assert_eq!(host.standing(), Standing::RolledBack);
    }
}
