//! The page of a run that is under way: events are taken in as they come, and the page is there when the run is over.

use super::page::page;
use super::run::Run;
use super::zone::Clock;
use crate::event::Event;
use crate::report::Reporter;
use jiff::tz::TimeZone;

/// A reporter that hands the page to `done` once the run is over, with times of day in `zone`.
pub fn html_at_end(zone: TimeZone, done: impl FnOnce(&str) + Send + 'static) -> Box<dyn Reporter> {
    Box::new(HtmlAtEnd {
        clock: Clock::new(zone),
        run: Run::new(""),
        done: Some(Box::new(done)),
    })
}

/// What becomes of the page.
type Done = Box<dyn FnOnce(&str) + Send>;

struct HtmlAtEnd {
    clock: Clock,
    run: Run,
    done: Option<Done>,
}

impl Reporter for HtmlAtEnd {
    fn event(&mut self, event: &Event) {
        self.run.event(event);
    }

    fn finish(&mut self) {
        if let Some(done) = self.done.take() {
            self.run.close();
            done(&page(&self.run, &self.clock));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use std::sync::mpsc::channel;

    #[test]
    fn the_page_is_handed_over_once_and_is_the_same_as_from_the_record() {
        let (sender, pages) = channel();
        let mut reporter = html_at_end(TimeZone::UTC, move |page| {
            sender.send(page.to_owned()).unwrap();
        });
        let events: Vec<Event> = (0..)
            .step_by(700)
            .zip(sample::failed_run())
            .map(|(millis, kind)| sample::at(millis, kind))
            .collect();
        for event in &events {
            reporter.event(event);
        }
        reporter.finish();
        reporter.finish();
        let mut expected = Vec::new();
        super::super::html("", &events, TimeZone::UTC, &mut expected).unwrap();
        let page = pages.recv().unwrap();
        assert_eq!(page.as_bytes(), expected);
        assert!(page.contains("<h1 id=\"verdict\">"));
        assert!(pages.recv().is_err(), "one page");
    }
}
