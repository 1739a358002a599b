//! The verbs' own output: results to standard output, errors to standard error.

use super::{CliError, confidential};
use crate::secrecy::mask_assignments;
use crate::source::Diagnostics;
use console::style;
use std::fmt::Display;
use std::io::{self, Write};

/// Prints a result. A reader that went away early (`| head`) is no error.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    let text = text.to_string();
    match writeln!(io::stdout(), "{}", confidential::secrets().text(&text)) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Colours as `--color` says; `auto` leaves it to the terminals.
pub(super) fn color(when: &str) {
    let on = match when {
        "always" => true,
        "never" => false,
        _ => return,
    };
    console::set_colors_enabled(on);
    console::set_colors_enabled_stderr(on);
}

/// Prints an error with its hints.
pub(super) fn error(error: &CliError) {
    let text = match error {
        CliError::Input(diagnostics) => {
            self::diagnostics(diagnostics);
            return;
        }
        CliError::Usage { message, hint } => with_hint(message, hint.as_deref()),
        CliError::Locked(error) => with_hint(
            &error.to_string(),
            Some("wait for it to end, the lock goes with its process; `windlass lock` shows it"),
        ),
        CliError::UnderWay(run) => with_hint(
            &format!("run {run} is still under way"),
            Some("wait for it to end; there is nothing to go on with before that"),
        ),
        CliError::Other(error) => with_hint(&chain(error), None),
    };
    complain(&text);
}

/// An error and what caused it; what an error says of its cause by itself is not said again.
fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn with_hint(message: &str, hint: Option<&str>) -> String {
    let label = style("error").red().bold().for_stderr();
    let text = format!("{label}: {message}");
    match hint {
        None => text,
        Some(hint) => format!(
            "{text}\n  {}: {hint}",
            style("help").cyan().bold().for_stderr()
        ),
    }
}

/// Prints what is wrong in the user's files, and how much that is.
pub(super) fn diagnostics(diagnostics: &Diagnostics) {
    let color = console::colors_enabled_stderr();
    for each in diagnostics {
        // The lines around a mistake are shown, and a password may stand on them.
        complain(&mask_assignments(&each.render(color)));
        complain("");
    }
    let errors = diagnostics
        .iter()
        .filter(|each| each.severity == crate::source::Severity::Error)
        .count();
    match errors {
        0 => {}
        1 => complain("1 error; no host was touched"),
        n => complain(&format!("{n} errors; no host was touched")),
    }
}

/// Prints what a user should know that is no failure.
pub(super) fn warning(text: &str) {
    complain(&format!(
        "{}: {text}",
        style("warning").yellow().bold().for_stderr()
    ));
}

/// A line on standard error.
pub(super) fn complain(text: &str) {
    // There is nowhere left to say that standard error is gone.
    let _written = writeln!(io::stderr(), "{}", confidential::secrets().text(text));
}
