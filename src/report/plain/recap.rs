//! The end of the run: one line per host as Ansible prints it, why hosts are not done, and one line about all of them.

use super::rollback;
use crate::event::{Counts, HostState};
use crate::report::Options;
use crate::report::colors::Tone;
use crate::report::states;
use crate::report::text::{counted, duration, one_line, pad, starred};
use std::collections::BTreeMap;
use std::time::Duration;

/// Ansible's least width of the column of hosts.
const HOST_COLUMN: usize = 26;

/// What the recap is made of.
pub(super) struct Recap<'a> {
    pub(super) counts: &'a [Counts],
    pub(super) exit_code: u8,
    pub(super) took: Duration,
    /// Whether nothing was to be changed.
    pub(super) check: bool,
    /// Whether lines should fit the width, as on a terminal; logs are searched and keep every count.
    pub(super) fit: bool,
    /// The commands that remain, by host.
    pub(super) remaining: &'a BTreeMap<String, Vec<String>>,
}

impl Recap<'_> {
    /// The whole recap, with its heading.
    pub(super) fn text(&self, options: Options) -> String {
        let colors = options.colors();
        let mut counts: Vec<&Counts> = self.counts.iter().collect();
        counts.sort_by(|a, b| a.host.cmp(&b.host));
        let width = counts
            .iter()
            .map(|host| console::measure_text_width(&host.host))
            .max()
            .unwrap_or_default()
            .max(HOST_COLUMN);
        let mut text = format!(
            "\n{}\n",
            colors.paint(Tone::Heading, &starred("PLAY RECAP", options.width))
        );
        let columns = self.columns(usize::from(options.width), width);
        for host in &counts {
            text.push_str(&line(options, host, width, &columns));
        }
        text.push('\n');
        text + &self.brief(options)
    }

    /// Why hosts are not done, and one line about all of them.
    pub(super) fn brief(&self, options: Options) -> String {
        let mut counts: Vec<&Counts> = self.counts.iter().collect();
        counts.sort_by(|a, b| a.host.cmp(&b.host));
        let why = counts.iter().map(|host| self.why(options, host));
        why.collect::<String>() + &self.summary(options)
    }

    /// Whether every host is as it should be and was so before.
    fn is_idle(&self) -> bool {
        let idle = |host: &Counts| host.state == HostState::Done && host.changed == 0;
        self.exit_code == 0 && !self.counts.is_empty() && self.counts.iter().all(idle)
    }

    /// Ansible's counts; where they are too wide, those that are zero on every host make room.
    fn columns(&self, room: usize, host_width: usize) -> Vec<Column> {
        let all = COLUMNS.to_vec();
        // ` : ` and seven counts of at least four digits.
        let width: usize = all.iter().map(|column| column.name.len() + 6).sum();
        if !self.fit || host_width + 3 + width <= room {
            return all;
        }
        let kept = |column: &Column| {
            matches!(column.name, "ok" | "changed" | "failed")
                || self.counts.iter().any(|host| (column.count)(host) > 0)
        };
        all.into_iter().filter(kept).collect()
    }

    fn why(&self, options: Options, host: &Counts) -> String {
        let commands = self
            .remaining
            .get(&host.host)
            .map_or(&[][..], Vec::as_slice);
        let reason = match &host.reason {
            Some(reason) if host.state != HostState::Done => one_line(reason),
            _ if host.state == HostState::RollbackIncomplete => "no reason given".to_owned(),
            _ => return String::new(),
        };
        let text = format!("{}: {}: {reason}", host.host, states::words(host.state));
        let text = options.colors().paint(states::tone(host.state), &text) + "\n";
        if host.state == HostState::RollbackIncomplete {
            text + &rollback::remaining(options, &host.host, commands)
        } else {
            text
        }
    }

    fn summary(&self, options: Options) -> String {
        let colors = options.colors();
        if self.is_idle() {
            return format!(
                "nothing to do: {} in {}, none changed\n",
                counted(self.counts.len(), "host"),
                duration(self.took)
            );
        }
        let states: Vec<String> = states::ALL
            .into_iter()
            .filter_map(|state| {
                let count = self
                    .counts
                    .iter()
                    .filter(|host| host.state == state)
                    .count();
                (count > 0).then(|| {
                    let text = format!("{count} {}", states::words(state));
                    colors.paint(states::tone(state), &text)
                })
            })
            .collect();
        let mut text = format!(
            "{} in {}",
            counted(self.counts.len(), "host"),
            duration(self.took)
        );
        if !states.is_empty() {
            text = format!("{text}: {}", states.join(", "));
        }
        text.push('\n');
        if self.check {
            text.push_str("check mode: nothing was changed\n");
        }
        if let Some(meaning) = states::exit_code(self.exit_code) {
            text.push_str(&colors.paint(Tone::Failed, &meaning));
            text.push('\n');
        }
        text
    }
}

/// One count of the line of a host.
#[derive(Clone, Copy)]
struct Column {
    name: &'static str,
    count: fn(&Counts) -> u32,
    tone: Tone,
}

/// In Ansible's order.
const COLUMNS: [Column; 7] = [
    column("ok", |host| host.ok, Tone::Ok),
    column("changed", |host| host.changed, Tone::Changed),
    column("unreachable", |host| host.unreachable, Tone::Unreachable),
    column("failed", |host| host.failed, Tone::Failed),
    column("skipped", |host| host.skipped, Tone::Skipped),
    column("rescued", |host| host.rescued, Tone::Ok),
    column("ignored", |host| host.ignored, Tone::Warning),
];

const fn column(name: &'static str, count: fn(&Counts) -> u32, tone: Tone) -> Column {
    Column { name, count, tone }
}

/// `host : ok=2    changed=1    ...`, and the state in words where the host is not done.
fn line(options: Options, host: &Counts, width: usize, columns: &[Column]) -> String {
    let colors = options.colors();
    let tone = if host.failed > 0 || host.unreachable > 0 {
        Tone::Failed
    } else if host.changed > 0 {
        Tone::Changed
    } else {
        Tone::Ok
    };
    let counts: Vec<String> = columns
        .iter()
        .map(|column| {
            let count = (column.count)(host);
            let tone = if count == 0 { Tone::Plain } else { column.tone };
            colors.paint(tone, &format!("{}={count:<4}", column.name))
        })
        .collect();
    let name = colors.paint(tone, &pad(&host.host, width));
    let mut line = format!("{name} : {}", counts.join(" "));
    if host.state == HostState::Done {
        line.truncate(line.trim_end().len());
    } else {
        line.push(' ');
        line.push_str(&colors.paint(states::tone(host.state), states::words(host.state)));
    }
    line + "\n"
}
