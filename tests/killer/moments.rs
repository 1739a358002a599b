//! Moments of chance, which a seed repeats, and runs that are killed at them.

use crate::running::DEADLINE;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest pause between an event and the kill: about as long as a step takes.
const PAUSE: Duration = Duration::from_millis(60);

/// A seed that differs each time.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8) >> 12
}

/// A stream of numbers (`splitmix64`).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        usize::try_from(bits >> 33).unwrap() % limit.max(1)
    }

    /// How long to wait between an event and the kill.
    pub(crate) fn pause(&mut self) -> Duration {
        PAUSE * u32::try_from(self.below(1000)).unwrap() / 1000
    }
}

/// Runs a command and kills it outright after so many events and a pause; the exit code when it ended before that.
pub(crate) fn killed_after(mut command: Command, events: usize, pause: Duration) -> Option<i32> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + DEADLINE;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..events {
        if lines.next().is_none() {
            break;
        }
        assert!(Instant::now() < end, "the run does not come to an end");
    }
    std::thread::sleep(pause);
    kill_process(Pid::from_child(&child), Signal::KILL).ok();
    ended(&mut child)
}

/// The exit code; none for a run that was killed.
fn ended(child: &mut Child) -> Option<i32> {
    child.wait().unwrap().code()
}

#[test]
fn a_seed_repeats_its_moments() {
    let mut one = Chance::new(7);
    let mut other = Chance::new(7);
    let numbers: Vec<usize> = (0..200).map(|_| one.below(10)).collect();
    assert!(numbers.iter().all(|number| *number == other.below(10)));
    assert!(
        (0..10).all(|wanted| numbers.contains(&wanted)),
        "{numbers:?}"
    );
}
