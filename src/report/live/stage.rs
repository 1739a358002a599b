//! What is going on right now: the play, the batch, what each of its hosts is doing, and the totals. Must not know how it looks.

use crate::event::{HostState, Kind, Status, TaskResult};
use crate::report::failure;
use crate::report::states;
use crate::report::tasks::{Task, Tasks};
use crate::report::text::duration;
use std::collections::HashSet;
use std::time::Duration;

/// How a host of the batch is getting on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Waiting,
    Running,
    RollingBack,
    /// Its last task ended so.
    Ended(Status),
    /// It is done with the play.
    Left(HostState),
}

impl Mark {
    /// Whether something happens there at this moment.
    pub(super) fn is_busy(self) -> bool {
        matches!(self, Self::Running | Self::RollingBack)
    }
}

/// One host of the batch.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) host: String,
    pub(super) mark: Mark,
    /// The task, or what it says of where it is.
    pub(super) doing: String,
    /// When it began, on the reporter's clock.
    pub(super) since: Duration,
    /// What it took, once it is over.
    pub(super) took: Option<Duration>,
}

/// The whole picture.
#[derive(Debug, Default)]
pub(super) struct Stage {
    pub(super) play: String,
    pub(super) batch: (usize, usize),
    pub(super) task: String,
    pub(super) rows: Vec<Row>,
    pub(super) stopped: Option<String>,
    pub(super) changed: usize,
    pub(super) failed: HashSet<String>,
    pub(super) check: bool,
    tasks: Tasks,
    hosts: Vec<String>,
    /// The hosts that are through with this play, however it went.
    through: HashSet<String>,
}

impl Stage {
    /// Takes in an event that came at `now`.
    pub(super) fn take(&mut self, kind: &Kind, now: Duration) {
        match kind {
            Kind::RunStarted { check, .. } => self.check = *check,
            Kind::PlayStarted { name, hosts, .. } => {
                self.play.clone_from(name);
                self.hosts.clone_from(hosts);
                self.batch = (0, 0);
                self.task.clear();
                self.rows.clear();
                self.through.clear();
            }
            Kind::BatchStarted { number, of, hosts } => self.next_batch(*number, *of, hosts, now),
            Kind::Soaking { length, .. } => {
                self.task = format!("watching the batch for {}", duration(*length));
            }
            Kind::Stopped { reason, .. } => self.stopped = Some(reason.clone()),
            Kind::HostConnected { host, .. } => self.row(host, |row| {
                if row.mark == Mark::Waiting {
                    "connected".clone_into(&mut row.doing);
                }
            }),
            Kind::HostReconnected { host, .. } => {
                self.row(host, |row| "connected again".clone_into(&mut row.doing));
            }
            Kind::HostCommitted { host } | Kind::HostPassed { host, .. } => {
                self.left(host, HostState::Done);
            }
            Kind::WentBack { host, .. } => {
                self.row(host, |row| {
                    "went back by itself".clone_into(&mut row.doing);
                });
            }
            Kind::RollbackStarted { host, .. } => {
                self.failed.insert(host.clone());
                self.row(host, |row| {
                    row.mark = Mark::RollingBack;
                    "rolling back".clone_into(&mut row.doing);
                    row.since = now;
                    row.took = None;
                });
            }
            Kind::RollbackFinished { host, state, .. } => {
                self.row(host, |row| row.took = Some(now.saturating_sub(row.since)));
                self.left(host, *state);
            }
            _ => self.take_task(kind, now),
        }
    }

    fn take_task(&mut self, kind: &Kind, now: Duration) {
        match kind {
            Kind::TaskStarted {
                task, name, hosts, ..
            } => {
                self.task.clone_from(name);
                let started = Task {
                    name: name.clone(),
                    ..Task::default()
                };
                self.tasks.start(*task, started);
                for host in hosts {
                    self.start(host, name, now);
                }
            }
            Kind::TaskProgress { host, message, .. } | Kind::RollbackProgress { host, message } => {
                self.row(host, |row| row.doing.clone_from(message));
            }
            Kind::ItemFinished {
                task, host, label, ..
            } => {
                let doing = format!("{} ({label})", self.tasks.get(*task).name);
                self.row(host, |row| row.doing = doing);
            }
            Kind::TaskRetried { task, host, left } => {
                let doing = format!("{}, trying again ({left} left)", self.tasks.get(*task).name);
                self.row(host, |row| row.doing = doing);
            }
            Kind::TaskFinished { task, host, result } => self.ended(*task, host, result),
            _ => {}
        }
    }

    fn next_batch(&mut self, number: usize, of: usize, hosts: &[String], now: Duration) {
        let before = std::mem::take(&mut self.rows);
        self.through.extend(before.into_iter().map(|row| row.host));
        self.batch = (number, of);
        self.task.clear();
        self.rows = hosts
            .iter()
            .map(|host| Row {
                host: host.clone(),
                mark: Mark::Waiting,
                doing: "waiting".to_owned(),
                since: now,
                took: None,
            })
            .collect();
    }

    fn start(&mut self, host: &str, name: &str, now: Duration) {
        let mut goes_back = false;
        self.row(host, |row| {
            goes_back = row.mark == Mark::RollingBack;
            if !goes_back {
                row.mark = Mark::Running;
            }
            name.clone_into(&mut row.doing);
            row.since = now;
            row.took = None;
        });
        // A host that goes on after a failure was rescued.
        if !goes_back {
            self.failed.remove(host);
        }
    }

    fn ended(&mut self, number: usize, host: &str, result: &TaskResult) {
        let name = self.tasks.get(number).name;
        let failed = matches!(
            result.status,
            Status::Failed | Status::Unreachable | Status::Unknown
        );
        if failed {
            self.failed.insert(host.to_owned());
        }
        if result.status == Status::Changed {
            self.changed += 1;
        }
        self.row(host, |row| {
            row.took = Some(result.took);
            // A check after the way back does not end the way back.
            if row.mark != Mark::RollingBack {
                row.mark = Mark::Ended(result.status);
            }
            row.doing = if failed {
                format!("{name}: {}", failure::message(result))
            } else {
                name
            };
        });
    }

    fn left(&mut self, host: &str, state: HostState) {
        self.through.insert(host.to_owned());
        self.row(host, |row| {
            row.mark = Mark::Left(state);
            states::words(state).clone_into(&mut row.doing);
        });
    }

    fn row(&mut self, host: &str, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.host == host) {
            change(row);
        }
    }

    /// The hosts of this play that come after this batch, in order.
    pub(super) fn next(&self) -> Vec<&str> {
        self.hosts
            .iter()
            .filter(|host| !self.through.contains(*host))
            .filter(|host| !self.rows.iter().any(|row| row.host == **host))
            .map(String::as_str)
            .collect()
    }

    /// How many hosts are through with this play, and of how many.
    pub(super) fn through(&self) -> (usize, usize) {
        (self.through.len(), self.hosts.len())
    }
}
