//! `windlass show`: what happened in a run, from its journal.

use super::args::ShowArgs;
use super::{CliError, history, output, page, reporters, run_name, state};
use crate::engine::exit_code;
use crate::event::{Event, Kind};
use crate::journal::{Follow, RunId, Store, in_flight};
use crate::report::{self, Outcome, Reporter, run_title};
use jiff::tz::TimeZone;
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

/// How often something that moves is drawn anew; a journal is read as often.
const TICK: Duration = Duration::from_millis(125);

/// So often nothing comes until it is asked whether the run's process is still there.
const QUIET: u32 = 8;

/// Shows a run.
pub(super) fn main(args: &ShowArgs) -> Result<u8, CliError> {
    let state = state::folder(args.state.state_dir.as_deref())?;
    let store = state::store(&state);
    let run = run_name::find(&store, args.run.as_deref())?;
    let style = reporters::Style::of_show(args);
    if args.follow && history::is_running(&store, &run) {
        return follow(&store, &run, style);
    }
    let record = store.record(&run).map_err(anyhow::Error::from)?;
    if let Some(to) = &args.html {
        page::write(&run, &record.events, to)?;
        let warnings = record.warnings();
        for text in &warnings {
            output::warning(text);
        }
        return Ok(exit_code::DONE);
    }
    let entry = history::entry(&store, &run)?;
    if let Some(path) = &args.junit {
        let xml = report::junit(&entry.synopsis, entry.outcome, &record.events);
        write(path, &xml)?;
        record
            .warnings()
            .iter()
            .for_each(|text| output::warning(text));
        return Ok(exit_code::DONE);
    }
    if !args.json {
        let title = run_title(&entry, &TimeZone::system(), console::colors_enabled());
        output::line(title.trim_end())?;
    }
    replay(&record.events, style);
    record
        .warnings()
        .iter()
        .for_each(|text| output::warning(text));
    match entry.outcome {
        Outcome::Running => output::complain(&format!(
            "run {run} is under way; `windlass show {run} --follow` stays with it"
        )),
        Outcome::Crashed => {
            output::warning(&format!("run {run} did not end: its process is gone"));
            for host in in_flight(&record.events) {
                output::complain(&format!("  {host}"));
            }
        }
        _ => {}
    }
    Ok(exit_code::DONE)
}

/// To a file, or to standard output for `-`.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    if path == Path::new("-") {
        output::line(text.trim_end())?;
        return Ok(());
    }
    let written = report::replace(path, text);
    written.map_err(|error| anyhow::anyhow!("{}: not written: {error}", path.display()).into())
}

/// All at once.
fn replay(events: &[Event], style: reporters::Style) {
    let mut reporters = style.reporters();
    for event in events {
        for it in &mut reporters {
            it.event(event);
        }
    }
    for it in &mut reporters {
        it.finish();
    }
}

/// Shows a run under way until it ends.
fn follow(store: &Store, run: &RunId, style: reporters::Style) -> Result<u8, CliError> {
    let journal = store.follow(run).map_err(anyhow::Error::from)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut reporters = style.reporters();
    let end = runtime.block_on(watch(store, run, journal, &mut reporters));
    for it in &mut reporters {
        it.finish();
    }
    match end? {
        Followed::Ended => Ok(exit_code::DONE),
        Followed::Gone => {
            output::warning(&format!("run {run} did not end: its process is gone"));
            Ok(exit_code::DONE)
        }
        Followed::Left => {
            output::complain(&format!(
                "run {run} goes on; it is only not followed any more"
            ));
            Ok(exit_code::INTERRUPTED)
        }
    }
}

/// Why a run is not followed any more.
enum Followed {
    /// It said that it ended.
    Ended,
    /// Its process is gone.
    Gone,
    /// Whoever followed it pressed Ctrl-C.
    Left,
}

async fn watch(
    store: &Store,
    run: &RunId,
    mut journal: Follow,
    reporters: &mut [Box<dyn Reporter>],
) -> Result<Followed, CliError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut quiet = 0;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(Followed::Left),
            _ = terminate.recv() => return Ok(Followed::Left),
            _ = ticks.tick() => {}
        }
        // Asked before it is read: what a process wrote before it ended is then read for sure.
        let is_gone = quiet > 0 && quiet % QUIET == 0 && !history::is_running(store, run);
        let (mut came, mut ended) = (false, false);
        let read = journal.more(|event| {
            came = true;
            ended |= matches!(event.kind, Kind::RunFinished { .. });
            for it in &mut *reporters {
                it.event(&event);
            }
        });
        read.map_err(anyhow::Error::from)?;
        quiet = if came { 0 } else { quiet + 1 };
        if ended {
            return Ok(Followed::Ended);
        }
        if is_gone {
            return Ok(Followed::Gone);
        }
        for it in &mut *reporters {
            it.tick();
        }
    }
}
