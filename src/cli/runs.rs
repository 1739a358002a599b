//! `windlass runs`: the runs of this controller, newest first.

use super::args::RunsArgs;
use super::{CliError, history, output, state};
use crate::engine::exit_code;
use crate::journal::Store;
use crate::report::{Listed, RunEntry, RunJson, RunList};
use console::Term;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Lines are no longer than this where there is no terminal that says how long they may be.
const WIDTH: usize = 100;

/// Lists runs.
pub(super) fn main(args: &RunsArgs) -> Result<u8, CliError> {
    let state = state::folder(args.state.state_dir.as_deref())?;
    let store = state::store(&state);
    let count = (args.number > 0).then_some(args.number);
    let entries = history::newest(&store, count)?;
    if args.json {
        let shapes: Vec<RunJson> = entries.iter().map(RunJson::from).collect();
        output::line(serde_json::to_string_pretty(&shapes).map_err(anyhow::Error::from)?)?;
        return Ok(exit_code::DONE);
    }
    let total = store.runs().map_err(anyhow::Error::from)?.len();
    print(&store, &entries, Listed::Hosts)?;
    if entries.len() < total {
        output::complain(&format!(
            "{} older runs are not shown; `-n 0` shows all",
            total - entries.len()
        ));
    }
    Ok(exit_code::DONE)
}

/// Prints runs as a list, and what is wrong with their journals.
pub(super) fn print(store: &Store, entries: &[RunEntry], listed: Listed) -> Result<(), CliError> {
    if entries.is_empty() {
        output::line("no run is recorded yet")?;
        output::complain(&format!("runs are kept in {}", store.root().display()));
        return Ok(());
    }
    let term = Term::stdout();
    let list = RunList {
        listed,
        width: if term.is_term() {
            usize::from(term.size().1)
        } else {
            WIDTH
        },
        color: console::colors_enabled(),
        now: Timestamp::now(),
        zone: TimeZone::system(),
    };
    output::line(list.text(entries).trim_end())?;
    for entry in entries {
        if let Some(damage) = &entry.damage {
            output::warning(damage);
        }
    }
    Ok(())
}
