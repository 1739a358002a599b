//! The window of a run: from the words of the command line to what the engine goes by, and what is said outside of it.

use super::args::WindowArgs;
use super::{CliError, output, plan_input, reporters};
use crate::engine::{Settings, exit_code};
use crate::event::{Event, Kind};
use crate::journal::Store;
use crate::plan::{Allowance, Share, Window};
use crate::report::duration;
use crate::source::Span;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The window that was asked for. A pace alone says nothing: it may stand in a settings file, for the runs that have a window.
pub(super) fn given(args: &WindowArgs) -> Result<Option<Window>, CliError> {
    let Some(text) = &args.window else {
        return Ok(None);
    };
    let window = Window::read(&Span::synthetic("--window", text), local);
    window
        .map(Some)
        .map_err(|wrong| CliError::Input(wrong.into()))
}

/// The window with what earlier runs took.
pub(super) fn allowance(
    args: &WindowArgs,
    store: &Store,
) -> Result<Option<Arc<Allowance>>, CliError> {
    let window = given(args)?;
    Ok(window.map(|window| {
        Arc::new(Allowance {
            window,
            given: args.window_pace,
            usual: plan_input::usual(store),
        })
    }))
}

/// The machine's own time zone. One that says nothing of itself is at UTC, as `localtime(5)` has it.
pub(super) fn local() -> Result<TimeZone, String> {
    match TimeZone::try_system() {
        Ok(zone) => Ok(zone),
        Err(_) if std::env::var_os("TZ").is_none() && !Path::new("/etc/localtime").exists() => {
            Ok(TimeZone::UTC)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The exit code of a run that is outside of its window, which nothing is done for but say so.
pub(super) fn outside(
    settings: &Settings,
    style: &reporters::Style,
) -> Result<Option<u8>, CliError> {
    // A dry run changes nothing, so it may look at any time.
    let Some(allowance) = settings.window.as_ref().filter(|_| !settings.check) else {
        return Ok(None);
    };
    let now = Timestamp::now();
    if allowance.window.closes(now).is_some() {
        return Ok(None);
    }
    let text = allowance.window.text();
    let reason = match allowance.window.opens(now) {
        Some(opens) => format!(
            "outside of the window {text}: nothing was begun; it opens {}",
            opens.strftime("%a %d %b %H:%M %Z")
        ),
        None => format!("outside of the window {text}: nothing was begun"),
    };
    if style.is_json() {
        let event = Event::now(Kind::Stopped {
            reason,
            pending: Vec::new(),
        });
        output::line(serde_json::to_string(&event).map_err(anyhow::Error::from)?)?;
    } else {
        output::line(reason)?;
    }
    Ok(Some(exit_code::WINDOW_CLOSED))
}

/// What of a plan fits into the window.
pub(super) fn planned(window: &Window, share: &Share) -> String {
    let when = Window::when(share.opens.as_ref(), share.closes.as_ref());
    let fits = match (share.batches, share.windows) {
        (0, _) => "nothing is to be done in it".to_owned(),
        (1, Some(1)) => "the one batch fits".to_owned(),
        (all, Some(1)) => format!("all {all} batches fit"),
        (all, Some(windows)) => format!(
            "{} of {all} batches fit; {windows} windows in all",
            share.fit
        ),
        (all, None) => format!(
            "{} of {all} batches fit, and one takes longer than the whole window",
            share.fit
        ),
    };
    let basis = if share.assumed {
        ", where 15 min are assumed for each that was never measured (--window-pace says otherwise)"
    } else {
        ""
    };
    let takes = if share.batches == 0 {
        String::new()
    } else {
        format!(
            " (about {}{basis})",
            duration(Duration::from_secs(share.expected))
        )
    };
    format!("window {}: {when}: {fits}{takes}", window.text())
}
