//! What is always said: a host that goes back, a run that stops, a warning.

use super::result::under;
use crate::event::{HostState, ProbeState};
use crate::report::Options;
use crate::report::colors::Tone;
use crate::report::states;
use crate::report::text::{one_line, starred};

/// A host starts to go back.
pub(super) fn started(options: Options, host: &str, reason: &str) -> String {
    let colors = options.colors();
    let heading = starred(&format!("ROLLBACK [{host}]"), options.width);
    format!(
        "\n{}\n{}\n",
        colors.paint(Tone::Heading, &heading),
        colors.paint(Tone::Changed, &format!("reason: {}", one_line(reason))),
    )
}

/// A host went back by itself: a person who was away must be able to see when.
pub(super) fn went_back(
    options: Options,
    host: &str,
    run: &str,
    since: &str,
    complete: bool,
) -> String {
    let end = if complete {
        ""
    } else {
        ", but did not get to the end of it"
    };
    let text = format!(
        "[{host}] went back by itself at {since}{end}: run {run} neither committed nor extended its changes in time"
    );
    options.colors().paint(Tone::Changed, &text) + "\n"
}

/// What a dead run left was taken back.
pub(super) fn taken_back(options: Options, host: &str, run: &str, undone: &[String]) -> String {
    let colors = options.colors();
    let text = format!("[{host}] took back what run {run} left half done");
    let undone = colors.paint(Tone::Plain, &under(undone, "    "));
    colors.paint(Tone::Changed, &text) + "\n" + &undone
}

/// The user's probe answers otherwise than before.
pub(super) fn probe(
    options: Options,
    probe: &str,
    state: ProbeState,
    answer: &str,
    bad: u32,
) -> String {
    let answer = one_line(answer);
    let (tone, text) = match state {
        ProbeState::Good if options.verbosity == 0 => return String::new(),
        ProbeState::Good => (Tone::Note, format!("probe {probe}: good, {answer}")),
        ProbeState::Bad => (Tone::Warning, format!("probe {probe}: {answer}")),
        ProbeState::Breached => (
            Tone::Failed,
            format!("probe {probe}: {answer} ({bad} bad answers in a row)"),
        ),
    };
    options.colors().paint(tone, &text) + "\n"
}

/// The user asked the run to stop, once or twice.
pub(super) fn interrupted(options: Options, now: bool) -> String {
    let text = if now {
        "interrupted again: stops now; what is not committed is taken back by the next run, or by the hosts themselves"
    } else {
        "interrupted: no new task starts; hosts in flight finish their task, then go back where the play says so (again to stop now)"
    };
    warning(options, None, text)
}

/// What the way back of a host came to.
pub(super) struct Finished<'a> {
    pub(super) host: &'a str,
    pub(super) state: HostState,
    pub(super) undone: &'a [String],
    pub(super) remaining: &'a [String],
    pub(super) message: Option<&'a str>,
    pub(super) instead: &'a [String],
}

/// A host's way back ended: how it stands, what was undone, and the commands that remain, each on a line of its own.
pub(super) fn finished(options: Options, way: &Finished<'_>) -> String {
    let colors = options.colors();
    let tone = states::tone(way.state);
    let mut text = format!("{}: [{}]", states::words(way.state), way.host);
    if let Some(message) = way.message {
        text = format!("{text}: {}", one_line(message));
    }
    let mut text = colors.paint(tone, &text) + "\n";
    if way.undone.is_empty() && way.state == HostState::RolledBack {
        text.push_str("  nothing had to be undone\n");
    } else if way.undone.is_empty() {
        text.push_str("  nothing was undone\n");
    } else {
        text.push_str("  undone:\n");
        text.push_str(&colors.paint(Tone::Plain, &under(way.undone, "    ")));
    }
    text.push_str(&remaining(options, way.host, way.remaining));
    if !way.instead.is_empty() {
        text.push_str("  what to do instead:\n");
        text.push_str(&colors.paint(Tone::Plain, &under(way.instead, "    ")));
    }
    text
}

/// The commands that a person must run. They are not shortened: they are there to be copied.
pub(super) fn remaining(options: Options, host: &str, commands: &[String]) -> String {
    if commands.is_empty() {
        return String::new();
    }
    let colors = options.colors();
    let title = colors.paint(Tone::Failed, &format!("  to be run by hand on {host}:"));
    let commands = colors.paint(Tone::Plain, &under(commands, "    "));
    format!("{title}\n{commands}")
}

/// The run does not go on.
pub(super) fn stopped(options: Options, reason: &str, pending: &[String]) -> String {
    let colors = options.colors();
    let mut text = format!(
        "\n{}\n{}\n",
        colors.paint(Tone::Heading, &starred("STOPPED", options.width)),
        colors.paint(Tone::Failed, &format!("reason: {}", reason.trim_end())),
    );
    if !pending.is_empty() {
        text.push_str(&colors.paint(
            Tone::Skipped,
            &format!("not started: {}", pending.join(", ")),
        ));
        text.push('\n');
    }
    text
}

/// A warning, in the form that Ansible gives it.
pub(super) fn warning(options: Options, host: Option<&str>, message: &str) -> String {
    let message = message.trim_end();
    let text = match host {
        Some(host) => format!("[WARNING]: [{host}]: {message}"),
        None => format!("[WARNING]: {message}"),
    };
    options.colors().paint(Tone::Warning, &text) + "\n"
}
