//! What the host answers about its undo log.

use serde_json::Value;

/// How a way back ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RevertReport {
    /// Whether the old state is back.
    pub complete: bool,
    /// What was undone just now, in order, in words.
    pub undone: Vec<String>,
    /// The exact commands that remain to be run on the host, in order.
    pub remaining: Vec<String>,
    /// What the controller still has to do, in the order in which it was recorded.
    pub releases: Vec<Value>,
    /// When the host went back by itself (UTC), if its dead-man timer ran out.
    pub alone: Option<String>,
}

impl RevertReport {
    /// Reads what the script printed. An answer that was cut off counts as incomplete.
    pub fn parse(output: &str) -> Self {
        let mut report = Self::default();
        for line in output.lines() {
            match line.split_once(' ') {
                Some(("undone", what)) => report.undone.push(what.to_owned()),
                Some(("remaining", command)) => report.remaining.push(command.to_owned()),
                Some(("release", json)) => report.releases.extend(serde_json::from_str(json).ok()),
                Some(("alone", at)) => report.alone = Some(at.to_owned()),
                Some(("complete", word)) => report.complete = word == "yes",
                _ => {}
            }
        }
        report
    }
}

/// The status of a script that met a host that went back by itself.
pub const WENT_BACK: i32 = 76;

/// When a host went back by itself (UTC), as `commit`, `extend` and `revert` print it.
pub fn parse_alone(output: &str) -> Option<&str> {
    output.lines().find_map(|line| line.strip_prefix("alone "))
}

/// What `intent` says of the dead-man timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Armed {
    /// It runs from now on.
    Now,
    /// It ran before, and has all its time again.
    Moved,
    /// The host cannot have one, and why.
    Off(String),
}

/// Reads what `intent` printed; `None` when no timer is asked for.
pub fn parse_armed(output: &str) -> Option<Armed> {
    let word = output
        .lines()
        .find_map(|line| line.strip_prefix("deadman "))?;
    Some(match word.strip_prefix("off ") {
        Some(reason) => Armed::Off(reason.to_owned()),
        None if word == "moved" => Armed::Moved,
        None => Armed::Now,
    })
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Recorded; whether it was made is unknown.
    Intent,
    /// Made.
    Done,
    /// Taken back.
    Undone,
}

/// One recorded step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 1.
    pub number: u32,
    /// What it changes, in words.
    pub what: String,
    /// How far it is.
    pub state: StepState,
}

/// How a run stands on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunState {
    /// All its steps were committed, and none was recorded since.
    pub committed: bool,
    /// All its steps were taken back.
    pub reverted: bool,
    /// The steps in order.
    pub steps: Vec<Step>,
}

impl RunState {
    /// Reads a manifest; `None` when there is none.
    pub fn parse(manifest: &str) -> Option<Self> {
        let mut lines = manifest.lines();
        lines.next().filter(|first| first.starts_with("run "))?;
        let mut run = Self::default();
        for line in lines {
            let mut words = line.splitn(3, ' ');
            let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            match (first, second, first.parse::<u32>()) {
                ("committed", _, _) => run.committed = true,
                (_, "intent", Ok(number)) => {
                    run.committed = false;
                    run.steps.push(Step {
                        number,
                        what: words.next().unwrap_or("").to_owned(),
                        state: StepState::Intent,
                    });
                }
                (_, "done", Ok(number)) => run.set(number, StepState::Done),
                (_, "restored", Ok(number)) => run.set(number, StepState::Undone),
                _ => {}
            }
        }
        run.steps.sort_by_key(|step| step.number);
        run.reverted = manifest.lines().next_back() == Some("undone")
            && run.steps.iter().all(|step| step.state == StepState::Undone);
        Some(run)
    }

    fn set(&mut self, number: u32, state: StepState) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.number == number) {
            step.state = state;
        }
    }
}
