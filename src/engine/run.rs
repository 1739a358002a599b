//! A whole run: play after play, batch after batch.

use super::batch::{Batch, INTERRUPTED, limits, play_flag};
use super::closing::{Closing, Next};
use super::conclude::conclude;
use super::connect::RunDial;
use super::deadman;
use super::host::{Host, Standing};
use super::keywords::KeywordError;
use super::lineage::Lineage;
use super::locks::Locks;
use super::pace::{Pace, Room};
use super::play::PlayRun;
use super::play_key::PlayKeys;
use super::policy::Limits;
use super::probe::{self, Probe};
use super::resumed::Before;
use super::shared::{Parts, Shared};
use super::summary::Summary;
use super::variables::task_scope;
use crate::event::{self, Kind};
use crate::journal::Operator;
use crate::kubernetes::Clusters;
use crate::module;
use crate::plan::{BatchSize, batches};
use crate::playbook::{Action, Play, Playbook, Task};
use crate::template::Scope;
use crate::yaml::{Mapping, Node, NodeKind};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// A run on its way.
pub struct Run {
    shared: Arc<Shared>,
    pub(super) locks: Arc<Locks>,
    pub(super) matched: bool,
    /// Hosts that plays were left for, with whether one of these plays takes hosts back: such plays do the work, others look.
    pub(super) pending: HashMap<String, bool>,
    pub(super) setup_failed: Option<String>,
    stopped: bool,
    /// Whether it stopped because of nodes that are out of service, though no host of the run failed.
    pub(super) blocked: bool,
    /// The window that ends the run, and what batches took so far.
    pub(super) closing: Closing,
    pub(super) started: Instant,
    pub(super) keys: PlayKeys,
    /// What it goes on with, until it starts.
    pub(super) before: Option<Before>,
}

/// What all batches of a play share.
struct Course {
    name: String,
    listed: Vec<String>,
    scope: Scope,
    limits: Limits,
    pace: Pace,
    clusters: Arc<Clusters>,
}

impl Run {
    /// Puts the parts together; no host is touched yet.
    pub fn new(parts: Parts) -> Self {
        let shared = Shared::new(parts);
        Self {
            locks: Locks::new(shared.clone()),
            shared,
            matched: false,
            pending: HashMap::new(),
            setup_failed: None,
            stopped: false,
            blocked: false,
            closing: Closing::default(),
            started: Instant::now(),
            keys: PlayKeys::default(),
            before: None,
        }
    }

    /// Runs a playbook to its end.
    pub async fn playbook(mut self, playbook: &Playbook) -> Summary {
        self.keys = PlayKeys::of(playbook);
        let resumes = self.recall(playbook);
        let Operator { user, controller } = Operator::here();
        self.shared.events.emit(Kind::RunStarted {
            run: self.shared.run.to_string(),
            version: event::VERSION,
            playbook: playbook.path.display().to_string(),
            inventory: self
                .shared
                .inventory
                .sources
                .iter()
                .map(|source| source.display().to_string())
                .collect(),
            check: self.shared.settings.check,
            user,
            controller,
            resumes,
        });
        if let Some(summary) = self.lock(&playbook.plays).await {
            self.close().await;
            return summary;
        }
        self.plays(&playbook.plays, 0).await;
        self.close().await;
        self.summary()
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Runs one play, unless the run is over; then its hosts are pending.
    pub(super) async fn play_or_leave(&mut self, play: &Arc<Play>) {
        self.stopped |= self.shared.is_interrupted();
        if self.stopped {
            self.leave_pending(play);
        } else if let Err(error) = self.play(play).await {
            self.refuse(error);
        }
    }

    /// A play has hosts.
    pub(super) fn has_matched(&mut self) {
        self.matched = true;
    }

    /// Whether no further play starts.
    pub(super) fn is_over(&self) -> bool {
        self.stopped || self.shared.is_interrupted()
    }

    pub(super) fn refuse(&mut self, error: KeywordError) {
        let message = match error.span {
            Some(span) => format!("{span}: {}", error.message),
            None => error.message,
        };
        self.shared.events.emit(Kind::Stopped {
            reason: message.clone(),
            pending: Vec::new(),
        });
        self.setup_failed = Some(message);
        self.stopped = true;
    }

    /// The scope of keywords that no single host decides.
    pub(super) fn play_scope(&self, play: &Arc<Play>) -> Scope {
        let lineage = Lineage::play(play);
        let run = PlayRun::new(
            &self.shared,
            play,
            "",
            Vec::new(),
            &[],
            &self.clusters(play),
        );
        let nobody = Host::new(
            "localhost",
            Arc::default(),
            crate::template::Variables::new(),
        );
        let mut scope = task_scope(&self.shared, &run, &nobody, &lineage);
        if let Some(first) = self.shared.hosts.values().next() {
            // `groups` is the same for all.
            let groups = first.magic.get("groups").cloned();
            let layer = groups
                .map(|groups| ("groups".to_owned(), groups))
                .into_iter();
            scope = scope.with(layer.collect());
        }
        scope
    }

    /// The clusters of a play, reached as the play becomes.
    pub(super) fn clusters(&self, play: &Arc<Play>) -> Arc<Clusters> {
        Arc::new(Clusters::sharing(
            self.dial(&Lineage::play(play)),
            self.shared.baselines.clone(),
        ))
    }

    /// Reaches hosts as `lineage` says.
    pub(super) fn dial(&self, lineage: &Lineage) -> Arc<RunDial> {
        Arc::new(RunDial {
            shared: self.shared.clone(),
            lineage: lineage.clone(),
        })
    }

    async fn play(&mut self, play: &Arc<Play>) -> Result<(), KeywordError> {
        let shared = self.shared.clone();
        let scope = self.play_scope(play);
        let listed = self.hosts_of(play, &scope)?;
        self.matched |= !listed.is_empty();
        let alive: Vec<String> = listed
            .iter()
            .filter(|name| shared.known(name).is_some_and(takes_part))
            .cloned()
            .collect();
        for host in alive.iter().filter_map(|name| shared.known(name)) {
            reset(host);
        }
        let name = self.name_of(play, &scope)?;
        let key = self.keys.key(play);
        shared.set_play_key(&key);
        let alive = self.still_to_do(play, &key, &name, alive).await;
        shared.events.emit(Kind::PlayStarted {
            key,
            name: name.clone(),
            hosts: alive.clone(),
            rollback: play.rollback.as_ref().is_some_and(|it| it.on_failure),
        });
        let sizes = match &play.serial {
            None => Vec::new(),
            Some(node) => {
                let value = shared.templar.render(node, &scope)?;
                BatchSize::list(&value).map_err(|error| KeywordError {
                    message: error.to_string(),
                    span: Some(node.span.clone()),
                })?
            }
        };
        let waiting: VecDeque<Vec<String>> = batches(&alive, &sizes).into();
        let probe = self.probe(play, &listed, &alive)?;
        if let Some(probe) = &probe
            && let Some(reason) = probe.must_be_good(&shared).await
        {
            self.block(play, reason, waiting);
            return Ok(());
        }
        let course = Course {
            limits: limits(&shared, play, &scope)?,
            pace: Pace::of(&shared, play, &scope, listed.len())?,
            clusters: self.clusters(play),
            scope,
            name,
            listed,
        };
        // On the heap: it holds all of a batch, and is handed around.
        let going = Box::pin(self.go_through(play, &course, waiting));
        probe::watched(&shared, probe.as_ref(), going).await?;
        if let Some(reason) = shared.breached().filter(|_| !self.stopped) {
            self.block(play, reason, VecDeque::new());
        }
        Ok(())
    }

    /// The play's probe, as its first host sees it.
    fn probe(
        &self,
        play: &Arc<Play>,
        listed: &[String],
        alive: &[String],
    ) -> Result<Option<Probe>, KeywordError> {
        let first = alive.iter().find_map(|name| self.shared.known(name));
        let Some(first) = first else { return Ok(None) };
        let hosts = vec![first.clone()];
        let run = PlayRun::new(&self.shared, play, "", hosts, listed, &self.clusters(play));
        let scope = task_scope(&self.shared, &run, first, &run.lineage());
        run.read_files(&self.shared.templar, &first.name, &scope)?;
        let scope = task_scope(&self.shared, &run, first, &run.lineage());
        Probe::of(&self.shared, play, &scope)
    }

    /// Takes a play through its batches.
    async fn go_through(
        &mut self,
        play: &Arc<Play>,
        course: &Course,
        mut waiting: VecDeque<Vec<String>>,
    ) -> Result<(), KeywordError> {
        let shared = self.shared.clone();
        let Course {
            clusters, listed, ..
        } = course;
        let mut number = 0;
        while let Some(mut names) = waiting.pop_front() {
            self.locks.confirm(&names).await;
            if shared.is_interrupted() {
                // It came between two batches, such as in a soak.
                waiting.push_front(names);
                self.stop(play, INTERRUPTED.to_owned(), waiting);
                break;
            }
            if let Some(reason) = shared.breached() {
                waiting.push_front(names);
                self.block(play, reason, waiting);
                break;
            }
            let next = Next::of(play, &course.name, course.pace.soak, names.len());
            if let Some(reason) = self.closing.keeps(&shared.settings, &next) {
                waiting.push_front(names);
                self.stop(play, reason, waiting);
                break;
            }
            let room = course.pace.room(&shared, play, clusters, listed, &names);
            match room.await? {
                Room::All => {}
                Room::First(count) => waiting.push_front(names.split_off(count)),
                Room::None(reason) => {
                    waiting.push_front(names);
                    self.block(play, reason, waiting);
                    break;
                }
            }
            number += 1;
            let hosts: Vec<Arc<Host>> = names
                .iter()
                .filter_map(|name| shared.known(name).cloned())
                .collect();
            if number + waiting.len() > 1 {
                shared.events.emit(Kind::BatchStarted {
                    number,
                    of: number + waiting.len(),
                    hosts: names.clone(),
                });
            }
            let before = changes(&hosts);
            let begun = Instant::now();
            let mut batch = self.batch(play, course, hosts.clone()).await?;
            let mut stop = batch.stop.take();
            if stop.is_none() && changes(&hosts) > before && !waiting.is_empty() {
                stop = course.pace.soak(&shared, play, clusters, &names).await;
                self.blocked |= stop.is_some();
            }
            if changes(&hosts) > before {
                self.closing
                    .learn(&course.name, hosts.len(), begun.elapsed());
            }
            if let Some(reason) = stop {
                self.stop(play, reason, waiting);
                break;
            }
            if batch.ended_play {
                break;
            }
        }
        Ok(())
    }

    /// Takes one batch through the play, to its end or back.
    async fn batch(
        &self,
        play: &Arc<Play>,
        course: &Course,
        hosts: Vec<Arc<Host>>,
    ) -> Result<Batch, KeywordError> {
        let shared = &self.shared;
        let run = PlayRun::new(
            shared,
            play,
            &course.name,
            hosts.clone(),
            &course.listed,
            &course.clusters,
        );
        for host in &hosts {
            let scope = task_scope(shared, &run, host, &run.lineage());
            run.read_files(&shared.templar, &host.name, &scope)?;
            let scope = task_scope(shared, &run, host, &run.lineage());
            deadman::ready(shared, &run, host, &scope)?;
        }
        let gather = self.gather_task(play, &course.scope)?;
        let mut batch = Batch::new(shared, run.clone(), course.limits);
        let work = Box::pin(async {
            batch.run(gather).await;
            conclude(&mut batch).await;
        });
        deadman::kept(shared, &run, work).await;
        Ok(batch)
    }

    /// The run ends because of something that no host of it did.
    fn block(&mut self, play: &Arc<Play>, reason: String, waiting: VecDeque<Vec<String>>) {
        self.stop(play, reason, waiting);
        self.blocked = true;
    }

    /// No batch starts any more; those that wait are pending.
    fn stop(&mut self, play: &Arc<Play>, reason: String, waiting: VecDeque<Vec<String>>) {
        self.stopped = true;
        let pending: Vec<String> = waiting.into_iter().flatten().collect();
        self.leave(play, &pending);
        self.shared.events.emit(Kind::Stopped { reason, pending });
    }

    /// The task that gathers facts, unless the play does without.
    fn gather_task(
        &self,
        play: &Arc<Play>,
        scope: &Scope,
    ) -> Result<Option<Arc<Task>>, KeywordError> {
        let wanted = play_flag(
            &self.shared,
            "gather_facts",
            play.gather_facts.as_ref(),
            scope,
        )?;
        let Some(module) = module::find("setup") else {
            return Ok(None);
        };
        if !wanted.unwrap_or(self.shared.settings.gather_facts) {
            return Ok(None);
        }
        let action = Action::Module {
            spec: module.spec(),
            params: Node {
                span: play.span.clone(),
                kind: NodeKind::Mapping(Mapping::default()),
            },
        };
        let mut task = Task::built_in("Gathering Facts", action, None, play.folder.clone());
        task.span = play.span.clone();
        Ok(Some(Arc::new(task)))
    }

    /// A play that is not started: its hosts are pending.
    pub(super) fn leave_pending(&mut self, play: &Arc<Play>) {
        let scope = self.play_scope(play);
        if let Ok(hosts) = self.hosts_of(play, &scope) {
            self.leave(play, &hosts);
        }
    }

    fn leave(&mut self, play: &Arc<Play>, hosts: &[String]) {
        for host in hosts {
            if self.passed_before(play, host) {
                continue;
            }
            *self.pending.entry(host.clone()).or_default() |= play.rollback.is_some();
        }
    }

    pub(super) async fn close(&self) {
        self.locks.give_back().await;
        for host in self.shared.everyone() {
            for (_, connection) in host.connections.lock().await.drain() {
                connection.close().await;
            }
        }
    }
}

/// A host that failed in an earlier play takes no part in later ones.
pub(super) fn takes_part(host: &Arc<Host>) -> bool {
    matches!(host.state().standing, Standing::Active | Standing::Ended)
}

/// Changes made on these hosts so far.
fn changes(hosts: &[Arc<Host>]) -> u32 {
    hosts.iter().map(|host| host.state().counts.changed).sum()
}

/// Readies a host for a new play.
fn reset(host: &Arc<Host>) {
    let mut state = host.state();
    state.standing = Standing::Active;
    state.notified.clear();
    state.claimed.clear();
    state.told_pending.clear();
    state.earlier.owed.clear();
    state.not_undone.clear();
    state.held = None;
}
