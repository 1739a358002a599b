//! The way back of one host: its undo log, the user's checks, then what lets work back in.

use super::action::state_folder;
use super::batch::Batch;
use super::connect::{PAUSES, become_of, reach, waits_for};
use super::deadman;
use super::host::{Host, Standing};
use super::shared::Shared;
use super::variables::host_scope;
use crate::connection::{Command, Connection, ConnectionError};
use crate::event::{HostState, Kind};
use crate::kubernetes::{Clusters, release};
use crate::shell::Become;
use crate::undo::{RevertReport, UndoLog, WENT_BACK, parse_alone};
use std::sync::Arc;
use std::time::Duration;

/// Groups, by the names of Kubespray and k3s-ansible, of which too many members at once must not restart.
const QUORUM: [&str; 5] = [
    "control_plane",
    "etcd",
    "kube_control_plane",
    "master",
    "server",
];

/// How a way back ended.
pub(super) struct WayBack {
    pub(super) state: HostState,
    pub(super) undone: Vec<String>,
    pub(super) remaining: Vec<String>,
    pub(super) message: Option<String>,
    /// What a person does instead, where there is no way back.
    pub(super) instead: Vec<String>,
}

impl WayBack {
    /// The event that tells of it.
    pub(super) fn event(self, host: &str) -> Kind {
        Kind::RollbackFinished {
            host: host.to_owned(),
            state: self.state,
            undone: self.undone,
            remaining: self.remaining,
            message: self.message,
            instead: self.instead,
        }
    }

    /// Says which changes have no inverse, where nothing worse is to be said.
    fn with_what_stays(mut self, host: &Host) -> Self {
        let stays = std::mem::take(&mut host.state().not_undone);
        if self.message.is_none() && !stays.is_empty() {
            self.message = Some(format!("not undone: {}", stays.join("; ")));
        }
        self
    }

    /// A host that failed while nothing but its node was held back (such as by a cordon) counts as not started.
    fn not_started(mut self, host: &Host) -> Self {
        let failed = matches!(host.state().standing, Standing::Failed(_));
        if failed && self.state == HostState::RolledBack {
            self.state = HostState::Pending;
        }
        self
    }

    /// A host behind its point of no return did not come back whole, even if what came after it did.
    fn or_held(mut self, host: &Host) -> Self {
        let Some(held) = host.state().held.clone() else {
            return self;
        };
        let reason = &held.reason;
        if matches!(self.state, HostState::RolledBack | HostState::Pending) {
            self.state = HostState::Held;
            let after = self
                .message
                .take()
                .map_or_else(String::new, |message| format!("; {message}"));
            self.message = Some(format!("held as it is: {reason}{after}"));
        }
        self.instead = held.instead;
        if self.instead.is_empty() {
            self.instead = vec![
                "find out what failed, put it right, and run the same command again: hosts that are done are passed over".to_owned(),
                "or restore the snapshot that was taken before the run; all that was written since is then lost".to_owned(),
            ];
        }
        self
    }

    fn incomplete(message: String, remaining: Vec<String>) -> Self {
        Self {
            state: HostState::RollbackIncomplete,
            undone: Vec::new(),
            remaining,
            message: Some(message),
            instead: Vec::new(),
        }
    }
}

/// A host's undo log and how to reach it.
pub(super) struct Opened {
    pub(super) connection: Arc<dyn Connection>,
    pub(super) become_user: Option<Become>,
    pub(super) log: UndoLog,
}

/// Why a host was not committed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommitError {
    /// It could not be told.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// It could not write it down.
    #[error("{0}")]
    Log(String),
    /// Its dead-man timer ran out, so there is nothing left to commit.
    #[error("the host went back by itself at {0}, before the run could commit it")]
    WentBack(String),
}

impl Batch {
    /// Brings failed hosts back, says so, and notes how each ended.
    ///
    /// Undo logs are replayed on all of them at once, but for members of a control plane, of which one at a time is
    /// restarted. Then all are checked together, and released one after the other.
    pub(super) async fn bring_back(&mut self, hosts: &[Arc<Host>]) {
        for host in hosts {
            let reason = host.state().counts.reason.clone().unwrap_or_default();
            self.shared.events.emit(Kind::RollbackStarted {
                host: host.name.clone(),
                reason,
            });
        }
        let reverted = self.revert_all(hosts).await;
        let restored: Vec<Arc<Host>> = hosts
            .iter()
            .zip(&reverted)
            .filter(|(_, report)| report.is_ok())
            .map(|(host, _)| host.clone())
            .collect();
        let refused = self.verify(&restored).await;
        let mut ended = Vec::with_capacity(hosts.len());
        for (host, reverted) in hosts.iter().zip(reverted) {
            let way = match (reverted, refused.get(&host.name)) {
                (Err(way), _) => way,
                (Ok(report), Some(message)) => WayBack {
                    undone: report.undone,
                    ..WayBack::incomplete(message.clone(), Vec::new())
                },
                (Ok(report), None) => {
                    // Each release is a step of its own; more steps would be changes to the host itself.
                    let untouched =
                        !report.releases.is_empty() && report.undone.len() <= report.releases.len();
                    let way = release_all(&self.shared, host, &self.play.clusters, report).await;
                    if untouched {
                        way.not_started(host)
                    } else {
                        way
                    }
                }
            };
            let way = way.with_what_stays(host).or_held(host);
            {
                let mut state = host.state();
                state.ended_as = Some(way.state);
                state.open_steps = 0;
            }
            ended.push((host.clone(), way.state));
            self.shared.events.emit_done(way.event(&host.name)).await;
        }
        self.on_rollback(&ended).await;
    }

    /// Replays the undo logs; the reports are in the order of the hosts.
    async fn revert_all(&self, hosts: &[Arc<Host>]) -> Vec<Result<RevertReport, WayBack>> {
        let lineage = self.play.lineage();
        let one_by_one = tokio::sync::Semaphore::new(1);
        let wide = tokio::sync::Semaphore::new(self.shared.settings.forks.max(1));
        futures::future::join_all(hosts.iter().map(|host| async {
            let groups = self.shared.inventory.groups_of(&host.name);
            let turn = if groups.iter().any(|group| QUORUM.contains(&group.as_str())) {
                &one_by_one
            } else {
                &wide
            };
            // Neither semaphore is ever closed.
            let _turn = turn.acquire().await;
            revert(&self.shared, &lineage, host, Extent::Uncommitted).await
        }))
        .await
    }
}

/// How much of a run is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What was not committed yet.
    Uncommitted,
    /// All of it.
    All,
}

/// The way back without a play's checks.
pub(super) async fn way_back(
    shared: &Arc<Shared>,
    lineage: &super::lineage::Lineage,
    clusters: &Arc<Clusters>,
    host: &Arc<Host>,
    extent: Extent,
) -> WayBack {
    match revert(shared, lineage, host, extent).await {
        Err(way) => way,
        Ok(report) => release_all(shared, host, clusters, report).await,
    }
}

/// Replays the undo log of this run on `host`; the report is of a log that was replayed whole.
async fn revert(
    shared: &Arc<Shared>,
    lineage: &super::lineage::Lineage,
    host: &Arc<Host>,
    extent: Extent,
) -> Result<RevertReport, WayBack> {
    let mut left = PAUSES.iter();
    let last = loop {
        match replay(shared, lineage, host, extent).await {
            Ok(report) if report.complete => return Ok(report),
            Ok(report) => {
                return Err(WayBack {
                    undone: report.undone,
                    ..WayBack::incomplete(
                        "the undo log could not be replayed whole".to_owned(),
                        report.remaining,
                    )
                });
            }
            Err(error) => match left.next() {
                Some(pause) if error.is_unreachable() => {
                    waits_for(shared, &host.name, &error.to_string(), *pause);
                    tokio::time::sleep(Duration::from_secs(*pause)).await;
                }
                _ => break error,
            },
        }
    };
    let by_hand = by_hand(shared, host);
    let alone = if host.state().deadman.runs() {
        "; its dead-man timer takes it back by itself"
    } else {
        ""
    };
    Err(WayBack::incomplete(
        format!("the undo log could not be replayed: {last}{alone}"),
        by_hand,
    ))
}

async fn replay(
    shared: &Arc<Shared>,
    lineage: &super::lineage::Lineage,
    host: &Arc<Host>,
    extent: Extent,
) -> Result<RevertReport, ConnectionError> {
    let opened = open(shared, lineage, host).await?;
    let mut command = Command::new(match extent {
        Extent::Uncommitted => opened.log.revert(),
        Extent::All => opened.log.revert_all(),
    });
    command.become_user = opened.become_user;
    let output = opened.connection.run(command).await?;
    let report = UndoLog::parse_revert(&output.stdout_text());
    if let Some(since) = &report.alone {
        let complete = report.complete && report.undone.is_empty();
        deadman::went_back(shared, host, since, complete);
    }
    host.state().deadman.stopped();
    Ok(report)
}

/// Marks what the play did on a host as final; `passed` is the play's key where the host is through with it.
pub(super) async fn commit(
    shared: &Arc<Shared>,
    lineage: &super::lineage::Lineage,
    host: &Arc<Host>,
    passed: Option<&str>,
) -> Result<(), CommitError> {
    let mut left = PAUSES.iter();
    let output = loop {
        let error = match tell_to_commit(shared, lineage, host, passed).await {
            Ok(output) => break output,
            Err(error) => error,
        };
        // A host that is not told goes back by itself, so it is worth some patience.
        let waits = host.state().deadman.runs() && !matches!(error, ConnectionError::Become(_));
        let Some(pause) = left.next().filter(|_| waits) else {
            return Err(error.into());
        };
        waits_for(shared, &host.name, &error.to_string(), *pause);
        tokio::time::sleep(Duration::from_secs(*pause)).await;
    };
    if output.status == WENT_BACK {
        let since = parse_alone(&output.stdout_text())
            .unwrap_or_default()
            .to_owned();
        deadman::went_back(shared, host, &since, true);
        return Err(CommitError::WentBack(since));
    }
    if output.status != 0 {
        let message = output.stderr_text().trim().to_owned();
        return Err(CommitError::Log(message));
    }
    {
        let mut state = host.state();
        state.open_steps = 0;
        state.committed = true;
        state.deadman.stopped();
    }
    let committed = Kind::HostCommitted {
        host: host.name.clone(),
    };
    shared.events.emit_done(committed).await;
    Ok(())
}

async fn tell_to_commit(
    shared: &Arc<Shared>,
    lineage: &super::lineage::Lineage,
    host: &Arc<Host>,
    passed: Option<&str>,
) -> Result<crate::connection::Output, ConnectionError> {
    let opened = open(shared, lineage, host).await?;
    let mut command = Command::new(opened.log.with_passed(passed).commit());
    command.become_user = opened.become_user;
    opened.connection.run(command).await
}

/// Reaches a host's undo log, as the user that the play becomes.
pub(super) async fn open(
    shared: &Arc<Shared>,
    lineage: &super::lineage::Lineage,
    host: &Arc<Host>,
) -> Result<Opened, ConnectionError> {
    let scope = host_scope(shared, host);
    let root = state_folder(&shared.templar, &scope).map_err(ConnectionError::Unsupported)?;
    let reached = reach(shared, host, lineage, &scope).await?;
    Ok(Opened {
        connection: reached.connection,
        become_user: become_of(shared, lineage, &scope)?,
        log: UndoLog::new(&root, shared.run.as_str()),
    })
}

/// What a person runs on the host itself when it cannot be reached from here.
fn by_hand(shared: &Arc<Shared>, host: &Arc<Host>) -> Vec<String> {
    let scope = host_scope(shared, host);
    let root = state_folder(&shared.templar, &scope).unwrap_or_else(|_| "/var/lib/windlass".into());
    let log = UndoLog::new(&root, shared.run.as_str());
    vec![format!("sh {} --uncommitted", log.revert_script())]
}

/// Does what the recorded changes left for the end, the last one first.
async fn release_all(
    shared: &Arc<Shared>,
    host: &Arc<Host>,
    clusters: &Arc<Clusters>,
    report: RevertReport,
) -> WayBack {
    let mut way = WayBack {
        state: HostState::RolledBack,
        undone: report.undone,
        remaining: Vec::new(),
        message: None,
        instead: Vec::new(),
    };
    let (events, name) = (shared.events.clone(), host.name.clone());
    let progress: crate::kubernetes::Progress = Arc::new(move |message| {
        events.emit(Kind::RollbackProgress {
            host: name.clone(),
            message,
        });
    });
    for record in report.releases.iter().rev() {
        match release(clusters, record, &progress).await {
            Ok(done) => way.undone.push(released(record, &done)),
            Err(error) => {
                way.state = HostState::RollbackIncomplete;
                way.message = Some(error.to_string());
                if let Some(node) = record["node"].as_str() {
                    way.remaining.push(format!("kubectl uncordon {node}"));
                }
            }
        }
    }
    way
}

fn released(record: &serde_json::Value, done: &crate::kubernetes::Uncordon) -> String {
    let node = record["node"].as_str().unwrap_or_default();
    if done.kept {
        format!("node {node} stays cordoned: the cordon is not this run's")
    } else {
        format!("uncordon node {node}")
    }
}
