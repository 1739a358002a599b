//! The way back of one host: its undo log, the user's checks, then what lets work back in.

use super::action::state_folder;
use super::batch::Batch;
use super::connect::{PAUSES, become_of, reach, waits_for};
use super::host::{Host, Standing};
use super::shared::Shared;
use super::variables::host_scope;
use crate::connection::{Command, Connection, ConnectionError};
use crate::event::{HostState, Kind};
use crate::kubernetes::{Clusters, release};
use crate::shell::Become;
use crate::undo::{RevertReport, UndoLog};
use std::collections::HashMap;
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
        let Some(reason) = host.state().held.clone() else {
            return self;
        };
        if matches!(self.state, HostState::RolledBack | HostState::Pending) {
            self.state = HostState::Held;
            let after = self
                .message
                .take()
                .map_or_else(String::new, |message| format!("; {message}"));
            self.message = Some(format!("held as it is: {reason}{after}"));
        }
        self
    }

    fn incomplete(message: String, remaining: Vec<String>) -> Self {
        Self {
            state: HostState::RollbackIncomplete,
            undone: Vec::new(),
            remaining,
            message: Some(message),
        }
    }
}

/// A host's undo log and how to reach it.
struct Opened {
    connection: Arc<dyn Connection>,
    become_user: Option<Become>,
    log: UndoLog,
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
            let mut state = host.state();
            state.ended_as = Some(way.state);
            state.open_steps = 0;
            drop(state);
            self.shared.events.emit(way.event(&host.name));
        }
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

    /// The play's `verify` tasks on the restored hosts; a message for each host on which they do not pass.
    async fn verify(&self, hosts: &[Arc<Host>]) -> HashMap<String, String> {
        let mut refused = HashMap::new();
        let Some(rollback) = &self.play.play.rollback else {
            return refused;
        };
        if rollback.verify.is_empty() || hosts.is_empty() {
            return refused;
        }
        let before: Vec<_> = hosts
            .iter()
            .map(|host| {
                let mut state = host.state();
                (
                    std::mem::take(&mut state.standing),
                    state.counts.reason.take(),
                )
            })
            .collect();
        let mut checks = self.for_checks();
        checks
            .items(&rollback.verify, self.play.lineage(), hosts.to_vec())
            .await;
        for (host, (standing, reason)) in hosts.iter().zip(before) {
            let mut state = host.state();
            let outcome = std::mem::replace(&mut state.standing, standing);
            let why = std::mem::replace(&mut state.counts.reason, reason);
            if !matches!(outcome, Standing::Active | Standing::Ended) {
                refused.insert(
                    host.name.clone(),
                    format!(
                        "the checks of the restored host did not pass: {}",
                        why.unwrap_or_default()
                    ),
                );
            }
        }
        refused
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
    Err(WayBack::incomplete(
        format!("the undo log could not be replayed: {last}"),
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
    Ok(UndoLog::parse_revert(&output.stdout_text()))
}

/// Marks what the play did on a host as final.
pub(super) async fn commit(
    shared: &Arc<Shared>,
    lineage: &super::lineage::Lineage,
    host: &Arc<Host>,
) -> Result<(), ConnectionError> {
    let opened = open(shared, lineage, host).await?;
    let mut command = Command::new(opened.log.commit());
    command.become_user = opened.become_user;
    let output = opened.connection.run(command).await?;
    if output.status == 0 {
        host.state().open_steps = 0;
        shared.events.emit(Kind::HostCommitted {
            host: host.name.clone(),
        });
        Ok(())
    } else {
        Err(ConnectionError::Upload(
            output.stderr_text().trim().to_owned(),
        ))
    }
}

async fn open(
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
