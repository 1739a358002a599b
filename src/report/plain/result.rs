//! The lines for one result of a task on one host.

use crate::event::{Status, TaskResult};
use crate::report::Options;
use crate::report::colors::Tone;
use crate::report::dump::Dump;
use crate::report::failure;
use crate::report::tasks::Task;
use crate::report::text::{clean, indented, one_line};
use serde_json::Value;

/// How much a line says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Wording {
    /// The task's heading stands above, and failures carry their JSON.
    Full,
    /// Nothing stands above: the line names the task, and a failure is a message.
    Short,
}

/// One result and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) task: &'a Task,
    pub(super) host: &'a str,
    /// The label of the item, in a loop.
    pub(super) item: Option<&'a str>,
    pub(super) result: &'a TaskResult,
    /// Whether the items of this loop were shown already.
    pub(super) items_shown: bool,
    pub(super) wording: Wording,
}

impl Line<'_> {
    /// Differences, the line itself, and what of a failure deserves lines of its own.
    pub(super) fn text(self, options: Options) -> String {
        let mut text = String::new();
        if options.diff {
            text.push_str(&differences(&self.result.diff, options));
        }
        let colors = options.colors();
        let (tone, failure) = self.verdict();
        let line = match failure {
            Some(word) => self.failed(word, options),
            None => self.passed(options),
        };
        text.push_str(&colors.paint(tone, &line));
        text.push('\n');
        if failure.is_some() {
            text.push_str(&colors.paint(tone, &failure::blocks(self.result)));
        }
        text.push_str(&report(self.result, options));
        if self.result.status == Status::Ignored {
            text.push_str(&colors.paint(Tone::Skipped, "...ignoring"));
            text.push('\n');
        }
        text
    }

    /// The colour, and Ansible's word where it is a failure.
    fn verdict(self) -> (Tone, Option<&'static str>) {
        let unreachable = self.result.result.get("unreachable") == Some(&Value::Bool(true));
        match self.result.status {
            Status::Ok => (Tone::Ok, None),
            Status::Changed => (Tone::Changed, None),
            Status::Skipped => (Tone::Skipped, None),
            Status::Aborted => (Tone::Warning, None),
            Status::Unreachable => (Tone::Unreachable, Some("UNREACHABLE!")),
            Status::Ignored if unreachable => (Tone::Unreachable, Some("UNREACHABLE!")),
            Status::Failed | Status::Ignored => (Tone::Failed, Some("FAILED!")),
            Status::Unknown => (Tone::Failed, Some("UNKNOWN!")),
        }
    }

    fn passed(self, options: Options) -> String {
        let word = match self.result.status {
            Status::Changed => "changed",
            Status::Skipped => "skipping",
            Status::Aborted => "aborted",
            _ => "ok",
        };
        let mut line = format!("{word}: {}", self.target());
        if self.wording == Wording::Short {
            line = format!("{line} {}", one_line(&self.task.name));
        }
        if let Some(item) = self.item {
            line = format!("{line} => (item={})", one_line(item));
        }
        if self.result.verbosity <= options.verbosity && self.result.status != Status::Aborted {
            line = format!("{line} => {}", self.dump(options));
        }
        line
    }

    fn failed(self, word: &str, options: Options) -> String {
        // Ansible says `failed` of an item and `fatal` of a task.
        let mut line = match self.item {
            Some(item) if word == "FAILED!" => {
                format!("failed: {} (item={})", self.target(), one_line(item))
            }
            Some(item) => format!("fatal: {} (item={}): {word}", self.target(), one_line(item)),
            None => format!("fatal: {}: {word}", self.target()),
        };
        if self.wording == Wording::Short {
            line = format!("{line} {}", one_line(&self.task.name));
        }
        match self.wording {
            Wording::Short if options.verbosity == 0 => {
                format!("{line}: {}", failure::message(self.result))
            }
            _ => format!("{line} => {}", self.dump(options)),
        }
    }

    fn target(self) -> String {
        match &self.result.delegated_to {
            Some(other) => format!("[{} -> {other}]", self.host),
            None => format!("[{}]", self.host),
        }
    }

    fn dump(self, options: Options) -> String {
        let dump = Dump {
            verbosity: options.verbosity,
            debug: self.task.is_debug(),
            items_shown: self.items_shown,
        };
        dump.text(self.result)
    }
}

/// What a module wants shown as it stands, such as the findings of a preflight.
pub(super) fn own_report(result: &TaskResult) -> Option<&str> {
    result.result.get("_ansible_report")?.as_str()
}

/// The lines of that, in the colours of what they begin with.
fn report(result: &TaskResult, options: Options) -> String {
    let colors = options.colors();
    let mut tone = Tone::Plain;
    let mut text = String::new();
    for line in own_report(result).unwrap_or_default().lines() {
        if !line.starts_with(' ') {
            tone = match line.split_whitespace().next() {
                Some("BLOCK") => Tone::Failed,
                Some("warn") => Tone::Warning,
                _ => Tone::Plain,
            };
        }
        text.push_str(&colors.paint(tone, &clean(line)));
        text.push('\n');
    }
    text
}

/// Unified differences, each with an empty line behind it.
fn differences(diff: &[String], options: Options) -> String {
    let colors = options.colors();
    let line = |line: &str| {
        let tone = match line.as_bytes().first() {
            Some(b'+') => Tone::Ok,
            Some(b'-') => Tone::Failed,
            Some(b'@') => Tone::Skipped,
            _ => Tone::Plain,
        };
        colors.paint(tone, line) + "\n"
    };
    diff.iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| text.lines().map(line).collect::<String>() + "\n")
        .collect()
}

/// Several lines under the line they belong to.
pub(super) fn under(lines: &[String], indent: &str) -> String {
    lines.iter().map(|line| indented(line, indent)).collect()
}
