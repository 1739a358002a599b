//! Stores of journals made by hand.

use super::*;
use crate::event::{Counts, Event, Kind};
use std::time::Duration;

fn id(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

struct Made<'a> {
    run: &'a str,
    /// The run that its journal names.
    of: &'a str,
    resumes: Option<&'a str>,
    check: bool,
    /// The exit code and how hosts were left; none for a run that was killed.
    end: Option<(u8, &'a [(&'a str, HostState)])>,
}

impl<'a> Made<'a> {
    fn new(run: &'a str, end: Option<(u8, &'a [(&'a str, HostState)])>) -> Self {
        Self {
            run,
            of: run,
            resumes: None,
            check: false,
            end,
        }
    }
}

fn store(runs: &[Made<'_>]) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    for made in runs {
        let journal = store.create(&id(made.run)).unwrap();
        journal.append(Event::now(Kind::RunStarted {
            run: made.of.to_owned(),
            version: 2,
            playbook: "site.yml".to_owned(),
            inventory: vec!["hosts,".to_owned()],
            check: made.check,
            user: "ann".to_owned(),
            controller: "desk".to_owned(),
            resumes: made.resumes.map(str::to_owned),
        }));
        journal.append(Event::now(Kind::PlayStarted {
            name: "all".to_owned(),
            hosts: ["h1", "h2", "h3"].map(str::to_owned).to_vec(),
            rollback: true,
            key: "site.yml:1".to_owned(),
        }));
        if let Some((exit_code, hosts)) = made.end {
            let line = |(host, state): &(&str, HostState)| Counts {
                host: (*host).to_owned(),
                state: *state,
                ..Counts::default()
            };
            journal.append(Event::now(Kind::RunFinished {
                recap: hosts.iter().map(line).collect(),
                exit_code,
                took: Duration::ZERO,
            }));
        }
        journal.close();
    }
    (folder, store)
}

#[test]
fn the_newest_run_that_is_not_done_is_gone_on_with() {
    let resumed = |run, before, end| Made {
        resumes: Some(before),
        ..Made::new(run, end)
    };
    let cases: [(Vec<Made<'_>>, Option<&str>); 6] = [
        (vec![], None),
        (vec![Made::new("a", Some((0, &[])))], None),
        (
            vec![Made::new("a", None), Made::new("b", Some((0, &[])))],
            Some("a"),
        ),
        // What a later run brought to an end is done, however many runs that took.
        (
            vec![
                Made::new("a", None),
                resumed("b", "a", None),
                resumed("c", "b", Some((0, &[]))),
            ],
            None,
        ),
        (
            vec![Made::new("a", None), resumed("b", "a", Some((2, &[])))],
            Some("b"),
        ),
        // Checks and rollbacks are nothing to go on with.
        (
            vec![
                Made::new("a", Some((2, &[]))),
                Made {
                    check: true,
                    ..Made::new("b", Some((2, &[])))
                },
                Made {
                    of: "a",
                    ..Made::new("c", Some((3, &[])))
                },
            ],
            Some("a"),
        ),
    ];
    for (runs, expected) in cases {
        let (_folder, store) = store(&runs);
        let found = unfinished(&store).unwrap();
        assert_eq!(found, expected.map(id));
    }
}

#[test]
fn a_chain_is_gone_on_with_at_its_end() {
    let mut second = Made::new("b", None);
    second.resumes = Some("a");
    let mut third = Made::new("d", None);
    third.resumes = Some("b");
    let runs = [Made::new("a", None), second, Made::new("c", None), third];
    let (_folder, store) = store(&runs);
    for (run, expected) in [("a", "d"), ("b", "d"), ("c", "c"), ("d", "d")] {
        assert_eq!(last_link(&store, id(run)).unwrap(), id(expected), "{run}");
    }
}

#[test]
fn hosts_of_the_last_run_are_chosen_by_how_it_left_them() {
    use HostState::{Failed, Pending, RolledBack};
    let ended = [("h1", Failed), ("h2", Pending), ("h4", RolledBack)];
    let (_folder, store) = store(&[
        Made::new("a", None),
        Made::new("b", Some((2, &ended))),
        Made {
            check: true,
            ..Made::new("c", Some((0, &[])))
        },
    ]);
    let sources = ["hosts,".to_owned()];
    for (name, expected) in [
        ("failed", vec!["h1", "h4"]),
        ("pending", vec!["h1", "h2", "h4"]),
        ("last", vec!["h1", "h2", "h3", "h4"]),
    ] {
        let (run, hosts) = hosts(&store, &sources, name).unwrap();
        assert_eq!(
            (run, hosts),
            (
                id("b"),
                expected.iter().map(|it| (*it).to_owned()).collect()
            )
        );
    }
    let error = hosts(&store, &["other,".to_owned()], "failed").unwrap_err();
    let CliError::Usage { message, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        message,
        "--limit @failed: no run of this inventory is recorded"
    );
}
