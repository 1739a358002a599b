//! A run as JUnit XML, for CI systems that show test results.
//!
//! A suite is a play, a test is a task on a host: its class is the host, so that viewers group by it. What stays red is what
//! the run was red for: a failure that a `rescue` caught or that was ignored is a test that passed. Tasks whose `when` said no
//! are left out, and hosts that were not started are skipped tests. The last suite says how the run ended. The form is the
//! part that the schemas of Ant and of Jenkins have in common.

use super::failure;
use super::states;
use super::tasks::{Task, Tasks};
use super::text::one_line;
use super::xml::{attribute, text as escaped};
use super::{Outcome, Synopsis};
use crate::event::{Event, HostState, Kind, Status, TaskResult};
use jiff::Timestamp;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

/// The run as one document.
pub fn junit<'a>(
    synopsis: &Synopsis,
    outcome: Outcome,
    events: impl IntoIterator<Item = &'a Event>,
) -> String {
    let mut writer = Junit::new();
    for event in events {
        writer.take(event);
    }
    writer.document(synopsis, outcome)
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Passed,
    Skipped(String),
    /// It did what it should not: message and output.
    Failed(String, String),
    /// It could not be tried, or nobody knows what came of it.
    Error(&'static str, String, String),
}

/// A test.
#[derive(Debug, Clone)]
struct Case {
    host: String,
    name: String,
    took: Duration,
    verdict: Verdict,
}

/// The tests of a play.
#[derive(Debug)]
struct Suite {
    name: String,
    began: Timestamp,
    cases: Vec<Case>,
    /// How often a test of this name came on a host: viewers take two of the same name for one.
    seen: HashMap<(String, String), usize>,
}

impl Suite {
    fn new(name: &str, began: Timestamp) -> Self {
        let name = match one_line(name) {
            name if name.is_empty() => "play".to_owned(),
            name => name,
        };
        Self {
            name,
            began,
            cases: Vec::new(),
            seen: HashMap::new(),
        }
    }

    fn add(&mut self, host: &str, name: &str, took: Duration, verdict: Verdict) {
        let count = self
            .seen
            .entry((host.to_owned(), name.to_owned()))
            .or_default();
        *count += 1;
        let name = match count {
            1 => one_line(name),
            n => format!("{} ({n})", one_line(name)),
        };
        self.cases.push(Case {
            host: host.to_owned(),
            name,
            took,
            verdict,
        });
    }
}

/// The document so far; a run that is written down at its end feeds it event by event.
pub(super) struct Junit {
    tasks: Tasks,
    suites: Vec<Suite>,
    /// Failures of each host in order, as suite and test: which of them counted is only known at the end.
    failures: HashMap<String, Vec<(usize, usize)>>,
}

impl Junit {
    pub(super) fn new() -> Self {
        Self {
            tasks: Tasks::default(),
            suites: Vec::new(),
            failures: HashMap::new(),
        }
    }

    pub(super) fn take(&mut self, event: &Event) {
        match &event.kind {
            Kind::PlayStarted { name, .. } => self.suites.push(Suite::new(name, event.at)),
            Kind::TaskStarted {
                task, name, action, ..
            } => self.tasks.start(
                *task,
                Task {
                    name: name.clone(),
                    action: action.clone(),
                    ..Task::default()
                },
            ),
            Kind::TaskFinished { task, host, result } => {
                let name = self.tasks.get(*task).name;
                let Some(verdict) = verdict(result) else {
                    return;
                };
                let counts = !matches!(verdict, Verdict::Passed | Verdict::Skipped(_));
                let suite = self.suite(event.at);
                suite.add(host, &name, result.took, verdict);
                let place = (self.suites.len() - 1, self.last().cases.len() - 1);
                if counts {
                    self.failures.entry(host.clone()).or_default().push(place);
                }
            }
            Kind::RollbackFinished {
                host,
                state,
                undone,
                remaining,
                message,
                ..
            } => {
                let verdict = way_back(*state, undone, remaining, message.as_deref());
                self.suite(event.at)
                    .add(host, "rollback", Duration::ZERO, verdict);
            }
            Kind::Stopped { reason, pending } => {
                let suite = self.suite(event.at);
                for host in pending {
                    let verdict = Verdict::Skipped(format!("not started: {}", one_line(reason)));
                    suite.add(host, "not started", Duration::ZERO, verdict);
                }
            }
            Kind::RunFinished { recap, .. } => {
                for host in recap {
                    self.forgive(&host.host, host.failed + host.unreachable);
                }
            }
            _ => {}
        }
    }

    /// The suite of the play under way; a rollback has no play.
    fn suite(&mut self, at: Timestamp) -> &mut Suite {
        if self.suites.is_empty() {
            self.suites.push(Suite::new("rollback", at));
        }
        let last = self.suites.len() - 1;
        &mut self.suites[last]
    }

    fn last(&self) -> &Suite {
        &self.suites[self.suites.len() - 1]
    }

    /// Only the last `counted` failures of a host were not rescued.
    fn forgive(&mut self, host: &str, counted: u32) {
        let failures = self.failures.remove(host).unwrap_or_default();
        let rescued = failures.len().saturating_sub(counted as usize);
        for (suite, case) in failures.into_iter().take(rescued) {
            self.suites[suite].cases[case].verdict = Verdict::Passed;
        }
    }

    pub(super) fn document(mut self, synopsis: &Synopsis, outcome: Outcome) -> String {
        let began = synopsis.started.unwrap_or_default();
        let mut last = Suite::new("run", began);
        last.add(
            &synopsis.run,
            "result",
            synopsis.took(),
            ending(synopsis, outcome),
        );
        self.suites.push(last);
        let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
        // A play for which no host was left has nothing to say.
        let suites = self.suites.iter().filter(|suite| !suite.cases.is_empty());
        for (id, suite) in suites.enumerate() {
            write_suite(&mut xml, id, suite, synopsis);
        }
        xml.push_str("</testsuites>\n");
        xml
    }
}

/// What a task's result is as a test; nothing for a task that had no reason to run.
fn verdict(result: &TaskResult) -> Option<Verdict> {
    let message = || failure::message(result);
    let output = || failure::blocks(result);
    Some(match result.status {
        Status::Ok | Status::Changed | Status::Ignored => Verdict::Passed,
        Status::Skipped => return None,
        Status::Aborted => Verdict::Skipped("dropped because of another host".to_owned()),
        Status::Failed => Verdict::Failed(message(), output()),
        Status::Unreachable => Verdict::Error("unreachable", message(), output()),
        Status::Unknown => Verdict::Error("unknown", message(), output()),
    })
}

fn way_back(
    state: HostState,
    undone: &[String],
    remaining: &[String],
    message: Option<&str>,
) -> Verdict {
    if state == HostState::RolledBack {
        return Verdict::Passed;
    }
    let mut output = String::new();
    for (title, lines) in [("undone", undone), ("to be run by hand", remaining)] {
        if !lines.is_empty() {
            let _ = writeln!(output, "{title}:\n  {}", lines.join("\n  "));
        }
    }
    let message = message.map_or_else(|| states::words(state).to_owned(), one_line);
    Verdict::Failed(message, output)
}

/// The test that is red whenever the run is.
fn ending(synopsis: &Synopsis, outcome: Outcome) -> Verdict {
    let message = match &synopsis.stopped {
        Some(reason) => format!("{}: {}", outcome.words(), one_line(reason)),
        None => outcome.words().to_owned(),
    };
    match outcome {
        Outcome::Done | Outcome::NothingToDo => Verdict::Passed,
        Outcome::WindowClosed => Verdict::Skipped(message),
        Outcome::Crashed | Outcome::Running | Outcome::Interrupted | Outcome::Unreadable => {
            Verdict::Error(outcome.name(), message, String::new())
        }
        _ => {
            let reasons: String = synopsis
                .end
                .iter()
                .flat_map(|end| &end.recap)
                .filter_map(|host| {
                    let reason = host.reason.as_ref()?;
                    let state = states::words(host.state);
                    Some(format!("{}: {state}: {}\n", host.host, one_line(reason)))
                })
                .collect();
            Verdict::Failed(message, reasons)
        }
    }
}

fn write_suite(xml: &mut String, id: usize, suite: &Suite, synopsis: &Synopsis) {
    let count = |wanted: fn(&Verdict) -> bool| {
        let cases = suite.cases.iter().filter(|case| wanted(&case.verdict));
        cases.count()
    };
    let took: Duration = suite.cases.iter().map(|case| case.took).sum();
    let controller = match synopsis.controller.as_str() {
        "" => "localhost",
        name => name,
    };
    let _ = writeln!(
        xml,
        "  <testsuite name={} package=\"windlass\" id=\"{id}\" timestamp=\"{}\" hostname={} \
         tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        attribute(&suite.name),
        suite.began.strftime("%Y-%m-%dT%H:%M:%S"),
        attribute(controller),
        suite.cases.len(),
        count(|it| matches!(it, Verdict::Failed(..))),
        count(|it| matches!(it, Verdict::Error(..))),
        count(|it| matches!(it, Verdict::Skipped(_))),
        took.as_secs_f64(),
    );
    let _ = writeln!(
        xml,
        "    <properties>\n      <property name=\"run\" value={}/>\n      <property name=\"playbook\" value={}/>\n    </properties>",
        attribute(&synopsis.run),
        attribute(&synopsis.playbook),
    );
    for case in &suite.cases {
        write_case(xml, case);
    }
    xml.push_str("    <system-out/>\n    <system-err/>\n  </testsuite>\n");
}

fn write_case(xml: &mut String, case: &Case) {
    let _ = write!(
        xml,
        "    <testcase classname={} name={} time=\"{:.3}\"",
        attribute(&case.host),
        attribute(&case.name),
        case.took.as_secs_f64(),
    );
    let (tag, kind, message, output) = match &case.verdict {
        Verdict::Passed => {
            xml.push_str("/>\n");
            return;
        }
        Verdict::Skipped(message) => {
            let _ = writeln!(
                xml,
                ">\n      <skipped message={}/>\n    </testcase>",
                attribute(message)
            );
            return;
        }
        Verdict::Failed(message, output) => ("failure", "failed", message, output),
        Verdict::Error(kind, message, output) => ("error", *kind, message, output),
    };
    let body = match output.as_str() {
        "" => message,
        output => &format!("{message}\n{output}"),
    };
    let _ = writeln!(
        xml,
        ">\n      <{tag} type={} message={}>{}</{tag}>\n    </testcase>",
        attribute(kind),
        attribute(message),
        escaped(body)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{at, batch, broken, changed, failed_run, play, run, task};

    fn of(kinds: Vec<Kind>) -> String {
        let events: Vec<Event> = kinds.into_iter().map(|kind| at(1_000, kind)).collect();
        let synopsis = Synopsis::of("20260102-a1", &events);
        let outcome = Outcome::of(&synopsis, false);
        junit(&synopsis, outcome, &events)
    }

    #[test]
    fn a_run_that_failed_is_red_where_it_failed() {
        insta::assert_snapshot!(of(failed_run()), @"");
    }

    #[test]
    fn a_failure_that_was_rescued_is_not_red() {
        let mut kinds = failed_run();
        if let Some(Kind::RunFinished {
            recap, exit_code, ..
        }) = kinds.last_mut()
        {
            *exit_code = 0;
            for host in recap.iter_mut() {
                host.failed = 0;
                host.state = HostState::Done;
            }
        }
        kinds.retain(|kind| !matches!(kind, Kind::Stopped { .. } | Kind::RollbackFinished { .. }));
        let xml = of(kinds);
        assert!(
            !xml.contains("<failure") && !xml.contains("<skipped"),
            "{xml}"
        );
        assert!(xml.contains("failures=\"0\""));
    }

    #[test]
    fn a_run_that_crashed_is_an_error_and_names_are_told_apart() {
        let xml = of(vec![
            run(),
            play("all", &["a"]),
            batch(1, 2, &["a"]),
            task(1, "look & see", "command", &["a"]),
            changed(1, "a"),
            task(2, "look & see", "command", &["a"]),
            broken(2, "a"),
        ]);
        assert!(xml.contains("name=\"look &amp; see\""), "{xml}");
        assert!(xml.contains("name=\"look &amp; see (2)\""), "{xml}");
        assert!(xml.contains("<failure type=\"failed\""), "{xml}");
        assert!(
            xml.contains("<error type=\"crashed\" message=\"crashed\">crashed</error>"),
            "{xml}"
        );
    }
}
