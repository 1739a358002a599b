//! What a run was about when it ended: hosts with a task under way, or with changes that are neither committed nor taken
//! back.
//!
//! The journal says what was begun. Whether a change that was begun was also made, only its host can tell.

use crate::event::{Event, HostState, Kind};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::fmt;

/// A host that a run left in mid-flight.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InFlight {
    /// The host.
    pub host: String,
    /// The task that it was at.
    pub task: Option<String>,
    /// The change that was begun and not seen to be done, in words.
    pub begun: Option<String>,
    /// Changes that can be taken back, the one that was begun included.
    pub steps: usize,
    /// Whether it was on its way back.
    pub going_back: bool,
}

impl fmt::Display for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.host)?;
        match (&self.begun, &self.task) {
            _ if self.going_back => f.write_str("on its way back")?,
            (Some(begun), _) => write!(f, "begun and perhaps done: {begun}")?,
            (None, Some(task)) => write!(f, "at `{task}`")?,
            (None, None) => f.write_str("between two tasks")?,
        }
        match self.steps {
            0 => Ok(()),
            1 => f.write_str(" (1 change not committed)"),
            n => write!(f, " ({n} changes not committed)"),
        }
    }
}

/// The hosts in flight after these events, in the order in which they were first heard of.
pub fn in_flight<'e>(events: impl IntoIterator<Item = &'e Event>) -> Vec<InFlight> {
    let mut hosts: IndexMap<String, InFlight> = IndexMap::new();
    let mut tasks: HashMap<usize, String> = HashMap::new();
    for event in events {
        match &event.kind {
            Kind::TaskStarted {
                task,
                name,
                hosts: on,
                ..
            } => {
                tasks.insert(*task, name.clone());
                for host in on {
                    entry(&mut hosts, host).task = Some(name.clone());
                }
            }
            Kind::TaskFinished { task, host, .. } => {
                let flight = entry(&mut hosts, host);
                if flight.task.as_ref() == tasks.get(task) {
                    flight.task = None;
                }
                flight.begun = None;
            }
            Kind::UndoRecorded { host, what, .. } => {
                let flight = entry(&mut hosts, host);
                flight.begun = Some(what.clone());
                flight.steps += 1;
            }
            Kind::HostCommitted { host }
            | Kind::HostPassed { host, .. }
            | Kind::WentBack { host, .. } => {
                let flight = entry(&mut hosts, host);
                flight.steps = 0;
                flight.begun = None;
            }
            Kind::RollbackStarted { host, .. } => entry(&mut hosts, host).going_back = true,
            Kind::RollbackFinished { host, state, .. } => {
                let flight = entry(&mut hosts, host);
                flight.going_back = false;
                flight.begun = None;
                if *state != HostState::RollbackIncomplete {
                    flight.steps = 0;
                }
            }
            // All is decided by then.
            Kind::RunFinished { .. } => hosts.clear(),
            _ => {}
        }
    }
    hosts
        .into_values()
        .filter(|flight| flight.task.is_some() || flight.steps > 0 || flight.going_back)
        .collect()
}

fn entry<'h>(hosts: &'h mut IndexMap<String, InFlight>, host: &str) -> &'h mut InFlight {
    if !hosts.contains_key(host) {
        let new = InFlight {
            host: host.to_owned(),
            ..InFlight::default()
        };
        hosts.insert(host.to_owned(), new);
    }
    &mut hosts[host]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Status, TaskResult};
    use std::time::Duration;

    fn starts(task: usize, name: &str, hosts: &[&str]) -> Kind {
        Kind::TaskStarted {
            task,
            name: name.to_owned(),
            path: String::new(),
            action: "copy".to_owned(),
            handler: false,
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        }
    }

    fn ends(task: usize, host: &str) -> Kind {
        Kind::TaskFinished {
            task,
            host: host.to_owned(),
            result: TaskResult {
                status: Status::Changed,
                took: Duration::ZERO,
                result: serde_json::Value::Null,
                diff: Vec::new(),
                delegated_to: None,
                verbosity: 1,
            },
        }
    }

    fn records(host: &str, step: u32, what: &str) -> Kind {
        Kind::UndoRecorded {
            host: host.to_owned(),
            step,
            what: what.to_owned(),
        }
    }

    fn said(kinds: Vec<Kind>) -> Vec<String> {
        let events: Vec<Event> = kinds.into_iter().map(Event::now).collect();
        in_flight(&events).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_host_is_in_flight_from_its_first_task_to_its_commit() {
        let committed = |host: &str| Kind::HostCommitted {
            host: host.to_owned(),
        };
        let back = |host: &str| Kind::RollbackStarted {
            host: host.to_owned(),
            reason: String::new(),
        };
        let cases = [
            (vec![], vec![]),
            (
                vec![starts(1, "Look", &["a", "b"]), ends(1, "b")],
                vec!["a: at `Look`"],
            ),
            (
                vec![starts(1, "Put", &["a"]), records("a", 1, "Put: create /f")],
                vec!["a: begun and perhaps done: Put: create /f (1 change not committed)"],
            ),
            (
                vec![
                    starts(1, "Put", &["a"]),
                    records("a", 1, "Put: create /f"),
                    ends(1, "a"),
                    starts(2, "Again", &["a"]),
                    records("a", 2, "Again: create /g"),
                    ends(2, "a"),
                ],
                vec!["a: between two tasks (2 changes not committed)"],
            ),
            (
                vec![
                    starts(1, "Put", &["a"]),
                    records("a", 1, "Put: create /f"),
                    ends(1, "a"),
                    committed("a"),
                ],
                vec![],
            ),
            (
                vec![records("a", 1, "Put: create /f"), ends(1, "a"), back("a")],
                vec!["a: on its way back (1 change not committed)"],
            ),
        ];
        for (kinds, expected) in cases {
            assert_eq!(said(kinds), expected);
        }
    }
}
