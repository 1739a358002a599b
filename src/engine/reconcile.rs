//! What earlier runs left half done on a host is settled before this one starts on it.
//!
//! Who a run belonged to decides. A run of this controller that is not under way any more is dead: what it did not
//! commit is taken back, as for any host that failed, and its dead-man timer stops with that. A run of another
//! controller may be alive: while its timer runs, which a live run keeps moving, this one waits, and if that does
//! not end, the host fails before anything is changed on it. A node that such a run had cordoned stays cordoned: the
//! cordon carries the mark of windlass, so the tasks that follow take it over and end it.
//!
//! Most hosts are locked by then, and were found with nothing left on them in the same round trip (see `locks`).

use super::batch::{Batch, active};
use super::host::{Failure, Host, Standing};
use super::lineage::Lineage;
use super::locks::{self, Contest, Taken};
use super::play::PlayRun;
use super::rollback::{Opened, open};
use super::shared::Shared;
use crate::connection::{Command, ConnectionError};
use crate::event::{HostState, Kind};
use crate::journal::{Fate, RunId};
use crate::undo::{Left, UndoLog};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How often a host is asked whether another controller's run has ended on it.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a way back may take once a timer has run out, until it is not waited for any more.
const REVERT_SECONDS: i64 = 120;

/// Why a host cannot be started on.
enum Trouble {
    /// It could not be asked; the tasks will find out the same and say so.
    Connection,
    /// What was left could not be taken back: the commands that remain.
    Incomplete(String, Vec<String>),
    /// Another run is at work on it.
    Busy(String),
    /// Nobody knows any more how to take back what an earlier run changed.
    Lost(String),
}

impl From<ConnectionError> for Trouble {
    fn from(_: ConnectionError) -> Self {
        Self::Connection
    }
}

impl Batch {
    /// Settles what earlier runs left on the hosts of the batch, once per host and run.
    pub(super) async fn reconcile(&self) {
        if self.play.play.rollback.is_none() && self.shared.resumed().is_none() {
            return;
        }
        let slots = Semaphore::new(self.shared.settings.forks.max(1));
        let hosts = active(&self.play.batch);
        let asking = hosts.iter().map(|host| async {
            // The semaphore is never closed.
            let _slot = slots.acquire().await;
            self.reconcile_host(host).await;
        });
        futures::future::join_all(asking).await;
    }

    async fn reconcile_host(&self, host: &Arc<Host>) {
        let settled = {
            let state = host.state();
            state.looked_back && (state.lock.is_some() || self.shared.terms().is_none())
        };
        if settled || self.shared.is_implicit(host) {
            return;
        }
        let Some(lineage) = self.lineage_of_log(host) else {
            return;
        };
        let look = Look {
            shared: &self.shared,
            play: &self.play,
            lineage,
            host,
        };
        match look.settle_all().await {
            Ok(()) => {
                let mut state = host.state();
                state.earlier.settled = true;
                state.looked_back = self.play.play.rollback.is_some();
            }
            Err(Trouble::Connection) => {}
            Err(Trouble::Busy(message) | Trouble::Lost(message)) => fail(host, &message, None),
            Err(Trouble::Incomplete(message, remaining)) => {
                fail(host, &message, Some(HostState::RollbackIncomplete));
                self.shared.events.emit(Kind::RollbackFinished {
                    host: host.name.clone(),
                    state: HostState::RollbackIncomplete,
                    undone: Vec::new(),
                    remaining,
                    message: Some(message),
                    instead: Vec::new(),
                });
            }
        }
    }
}

impl Batch {
    /// As whom the undo log of a host is opened. In a play that keeps none, only what resumed runs left is settled, once.
    fn lineage_of_log(&self, host: &Host) -> Option<Lineage> {
        if self.play.play.rollback.is_some() {
            return Some(self.play.lineage());
        }
        let resumed = self.shared.resumed()?;
        let touched = resumed.history.touched(&host.name).next().is_some();
        if !touched || host.state().earlier.settled {
            return None;
        }
        resumed.lineage(&host.name).cloned()
    }
}

fn fail(host: &Host, message: &str, ended_as: Option<HostState>) {
    let mut state = host.state();
    state.counts.failed += 1;
    state.counts.reason = Some(message.to_owned());
    state.ended_as = ended_as;
    state.standing = Standing::Failed(Failure {
        task: "What earlier runs left".to_owned(),
        action: "rollback".to_owned(),
        message: message.to_owned(),
        result: serde_json::json!({"msg": message, "failed": true}),
    });
}

/// One host that is asked.
struct Look<'a> {
    shared: &'a Arc<Shared>,
    play: &'a PlayRun,
    /// As whom the undo log is opened.
    lineage: Lineage,
    host: &'a Arc<Host>,
}

impl Look<'_> {
    async fn settle_all(&self) -> Result<(), Trouble> {
        self.lock().await?;
        if self.host.state().looked_back {
            return Ok(());
        }
        let opened = open(self.shared, &self.lineage, self.host).await?;
        if self.play.play.rollback.is_some()
            && let Some(resumed) = self.shared.resumed()
            && let Some(message) = resumed.lost_log(self.host)
        {
            return Err(Trouble::Lost(message));
        }
        for left in self.left(&opened).await? {
            self.settle(&opened, left).await?;
        }
        Ok(())
    }

    /// Takes the lock of a host that could not be reached when all others' were taken.
    async fn lock(&self) -> Result<(), Trouble> {
        if self.host.state().lock.is_some() {
            return Ok(());
        }
        match locks::take(self.shared, &self.lineage, self.host, Contest::new(false)).await? {
            Taken::Ours => Ok(()),
            Taken::Held(blocker) => Err(Trouble::Busy(blocker.to_string())),
            Taken::Without(why) => {
                self.warn(format!(
                    "no lock keeps other runs away from this host: {why}"
                ));
                Ok(())
            }
        }
    }

    async fn left(&self, opened: &Opened) -> Result<Vec<Left>, Trouble> {
        let found = self.ask(opened, opened.log.look_for_others()).await?;
        Ok(UndoLog::parse_left(&found))
    }

    async fn ask(&self, opened: &Opened, script: String) -> Result<String, Trouble> {
        let mut command = Command::new(script);
        command.become_user.clone_from(&opened.become_user);
        Ok(opened.connection.run(command).await?.stdout_text())
    }

    async fn settle(&self, opened: &Opened, left: Left) -> Result<(), Trouble> {
        if !left.open {
            return self.say_it_went_back(opened, &left).await;
        }
        let resumed = self.shared.resumed();
        let ours = resumed.is_some_and(|it| it.takes_back(&self.host.name, &left.run));
        if !ours && self.play.play.rollback.is_none() {
            // The first play that keeps undo logs sees to it.
            return Ok(());
        }
        if !ours && !self.play.goes_back() {
            self.warn(format!(
                "run {} left changes here that were neither committed nor taken back",
                left.run
            ));
            return Ok(());
        }
        let fate = RunId::parse(&left.run).map(|run| self.shared.store.fate(&run));
        match fate {
            Some(Fate::Gone) => self.take_back(opened, &left).await,
            Some(Fate::Running) => Err(Trouble::Busy(format!(
                "run {} is under way on this host",
                left.run
            ))),
            Some(Fate::Foreign) | None => self.wait_for(opened, left).await,
        }
    }

    async fn say_it_went_back(&self, opened: &Opened, left: &Left) -> Result<(), Trouble> {
        let Some(since) = &left.alone else {
            return Ok(());
        };
        self.host.state().earlier.taken_back.push(left.run.clone());
        self.shared.events.emit(Kind::WentBack {
            host: self.host.name.clone(),
            run: left.run.clone(),
            since: since.clone(),
            complete: true,
        });
        if !self.shared.settings.check {
            self.ask(opened, opened.log.of_run(&left.run).mark_seen())
                .await?;
        }
        Ok(())
    }

    /// Takes back what a dead run left. The script waits where the host is at it by itself.
    async fn take_back(&self, opened: &Opened, left: &Left) -> Result<(), Trouble> {
        let log = opened.log.of_run(&left.run);
        let answer = self.ask(opened, log.revert()).await?;
        let report = UndoLog::parse_revert(&answer);
        if let Some(since) = &report.alone {
            self.shared.events.emit(Kind::WentBack {
                host: self.host.name.clone(),
                run: left.run.clone(),
                since: since.clone(),
                complete: report.complete && report.undone.is_empty(),
            });
        }
        if !report.complete {
            return Err(Trouble::Incomplete(
                format!("what run {} left could not be taken back", left.run),
                report.remaining,
            ));
        }
        self.host.state().earlier.taken_back.push(left.run.clone());
        if !report.undone.is_empty() || report.alone.is_none() {
            let taken = Kind::TakenBack {
                host: self.host.name.clone(),
                run: left.run.clone(),
                undone: report.undone,
            };
            self.shared.events.emit_done(taken).await;
        }
        self.ask(opened, log.mark_seen()).await.map(drop)
    }

    /// Waits until a run of another controller has committed or gone back; only while its timer shows that one may come.
    async fn wait_for(&self, opened: &Opened, mut left: Left) -> Result<(), Trouble> {
        let run = left.run.clone();
        let Some(mut patience) = left.armed.or(left.busy.then_some(0)) else {
            self.warn(format!(
                "run {run} of another controller left changes here that were neither committed nor taken back; \
                 if it is over, `sh {} --uncommitted` takes them back",
                opened.log.of_run(&left.run).revert_script()
            ));
            return Ok(());
        };
        patience += REVERT_SECONDS;
        self.warn(format!(
            "waits for run {run} of another controller, whose changes here are not committed yet"
        ));
        while patience > 0 && !self.shared.is_to_stop() {
            self.shared.rest(PAUSE).await;
            patience -= PAUSE.as_secs().cast_signed();
            let now = self.left(opened).await?;
            match now.into_iter().find(|each| each.run == run) {
                None => return Ok(()),
                Some(now) if !now.open => return self.say_it_went_back(opened, &now).await,
                Some(now) => left = now,
            }
            if left.armed.is_none() && !left.busy {
                break;
            }
        }
        Err(Trouble::Busy(format!(
            "run {run} of another controller has changes on this host that are neither committed nor taken back"
        )))
    }

    fn warn(&self, message: String) {
        self.shared.events.emit(Kind::Warning {
            host: Some(self.host.name.clone()),
            message,
        });
    }
}
