//! The live reporter: keeps the stage, lets lasting lines scroll by, and redraws when it is told that time has passed.

use super::frame::{Size, frame};
use super::screen::Screen;
use super::stage::Stage;
use crate::event::{Event, Kind};
use crate::report::plain::{Transcript, Wording, plain};
use crate::report::{Options, Reporter};
use console::Term;
use jiff::Timestamp;
use std::time::Duration;

/// A reporter for a terminal. Where nothing can be redrawn (a pipe, `TERM=dumb`) it is the plain one.
pub fn live(options: Options, term: Term) -> Box<dyn Reporter> {
    if !term.is_term() || console::is_dumb() {
        return plain(options, Box::new(term));
    }
    let size = term.clone();
    Box::new(Live::new(
        options,
        Screen::new(Box::new(term)),
        Box::new(move || Size::from(size.size())),
        Box::new(Timestamp::now),
    ))
}

type Measure = Box<dyn Fn() -> Size + Send>;
type Clock = Box<dyn Fn() -> Timestamp + Send>;

struct Live {
    options: Options,
    transcript: Transcript,
    stage: Stage,
    screen: Screen,
    size: Measure,
    clock: Clock,
    /// The first event's time, from which all times are counted: the run may be older than this reporter.
    began: Option<Timestamp>,
    /// Whether the last word was said.
    over: bool,
}

impl Live {
    fn new(options: Options, screen: Screen, size: Measure, clock: Clock) -> Self {
        Self {
            options,
            transcript: Transcript::new(options, Wording::Short),
            stage: Stage::default(),
            screen,
            size,
            clock,
            began: None,
            over: false,
        }
    }

    fn since_began(&self, at: Timestamp) -> Duration {
        let began = self.began.unwrap_or(at);
        // A clock that was set back must not look like years.
        Duration::try_from(at.duration_since(began)).unwrap_or_default()
    }

    fn draw(&mut self, lasting: &str) {
        let size = (self.size)();
        let now = self.since_began((self.clock)());
        let lines = frame(&self.stage, now, size, self.options.colors());
        self.screen.draw(lasting, &lines, size);
    }
}

impl Reporter for Live {
    fn event(&mut self, event: &Event) {
        let size = (self.size)();
        self.transcript.resize(size.columns.saturating_sub(1));
        let lasting = self.transcript.say(event);
        self.began.get_or_insert(event.at);
        self.stage.take(&event.kind, self.since_began(event.at));
        if matches!(event.kind, Kind::RunFinished { .. }) {
            self.over = true;
            self.screen.close(&lasting, size);
        } else if !lasting.is_empty() {
            self.draw(&lasting);
        }
    }

    fn tick(&mut self) {
        if !self.over {
            self.draw("");
        }
    }

    fn finish(&mut self) {
        if !self.over {
            self.over = true;
            let size = (self.size)();
            self.screen.close("", size);
        }
    }
}

/// A terminal without a cursor is not left behind, however the run ended.
impl Drop for Live {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{OPTIONS, Page, at, changed, failed_run, task};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU16, Ordering};

    fn sample(columns: &Arc<AtomicU16>) -> (Live, Page) {
        let page = Page::default();
        let columns = Arc::clone(columns);
        let live = Live::new(
            OPTIONS,
            Screen::new(Box::new(page.clone())),
            Box::new(move || Size {
                rows: 24,
                columns: columns.load(Ordering::Relaxed),
            }),
            Box::new(|| Timestamp::from_second(3).unwrap()),
        );
        (live, page)
    }

    #[test]
    fn what_lasts_scrolls_by_and_the_recap_ends_it() {
        let (mut live, page) = sample(&Arc::new(AtomicU16::new(60)));
        for kind in failed_run() {
            live.event(&at(0, kind));
        }
        let text = page.text();
        let words = console::strip_ansi_codes(&text).replace('\r', "");
        let lasting: String = words
            .split_inclusive('\n')
            .filter(|line| {
                line.starts_with("changed") || line.starts_with("fatal") || line.starts_with("    ")
            })
            .collect();
        insta::assert_snapshot!(lasting, @r#"
        changed: [worker1] k3s : install binary
        changed: [worker2] k3s : install binary
        changed: [worker1] k3s : restart
        fatal: [worker2]: FAILED! k3s : restart: non-zero return code (rc 1)
            stderr:
              Job for k3s.service failed.
              See "journalctl -xe".
            /usr/local/bin/k3s
            service k3s
        "#);
        let end = text.rsplit("\u{1b}[J").next().unwrap_or_default();
        let worker2 = end.lines().find(|line| line.starts_with("worker2 "));
        assert_eq!(
            worker2,
            Some("worker2                    : ok=1    changed=1    failed=1    rolled back"),
            "counts that are zero everywhere make room in a narrow terminal"
        );
        assert!(end.trim_start().starts_with("PLAY RECAP"), "{end:?}");
        assert!(end.ends_with("play says so\n\u{1b}[?25h"), "{end:?}");
        live.finish();
        drop(live);
        assert_eq!(page.text(), text, "nothing is said after the end");
    }

    #[test]
    fn a_run_that_is_cut_short_gives_the_cursor_back() {
        let (mut live, page) = sample(&Arc::new(AtomicU16::new(60)));
        live.event(&at(0, task(1, "copy", "copy", &["a1"])));
        live.tick();
        assert!(page.text().contains("\u{1b}[?25l"));
        drop(live);
        assert!(
            page.text().ends_with("\u{1b}[J\u{1b}[?25h"),
            "{:?}",
            page.text()
        );
    }

    #[test]
    fn a_result_goes_above_the_region_in_one_write() {
        let columns = Arc::new(AtomicU16::new(60));
        let (mut live, page) = sample(&columns);
        live.event(&at(0, task(1, "copy", "copy", &["a1"])));
        live.tick();
        let before = page.text().len();
        columns.store(20, Ordering::Relaxed);
        live.event(&at(0, changed(1, "a1")));
        let written = page.text().split_off(before);
        let body = written.split("\u{1b}[J").nth(1).unwrap_or_default();
        assert!(body.starts_with("changed: [a1] copy\n"), "{written:?}");
    }
}
