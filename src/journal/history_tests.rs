//! Journals made by hand, and what is read from them.

use super::*;
use crate::event::TaskResult;
use serde_json::Value;
use std::time::Duration;

const KEY: &str = "site.yml:3";

fn id(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

fn started(run: &str, resumes: Option<&str>) -> Kind {
    Kind::RunStarted {
        run: run.to_owned(),
        version: 2,
        playbook: "site.yml".to_owned(),
        inventory: Vec::new(),
        check: false,
        user: "ann".to_owned(),
        controller: "desk".to_owned(),
        resumes: resumes.map(str::to_owned),
    }
}

fn play(rollback: bool) -> Kind {
    Kind::PlayStarted {
        name: "upgrade".to_owned(),
        hosts: vec!["h1".to_owned(), "h2".to_owned()],
        rollback,
        key: KEY.to_owned(),
    }
}

fn passed(host: &str) -> Kind {
    Kind::HostPassed {
        host: host.to_owned(),
        play: KEY.to_owned(),
    }
}

fn recorded(host: &str, step: u32) -> Kind {
    Kind::UndoRecorded {
        host: host.to_owned(),
        step,
        what: format!("step {step}"),
    }
}

fn notified(host: &str, handlers: &[&str]) -> Kind {
    Kind::Notified {
        host: host.to_owned(),
        play: KEY.to_owned(),
        handlers: handlers.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn changed(host: &str) -> Kind {
    Kind::TaskFinished {
        task: 1,
        host: host.to_owned(),
        result: TaskResult {
            status: Status::Changed,
            took: Duration::ZERO,
            result: Value::Null,
            diff: Vec::new(),
            delegated_to: None,
            verbosity: 1,
        },
    }
}

fn committed(host: &str) -> Kind {
    Kind::HostCommitted {
        host: host.to_owned(),
    }
}

fn finished(host: &str, state: HostState) -> Kind {
    Kind::RollbackFinished {
        host: host.to_owned(),
        state,
        undone: Vec::new(),
        remaining: Vec::new(),
        message: None,
        instead: Vec::new(),
    }
}

/// A store with these journals; the history of the last one that is not a rollback.
fn history(of: &str, journals: &[(&str, Vec<Kind>)]) -> History {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    for (run, kinds) in journals {
        let journal = store.create(&id(run)).unwrap();
        for kind in kinds {
            journal.append(Event::now(kind.clone()));
        }
        journal.close();
    }
    History::read(&store, &id(of)).unwrap()
}

#[test]
fn hosts_that_passed_in_any_run_of_the_chain_are_known() {
    let history = history(
        "c",
        &[
            ("a", vec![started("a", None), play(true), passed("h1")]),
            ("b", vec![started("b", Some("a")), play(true)]),
            ("c", vec![started("c", Some("b")), play(true), passed("h2")]),
            ("d", vec![started("d", None), play(true), passed("h3")]),
        ],
    );
    assert_eq!(history.runs(), [id("a"), id("b"), id("c")]);
    assert_eq!(history.passed("h1", KEY, "upgrade"), Some(&id("a")));
    assert_eq!(history.passed("h2", KEY, "upgrade"), Some(&id("c")));
    assert_eq!(history.passed("h3", KEY, "upgrade"), None);
    assert_eq!(history.passed("h1", "other.yml:3", "upgrade"), None);
    assert_eq!(history.passed("h1", KEY, "another play in its place"), None);
}

#[test]
fn a_host_that_was_taken_back_later_did_not_pass() {
    let run = vec![started("a", None), play(true), passed("h1"), passed("h2")];
    let rollback = vec![started("a", None), finished("h1", HostState::RolledBack)];
    let history = history("a", &[("a", run), ("b", rollback)]);
    assert_eq!(history.passed("h1", KEY, "upgrade"), None);
    assert_eq!(history.passed("h2", KEY, "upgrade"), Some(&id("a")));
}

#[test]
fn what_is_open_is_known_once_the_host_has_it() {
    let run = |more: &[Kind]| {
        let mut all = vec![started("a", None), play(true), recorded("h1", 1)];
        all.extend_from_slice(more);
        history("a", &[("a", all)])
    };
    let open = |history: &History| {
        let steps = history.left_open("h1", &id("a"));
        steps.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // The journal has a step before the host does.
    assert_eq!(open(&run(&[])), Vec::<String>::new());
    assert_eq!(open(&run(&[changed("h1")])), ["step 1"]);
    assert_eq!(open(&run(&[recorded("h1", 2)])), ["step 1"]);
    assert_eq!(open(&run(&[changed("h2")])), Vec::<String>::new());
    for end in [
        committed("h1"),
        passed("h1"),
        finished("h1", HostState::RolledBack),
    ] {
        assert_eq!(open(&run(&[changed("h1"), end])), Vec::<String>::new());
    }
    let incomplete = finished("h1", HostState::RollbackIncomplete);
    assert_eq!(open(&run(&[changed("h1"), incomplete])), ["step 1"]);
    let history = run(&[changed("h1")]);
    assert_eq!(history.touched("h1").collect::<Vec<_>>(), [&id("a")]);
    assert_eq!(history.touched("h2").count(), 0);
    assert!(history.goes_back("h1", &id("a")));
}

#[test]
fn pending_handlers_outlive_the_run_unless_the_change_was_taken_back() {
    let owed = |more: &[Kind]| {
        let mut all = vec![started("a", None), play(true), recorded("h1", 1)];
        all.push(notified("h1", &["restart"]));
        all.extend_from_slice(more);
        let history = history("a", &[("a", all)]);
        history.owed("h1", KEY).map(|owed| owed.handlers.clone())
    };
    let pending = Some(vec!["restart".to_owned()]);
    assert_eq!(owed(&[]), pending);
    assert_eq!(owed(&[notified("h1", &[])]), None);
    assert_eq!(owed(&[passed("h1")]), None);
    assert_eq!(owed(&[finished("h1", HostState::RolledBack)]), None);
    // What was committed before is not taken back.
    let held = [committed("h1"), finished("h1", HostState::Held)];
    assert_eq!(owed(&held), pending);
    let went_back = Kind::WentBack {
        host: "h1".to_owned(),
        run: "a".to_owned(),
        since: "2026-01-02T03:04:05Z".to_owned(),
        complete: true,
    };
    assert_eq!(owed(&[went_back]), None);
}

#[test]
fn another_run_that_took_back_what_was_left_is_heard() {
    let run = vec![
        started("a", None),
        play(true),
        recorded("h1", 1),
        notified("h1", &["restart"]),
        changed("h1"),
    ];
    let other = vec![
        started("b", None),
        play(true),
        Kind::TakenBack {
            host: "h1".to_owned(),
            run: "a".to_owned(),
            undone: Vec::new(),
        },
    ];
    let history = history("a", &[("a", run), ("b", other)]);
    assert!(history.left_open("h1", &id("a")).is_empty());
    assert_eq!(history.owed("h1", KEY), None);
}
