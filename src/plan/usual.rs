//! What plays took in earlier runs, read from their events.
//!
//! This file must not know where events are kept.

use super::window::Measured;
use crate::event::{Event, Kind, Status};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// What hosts and batches took in the plays of earlier runs that changed them, by the play's name.
#[derive(Debug, Clone, Default)]
pub struct Usual {
    hosts: HashMap<String, Vec<Duration>>,
    batches: HashMap<String, Vec<Measured>>,
    runs: usize,
}

impl Usual {
    /// Learns from the events of one run, all of them and in order.
    pub fn learn(&mut self, events: &[Event]) {
        let mut play = OnePlay::default();
        let mut learnt = false;
        for event in events {
            match &event.kind {
                Kind::RunStarted { check: true, .. } => return,
                Kind::PlayStarted { name, hosts, .. } => {
                    learnt |= self.close(&mut play, event.at);
                    play = OnePlay {
                        name: name.clone(),
                        batch: Some(OneBatch::new(event.at, hosts.len())),
                        ..OnePlay::default()
                    };
                }
                Kind::BatchStarted { hosts, .. } => {
                    self.close_batch(&mut play, event.at);
                    play.batch = Some(OneBatch::new(event.at, hosts.len()));
                }
                // A run that stops or ends tells what its last batch took; one that was killed does not.
                Kind::Stopped { .. } | Kind::RunFinished { .. } => {
                    self.close_batch(&mut play, event.at);
                }
                Kind::TaskFinished { host, result, .. } => {
                    let changed = result.status == Status::Changed;
                    let entry = play.hosts.entry(host.clone()).or_default();
                    entry.0 += result.took;
                    entry.1 |= changed;
                    if let Some(batch) = &mut play.batch {
                        batch.changed |= changed;
                    }
                }
                _ => {}
            }
        }
        let end = events
            .last()
            .map_or(Timestamp::UNIX_EPOCH, |event| event.at);
        play.batch = None;
        learnt |= self.close(&mut play, end);
        self.runs += usize::from(learnt);
    }

    /// Whether anything was learnt.
    fn close(&mut self, play: &mut OnePlay, at: Timestamp) -> bool {
        self.close_batch(play, at);
        let mut learnt = false;
        for (took, changed) in std::mem::take(&mut play.hosts).into_values() {
            if changed {
                learnt = true;
                self.hosts.entry(play.name.clone()).or_default().push(took);
            }
        }
        learnt
    }

    fn close_batch(&mut self, play: &mut OnePlay, at: Timestamp) {
        let Some(batch) = play.batch.take().filter(|batch| batch.changed) else {
            return;
        };
        let took = at.duration_since(batch.since);
        self.batches
            .entry(play.name.clone())
            .or_default()
            .push(Measured {
                took: Duration::try_from(took).unwrap_or_default(),
                hosts: batch.hosts,
            });
    }

    /// The median of what a host took in a play.
    pub fn host(&self, play: &str) -> Option<Duration> {
        let mut all = self.hosts.get(play)?.clone();
        all.sort();
        all.get(all.len() / 2).copied()
    }

    /// What nine of ten batches of a play took no longer than, for a batch of `hosts`, `forks` at a time.
    pub fn batch(&self, play: &str, hosts: usize, forks: usize) -> Option<Duration> {
        let measured = self.batches.get(play)?.iter();
        let mut all: Vec<Duration> = measured.map(|it| it.scaled(hosts, forks)).collect();
        all.sort();
        all.get((all.len() * 9 / 10).min(all.len().saturating_sub(1)))
            .copied()
    }

    /// How many runs it rests on.
    pub fn runs(&self) -> usize {
        self.runs
    }
}

/// A play on its way.
#[derive(Default)]
struct OnePlay {
    name: String,
    hosts: BTreeMap<String, (Duration, bool)>,
    batch: Option<OneBatch>,
}

/// A batch on its way.
struct OneBatch {
    since: Timestamp,
    hosts: usize,
    changed: bool,
}

impl OneBatch {
    fn new(since: Timestamp, hosts: usize) -> Self {
        Self {
            since,
            hosts,
            changed: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TaskResult;
    use serde_json::Value;

    fn at(second: i64, kind: Kind) -> Event {
        Event {
            at: Timestamp::from_second(1_800_000_000 + second).unwrap(),
            kind,
        }
    }

    fn finished(second: i64, host: &str, status: Status, millis: u64) -> Event {
        let result = TaskResult {
            status,
            took: Duration::from_millis(millis),
            result: Value::Null,
            diff: Vec::new(),
            delegated_to: None,
            verbosity: 1,
        };
        let host = host.to_owned();
        at(
            second,
            Kind::TaskFinished {
                task: 1,
                host,
                result,
            },
        )
    }

    fn play(second: i64, name: &str, hosts: &[&str]) -> Event {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let (name, rollback) = (name.to_owned(), false);
        at(
            second,
            Kind::PlayStarted {
                name,
                hosts,
                rollback,
                key: String::new(),
            },
        )
    }

    fn batch(second: i64, hosts: &[&str]) -> Event {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        at(
            second,
            Kind::BatchStarted {
                number: 1,
                of: 3,
                hosts,
            },
        )
    }

    fn ended(second: i64) -> Event {
        let (recap, took) = (Vec::new(), Duration::ZERO);
        at(
            second,
            Kind::RunFinished {
                recap,
                exit_code: 0,
                took,
            },
        )
    }

    #[test]
    fn earlier_runs_say_what_a_host_takes() {
        let mut usual = Usual::default();
        usual.learn(&[
            play(0, "one", &["a", "b"]),
            finished(1, "a", Status::Changed, 2000),
            finished(2, "a", Status::Ok, 1000),
            finished(3, "b", Status::Ok, 9000),
            play(4, "two", &["a", "b", "c"]),
            finished(5, "a", Status::Changed, 500),
            finished(6, "b", Status::Changed, 700),
            finished(7, "c", Status::Changed, 900),
        ]);
        // Host b changed nothing in the first play, so it does not say what an upgrade takes.
        assert_eq!(usual.host("one"), Some(Duration::from_secs(3)));
        assert_eq!(usual.host("two"), Some(Duration::from_millis(700)));
        assert_eq!(usual.host("three"), None);
        assert_eq!(usual.runs(), 1);
    }

    #[test]
    fn a_batch_takes_until_the_next_one_starts_or_the_run_ends() {
        let mut usual = Usual::default();
        usual.learn(&[
            play(0, "nodes", &["a", "b", "c", "d"]),
            batch(0, &["a"]),
            finished(10, "a", Status::Changed, 1),
            // Its soak is over now.
            batch(40, &["b", "c"]),
            finished(50, "b", Status::Ok, 1),
            batch(51, &["d"]),
            finished(70, "d", Status::Changed, 1),
            ended(71),
        ]);
        // The second batch changed nothing.
        assert_eq!(usual.batch("nodes", 1, 50), Some(Duration::from_secs(40)));
        // Twice as many as can work at once take twice as long.
        assert_eq!(usual.batch("nodes", 100, 50), Some(Duration::from_secs(80)));
        assert_eq!(usual.batch("others", 1, 50), None);
    }

    #[test]
    fn a_batch_that_was_cut_short_and_a_dry_run_say_nothing() {
        let mut usual = Usual::default();
        usual.learn(&[
            play(0, "nodes", &["a"]),
            batch(0, &["a"]),
            finished(10, "a", Status::Changed, 1),
        ]);
        assert_eq!(usual.batch("nodes", 1, 50), None);
        let check = Kind::RunStarted {
            run: String::new(),
            version: 1,
            playbook: String::new(),
            inventory: Vec::new(),
            check: true,
            user: String::new(),
            controller: String::new(),
            resumes: None,
        };
        usual.learn(&[
            at(0, check),
            play(0, "nodes", &["a"]),
            finished(10, "a", Status::Changed, 1),
            ended(11),
        ]);
        assert_eq!(usual.batch("nodes", 1, 50), None);
    }

    #[test]
    fn one_slow_batch_of_twenty_is_not_the_measure() {
        let mut usual = Usual::default();
        let mut events = Vec::new();
        for number in 0..20 {
            events.push(play(number * 10, "nodes", &["a"]));
            events.push(finished(number * 10 + 1, "a", Status::Changed, 1));
        }
        events.push(ended(5000));
        usual.learn(&events);
        assert_eq!(usual.batch("nodes", 1, 50), Some(Duration::from_secs(10)));
    }
}
