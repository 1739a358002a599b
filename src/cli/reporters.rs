//! Feeds events to the reporter that fits where the output goes.

use super::CliError;
use super::args::{RunArgs, ShowArgs};
use super::page;
use super::reports::{Afterwards, Reports};
use crate::event::Event;
use crate::journal::RunId;
use crate::report::{self, Options, Reporter};
use console::Term;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// What a run looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Lines that move on a terminal, plain ones elsewhere.
    Fitting,
    Plain,
    /// Changes, failures and one line at the end.
    Quiet,
    Json,
}

/// How events are shown, and what is left of them beside that.
#[derive(Debug, Clone)]
pub(super) struct Style {
    form: Form,
    diff: bool,
    profile: bool,
    /// Where the page of the run goes.
    html: Option<PathBuf>,
    verbosity: u8,
    reports: Reports,
}

impl Style {
    /// As the flags of `run` say, or what is wrong with them.
    pub(super) fn of(args: &RunArgs) -> Result<Self, CliError> {
        Ok(Self {
            form: match (args.output.json, args.output.quiet, args.output.plain) {
                (true, _, _) => Form::Json,
                (_, true, _) => Form::Quiet,
                (_, _, true) => Form::Plain,
                _ => Form::Fitting,
            },
            diff: args.diff,
            profile: args.output.profile,
            html: args.report.html.clone(),
            verbosity: args.output.verbose,
            reports: Reports::of(&args.report, &args.notify)?,
        })
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
            reports: Reports::default(),
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
            reports: Reports::default(),
        }
    }

    /// Whether events are written as JSON.
    pub(super) fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// The last line of a run without a terminal, which is mailed or logged: where everything is written down. None is
    /// needed where nothing was done and little was to be said.
    pub(super) fn last_line(&self, journal: &Path, idle: bool) -> Option<String> {
        let wanted = match self.form {
            Form::Json => false,
            Form::Quiet => !idle,
            Form::Fitting | Form::Plain => !Term::stdout().is_term(),
        };
        wanted.then(|| format!("journal: {}", journal.display()))
    }

    /// What shows the run, and after it where the time went.
    pub(super) fn reporters(&self) -> Vec<Box<dyn Reporter>> {
        let mut reporters = vec![self.reporter()];
        if self.profile {
            // Events as JSON stay alone on standard output.
            reporters.push(if self.form == Form::Json {
                report::profile(Box::new(Pipe(io::stderr())))
            } else {
                report::profile(Box::new(Pipe(io::stdout())))
            });
        }
        reporters.extend(self.html.clone().map(page::reporter));
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
        if self.form == Form::Quiet {
            report::quiet(options, Box::new(Pipe(io::stdout())))
        } else if term.is_term() && self.form == Form::Fitting {
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

/// Shows the events of a run until there are no more; what is left to be done comes back.
pub(super) async fn events(
    mut events: UnboundedReceiver<Event>,
    style: Style,
    run: RunId,
) -> Afterwards {
    let mut reporters = style.reporters();
    let (more, afterwards) = style.reports.begin(run.as_str());
    reporters.extend(more);
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
    afterwards
}
