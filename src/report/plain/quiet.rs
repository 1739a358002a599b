//! The quiet reporter, for mails: what changes, what goes wrong, and one line at the end.
//!
//! Headings of plays and batches are held back until something happens under them.

use super::Transcript;
use crate::event::{Event, Kind};
use crate::report::{Options, Reporter};
use std::io::Write;

/// A reporter that says only what matters.
pub fn quiet(options: Options, out: Box<dyn Write + Send>) -> Box<dyn Reporter> {
    Box::new(Quiet {
        transcript: Transcript::brief(options),
        out,
        play: String::new(),
        batch: String::new(),
        said: false,
    })
}

/// How a warning begins that names a group of a play which the inventory does not have: the shipped playbooks are for all
/// kinds of clusters, so that is the rule.
const NO_SUCH_GROUP: &str = "Could not match supplied host pattern";

struct Quiet {
    transcript: Transcript,
    out: Box<dyn Write + Send>,
    /// The headings that nothing stands under yet.
    play: String,
    batch: String,
    /// Whether anything was said at all.
    said: bool,
}

impl Quiet {
    /// What an event adds, with the headings above it.
    fn text(&mut self, event: &Event) -> String {
        let text = self.transcript.say(event);
        match &event.kind {
            Kind::Warning { message, .. } if message.starts_with(NO_SUCH_GROUP) => {
                return String::new();
            }
            Kind::PlayStarted { hosts, .. } => {
                self.play = if hosts.is_empty() {
                    String::new()
                } else {
                    text
                };
                self.batch.clear();
                return String::new();
            }
            Kind::BatchStarted { .. } => {
                self.batch = text;
                return String::new();
            }
            Kind::RunFinished { .. } => {
                self.play.clear();
                self.batch.clear();
                // An empty line sets the end apart from what happened.
                return if self.said { format!("\n{text}") } else { text };
            }
            _ if text.is_empty() => return text,
            _ => {}
        }
        let whole = std::mem::take(&mut self.play) + &std::mem::take(&mut self.batch) + &text;
        if self.said {
            whole
        } else {
            whole.trim_start_matches('\n').to_owned()
        }
    }
}

impl Reporter for Quiet {
    fn event(&mut self, event: &Event) {
        let text = self.text(event);
        if text.is_empty() {
            return;
        }
        self.said = true;
        // As in the plain reporter: whoever reads may have gone, and the run goes on.
        let _written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
    }
}
