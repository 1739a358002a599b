//! The last run in Prometheus' text format, for node_exporter's textfile collector.
//!
//! The file is written when the run starts, with what it held of the last run and the news that one is under way, and again when it
//! ends. A run whose process was killed stays under way there, which is what an alert looks for. Labels are those that stay
//! the same from run to run: playbook, inventory, and whether anything was to be changed. Must not know where the file is.

use super::phase::{Phase, Times};
use super::states;
use super::{Outcome, Synopsis};
use crate::event::{Event, Kind};
use jiff::Timestamp;
use std::collections::HashMap;
use std::fmt::Write as _;

const RUNNING: &str = "windlass_run_running";
const STARTED: &str = "windlass_run_start_timestamp_seconds";
const SUCCESS: &str = "windlass_last_success_timestamp_seconds";

/// What a run comes to in numbers.
pub(super) struct Metrics {
    synopsis: Synopsis,
    /// The action of each task by its number.
    actions: HashMap<usize, String>,
    times: Times,
    rollbacks: usize,
    last: Option<Timestamp>,
}

impl Metrics {
    pub(super) fn new(run: &str) -> Self {
        Self {
            synopsis: Synopsis::new(run),
            actions: HashMap::new(),
            times: Times::default(),
            rollbacks: 0,
            last: None,
        }
    }

    pub(super) fn take(&mut self, event: &Event) {
        self.synopsis.take(event);
        self.last = Some(event.at);
        match &event.kind {
            Kind::TaskStarted { task, action, .. } => {
                self.actions.insert(*task, action.clone());
            }
            Kind::TaskFinished { task, result, .. } => {
                if let Some(action) = self.actions.get(task) {
                    self.times.add(Phase::of(action, result), result.took);
                }
            }
            Kind::RollbackFinished { .. } => self.rollbacks += 1,
            _ => {}
        }
    }

    /// Whether there is anything to say; a run that never started must not stand in for the last one.
    pub(super) fn has_started(&self) -> bool {
        self.synopsis.started.is_some()
    }

    /// The file while the run is under way: what `before` holds of the last one stays.
    pub(super) fn begun(&self, before: &str) -> String {
        let mut page = Page::new(&self.synopsis);
        self.now_running(&mut page, true);
        let mut text = page.text;
        // Headers and samples of one name stand together, so whole names are kept or left out.
        let kept = before.lines().filter(|line| {
            let name = name_of(line);
            name.starts_with("windlass_last_")
        });
        for line in kept {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// The file once the run is over.
    pub(super) fn ended(&self, before: &str) -> String {
        let outcome = Outcome::of(&self.synopsis, false);
        let mut page = Page::new(&self.synopsis);
        self.now_running(&mut page, false);
        let seconds = |at: Timestamp| at.as_millisecond() as f64 / 1_000.0;
        let ended = self.last.map_or(0.0, seconds);
        page.gauge(
            "windlass_last_run_end_timestamp_seconds",
            "When the last run ended.",
            &[("", "", ended)],
        );
        page.gauge(
            "windlass_last_run_duration_seconds",
            "What the last run took.",
            &[("", "", self.synopsis.took().as_secs_f64())],
        );
        let code = self.synopsis.end.as_ref().map(|end| end.exit_code);
        page.gauge(
            "windlass_last_run_exit_code",
            "The exit code of the last run; 0 is success, and 130 also stands for a run that was cut short.",
            &[("", "", f64::from(code.unwrap_or(130)))],
        );
        let results = Outcome::ALL
            .into_iter()
            .filter(|it| !matches!(it, Outcome::Running | Outcome::Unreadable))
            .map(|it| ("result", it.name(), f64::from(u8::from(it == outcome))));
        page.gauge(
            "windlass_last_run_result",
            "How the last run ended: 1 for its result, 0 for all others.",
            &results.collect::<Vec<_>>(),
        );
        self.hosts(&mut page);
        let phases = Phase::ALL
            .into_iter()
            .map(|it| ("phase", it.name(), self.times.of(it).as_secs_f64()));
        page.gauge(
            "windlass_last_run_phase_seconds",
            "Where the time of the last run went, all hosts together.",
            &phases.collect::<Vec<_>>(),
        );
        page.gauge(
            "windlass_last_run_rollbacks",
            "Ways back that the last run began and ended.",
            &[("", "", self.rollbacks as f64)],
        );
        let success = match outcome {
            Outcome::Done | Outcome::NothingToDo => Some(ended),
            _ => page.value_in(before, SUCCESS),
        };
        if let Some(success) = success {
            page.gauge(
                SUCCESS,
                "When the last successful run ended.",
                &[("", "", success)],
            );
        }
        page.text
    }

    fn now_running(&self, page: &mut Page, is_running: bool) {
        page.gauge(
            RUNNING,
            "Whether a run is under way; it stays 1 when its process was killed.",
            &[("", "", f64::from(u8::from(is_running)))],
        );
        let started = self.synopsis.started.unwrap_or_default();
        page.gauge(
            STARTED,
            "When the run that is or was last under way started.",
            &[("", "", started.as_millisecond() as f64 / 1_000.0)],
        );
    }

    fn hosts(&self, page: &mut Page) {
        let recap = self.synopsis.end.as_ref().map(|end| &end.recap[..]);
        let hosts = recap.unwrap_or_default();
        let states = states::ALL.into_iter().map(|state| {
            let count = hosts.iter().filter(|host| host.state == state).count();
            ("state", states::name(state), count as f64)
        });
        page.gauge(
            "windlass_last_run_hosts",
            "Hosts of the last run by how it left them.",
            &states.collect::<Vec<_>>(),
        );
        page.gauge(
            "windlass_last_run_changed_hosts",
            "Hosts on which the last run changed something that stays.",
            &[("", "", self.synopsis.tally().changed as f64)],
        );
    }
}

/// The text so far, and the labels that all samples have.
struct Page {
    text: String,
    labels: String,
}

impl Page {
    fn new(run: &Synopsis) -> Self {
        Self {
            text: String::new(),
            labels: format!(
                "playbook=\"{}\",inventory=\"{}\",check=\"{}\"",
                escaped(&run.playbook),
                escaped(&run.inventory.join(",")),
                run.check
            ),
        }
    }

    /// A gauge with its samples, each with one more label where that has a name.
    fn gauge(&mut self, name: &str, help: &str, samples: &[(&str, &str, f64)]) {
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
        for (label, value, number) in samples {
            let series = self.series(name, label, value);
            let _ = writeln!(self.text, "{series} {number}");
        }
    }

    fn series(&self, name: &str, label: &str, value: &str) -> String {
        match label {
            "" => format!("{name}{{{}}}", self.labels),
            _ => format!("{name}{{{},{label}=\"{}\"}}", self.labels, escaped(value)),
        }
    }

    /// What an earlier text says of the same series.
    fn value_in(&self, before: &str, name: &str) -> Option<f64> {
        let series = self.series(name, "", "");
        before
            .lines()
            .find_map(|line| line.strip_prefix(&series)?.trim().parse().ok())
    }
}

/// The metric that a line is about, be it a header or a sample.
fn name_of(line: &str) -> &str {
    let line = line
        .strip_prefix("# HELP ")
        .or_else(|| line.strip_prefix("# TYPE "))
        .unwrap_or(line);
    line.split(['{', ' ']).next().unwrap_or_default()
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::HostState;
    use crate::report::sample::{at, counts, end, failed_run, ok, run, task};
    use std::collections::{BTreeMap, HashSet};

    /// A strict reader of the format: each sample under its own headers, each series once. Returns the samples.
    pub(in crate::report) fn parse(text: &str) -> BTreeMap<String, f64> {
        let mut samples = BTreeMap::new();
        let (mut help, mut kind) = (HashSet::new(), HashSet::new());
        let mut current = String::new();
        assert!(text.ends_with('\n'), "the last line has no end");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, words) = rest.split_once(' ').unwrap();
                assert!(help.insert(name.to_owned()), "two HELP lines of {name}");
                assert!(!words.is_empty() && !words.contains('\n'));
                name.clone_into(&mut current);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, word) = rest.split_once(' ').unwrap();
                assert_eq!((name, word), (&*current, "gauge"), "TYPE follows HELP");
                assert!(kind.insert(name.to_owned()), "two TYPE lines of {name}");
            } else {
                let (name, rest) = line.split_once('{').unwrap();
                assert_eq!(name, current, "a sample outside of its group: {line}");
                assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
                let (labels, value) = rest.rsplit_once("} ").unwrap();
                check_labels(labels);
                let value: f64 = value.parse().unwrap();
                let series = line.rsplit_once(' ').unwrap().0.to_owned();
                assert!(samples.insert(series, value).is_none(), "twice: {line}");
            }
        }
        samples
    }

    fn check_labels(labels: &str) {
        let mut rest = labels;
        let mut names = HashSet::new();
        while !rest.is_empty() {
            let (name, after) = rest.split_once("=\"").unwrap();
            assert!(names.insert(name), "the label {name} twice");
            let mut end = None;
            let mut chars = after.char_indices();
            while let Some((at, c)) = chars.next() {
                match c {
                    '\\' => assert!(matches!(chars.next(), Some((_, '\\' | '"' | 'n')))),
                    '"' => {
                        end = Some(at);
                        break;
                    }
                    c => assert!(c != '\n'),
                }
            }
            rest = &after[end.unwrap() + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
    }

    fn metrics(kinds: Vec<Kind>) -> Metrics {
        let mut metrics = Metrics::new("20260102-a1");
        for kind in kinds {
            metrics.take(&at(5_000, kind));
        }
        metrics
    }

    /// A whole number as it stands there.
    fn shown(text: &str, series: &str) -> String {
        value(text, series).to_string()
    }

    fn value(text: &str, series: &str) -> f64 {
        let samples = parse(text);
        let (name, label) = series.split_once('{').unwrap_or((series, "}"));
        let label = match label.trim_end_matches('}') {
            "" => String::new(),
            label => format!(",{label}"),
        };
        let series = format!(
            "{name}{{playbook=\"site.yml\",inventory=\"hosts.ini\",check=\"false\"{label}}}"
        );
        samples[&series]
    }

    #[test]
    fn a_run_in_numbers() {
        let text = metrics(failed_run()).ended("");
        for (series, expected) in [
            ("windlass_run_running", 0.0),
            ("windlass_last_run_exit_code", 2.0),
            ("windlass_last_run_end_timestamp_seconds", 5.0),
            ("windlass_last_run_duration_seconds", 4.21),
            ("windlass_last_run_result{result=\"failed\"}", 1.0),
            ("windlass_last_run_result{result=\"done\"}", 0.0),
            ("windlass_last_run_hosts{state=\"rolled_back\"}", 1.0),
            ("windlass_last_run_hosts{state=\"pending\"}", 1.0),
            ("windlass_last_run_changed_hosts", 1.0),
            ("windlass_last_run_rollbacks", 1.0),
            // `systemd` took 0.3 s where it changed something, and the copies as long on two hosts.
            ("windlass_last_run_phase_seconds{phase=\"restart\"}", 0.3),
            ("windlass_last_run_phase_seconds{phase=\"other\"}", 0.9),
        ] {
            let found = value(&text, series);
            assert!((found - expected).abs() < 1e-9, "{series} is {found}");
        }
        assert!(!text.contains(SUCCESS), "there was none");
    }

    #[test]
    fn the_last_success_outlives_failures_and_all_of_the_last_run_a_start() {
        let good = vec![
            run(),
            task(1, "drain", "windlass.drain", &["a"]),
            ok(1, "a"),
            end(vec![counts("a", 1, 0, HostState::Done)], 0),
        ];
        let first = metrics(good).ended("");
        assert_eq!(shown(&first, SUCCESS), "5");
        let mut failed = failed_run();
        let begun = metrics(vec![failed.remove(0)]).begun(&first);
        assert_eq!(shown(&begun, RUNNING), "1");
        assert_eq!(shown(&begun, "windlass_last_run_exit_code"), "0");
        assert_eq!(parse(&begun).len(), parse(&first).len());
        let second = metrics(failed_run()).ended(&begun);
        assert_eq!(shown(&second, RUNNING), "0");
        assert_eq!(shown(&second, SUCCESS), "5");
        assert_eq!(shown(&second, "windlass_last_run_exit_code"), "2");
    }

    #[test]
    fn names_cannot_break_the_format() {
        let mut kinds = failed_run();
        if let Kind::RunStarted { playbook, .. } = &mut kinds[0] {
            "a\"b\\c\nd.yml".clone_into(playbook);
        }
        let text = metrics(kinds).ended("");
        assert!(
            parse(&text)
                .keys()
                .all(|series| series.contains("a\\\"b\\\\c\\nd.yml"))
        );
    }
}
