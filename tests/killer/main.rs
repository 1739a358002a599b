//! The shipped upgrade of twelve nodes, killed with SIGKILL at moments of chance and resumed until it is done.
//!
//! Whatever moment it is: the fleet ends upgraded and in service, each change of each host is made once and stays, a host
//! that was through is not disturbed again, every journal can be read, and nobody has to do anything by hand.
//!
//! `WINDLASS_TEST_KILLS=100` asks for that many rounds instead of six; `WINDLASS_TEST_SEED` repeats the moments of an
//! earlier run, whose seed stands in its output. The moments are spread over the whole length of a run: each round has a
//! part of it of its own. In half of the rounds the run that goes on is killed, too, in every fourth one twice.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says its seed"
)]

#[path = "../upgrade/events.rs"]
#[allow(dead_code, reason = "shared with the tests of the upgrade")]
mod events;
#[path = "../upgrade/inventory.rs"]
#[allow(dead_code, reason = "shared with the tests of the upgrade")]
mod inventory;
#[path = "../upgrade/lab.rs"]
#[allow(dead_code, reason = "shared with the tests of the upgrade")]
mod lab;
mod moments;
mod record;
#[path = "../upgrade/running.rs"]
#[allow(dead_code, reason = "shared with the tests of the upgrade")]
mod running;
#[path = "../upgrade/snapshot.rs"]
#[allow(dead_code, reason = "shared with the tests of the upgrade")]
mod snapshot;

use crate::inventory::Inventory;
use crate::lab::{Lab, TARGET};
use crate::moments::{Chance, killed_after};
use crate::record::Record;
use crate::running::DEADLINE;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const CONTROL_PLANES: usize = 3;
const WORKERS: usize = 9;
/// Rounds when nobody asks for more.
const ROUNDS: usize = 6;
/// Rounds at a time: most of a run is waiting.
const SIDE_BY_SIDE: usize = 3;
/// A run that goes on again and again without an end has lost its way.
const MOST_RUNS: usize = 8;

fn fleet() -> Inventory {
    Inventory::new()
        .control_planes(CONTROL_PLANES)
        .workers(WORKERS)
        .variable("serial", 3)
}

fn hosts() -> Vec<String> {
    let named = |prefix: &'static str, count| (1..=count).map(move |at| format!("{prefix}{at}"));
    named("control", CONTROL_PLANES)
        .chain(named("worker", WORKERS))
        .collect()
}

fn from_environment<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn killed_at_any_moment_the_fleet_ends_upgraded() {
    let rounds: usize = from_environment("WINDLASS_TEST_KILLS").unwrap_or(ROUNDS);
    let seed = from_environment("WINDLASS_TEST_SEED").unwrap_or_else(moments::seed);
    eprintln!("WINDLASS_TEST_SEED={seed} WINDLASS_TEST_KILLS={rounds}");
    let length = length();
    let mut chance = Chance::new(seed);
    let plan: Vec<Round> = (0..rounds)
        .map(|number| Round::new(number, rounds, length, &mut chance))
        .collect();
    let started = Instant::now();
    let (next, kills) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(round) = plan.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let _last = LastOfAll(&next);
                    eprintln!("{round}, {:.0?} so far", started.elapsed());
                    kills.fetch_add(round.play(), Ordering::Relaxed);
                }
            });
        }
    });
    let kills = kills.into_inner();
    assert!(kills >= rounds * 3 / 4, "only {kills} runs were killed");
    eprintln!(
        "{kills} kills in {rounds} rounds took {:.0?}",
        started.elapsed()
    );
}

/// Where a round fails, no other one begins.
struct LastOfAll<'a>(&'a AtomicUsize);

impl Drop for LastOfAll<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(usize::MAX / 2, Ordering::Relaxed);
        }
    }
}

/// How many events a run has that nobody kills.
fn length() -> usize {
    let lab = Lab::with(&fleet());
    let run = lab.upgrade(&[]);
    run.assert_code(0);
    run.events.len()
}

/// A fleet of its own, and the moments at which its runs are killed.
struct Round {
    number: usize,
    /// Events after which a run is killed, and how long after.
    moments: Vec<(usize, Duration)>,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, moments } = self;
        write!(f, "round {number}: killed after {moments:?}")
    }
}

impl Round {
    fn new(number: usize, rounds: usize, length: usize, chance: &mut Chance) -> Self {
        let part = length.div_ceil(rounds);
        let mut events = vec![number * length / rounds + chance.below(part)];
        for _ in 0..[0, 1, 0, 2][number % 4] {
            events.push(chance.below(length));
        }
        let moments = events.into_iter().map(|events| (events, chance.pause()));
        Self {
            number,
            moments: moments.collect(),
        }
    }

    /// Kills and resumes until all is done; tells how many runs were killed before they ended.
    fn play(&self) -> usize {
        let lab = Lab::with(&fleet());
        let first = [
            "run",
            "playbooks/upgrade.yml",
            "-i",
            lab.inventory(),
            "--json",
        ];
        let mut arguments = &first[..];
        let mut kills = 0;
        let mut through: BTreeMap<String, usize> = BTreeMap::new();
        let mut code = None;
        for (events, pause) in &self.moments {
            code = killed_after(lab.command(arguments), (*events).max(1), *pause);
            if code.is_some() {
                break;
            }
            kills += 1;
            Record::of(&lab).assert_undisturbed(&lab, &mut through);
            arguments = &["resume", "--json"];
        }
        for _ in 0..MOST_RUNS {
            if code == Some(0) {
                break;
            }
            let run = running::within(DEADLINE, lab.command(&["resume", "--json"]));
            code = run.status.code();
            let said = String::from_utf8_lossy(&run.stderr);
            assert_eq!(
                code,
                Some(0),
                "{self}: {said}{}",
                Record::of(&lab).failures()
            );
        }
        assert_eq!(code, Some(0), "{self}: the runs do not come to an end");
        assert_done(&lab, &mut through);
        kills
    }
}

fn assert_done(lab: &Lab, through: &mut BTreeMap<String, usize>) {
    let status = lab.status();
    for host in hosts() {
        status.assert_serving(&host, TARGET);
    }
    let record = Record::of(lab);
    record.assert_undisturbed(lab, through);
    record.assert_each_change_once(&hosts());
    let listed = lab.ok(&["rollback", "-i", lab.inventory()]);
    assert!(!listed.contains("unreadable"), "{listed}");
    // Nothing is left that anybody would have to go on with.
    let idle = lab.ok(&["resume"]);
    assert!(idle.contains("nothing to resume"), "{idle}");
}
