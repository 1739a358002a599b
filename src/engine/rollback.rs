//! The way back of one host: its undo log, the user's checks, then what lets work back in.

use super::action::state_folder;
use super::batch::Batch;
use super::connect::{become_of, reach};
use super::host::{Host, Standing};
use super::shared::Shared;
use super::variables::host_scope;
use crate::connection::{Command, Connection, ConnectionError};
use crate::event::{HostState, Kind};
use crate::kubernetes::{Clusters, release};
use crate::shell::Become;
use crate::undo::{RevertReport, UndoLog};
use std::sync::Arc;
use std::time::Duration;

/// How often a lost host is tried again, with a pause of so many seconds before each try.
const PAUSES: [u64; 4] = [0, 1, 3, 6];

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
    /// Brings a failed host back, says so, and notes how it ended.
    pub(super) async fn bring_back(&mut self, host: &Arc<Host>, reason: &str) {
        self.shared.events.emit(Kind::RollbackStarted {
            host: host.name.clone(),
            reason: reason.to_owned(),
        });
        let lineage = self.play.lineage();
        let way = match revert(&self.shared, &lineage, host, Extent::Uncommitted).await {
            Err(way) => way,
            Ok(report) => match self.verify(host).await {
                Some(message) => WayBack {
                    undone: report.undone,
                    ..WayBack::incomplete(message, Vec::new())
                },
                None => {
                    let clusters = self.play.clusters.clone();
                    release_all(&self.shared, host, &clusters, report).await
                }
            },
        };
        let way = way.with_what_stays(host);
        host.state().ended_as = Some(way.state);
        self.shared.events.emit(way.event(&host.name));
    }

    /// The play's `verify` tasks on the restored host; a message when they do not pass.
    async fn verify(&mut self, host: &Arc<Host>) -> Option<String> {
        let verify = self.play.play.rollback.as_ref()?.verify.clone();
        if verify.is_empty() {
            return None;
        }
        let failed = {
            let mut state = host.state();
            (
                std::mem::take(&mut state.standing),
                state.counts.reason.take(),
            )
        };
        let lineage = self.play.lineage();
        self.items(&verify, lineage, vec![host.clone()]).await;
        let mut state = host.state();
        let outcome = std::mem::replace(&mut state.standing, failed.0);
        let why = std::mem::replace(&mut state.counts.reason, failed.1);
        (outcome != Standing::Active).then(|| {
            format!(
                "the checks of the restored host did not pass: {}",
                why.unwrap_or_default()
            )
        })
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
    let mut last = String::new();
    for pause in PAUSES {
        tokio::time::sleep(Duration::from_secs(pause)).await;
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
            Err(error) if error.is_unreachable() => last = error.to_string(),
            Err(error) => {
                last = error.to_string();
                break;
            }
        }
    }
    let by_hand = by_hand(shared, host);
    Err(WayBack::incomplete(
        format!("the host cannot be reached: {last}"),
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
        events.emit(Kind::Warning {
            host: Some(name.clone()),
            message: format!("rollback: {message}"),
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
