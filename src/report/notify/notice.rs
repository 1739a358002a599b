//! What is told: one JSON object with a line of text for people.

use crate::event::{Counts, HostState};
use crate::report::states;
use crate::report::text::{counted, duration, one_line};
use crate::report::{Outcome, Synopsis, Tally};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// When something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// The run started.
    Start,
    /// A host failed, and its way back ended where it has one.
    Failed,
    /// The run ended.
    End,
}

impl Occasion {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 3] = [Self::Start, Self::Failed, Self::End];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Failed => "failed",
            Self::End => "end",
        }
    }

    /// The occasion of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// One notification. Chat systems show `text` and pass over the rest.
#[derive(Debug, Clone, Serialize)]
pub struct Notice {
    event: Occasion,
    text: String,
    at: Timestamp,
    run: String,
    playbook: String,
    inventory: Vec<String>,
    check: bool,
    user: String,
    controller: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resumes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<FailedHost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<RunEnd>,
}

/// A host that failed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FailedHost {
    pub(super) name: String,
    /// How it stands now, after its way back.
    pub(super) state: HostState,
    pub(super) reason: String,
    /// The commands that a person must run where the way back is incomplete.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) remaining: Vec<String>,
}

/// How the run ended.
#[derive(Debug, Clone, Serialize)]
struct RunEnd {
    result: Outcome,
    exit_code: Option<u8>,
    seconds: f64,
    hosts: Tally,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    recap: Vec<Counts>,
}

impl Notice {
    /// The run started.
    pub(super) fn start(run: &Synopsis, at: Timestamp) -> Self {
        let goes_on = match &run.resumes {
            Some(of) => format!(", goes on with {of}"),
            None => String::new(),
        };
        Self::new(Occasion::Start, run, at, &format!("started{goes_on}"))
    }

    /// A host failed.
    pub(super) fn failed(run: &Synopsis, at: Timestamp, host: FailedHost) -> Self {
        let what = format!(
            "{} failed, {}: {}",
            host.name,
            match host.state {
                HostState::Failed => "and stays as it is",
                state => states::words(state),
            },
            one_line(&host.reason)
        );
        let mut notice = Self::new(Occasion::Failed, run, at, &what);
        notice.host = Some(host);
        notice
    }

    /// The run ended.
    pub(super) fn end(run: &Synopsis, at: Timestamp) -> Self {
        let outcome = Outcome::of(run, false);
        let tally = run.tally();
        let mut what = format!("{} after {}", outcome.words(), duration(run.took()));
        let counts: Vec<String> = [
            (tally.changed, "changed"),
            (tally.failed, "failed"),
            (tally.went_back, "went back"),
            (tally.pending, "pending"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
        if tally.total > 0 {
            what = format!("{what}; {}", counted(tally.total, "host"));
        }
        if !counts.is_empty() {
            what = format!("{what}: {}", counts.join(", "));
        }
        if let Some(reason) = &run.stopped {
            what = format!("{what}; stopped: {}", one_line(reason));
        }
        let mut notice = Self::new(Occasion::End, run, at, &what);
        notice.end = Some(RunEnd {
            result: outcome,
            exit_code: run.end.as_ref().map(|end| end.exit_code),
            seconds: Duration::as_secs_f64(&run.took()),
            hosts: tally,
            stopped: run.stopped.clone(),
            recap: run.end.iter().flat_map(|end| end.recap.clone()).collect(),
        });
        notice
    }

    fn new(event: Occasion, run: &Synopsis, at: Timestamp, what: &str) -> Self {
        let playbook = one_line(&run.playbook);
        let check = if run.check { " (check mode)" } else { "" };
        let inventory = match run.inventory.join(", ") {
            list if list.is_empty() => list,
            list => format!(" on {list}"),
        };
        let by = match (run.user.as_str(), run.controller.as_str()) {
            ("", _) | (_, "") => String::new(),
            (user, controller) => format!(", {user} on {controller}"),
        };
        Self {
            event,
            text: format!(
                "windlass: {playbook}{inventory}{check}: {what} (run {}{by})",
                run.run
            ),
            at,
            run: run.run.clone(),
            playbook: run.playbook.clone(),
            inventory: run.inventory.clone(),
            check: run.check,
            user: run.user.clone(),
            controller: run.controller.clone(),
            resumes: run.resumes.clone(),
            host: None,
            end: None,
        }
    }

    /// When it is told.
    pub fn occasion(&self) -> Occasion {
        self.event
    }

    /// The line for people.
    pub fn text(&self) -> &str {
        &self.text
    }
}
