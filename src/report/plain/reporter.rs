//! The plain reporter: a transcript and where it goes.

use super::transcript::Transcript;
use crate::event::Event;
use crate::report::{Options, Reporter};
use std::io::Write;

/// A reporter that writes lines in Ansible's words.
pub fn plain(options: Options, out: Box<dyn Write + Send>) -> Box<dyn Reporter> {
    Box::new(Plain {
        transcript: Transcript::new(options),
        out: Sink(out),
    })
}

struct Plain {
    transcript: Transcript,
    out: Sink,
}

impl Reporter for Plain {
    fn event(&mut self, event: &Event) {
        let text = self.transcript.say(event);
        self.out.write(&text);
    }
}

/// Where text goes, in one write for each piece, so that lines of two programs do not mix.
pub(in crate::report) struct Sink(pub(in crate::report) Box<dyn Write + Send>);

impl Sink {
    pub(in crate::report) fn write(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        // Whoever reads may have gone (`| head`); the run goes on for the hosts' sake.
        let _written = self
            .0
            .write_all(text.as_bytes())
            .and_then(|()| self.0.flush());
    }
}
