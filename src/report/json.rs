//! Events for programs: one JSON object per line, as they happen.

use super::Reporter;
use crate::event::Event;
use std::io::Write;

/// A reporter that writes each event as one line of JSON.
pub fn json(out: Box<dyn Write + Send>) -> Box<dyn Reporter> {
    Box::new(Json { out })
}

struct Json {
    out: Box<dyn Write + Send>,
}

impl Reporter for Json {
    fn event(&mut self, event: &Event) {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return;
        };
        line.push(b'\n');
        // Whoever reads may have gone; the run does not depend on it.
        let _written = self.out.write_all(&line).and_then(|()| self.out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{Page, at, failed_run};

    #[test]
    fn each_event_is_one_line_that_reads_back() {
        let page = Page::default();
        let mut reporter = json(Box::new(page.clone()));
        let kinds = failed_run();
        let count = kinds.len();
        for kind in kinds {
            reporter.event(&at(1_500, kind));
        }
        let text = page.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), count);
        assert_eq!(
            lines[9],
            r#"{"at":"1970-01-01T00:00:01.5Z","kind":{"event":"host_committed","host":"worker1"}}"#
        );
        for line in lines {
            let event: Event = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&event).unwrap(), line);
        }
    }
}
