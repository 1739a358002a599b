//! The runs of this controller, read from their journals as far as these go.

use super::CliError;
use crate::journal::{Fate, RunId, Store, StoreError};
use crate::report::{Outcome, RunEntry, Synopsis};
use std::collections::HashMap;

/// Whether the run's process is at work.
pub(super) fn is_running(store: &Store, run: &RunId) -> bool {
    store.fate(run) == Fate::Running
}

/// The newest `count` runs, newest first, or all of them.
pub(super) fn newest(store: &Store, count: Option<usize>) -> Result<Vec<RunEntry>, CliError> {
    let known = store.runs().map_err(anyhow::Error::from)?;
    let wanted = known.iter().rev().take(count.unwrap_or(usize::MAX));
    let mut entries: Vec<RunEntry> = wanted.map(|run| one(store, run)).collect();
    relate(&mut entries);
    Ok(entries)
}

/// One run with all that later runs say of it.
pub(super) fn entry(store: &Store, run: &RunId) -> Result<RunEntry, CliError> {
    let known = store.runs().map_err(anyhow::Error::from)?;
    let mut entries: Vec<RunEntry> = known
        .iter()
        .rev()
        .take_while(|later| *later >= run)
        .map(|run| one(store, run))
        .collect();
    relate(&mut entries);
    Ok(entries.pop().unwrap_or_else(|| one(store, run)))
}

fn one(store: &Store, run: &RunId) -> RunEntry {
    let mut synopsis = Synopsis::new(run.as_str());
    let damage = read(store, run, &mut synopsis);
    let outcome = match &damage {
        Err(_) => Outcome::Unreadable,
        Ok(_) => Outcome::of(&synopsis, synopsis.end.is_none() && is_running(store, run)),
    };
    RunEntry {
        outcome,
        synopsis,
        resumed_by: None,
        damage: damage.unwrap_or_else(|error| Some(error.to_string())),
    }
}

/// Counts a journal up, line by line; what is wrong with it and does not keep it from being read comes back.
fn read(store: &Store, run: &RunId, synopsis: &mut Synopsis) -> Result<Option<String>, StoreError> {
    let mut journal = store.reader(run)?;
    for event in journal.by_ref() {
        synopsis.take(&event?);
    }
    let damaged = journal.damage().len();
    Ok((damaged > 0).then(|| {
        let lines = if damaged == 1 { "line" } else { "lines" };
        format!("{damaged} damaged {lines} in the journal of run {run}")
    }))
}

/// Tells runs what later ones did for them: went on where they stopped, or took their changes back.
fn relate(entries: &mut [RunEntry]) {
    let mut resumed: HashMap<String, String> = HashMap::new();
    let mut taken_back: Vec<(String, Vec<String>)> = Vec::new();
    for entry in entries {
        let synopsis = &mut entry.synopsis;
        entry.resumed_by = resumed.remove(&synopsis.run);
        for (run, hosts) in &taken_back {
            if *run == synopsis.run {
                for host in hosts {
                    synopsis.forget(host);
                }
            }
        }
        if let Some(of) = &synopsis.resumes {
            // The oldest of them is the one that went on.
            resumed.insert(of.clone(), synopsis.run.clone());
        }
        if let Some(of) = &synopsis.rollback_of {
            let hosts = synopsis.taken_back().map(str::to_owned).collect();
            taken_back.push((of.clone(), hosts));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, HostState, Kind};

    fn keep(store: &Store, id: &str, kinds: Vec<Kind>) {
        let journal = store.create(&RunId::parse(id).unwrap()).unwrap();
        for kind in kinds {
            journal.append(Event::now(kind));
        }
        journal.close();
    }

    fn started(run: &str) -> Kind {
        serde_json::from_value(serde_json::json!({
            "event": "run_started", "run": run, "version": 1, "playbook": "site.yml", "inventory": [], "check": false,
        }))
        .unwrap()
    }

    #[test]
    fn what_a_later_rollback_took_back_is_not_offered_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let undo = |host: &str| Kind::UndoRecorded {
            host: host.to_owned(),
            step: 1,
            what: "a file".to_owned(),
        };
        keep(&store, "1-a", vec![started("1-a"), undo("a"), undo("b")]);
        let back = Kind::RollbackFinished {
            host: "b".to_owned(),
            state: HostState::RolledBack,
            undone: Vec::new(),
            remaining: Vec::new(),
            message: None,
            instead: Vec::new(),
        };
        keep(&store, "2-b", vec![started("1-a"), back]);
        let entries = newest(&store, None).unwrap();
        assert_eq!(entries[0].synopsis.rollback_of.as_deref(), Some("1-a"));
        let left: Vec<&str> = entries[1].synopsis.to_take_back().collect();
        assert_eq!(left, ["a"]);
        assert_eq!(entries[1].outcome, Outcome::Crashed);
        assert_eq!(newest(&store, Some(1)).unwrap().len(), 1);
        let first = entry(&store, &RunId::parse("1-a").unwrap()).unwrap();
        assert_eq!(first.synopsis.to_take_back().count(), 1);
    }

    #[test]
    fn a_damaged_journal_is_counted_up_all_the_same_and_one_that_cannot_be_read_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        keep(&store, "1-a", vec![started("1-a")]);
        let run = RunId::parse("1-a").unwrap();
        let path = store.run_folder(&run).join("events.jsonl");
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}garbage\n{whole}")).unwrap();
        let entry = one(&store, &run);
        assert_eq!(entry.outcome, Outcome::Crashed);
        assert_eq!(entry.synopsis.playbook, "site.yml");
        assert!(
            entry
                .damage
                .unwrap()
                .starts_with("1 damaged line in the journal")
        );
        std::fs::write(&path, whole.replace("\"version\":1", "\"version\":99")).unwrap();
        let entry = one(&store, &run);
        assert_eq!(entry.outcome, Outcome::Unreadable);
        assert!(entry.damage.unwrap().contains("newer windlass"));
    }
}
