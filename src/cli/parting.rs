//! The last words of a run that did not come to its end: what is in flight, and the commands to go on or to go back.
//!
//! They go to standard error, after everything else, so that they are what a person sees and what a mail ends with.

use super::{output, state};
use crate::journal::{Journal, RunId, Store, in_flight};
use crate::shell::quote;

/// Hosts in flight that are named one by one; of more, only the number is told.
const NAMED: usize = 12;

/// The words of a run that was stopped at once. `journal` is where it is recorded: another run's name for a rollback.
pub(super) fn stopped(store: &Store, run: &RunId, journal: &RunId, sources: &[String]) {
    for line in lines(store, run, journal, sources) {
        output::complain(&line);
    }
}

fn lines(store: &Store, run: &RunId, journal: &RunId, sources: &[String]) -> Vec<String> {
    let flights = match store.events(journal) {
        Ok(events) => in_flight(&events),
        Err(error) => return vec![format!("stopped at once; {error}")],
    };
    let mut lines = vec![match flights.len() {
        0 => "stopped at once; no host is in flight".to_owned(),
        1 => "stopped at once; nothing was taken back; 1 host is in flight:".to_owned(),
        n => format!("stopped at once; nothing was taken back; {n} hosts are in flight:"),
    }];
    let named = flights.iter().take(NAMED);
    lines.extend(named.map(|flight| format!("  {flight}")));
    if flights.len() > NAMED {
        lines.push(format!("  and {} more", flights.len() - NAMED));
    }
    if run != journal {
        lines.push(format!("to go on: {}", rollback(store, run, sources)));
    } else if flights.iter().any(|flight| flight.steps > 0) {
        lines.push(format!("to go back: {}", rollback(store, run, sources)));
    }
    lines
}

/// The very last line of a run that leaves work: the command that goes on with it.
pub(super) fn go_on(command: &str) {
    output::complain(&format!("to go on: {command}"));
}

fn rollback(store: &Store, run: &RunId, sources: &[String]) -> String {
    let mut words = format!("windlass rollback {run}{}", state::option(store.root()));
    for source in sources {
        words.push_str(" -i ");
        words.push_str(&quote(source));
    }
    words
}

/// Says what could not be recorded, if anything.
pub(super) fn unrecorded(journal: &Journal) {
    let Some(why) = journal.broken() else { return };
    let lost = match journal.unwritten() {
        0 => "the end of the run was recorded all the same".to_owned(),
        1 => "1 event is not recorded".to_owned(),
        n => format!("{n} events are not recorded"),
    };
    output::complain(&format!(
        "the journal could not be written: {why}; {lost}; make room and run again"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind};

    #[test]
    fn hosts_in_flight_and_the_commands_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = RunId::parse("r1").unwrap();
        let journal = store.create(&run).unwrap();
        journal.append(Event::now(Kind::UndoRecorded {
            host: "a".to_owned(),
            step: 1,
            what: "Put: create /f".to_owned(),
        }));
        journal.close();
        let sources = ["hosts.ini".to_owned(), "my hosts".to_owned()];
        let state = format!(
            "--state-dir {}",
            quote(&folder.path().display().to_string())
        );
        let back = format!("to go back: windlass rollback r1 {state} -i hosts.ini -i 'my hosts'");
        assert_eq!(
            lines(&store, &run, &run, &sources),
            [
                "stopped at once; nothing was taken back; 1 host is in flight:",
                "  a: begun and perhaps done: Put: create /f (1 change not committed)",
                &back,
            ]
        );
        // A rollback of r0 that is recorded as r1.
        let of = RunId::parse("r0").unwrap();
        let last = lines(&store, &of, &run, &sources[..1]).pop().unwrap();
        let expected = format!("to go on: windlass rollback r0 {state} -i hosts.ini");
        assert_eq!(last, expected);
    }
}
