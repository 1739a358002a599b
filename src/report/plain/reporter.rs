//! The plain reporter: a transcript and where it goes.

use super::{Transcript, Wording};
use crate::event::Event;
use crate::report::{Options, Reporter};
use std::io::Write;

/// A reporter that writes lines in Ansible's words.
pub fn plain(options: Options, out: Box<dyn Write + Send>) -> Box<dyn Reporter> {
    Box::new(Plain {
        transcript: Transcript::new(options, Wording::Full),
        out,
    })
}

struct Plain {
    transcript: Transcript,
    out: Box<dyn Write + Send>,
}

impl Reporter for Plain {
    fn event(&mut self, event: &Event) {
        let text = self.transcript.say(event);
        if text.is_empty() {
            return;
        }
        // One write for each event, so that lines of two programs do not mix. Whoever reads may have gone (`| head`); the run
        // goes on for the hosts' sake.
        let _written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
    }
}
