//! The linear strategy: a batch goes through the items together, task by task.

use super::host::{Host, Standing};
use super::keywords::{Words, count, flag, number, text};
use super::lineage::{Level, Lineage};
use super::play::PlayRun;
use super::policy::{Limits, Tally, stop_reason};
use super::shared::Shared;
use super::task::TaskRun;
use super::variables::task_scope;
use crate::event::Kind;
use crate::playbook::{Action, Block, Item, Task, tags};
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Modules that act once for the whole batch.
const ALONE: [&str; 2] = ["add_host", "pause"];

/// Why a run stops that was told to.
pub(super) const INTERRUPTED: &str = "interrupted by the user";

/// A batch on its way.
pub(super) struct Batch {
    pub(super) shared: Arc<Shared>,
    pub(super) play: Arc<PlayRun>,
    limits: Limits,
    /// How many blocks with a `rescue` are around what runs now: failures in there are not final.
    rescues: usize,
    /// Why the run stops, once that is decided.
    pub(super) stop: Option<String>,
    /// Whether handlers run now.
    pub(super) in_handlers: bool,
    /// Roles whose arguments were checked, with the host they were checked on.
    pub(super) checked_roles: HashSet<(PathBuf, String)>,
    /// `meta: end_play` was met: no later batch starts, and nothing failed.
    pub(super) ended_play: bool,
    /// Whether the checks of restored hosts run: neither the user's wish to stop nor the go-or-stop rules hold them up.
    pub(super) verifying: bool,
}

impl Batch {
    pub(super) fn new(shared: &Arc<Shared>, play: Arc<PlayRun>, limits: Limits) -> Self {
        Self {
            shared: shared.clone(),
            play,
            limits,
            rescues: 0,
            stop: None,
            in_handlers: false,
            ended_play: false,
            checked_roles: HashSet::new(),
            verifying: false,
        }
    }

    /// Whether a `rescue` around may still save what fails now.
    pub(super) fn is_guarded(&self) -> bool {
        self.rescues > 0
    }

    /// A batch of the same hosts for the checks of restored ones.
    pub(super) fn for_checks(&self) -> Self {
        Self {
            verifying: true,
            ..Self::new(&self.shared, self.play.clone(), Limits::default())
        }
    }

    /// Takes the batch through all sections of the play.
    pub(super) async fn run(&mut self, gather: Option<Arc<Task>>) {
        let play = self.play.play.clone();
        let root = self.play.lineage();
        let hosts = self.play.batch.clone();
        self.reconcile().await;
        self.recall_handlers();
        self.judge();
        if let Some(task) = gather {
            self.items(&[Item::Task(task)], root.clone(), hosts.clone())
                .await;
        }
        let roles_and_tasks: Vec<Item> = play.roles.iter().chain(&play.tasks).cloned().collect();
        for section in [&play.pre_tasks, &roles_and_tasks, &play.post_tasks] {
            self.items(section, root.clone(), hosts.clone()).await;
            if std::ptr::eq(section, &raw const play.post_tasks) {
                self.notify_what_is_owed();
            }
            self.flush_handlers(&hosts).await;
            self.judge();
        }
    }

    /// Takes `hosts` through `items`; hosts that fail drop out.
    pub(super) fn items<'a>(
        &'a mut self,
        items: &'a [Item],
        lineage: Lineage,
        hosts: Vec<Arc<Host>>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            for item in items {
                if !self.verifying {
                    if self.shared.is_interrupted() {
                        self.interrupt(&hosts);
                    }
                    self.end_on_breach(&hosts);
                }
                let active = active(&hosts);
                if active.is_empty() {
                    return;
                }
                match item {
                    Item::Task(task) => self.task(task, &lineage, &active).await,
                    Item::Block(block) => self.block(block, &lineage, &active).await,
                }
            }
        })
    }

    fn interrupt(&mut self, hosts: &[Arc<Host>]) {
        drop_out(hosts, INTERRUPTED);
        self.stop.get_or_insert_with(|| INTERRUPTED.to_owned());
    }

    async fn block(&mut self, block: &Arc<Block>, outer: &Lineage, hosts: &[Arc<Host>]) {
        let lineage = outer.within(Level::Block(block.clone()));
        let rescues = !block.rescue.is_empty();
        self.rescues += usize::from(rescues);
        self.body(block, outer, &lineage, hosts).await;
        self.rescues -= usize::from(rescues);
        if rescues && self.stop.is_none() {
            let failed: Vec<Arc<Host>> =
                hosts.iter().filter(|host| rescue(host)).cloned().collect();
            self.items(&block.rescue, lineage.clone(), failed).await;
            self.judge();
        }
        if block.always.is_empty() {
            return;
        }
        // `always` runs on failed hosts too, which stay failed after it.
        let mut before = Vec::new();
        for host in hosts {
            let mut state = host.state();
            if matches!(state.standing, Standing::Failed(_) | Standing::Aborted(_)) {
                before.push((host.clone(), std::mem::take(&mut state.standing)));
            }
        }
        self.items(&block.always, lineage, hosts.to_vec()).await;
        for (host, standing) in before {
            let mut state = host.state();
            if matches!(state.standing, Standing::Active) {
                state.standing = standing;
            }
        }
    }

    /// The items of a block; where a role starts, its dependencies run first, then its variables are checked.
    async fn body(
        &mut self,
        block: &Arc<Block>,
        outer: &Lineage,
        lineage: &Lineage,
        hosts: &[Arc<Host>],
    ) {
        let starts = block
            .role
            .as_ref()
            .filter(|role| !outer.roles().iter().any(|around| Arc::ptr_eq(around, role)));
        let Some(role) = starts else {
            self.items(&block.body, lineage.clone(), hosts.to_vec())
                .await;
            return;
        };
        let (dependencies, own) = super::role_start::split(role, &block.body);
        self.items(dependencies, lineage.clone(), hosts.to_vec())
            .await;
        self.check_arguments(role, own, lineage, hosts).await;
        self.items(own, lineage.clone(), hosts.to_vec()).await;
    }

    async fn task(&mut self, task: &Arc<Task>, lineage: &Lineage, hosts: &[Arc<Host>]) {
        let lineage = lineage.within(Level::Task(task.clone()));
        let Some(first) = hosts.first() else { return };
        let scope = task_scope(&self.shared, &self.play, first, &lineage);
        if !self.selected(&lineage, &scope) {
            return;
        }
        match &task.action {
            Action::Meta(name) => {
                self.meta(name, task, &lineage, hosts).await;
                self.play.refresh(&self.shared);
                self.judge();
            }
            Action::IncludeTasks(include) => {
                let on = self.includers(&lineage, &scope, hosts);
                self.include_tasks(task, include, &lineage, on).await;
            }
            Action::IncludeRole(include) => {
                let on = self.includers(&lineage, &scope, hosts);
                self.include_role(task, include, &lineage, on).await;
            }
            Action::Module { .. } => self.module(task, &lineage, hosts).await,
        }
    }

    /// The hosts that an include concerns: the first one alone under `run_once`.
    fn includers<'h>(
        &self,
        lineage: &Lineage,
        scope: &crate::template::Scope,
        hosts: &'h [Arc<Host>],
    ) -> &'h [Arc<Host>] {
        if self.switched_on(lineage, scope, "run_once", |keywords| {
            keywords.run_once.as_ref()
        }) {
            &hosts[..hosts.len().min(1)]
        } else {
            hosts
        }
    }

    /// A boolean keyword of the whole batch; what does not render is off here and reported where it matters.
    fn switched_on(
        &self,
        lineage: &Lineage,
        scope: &crate::template::Scope,
        name: &str,
        pick: fn(&crate::playbook::Keywords) -> Option<&crate::yaml::Node>,
    ) -> bool {
        self.flag(lineage, scope, name, pick).unwrap_or(false)
    }

    /// What the playbook says of a keyword that is true or false.
    fn flag(
        &self,
        lineage: &Lineage,
        scope: &crate::template::Scope,
        name: &str,
        pick: fn(&crate::playbook::Keywords) -> Option<&crate::yaml::Node>,
    ) -> Option<bool> {
        let words = Words {
            templar: &self.shared.templar,
            lineage,
            scope,
        };
        words.flag(name, pick).ok().flatten()
    }

    /// Whether the task's tags are among those asked for.
    pub(super) fn selected(&self, lineage: &Lineage, scope: &crate::template::Scope) -> bool {
        let settings = &self.shared.settings;
        if self.in_handlers || (settings.tags.is_empty() && settings.skip_tags.is_empty()) {
            let never = self.tags(lineage, scope).iter().any(|tag| tag == "never");
            return self.in_handlers || !never;
        }
        tags::selected(
            &self.tags(lineage, scope),
            &settings.tags,
            &settings.skip_tags,
        )
    }

    fn tags(&self, lineage: &Lineage, scope: &crate::template::Scope) -> Vec<String> {
        let mut all = Vec::new();
        for node in lineage.tags() {
            match self.shared.templar.render(node, scope) {
                Ok(Value::Array(items)) => all.extend(items.iter().map(text)),
                Ok(value) => all.extend(text(&value).split(',').map(|tag| tag.trim().to_owned())),
                Err(_) => all.push(node.span.text().to_owned()),
            }
        }
        all
    }

    /// A task of a module: on all hosts at once, up to the limits.
    async fn module(&mut self, task: &Arc<Task>, lineage: &Lineage, hosts: &[Arc<Host>]) {
        let Some(first) = hosts.first() else { return };
        let scope = task_scope(&self.shared, &self.play, first, lineage);
        let alone =
            matches!(&task.action, Action::Module { spec, .. } if ALONE.contains(&spec.name));
        let once = alone || self.switched_on(lineage, &scope, "run_once", |k| k.run_once.as_ref());
        let width = match lineage.innermost(|keywords| keywords.throttle.as_ref()) {
            None => self.shared.settings.forks,
            Some(node) => count(&self.shared.templar, "throttle", node, &scope)
                .ok()
                .and_then(|count| usize::try_from(count).ok())
                .filter(|count| *count > 0)
                .unwrap_or(self.shared.settings.forks),
        };
        let on = if once { &hosts[..1] } else { hosts };
        let run = Arc::new(self.start(task, lineage, &scope, on));
        let lost_before = lost(hosts);
        let results = fan_out(&run, on, width).await;
        if once && let Some((_, finished)) = results.first() {
            for host in &hosts[1..] {
                run.take_over(host, &scope, finished);
            }
        }
        // What failed for all failed on all.
        let fatal = once || self.is_fatal(lineage, hosts);
        self.after(&run.name, hosts, fatal, lost_before);
    }

    /// `any_errors_fatal`.
    pub(super) fn is_fatal(&self, lineage: &Lineage, hosts: &[Arc<Host>]) -> bool {
        let Some(first) = hosts.first() else {
            return false;
        };
        let scope = task_scope(&self.shared, &self.play, first, lineage);
        self.flag(lineage, &scope, "any_errors_fatal", |k| {
            k.any_errors_fatal.as_ref()
        })
        .unwrap_or(self.shared.settings.any_errors_fatal)
    }

    /// Announces a task.
    pub(super) fn start(
        &self,
        task: &Arc<Task>,
        lineage: &Lineage,
        scope: &crate::template::Scope,
        hosts: &[Arc<Host>],
    ) -> TaskRun {
        let action = match &task.action {
            Action::Module { spec, .. } => spec.name.to_owned(),
            Action::IncludeTasks(_) => "include_tasks".to_owned(),
            Action::IncludeRole(_) => "include_role".to_owned(),
            Action::Meta(name) => format!("meta: {name}"),
        };
        let run = TaskRun {
            shared: self.shared.clone(),
            play: self.play.clone(),
            task: task.clone(),
            lineage: lineage.clone(),
            number: self.shared.next_task(),
            name: self.display_name(task, &action, scope),
        };
        let position = task.span.position();
        self.shared.events.emit(Kind::TaskStarted {
            task: run.number,
            name: run.name.clone(),
            path: format!("{}:{}", task.span.source().path().display(), position.line),
            action,
            handler: self.in_handlers,
            hosts: hosts.iter().map(|host| host.name.clone()).collect(),
        });
        run
    }

    pub(super) fn display_name(
        &self,
        task: &Task,
        action: &str,
        scope: &crate::template::Scope,
    ) -> String {
        let name = match &task.name {
            None => action.to_owned(),
            Some(node) => self.shared.templar.render(node, scope).map_or_else(
                |_| node.to_value().as_str().unwrap_or(action).to_owned(),
                |value| text(&value),
            ),
        };
        match &task.role {
            Some(role) => format!("{} : {name}", role.name),
            None => name,
        }
    }

    /// What a task's failures mean for the rest of the batch and of the run.
    pub(super) fn after(
        &mut self,
        name: &str,
        hosts: &[Arc<Host>],
        fatal: bool,
        lost_before: usize,
    ) {
        let lost_now = lost(hosts);
        if fatal && lost_now > lost_before {
            let reason = format!("`{name}` failed and the play cannot go on without it");
            if self.rescues == 0 || hosts.iter().any(is_unreachable) {
                drop_out(&self.play.batch, &reason);
                self.stop.get_or_insert(reason);
            } else {
                drop_out(hosts, &reason);
            }
        }
        self.judge();
        if lost_now > 0 {
            self.play.refresh(&self.shared);
        }
    }

    /// Asks the policy; a stop drops the batch where it is.
    pub(super) fn judge(&mut self) {
        if self.stop.is_some() || self.verifying {
            return;
        }
        let batch = &self.play.batch;
        let failed = |host: &&Arc<Host>| {
            matches!(
                host.state().standing,
                Standing::Failed(_) | Standing::Aborted(_)
            )
        };
        let tally = Tally {
            batch: batch.len(),
            // What a `rescue` may still catch has not failed yet.
            failed: if self.rescues > 0 {
                0
            } else {
                batch.iter().filter(failed).count()
            },
            unreachable: batch.iter().filter(|host| is_unreachable(host)).count(),
            lost_in_run: if self.rescues > 0 {
                0
            } else {
                self.shared.lost()
            },
        };
        if let Some(reason) = stop_reason(self.limits, tally) {
            let reason = self.shared.unrecorded().unwrap_or(reason);
            drop_out(batch, &reason);
            self.stop = Some(reason);
        }
    }
}

/// Runs a task on hosts, `width` at a time.
async fn fan_out(
    run: &Arc<TaskRun>,
    hosts: &[Arc<Host>],
    width: usize,
) -> Vec<(Arc<Host>, super::result::Finished)> {
    let slots = Arc::new(Semaphore::new(width.max(1)));
    let mut running = JoinSet::new();
    let mut by_id = HashMap::new();
    for host in hosts {
        let (run, slots, own) = (run.clone(), slots.clone(), host.clone());
        let handle = running.spawn(async move {
            // The semaphore is never closed, so a slot always comes.
            let _slot = slots.acquire_owned().await;
            let finished = run.on_host(&own).await;
            (own, finished)
        });
        by_id.insert(handle.id(), host.clone());
    }
    let mut results = Vec::with_capacity(hosts.len());
    while let Some(joined) = running.join_next_with_id().await {
        match joined {
            Ok((_, result)) => results.push(result),
            Err(error) => {
                if let Some(host) = by_id.get(&error.id()) {
                    run.crashed(host, &error.to_string()).await;
                }
            }
        }
    }
    results
}

/// The hosts that still take part.
pub(super) fn active(hosts: &[Arc<Host>]) -> Vec<Arc<Host>> {
    hosts
        .iter()
        .filter(|host| host.is_active())
        .cloned()
        .collect()
}

fn is_unreachable(host: &Arc<Host>) -> bool {
    matches!(host.state().standing, Standing::Unreachable(_))
}

pub(super) fn lost(hosts: &[Arc<Host>]) -> usize {
    let gone = |host: &&Arc<Host>| {
        matches!(
            host.state().standing,
            Standing::Failed(_) | Standing::Unreachable(_)
        )
    };
    hosts.iter().filter(gone).count()
}

/// Drops the active ones among `hosts`.
fn drop_out(hosts: &[Arc<Host>], reason: &str) {
    for host in hosts {
        let mut state = host.state();
        if state.standing == Standing::Active {
            state.standing = Standing::Aborted(reason.to_owned());
            state.counts.reason.get_or_insert_with(|| reason.to_owned());
        }
    }
}

/// Makes a failed host active for its `rescue`; tells whether it was failed.
fn rescue(host: &Arc<Host>) -> bool {
    let failure = {
        let mut state = host.state();
        match std::mem::take(&mut state.standing) {
            Standing::Failed(failure) => {
                state.counts.failed = state.counts.failed.saturating_sub(1);
                state.counts.rescued += 1;
                state.counts.reason = None;
                failure
            }
            // It failed because of another host: there is nothing of its own to tell.
            Standing::Aborted(_) => {
                state.counts.reason = None;
                return true;
            }
            other => {
                state.standing = other;
                return false;
            }
        }
    };
    host.set([
        (
            "ansible_failed_task".to_owned(),
            serde_json::json!({"name": failure.task, "action": failure.action}),
        ),
        ("ansible_failed_result".to_owned(), failure.result),
    ]);
    true
}

/// The limits of a play, rendered once.
pub(super) fn limits(
    shared: &Shared,
    play: &crate::playbook::Play,
    scope: &crate::template::Scope,
) -> Result<Limits, super::keywords::KeywordError> {
    let templar = &shared.templar;
    let percentage = match &play.max_fail_percentage {
        None => None,
        Some(node) => Some(number(templar, "max_fail_percentage", node, scope)?),
    };
    let failures = match &play.max_failures {
        None => None,
        Some(node) => usize::try_from(count(templar, "max_failures", node, scope)?).ok(),
    };
    Ok(Limits {
        percentage,
        failures: match (failures, shared.settings.max_failures) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        },
    })
}

/// A boolean keyword of the play itself.
pub(super) fn play_flag(
    shared: &Shared,
    name: &str,
    node: Option<&crate::yaml::Node>,
    scope: &crate::template::Scope,
) -> Result<Option<bool>, super::keywords::KeywordError> {
    match node {
        None => Ok(None),
        Some(node) => flag(&shared.templar, name, node, scope),
    }
}
