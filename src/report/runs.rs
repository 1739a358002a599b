//! Runs in a list, and one run in a title. Must not know where runs are kept.

use super::Outcome;
use super::colors::{Colors, Tone};
use super::synopsis::{Synopsis, Tally};
use super::table::{table, widths};
use super::text::{counted, duration, one_line};
use console::{measure_text_width, truncate_str};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// A column of hosts, and how many of a run belong there.
type Count = (&'static str, fn(&Tally) -> usize);

/// A run as lists show it.
#[derive(Debug, Clone)]
pub struct RunEntry {
    /// What it came to.
    pub synopsis: Synopsis,
    /// How it ended.
    pub outcome: Outcome,
    /// The run that went on where this one stopped.
    pub resumed_by: Option<String>,
    /// Why its journal could not be read to the end.
    pub damage: Option<String>,
}

/// What a list says of each run beside how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Hosts by how it left them.
    Hosts,
    /// Hosts that a rollback would take back.
    ToTakeBack,
}

/// How a list of runs looks.
#[derive(Debug, Clone)]
pub struct RunList {
    /// What it says beside how a run ended.
    pub listed: Listed,
    /// Columns that it may take.
    pub width: usize,
    /// Whether to use colours.
    pub color: bool,
    /// The present, for ages.
    pub now: Timestamp,
    /// Where the reader is.
    pub zone: TimeZone,
}

/// Columns that are cut when lines are too long, and what they are cut down to.
const CUT: [(&str, usize); 2] = [("PLAYBOOK", 8), ("WHO", 4)];
/// Columns that are left out when that does not suffice, one after the other.
const LEFT_OUT: [&str; 3] = ["AGE", "TOOK", "WHO"];
/// Columns that hold words; all others hold numbers and stand to the right.
const WORDS: [&str; 5] = ["RUN", "WHEN", "PLAYBOOK", "WHO", "RESULT"];

impl RunList {
    /// The list, in the order given, with titles above the columns.
    pub fn text(&self, entries: &[RunEntry]) -> String {
        let mut rows = vec![self.titles(entries)];
        rows.extend(entries.iter().map(|entry| self.row(entry, entries)));
        let right = self.fit(&mut rows);
        let colors = Colors::new(self.color);
        let result = last_column(&rows);
        let tones = entries.iter().map(|entry| (entry.outcome.tone(), result));
        table(&rows, &right)
            .lines()
            .zip(std::iter::once((Tone::Heading, 0)).chain(tones))
            .map(|(line, (tone, from))| {
                let line = truncate_str(line, self.width, "…");
                let (head, tail) = split_at_column(&line, from);
                format!("{head}{}\n", colors.paint(tone, tail))
            })
            .collect()
    }

    fn counts(&self, entries: &[RunEntry]) -> Vec<Count> {
        if self.listed == Listed::ToTakeBack {
            return Vec::new();
        }
        let all: [Count; 4] = [
            ("CHANGED", |tally| tally.changed),
            ("FAILED", |tally| tally.failed),
            ("BACK", |tally| tally.went_back),
            ("PENDING", |tally| tally.pending),
        ];
        let mut kept = all.to_vec();
        kept.retain(|(name, count)| {
            let used = |entry: &RunEntry| count(&entry.synopsis.tally()) > 0;
            *name == "CHANGED" || entries.iter().any(used)
        });
        kept
    }

    fn titles(&self, entries: &[RunEntry]) -> Vec<String> {
        let mut titles = vec!["RUN", "WHEN", "AGE", "PLAYBOOK", "WHO"];
        titles.extend(self.counts(entries).iter().map(|(name, _)| *name));
        if self.listed == Listed::ToTakeBack {
            titles.push("TO TAKE BACK");
        }
        titles.extend(["TOOK", "RESULT"]);
        titles.into_iter().map(str::to_owned).collect()
    }

    fn row(&self, entry: &RunEntry, all: &[RunEntry]) -> Vec<String> {
        let synopsis = &entry.synopsis;
        let mut row = vec![
            synopsis.run.clone(),
            synopsis
                .started
                .map_or_else(String::new, |at| self.when(at)),
            synopsis
                .started
                .map_or_else(String::new, |at| age(self.now, at)),
            file_name(&one_line(&synopsis.playbook)),
            one_line(&synopsis.user),
        ];
        let tally = synopsis.tally();
        for (_, count) in self.counts(all) {
            row.push(match count(&tally) {
                0 => "-".to_owned(),
                count => count.to_string(),
            });
        }
        if self.listed == Listed::ToTakeBack {
            row.push(match synopsis.to_take_back().count() {
                0 => "nothing".to_owned(),
                count => counted(count, "host"),
            });
        }
        row.push(short(self.length(entry)));
        row.push(result(entry, |id| short_id(id, all)));
        row
    }

    fn length(&self, entry: &RunEntry) -> Duration {
        match (entry.outcome, entry.synopsis.started) {
            (Outcome::Running, Some(at)) => self.now.duration_since(at).unsigned_abs(),
            _ => entry.synopsis.took(),
        }
    }

    fn when(&self, at: Timestamp) -> String {
        let there = at.to_zoned(self.zone.clone());
        let here = self.now.to_zoned(self.zone.clone());
        if there.year() == here.year() {
            there.strftime("%b %d %H:%M").to_string()
        } else {
            there.strftime("%Y-%m-%d").to_string()
        }
    }

    /// Makes room where lines are too long, and says which columns stand to the right.
    fn fit(&self, rows: &mut [Vec<String>]) -> Vec<usize> {
        for (title, least) in CUT {
            let (over, at) = (self.over(rows), column(rows, title));
            let width = at.map_or(0, |at| widths(rows)[at]);
            if let Some(at) = at.filter(|_| over > 0 && width > least) {
                let width = width.saturating_sub(over).max(least);
                for row in rows.iter_mut() {
                    row[at] = truncate_str(&row[at], width, "…").into_owned();
                }
            }
        }
        for title in LEFT_OUT {
            if let Some(at) = column(rows, title).filter(|_| self.over(rows) > 0) {
                for row in rows.iter_mut() {
                    row.remove(at);
                }
            }
        }
        let titles = rows.first().into_iter().flatten().enumerate();
        titles
            .filter(|(_, title)| !WORDS.contains(&title.as_str()))
            .map(|(at, _)| at)
            .collect()
    }

    /// By how many columns of the screen lines are too long.
    fn over(&self, rows: &[Vec<String>]) -> usize {
        let widths = widths(rows);
        let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        total.saturating_sub(self.width)
    }
}

/// Where the column with this title stands.
fn column(rows: &[Vec<String>], title: &str) -> Option<usize> {
    rows.first()?.iter().position(|cell| cell == title)
}

/// The column at which the last cell begins.
fn last_column(rows: &[Vec<String>]) -> usize {
    let widths = widths(rows);
    let before = widths.len().saturating_sub(1);
    widths.iter().take(before).map(|width| width + 2).sum()
}

/// `text` before and from a column of the screen.
fn split_at_column(text: &str, column: usize) -> (&str, &str) {
    let at = text
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| measure_text_width(&text[..*at]) >= column)
        .unwrap_or(text.len());
    text.split_at(at)
}

/// How a run ended, and what it has to do with other runs.
fn result(entry: &RunEntry, name: impl Fn(&str) -> String) -> String {
    let mut text = entry.outcome.words().to_owned();
    if entry.synopsis.check {
        text.push_str(" (check)");
    }
    if let Some(by) = &entry.resumed_by {
        let _ = write!(text, ", resumed by {}", name(by));
    }
    if let Some(of) = &entry.synopsis.resumes {
        let _ = write!(text, ", resumes {}", name(of));
    }
    if entry.damage.is_some() && entry.outcome != Outcome::Unreadable {
        text.push_str(", journal damaged");
    }
    text
}

/// The last part of a run's id, where no other run of the list ends so.
fn short_id(id: &str, all: &[RunEntry]) -> String {
    let Some((_, end)) = id.rsplit_once('-') else {
        return id.to_owned();
    };
    let same = all
        .iter()
        .filter(|entry| entry.synopsis.run.rsplit('-').next() == Some(end))
        .count();
    if same > 1 { id } else { end }.to_owned()
}

fn file_name(playbook: &str) -> String {
    // A rollback has words in place of a path.
    if let Some(of) = playbook.strip_prefix("rollback of ") {
        let end = of.rsplit('-').next().unwrap_or(of);
        return format!("rollback of {end}");
    }
    playbook.rsplit('/').next().unwrap_or(playbook).to_owned()
}

/// How long ago, in the one unit that says most.
fn age(now: Timestamp, at: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A duration for a narrow column.
fn short(took: Duration) -> String {
    let seconds = (took.as_millis() + 500) / 1_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// One run in a few lines: what was run, by whom, when, and how it ended.
pub fn run_title(entry: &RunEntry, zone: &TimeZone, color: bool) -> String {
    let colors = Colors::new(color);
    let synopsis = &entry.synopsis;
    let mut text = colors.paint(Tone::Heading, &format!("RUN {}", synopsis.run));
    text.push('\n');
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<10} {}", one_line(value));
        }
    };
    line("playbook", &synopsis.playbook);
    line("inventory", &synopsis.inventory.join(", "));
    line("by", &synopsis.user);
    line("on", &synopsis.controller);
    if let Some(at) = synopsis.started {
        let at = at.to_zoned(zone.clone());
        line(
            "started",
            &at.strftime("%a %Y-%m-%d %H:%M:%S %Z").to_string(),
        );
    }
    line("resumes", synopsis.resumes.as_deref().unwrap_or_default());
    line(
        "resumed by",
        entry.resumed_by.as_deref().unwrap_or_default(),
    );
    let mut end = colors.paint(entry.outcome.tone(), entry.outcome.words());
    if entry.outcome == Outcome::Crashed {
        end.push_str(": its process is gone and never said that it ended");
    } else if entry.outcome != Outcome::Running {
        let _ = write!(end, " after {}", duration(synopsis.took()));
    }
    if synopsis.check {
        end.push_str(", in check mode");
    }
    let _ = writeln!(text, "  {:<10} {end}", "result");
    text
}

/// A run as programs see it; the shape of `windlass runs --json`.
#[derive(Debug, Serialize)]
pub struct RunJson<'a> {
    run: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback_of: Option<&'a str>,
    result: Outcome,
    exit_code: Option<u8>,
    started: Option<Timestamp>,
    seconds: f64,
    playbook: &'a str,
    inventory: &'a [String],
    check: bool,
    user: &'a str,
    controller: &'a str,
    resumes: Option<&'a str>,
    resumed_by: Option<&'a str>,
    hosts: Tally,
    stopped: Option<&'a str>,
    to_take_back: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<&'a str>,
}

impl<'a> From<&'a RunEntry> for RunJson<'a> {
    fn from(entry: &'a RunEntry) -> Self {
        let synopsis = &entry.synopsis;
        Self {
            run: &synopsis.run,
            rollback_of: synopsis.rollback_of.as_deref(),
            result: entry.outcome,
            exit_code: synopsis.end.as_ref().map(|end| end.exit_code),
            started: synopsis.started,
            seconds: synopsis.took().as_secs_f64(),
            playbook: &synopsis.playbook,
            inventory: &synopsis.inventory,
            check: synopsis.check,
            user: &synopsis.user,
            controller: &synopsis.controller,
            resumes: synopsis.resumes.as_deref(),
            resumed_by: entry.resumed_by.as_deref(),
            hosts: synopsis.tally(),
            stopped: synopsis.stopped.as_deref(),
            to_take_back: synopsis.to_take_back().collect(),
            damage: entry.damage.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{HostState, Kind};
    use crate::report::sample::{at, counts, end, failed_run, run};

    fn entry(id: &str, minutes: i64, kinds: Vec<Kind>, is_running: bool) -> RunEntry {
        let events: Vec<_> = kinds
            .into_iter()
            .map(|kind| at(minutes * 60_000, kind))
            .collect();
        let mut synopsis = Synopsis::of("20260102-a1", &events);
        synopsis.run = id.to_owned();
        synopsis.user = "ann".to_owned();
        RunEntry {
            outcome: Outcome::of(&synopsis, is_running),
            synopsis,
            resumed_by: None,
            damage: None,
        }
    }

    fn list(listed: Listed, width: usize, color: bool) -> RunList {
        RunList {
            listed,
            width,
            color,
            now: Timestamp::from_second(3 * 86_400).unwrap(),
            zone: TimeZone::UTC,
        }
    }

    fn entries() -> Vec<RunEntry> {
        let done = vec![run(), end(vec![counts("a", 4, 2, HostState::Done)], 0)];
        let idle = vec![run(), end(vec![counts("a", 4, 0, HostState::Done)], 0)];
        let mut crashed = entry("20260103-070000-1111", 60, vec![run()], false);
        crashed.resumed_by = Some("20260103-080000-2222".to_owned());
        let mut resumed = entry("20260103-080000-2222", 4_200, done, false);
        resumed.synopsis.resumes = Some("20260103-070000-1111".to_owned());
        vec![
            entry("20260103-090000-4444", 4_319, vec![run()], true),
            resumed,
            entry("20260103-071000-3333", 61, idle, false),
            crashed,
            entry("20260102-070000-0000", 5, failed_run(), false),
        ]
    }

    #[test]
    fn runs_are_listed_in_columns() {
        insta::assert_snapshot!(list(Listed::Hosts, 120, false).text(&entries()), @r"
        RUN                   WHEN          AGE  PLAYBOOK  WHO  CHANGED  BACK  PENDING   TOOK  RESULT
        20260103-090000-4444  Jan 03 23:59   1m  site.yml  ann        -     -        -  1m00s  running
        20260103-080000-2222  Jan 03 22:00   2h  site.yml  ann        1     -        -     4s  done, resumes 1111
        20260103-071000-3333  Jan 01 01:01   2d  site.yml  ann        -     -        -     4s  nothing to do
        20260103-070000-1111  Jan 01 01:00   2d  site.yml  ann        -     -        -     0s  crashed, resumed by 2222
        20260102-070000-0000  Jan 01 00:05   2d  site.yml  ann        1     1        1     4s  failed
        ");
    }

    #[test]
    fn lines_fit_whatever_they_say() {
        let mut entries = entries();
        entries[0].synopsis.playbook = "playbooks/a-very-long-name-of-a-playbook.yml".to_owned();
        entries[1].synopsis.user = "a.very.long.login.name".to_owned();
        for (width, listed) in [
            (100, Listed::Hosts),
            (80, Listed::Hosts),
            (100, Listed::ToTakeBack),
        ] {
            let text = list(listed, width, true).text(&entries);
            for line in text.lines() {
                assert!(measure_text_width(line) <= width, "{line}");
            }
        }
        let text = list(Listed::Hosts, 100, false).text(&entries);
        assert!(text.contains("crashed, resumed by 2222"), "{text}");
    }

    #[test]
    fn the_list_of_rollbacks_says_what_can_be_taken_back() {
        let mut entries = entries();
        entries.truncate(2);
        let undo = Kind::UndoRecorded {
            host: "a".to_owned(),
            step: 1,
            what: "a file".to_owned(),
        };
        entries[0].synopsis.take(&at(0, undo));
        let text = list(Listed::ToTakeBack, 100, false).text(&entries);
        insta::assert_snapshot!(text, @r"
        RUN                   WHEN          AGE  PLAYBOOK  WHO  TO TAKE BACK   TOOK  RESULT
        20260103-090000-4444  Jan 03 23:59   1m  site.yml  ann        1 host  1m00s  running
        20260103-080000-2222  Jan 03 22:00   2h  site.yml  ann       nothing     4s  done, resumes 1111
        ");
    }

    #[test]
    fn ages_and_lengths_have_one_unit_or_two() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (seconds, expected) in [
            (5, "5s"),
            (90, "1m"),
            (7_200, "2h"),
            (172_800, "2d"),
            (-5, "0s"),
        ] {
            let at = Timestamp::from_second(1_000_000 - seconds).unwrap();
            assert_eq!(age(now, at), expected);
        }
        for (seconds, expected) in [(5, "5s"), (65, "1m05s"), (7_260, "2h01m")] {
            assert_eq!(short(Duration::from_secs(seconds)), expected);
        }
    }
}
