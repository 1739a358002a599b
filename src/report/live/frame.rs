//! How the stage looks: lines that fit a terminal, however narrow it is. Writes nothing.

use super::stage::{Mark, Row, Stage};
use crate::event::{HostState, Status};
use crate::report::colors::{Colors, Tone};
use crate::report::states;
use crate::report::text::{elapsed, one_line, pad};
use console::{measure_text_width, truncate_str};
use std::time::Duration;

/// Wider lines are hard to follow with the eye.
const MOST_COLUMNS: usize = 100;
/// Rows that are left to what scrolls by and to the other lines of the region.
const OTHER_ROWS: usize = 10;
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SPINNER_STEP: u128 = 120;
const LONGEST_BAR: usize = 30;
const SHORTEST_BAR: usize = 6;

/// A terminal's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: u16,
    pub(super) columns: u16,
}

impl From<(u16, u16)> for Size {
    fn from((rows, columns): (u16, u16)) -> Self {
        Self { rows, columns }
    }
}

/// The lines of the region at `now`. None is as wide as the terminal, and there are fewer than it has rows.
pub(super) fn frame(stage: &Stage, now: Duration, size: Size, colors: Colors) -> Vec<String> {
    // The last column stays free: some terminals go to the next line as soon as it is written.
    let width = usize::from(size.columns)
        .saturating_sub(1)
        .min(MOST_COLUMNS);
    let painter = Painter { width, now, colors };
    let mut lines = vec![String::new(), painter.title(stage)];
    if !stage.task.is_empty() {
        lines.push(painter.line(Tone::Plain, &format!("task: {}", stage.task)));
    }
    let room = usize::from(size.rows).saturating_sub(OTHER_ROWS).max(1);
    lines.extend(painter.rows(&stage.rows, room));
    let next = stage.next();
    if let Some(reason) = &stage.stopped {
        lines.push(painter.line(Tone::Failed, &format!("stopped: {reason}")));
    } else if !next.is_empty() {
        lines.push(painter.line(Tone::Skipped, &format!("next: {}", next.join(", "))));
    }
    lines.push(painter.totals(stage));
    // In a terminal of a few rows the totals are worth more than the rest.
    let most = usize::from(size.rows).saturating_sub(1).max(1);
    lines.drain(..lines.len().saturating_sub(most));
    lines
}

struct Painter {
    width: usize,
    now: Duration,
    colors: Colors,
}

impl Painter {
    fn line(&self, tone: Tone, text: &str) -> String {
        let text = one_line(text);
        self.colors
            .paint(tone, &truncate_str(&text, self.width, "…"))
    }

    fn title(&self, stage: &Stage) -> String {
        let mut title = match stage.play.as_str() {
            "" => "starting".to_owned(),
            name => format!("PLAY {name}"),
        };
        if stage.check {
            title.push_str(" (check mode)");
        }
        // The batch is kept when the play's name is too long for the line.
        let batch = match stage.batch {
            (_, 0 | 1) => String::new(),
            (number, of) => format!(", batch {number} of {of}"),
        };
        let room = self.width.saturating_sub(measure_text_width(&batch));
        let title = one_line(&title);
        let title = format!("{}{batch}", truncate_str(&title, room, "…"));
        self.line(Tone::Heading, &title)
    }

    /// The hosts, at most `room` of them; those at work first where not all fit.
    fn rows(&self, rows: &[Row], room: usize) -> Vec<String> {
        let longest = rows
            .iter()
            .map(|row| measure_text_width(&row.host))
            .max()
            .unwrap_or_default();
        let name_width = longest.min(self.width / 3);
        let mut shown: Vec<&Row> = rows.iter().collect();
        if shown.len() > room {
            shown.sort_by_key(|row| !row.mark.is_busy());
        }
        let mut lines: Vec<String> = shown
            .iter()
            .take(room)
            .map(|row| self.row(row, name_width))
            .collect();
        if shown.len() > room {
            let text = format!("  and {} more", shown.len() - room);
            let text = truncate_str(&text, self.width, "…");
            lines.push(self.colors.paint(Tone::Dim, &text));
        }
        lines
    }

    fn row(&self, row: &Row, name_width: usize) -> String {
        let (symbol, tone) = self.symbol(row.mark);
        let time = match (row.mark, row.took) {
            (Mark::Waiting, _) => String::new(),
            (mark, _) if mark.is_busy() => elapsed(self.now.saturating_sub(row.since)),
            (_, Some(took)) => crate::report::duration(took),
            (_, None) => String::new(),
        };
        let host = one_line(&row.host);
        let host = truncate_str(&host, name_width, "…");
        let start = format!("  {symbol} {}  ", pad(&host, name_width));
        let end = if time.is_empty() {
            String::new()
        } else {
            format!("  {time}")
        };
        let taken = measure_text_width(&start) + measure_text_width(&end);
        let room = self.width.saturating_sub(taken);
        let doing = one_line(&row.doing);
        let doing = truncate_str(&doing, room, "…");
        let end = if end.is_empty() {
            end
        } else {
            " ".repeat(room.saturating_sub(measure_text_width(&doing))) + &end
        };
        let text = format!("{start}{doing}{end}");
        self.colors.paint(
            tone,
            truncate_str(text.trim_end(), self.width, "…").as_ref(),
        )
    }

    fn symbol(&self, mark: Mark) -> (&'static str, Tone) {
        let step = (self.now.as_millis() / SPINNER_STEP) % SPINNER.len() as u128;
        let spinner = SPINNER[usize::try_from(step).unwrap_or_default()];
        match mark {
            Mark::Waiting => ("·", Tone::Dim),
            Mark::Running => (spinner, Tone::Plain),
            Mark::RollingBack => (spinner, Tone::Changed),
            Mark::Ended(Status::Ok) => ("✓", Tone::Ok),
            Mark::Ended(Status::Changed) => ("✓", Tone::Changed),
            Mark::Ended(Status::Skipped | Status::Ignored) => ("-", Tone::Skipped),
            Mark::Ended(Status::Aborted) => ("-", Tone::Warning),
            Mark::Ended(Status::Failed | Status::Unreachable | Status::Unknown) => {
                ("✗", Tone::Failed)
            }
            Mark::Left(state) => {
                let symbol = match state {
                    HostState::Done => "✓",
                    HostState::RolledBack => "↺",
                    _ => "✗",
                };
                (symbol, states::tone(state))
            }
        }
    }

    fn totals(&self, stage: &Stage) -> String {
        let (through, of) = stage.through();
        let failed = match stage.failed.len() {
            0 => String::new(),
            count => format!(", {count} failed"),
        };
        let time = elapsed(self.now);
        let mut text = format!(
            "{through}/{of} hosts, {} changed{failed}, {time}",
            stage.changed
        );
        let room = self
            .width
            .saturating_sub(measure_text_width(&text) + 1)
            .min(LONGEST_BAR);
        if of > 0 && room >= SHORTEST_BAR {
            let full = room * through.min(of) / of;
            text = format!("{}{} {text}", "█".repeat(full), "░".repeat(room - full));
        }
        let tone = if stage.failed.is_empty() {
            Tone::Ok
        } else {
            Tone::Failed
        };
        self.line(tone, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;
    use crate::report::sample::{batch, broken, changed, names, play, progress, task};

    fn shown(kinds: &[Kind], rows: u16, columns: u16) -> String {
        let mut stage = Stage::default();
        for (second, kind) in (0..).zip(kinds) {
            stage.take(kind, Duration::from_secs(second));
        }
        let size = Size { rows, columns };
        let lines = frame(&stage, Duration::from_secs(65), size, Colors::new(false));
        assert!(lines.len() < usize::from(rows), "{lines:?}");
        for line in &lines {
            assert!(measure_text_width(line) < usize::from(columns), "{line:?}");
        }
        lines.join("\n")
    }

    fn second_batch() -> Vec<Kind> {
        let hosts = ["cp1", "worker1", "worker2", "worker3", "worker4", "worker5"];
        vec![
            play("upgrade workers", &hosts),
            batch(1, 3, &hosts[..1]),
            batch(2, 3, &hosts[1..4]),
            task(1, "k3s : drain", "windlass.drain", &hosts[1..4]),
            progress("worker1", "waiting for budget shop/web"),
            changed(1, "worker2"),
            broken(1, "worker3"),
        ]
    }

    #[test]
    fn a_batch_at_work() {
        insta::assert_snapshot!(shown(&second_batch(), 24, 72), @"

        PLAY upgrade workers, batch 2 of 3
        task: k3s : drain
          ⠙ worker1  waiting for budget shop/web                      1 min 2 s
          ✓ worker2  k3s : drain                                          0.3 s
          ✗ worker3  k3s : drain: non-zero return code (rc 1)             0.3 s
        next: worker4, worker5
        ████░░░░░░░░░░░░░░░░░░░░░░░░░ 1/6 hosts, 1 changed, 1 failed, 1 min 5 s
        ");
    }

    #[test]
    fn a_narrow_terminal_loses_words_but_no_line() {
        insta::assert_snapshot!(shown(&second_batch(), 24, 40), @"

        PLAY upgrade workers, batch 2 of 3
        task: k3s : drain
          ⠙ worker1  waiting for bu…  1 min 2 s
          ✓ worker2  k3s : drain          0.3 s
          ✗ worker3  k3s : drain: non-z…  0.3 s
        next: worker4, worker5
        1/6 hosts, 1 changed, 1 failed, 1 min …
        ");
    }

    #[test]
    fn a_host_that_goes_back_and_a_run_that_stops() {
        let mut kinds = second_batch();
        kinds.push(Kind::RollbackStarted {
            host: "worker3".to_owned(),
            reason: "drain".to_owned(),
        });
        insta::assert_snapshot!(shown(&kinds, 24, 60), @"

        PLAY upgrade workers, batch 2 of 3
        task: k3s : drain
          ⠙ worker1  waiting for budget shop/web          1 min 2 s
          ✓ worker2  k3s : drain                              0.3 s
          ⠙ worker3  rolling back                              58 s
        next: worker4, worker5
        ██░░░░░░░░░░░░░░░ 1/6 hosts, 1 changed, 1 failed, 1 min 5 s
        ");
        kinds.push(Kind::RollbackFinished {
            host: "worker3".to_owned(),
            state: HostState::RolledBack,
            undone: names(&["cordon"]),
            remaining: Vec::new(),
            message: None,
            instead: Vec::new(),
        });
        kinds.push(Kind::Stopped {
            reason: "1 of 3 hosts failed".to_owned(),
            pending: names(&["worker4"]),
        });
        insta::assert_snapshot!(shown(&kinds, 24, 60), @"

        PLAY upgrade workers, batch 2 of 3
        task: k3s : drain
          ⠙ worker1  waiting for budget shop/web          1 min 2 s
          ✓ worker2  k3s : drain                              0.3 s
          ↺ worker3  rolled back                              1.0 s
        stopped: 1 of 3 hosts failed
        █████░░░░░░░░░░░░ 2/6 hosts, 1 changed, 1 failed, 1 min 5 s
        ");
    }

    #[test]
    fn many_hosts_and_wide_letters_fit_whatever_the_size() {
        let hosts: Vec<String> = (0..40)
            .map(|number| format!("ホスト{number}.example.org"))
            .collect();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let kinds = [
            play(
                "名前のとても長いプレイ with a very long name that does not end",
                &hosts,
            ),
            batch(1, 1, &hosts),
            task(1, "タスク : install", "copy", &hosts[20..]),
        ];
        for (rows, columns) in [(24, 80), (24, 40), (12, 20), (3, 10), (2, 2), (50, 300)] {
            let text = shown(&kinds, rows, columns);
            if (rows, columns) == (24, 80) {
                assert!(text.contains("\n  and 26 more\n"), "{text}");
                assert!(
                    text.contains("⠋") || text.contains("ホスト20.example.org  タスク : install"),
                    "{text}"
                );
                assert!(
                    !text.contains("ホスト1."),
                    "those at work come first: {text}"
                );
            }
        }
    }

    #[test]
    fn before_anything_happened_there_is_something_to_see() {
        assert_eq!(
            shown(&[], 24, 80),
            "\nstarting\n0/0 hosts, 0 changed, 1 min 5 s"
        );
    }
}
