//! Feeds events to the reporter that fits where the output goes.

use super::args::{RunArgs, ShowArgs};
use super::page;
use crate::event::Event;
use crate::report::{self, Options, Reporter};
use console::Term;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// What a run looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Lines that move on a terminal, plain ones elsewhere.
    Fitting,
    Plain,
    Json,
}

/// How events are shown.
#[derive(Debug, Clone)]
pub(super) struct Style {
    form: Form,
    diff: bool,
    profile: bool,
    /// Where the page of the run goes.
    html: Option<PathBuf>,
    verbosity: u8,
}

impl Style {
    /// As the flags of `run` say.
    pub(super) fn of(args: &RunArgs) -> Self {
        Self {
            form: match (args.json, args.plain) {
                (true, _) => Form::Json,
                (false, true) => Form::Plain,
                (false, false) => Form::Fitting,
            },
            diff: args.diff,
            profile: args.profile,
            html: args.html.clone(),
            verbosity: args.verbose,
        }
    }

    /// As the flags of `show` say: a run that is over is a transcript, also on a terminal.
    pub(super) fn of_show(args: &ShowArgs) -> Self {
        Self {
            form: match (args.json, args.follow && !args.plain) {
                (true, _) => Form::Json,
                (false, true) => Form::Fitting,
                (false, false) => Form::Plain,
            },
            diff: args.diff,
            profile: args.profile,
            html: None,
            verbosity: args.verbose,
        }
    }

    /// For verbs without these flags.
    pub(super) fn simple(json: bool) -> Self {
        Self {
            form: if json { Form::Json } else { Form::Plain },
            diff: false,
            profile: false,
            html: None,
            verbosity: 0,
        }
    }

    /// What shows the run, and after it where the time went.
    pub(super) fn reporters(self) -> Vec<Box<dyn Reporter>> {
        let mut reporters = vec![self.reporter()];
        if self.profile {
            // Events as JSON stay alone on standard output.
            reporters.push(if self.form == Form::Json {
                report::profile(Box::new(Pipe(io::stderr())))
            } else {
                report::profile(Box::new(Pipe(io::stdout())))
            });
        }
        reporters.extend(self.html.map(page::reporter));
        reporters
    }

    fn reporter(&self) -> Box<dyn Reporter> {
        if self.form == Form::Json {
            return report::json(Box::new(Pipe(io::stdout())));
        }
        let term = Term::stdout();
        let options = Options {
            verbosity: self.verbosity,
            color: console::colors_enabled(),
            diff: self.diff,
            width: if term.is_term() { term.size().1 } else { 80 },
        };
        if term.is_term() && self.form == Form::Fitting {
            report::live(options, term)
        } else {
            report::plain(options, Box::new(Pipe(io::stdout())))
        }
    }
}

/// Standard output whose reader may go away early: the run goes on without it.
struct Pipe<W>(W);

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// Shows events until there are no more.
pub(super) async fn events(mut events: UnboundedReceiver<Event>, style: Style) {
    let mut reporters = style.reporters();
    let mut ticks = tokio::time::interval(Duration::from_millis(125));
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(event) => reporters.iter_mut().for_each(|it| it.event(&event)),
                None => break,
            },
            _ = ticks.tick() => reporters.iter_mut().for_each(|it| it.tick()),
        }
    }
    for it in &mut reporters {
        it.finish();
    }
}
