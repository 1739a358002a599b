//! One task on one host: conditions, loops, retries, and what is left of the result.

use super::action::{Call, Called, Notes};
use super::host::{Failure, Held, Host, Standing};
use super::keywords::{KeywordError, Words, count, number, text};
use super::lineage::Lineage;
use super::play::PlayRun;
use super::repeat::{self, Round};
use super::result::{Finished, finish};
use super::rollback;
use super::secrets::{censored, learn_hidden};
use super::shared::Shared;
use super::variables::task_scope;
use super::waiting::is_breakable;
use crate::event::{Kind, Phase, Status, TaskResult};
use crate::kubernetes::Progress;
use crate::module;
use crate::playbook::{Action, Task};
use crate::template::{Scope, Variable, Variables};
use crate::undo::Entry;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The module that marks the point of no return.
const COMMIT: &str = "windlass.commit";

/// Shown in place of what `no_log` hides.
const HIDDEN: &str = "hidden by no_log";

/// What a task may take beyond its `timeout` until the host's own answer is there.
const GRACE: Duration = Duration::from_millis(500);

/// A task on its way through a batch.
pub(super) struct TaskRun {
    pub(super) shared: Arc<Shared>,
    pub(super) play: Arc<PlayRun>,
    pub(super) task: Arc<Task>,
    /// All levels, the task's own included.
    pub(super) lineage: Lineage,
    /// The task's number in the run.
    pub(super) number: usize,
    /// The name as it is shown.
    pub(super) name: String,
}

impl TaskRun {
    /// What a long action says of itself on `host`.
    pub(super) fn progress(&self, host: &str) -> Progress {
        let (events, task, host) = (self.shared.events.clone(), self.number, host.to_owned());
        Arc::new(move |message| {
            events.emit(Kind::TaskProgress {
                task,
                host: host.clone(),
                message,
            });
        })
    }

    /// The task's own `undo:`, as an entry.
    pub(super) fn task_undo(&self, scope: &Scope) -> Result<Option<Entry>, KeywordError> {
        let Some(node) = &self.task.undo else {
            return Ok(None);
        };
        let script = text(&self.shared.templar.render(node, scope)?);
        Ok(Some(Entry::Command {
            phase: Phase::Restore,
            script,
        }))
    }

    fn words<'a>(&'a self, scope: &'a Scope) -> Words<'a> {
        Words {
            templar: &self.shared.templar,
            lineage: &self.lineage,
            scope,
        }
    }

    /// Runs the task on a host, says so, and keeps what it left. The result is returned for `run_once`.
    pub(super) async fn on_host(&self, host: &Arc<Host>) -> Finished {
        let started = Instant::now();
        let scope = task_scope(&self.shared, &self.play, host, &self.lineage);
        let finished = match self.rounds(&scope) {
            Ok(None) => self.item(host, &scope).await,
            Ok(Some(rounds)) => self.all_rounds(host, &scope, rounds).await,
            Err(error) => match self.words(&scope).unmet_condition() {
                // A loop over something undefined does not matter when the task is not to run at all.
                Ok(Some(condition)) => Finished::skipped(&condition),
                _ => finish(Called::from(error)),
            },
        };
        self.settle(host, &scope, finished, started.elapsed()).await
    }

    fn rounds(&self, scope: &Scope) -> Result<Option<Vec<Round>>, KeywordError> {
        match &self.task.repeat {
            None => Ok(None),
            Some(over) => {
                repeat::rounds(&self.shared.templar, over, &self.task.loop_control, scope).map(Some)
            }
        }
    }

    async fn all_rounds(&self, host: &Arc<Host>, scope: &Scope, rounds: Vec<Round>) -> Finished {
        let mut results = Vec::new();
        for (at, round) in rounds.into_iter().enumerate() {
            if at > 0 {
                self.pause(host, scope).await;
            }
            let inner = scope.with(round.variables);
            let started = Instant::now();
            let mut finished = self.item(host, &inner).await;
            let label = repeat::label(
                &self.shared.templar,
                &self.task.loop_control,
                &round.item,
                &inner,
            );
            finished.note_item(round.name, round.item, &label);
            self.shared.events.emit(Kind::ItemFinished {
                task: self.number,
                host: host.name.clone(),
                label: if self.is_hidden(&inner) {
                    HIDDEN.to_owned()
                } else {
                    label
                },
                result: self.shown(&finished, &inner, started.elapsed()),
            });
            let unreachable = finished.status == Status::Unreachable;
            let over = repeat::breaks(&self.shared.templar, &self.task.loop_control, &inner);
            results.push(finished);
            // What is begun cannot be recorded any more: none of the other rounds could change anything.
            let unrecorded = self.shared.unrecorded().is_some() && !host.state().aside;
            if unreachable || over || unrecorded {
                break;
            }
        }
        Finished::of_loop(results)
    }

    async fn pause(&self, host: &Host, scope: &Scope) {
        let Some(node) = &self.task.loop_control.pause else {
            return;
        };
        if let Ok(seconds) = number(&self.shared.templar, "pause", node, scope)
            && seconds > 0.0
        {
            let length = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
            self.shared.rest_for(host, length).await;
        }
    }

    /// The task once, without or within a loop.
    async fn item(&self, host: &Arc<Host>, scope: &Scope) -> Finished {
        match self.words(scope).unmet_condition() {
            Ok(None) => {}
            Ok(Some(condition)) => return Finished::skipped(&condition),
            Err(error) => {
                return finish(Called::from(KeywordError {
                    message: format!("the condition cannot be evaluated: {}", error.message),
                    span: error.span,
                }));
            }
        }
        match self.attempts(host, scope).await {
            Ok(finished) => finished,
            Err(error) => finish(Called::from(error)),
        }
    }

    /// The task until it is content, or its tries are used up.
    async fn attempts(&self, host: &Arc<Host>, scope: &Scope) -> Result<Finished, KeywordError> {
        let task = &self.task;
        let templar = &self.shared.templar;
        let tries = match &task.retries {
            None if task.until.is_empty() => 0,
            None => 3,
            Some(node) => count(templar, "retries", node, scope)?,
        };
        let delay = match &task.delay {
            None => 5.0,
            Some(node) => number(templar, "delay", node, scope)?.max(0.0),
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut finished = self.once(host, scope).await?;
            if tries == 0 || finished.status == Status::Unreachable {
                return Ok(finished);
            }
            finished
                .result
                .insert("attempts".to_owned(), json!(attempt));
            let seen = self.with_result(scope, &finished.result);
            let content = if task.until.is_empty() {
                finished.status != Status::Failed
            } else {
                all_hold(self, &task.until, &seen)?
            };
            if content {
                return Ok(finished);
            }
            if attempt > tries {
                finished.result.insert("attempts".to_owned(), json!(tries));
                if !task.until.is_empty() {
                    finished.fail_if_not_failed("the condition of `until` was not met");
                }
                return Ok(finished);
            }
            self.shared.events.emit(Kind::TaskRetried {
                task: self.number,
                host: host.name.clone(),
                left: tries - attempt + 1,
            });
            let delay = Duration::try_from_secs_f64(delay).unwrap_or(Duration::ZERO);
            if !self.shared.rest_for(host, delay).await {
                finished.fail_if_not_failed("interrupted while waiting to try again");
                return Ok(finished);
            }
        }
    }

    async fn once(&self, host: &Arc<Host>, scope: &Scope) -> Result<Finished, KeywordError> {
        let Action::Module { spec, params } = &self.task.action else {
            return Ok(finish(Called::failed("not a module")));
        };
        let Some(module) = module::find(spec.name) else {
            return Ok(finish(Called::failed(format!(
                "there is no module `{}`",
                spec.name
            ))));
        };
        let delegate = self
            .words(scope)
            .text(|keywords| keywords.delegate_to.as_ref())?;
        let on = match &delegate {
            None => host.clone(),
            Some(name) => match self.shared.host(name) {
                Ok(on) => on,
                Err(error) => return Ok(finish(Called::Unreachable(error.to_string()))),
            },
        };
        let call = Call {
            run: self,
            host,
            on,
            module,
            params,
            scope,
            notes: Notes::default(),
        };
        let limit = self.words(scope).timeout()?;
        let making = async {
            let Some(limit) = limit else {
                return call.make().await;
            };
            // The host ends the command at the limit itself; this is for what the controller does, and for lost answers.
            let made = tokio::time::timeout(limit + GRACE, call.make()).await;
            made.unwrap_or_else(|_| {
                let limit = limit.as_secs_f64();
                Called::failed(format!("the task did not end within {limit} s"))
            })
        };
        // Nobody should have to answer, or to wait, when the run is to stop.
        let called = if is_breakable(spec.name) {
            tokio::select! {
                called = making => called,
                why = self.shared.end_of_waiting(host) => Called::failed(why),
            }
        } else {
            making.await
        };
        let mut finished = finish(called);
        finished.delegated_to = delegate;
        let judged = self.judge(scope, &mut finished);
        if let Some(what) = call.stays().filter(|_| finished.may_have_changed()) {
            host.stays(what);
        }
        if let Err(error) = judged {
            finished.fail_with(&Called::from(error));
        }
        Ok(finished)
    }

    /// `failed_when` and `changed_when`.
    fn judge(&self, scope: &Scope, finished: &mut Finished) -> Result<(), KeywordError> {
        if matches!(
            finished.status,
            Status::Unreachable | Status::Unknown | Status::Skipped
        ) {
            return Ok(());
        }
        if !self.task.failed_when.is_empty() {
            let seen = self.with_result(scope, &finished.result);
            let failed = all_hold(self, &self.task.failed_when, &seen)?;
            finished.set_failed(failed);
        }
        if !self.task.changed_when.is_empty() {
            let seen = self.with_result(scope, &finished.result);
            let changed = all_hold(self, &self.task.changed_when, &seen)?;
            finished.set_changed(changed);
        }
        Ok(())
    }

    /// The scope in which the result so far is seen under its registered name.
    fn with_result(&self, scope: &Scope, result: &Map<String, Value>) -> Scope {
        let Some(name) = &self.task.register else {
            return scope.clone();
        };
        let mut layer = Variables::new();
        let value = Value::Object(result.clone());
        layer.insert(name.clone(), Variable::from(value));
        scope.with(layer)
    }

    /// `no_log`; what cannot be evaluated hides too.
    pub(super) fn is_hidden(&self, scope: &Scope) -> bool {
        self.words(scope)
            .flag("no_log", |keywords| keywords.no_log.as_ref())
            .unwrap_or(Some(true))
            .unwrap_or(false)
    }

    /// What may be shown of a result.
    fn shown(&self, finished: &Finished, scope: &Scope, took: Duration) -> TaskResult {
        let hidden = self.is_hidden(scope);
        let result = Value::Object(finished.result.clone());
        if hidden {
            learn_hidden(&self.shared.events.secrets, &result);
        }
        TaskResult {
            status: finished.status,
            took,
            result: if hidden { censored(&result) } else { result },
            diff: if hidden {
                Vec::new()
            } else {
                finished.diff.clone()
            },
            delegated_to: finished.delegated_to.clone(),
            verbosity: if hidden { 1 } else { finished.verbosity },
        }
    }

    /// Keeps the result: variables, facts, notifications, counts, standing. Says so.
    pub(super) async fn settle(
        &self,
        host: &Arc<Host>,
        scope: &Scope,
        mut finished: Finished,
        took: Duration,
    ) -> Finished {
        let words = self.words(scope);
        if finished.status == Status::Failed
            && words
                .flag("ignore_errors", |keywords| keywords.ignore_errors.as_ref())
                .is_ok_and(|on| on == Some(true))
        {
            finished.status = Status::Ignored;
        }
        if finished.status == Status::Unreachable
            && words
                .flag("ignore_unreachable", |k| k.ignore_unreachable.as_ref())
                .is_ok_and(|on| on == Some(true))
        {
            finished.status = Status::Ignored;
        }
        self.commit_if_asked(host, scope, &mut finished).await;
        self.notify(host, scope, finished.status);
        let done = Kind::TaskFinished {
            task: self.number,
            host: host.name.clone(),
            result: self.shown(&finished, scope, took),
        };
        if matches!(finished.status, Status::Ok | Status::Skipped) {
            self.shared.events.emit(done);
        } else {
            // What was changed, or may have been, is known to be before anything else is begun on the host.
            self.shared.events.emit_done(done).await;
        }
        self.take_over(host, scope, &finished);
        self.count(host, scope, &finished);
        finished
    }

    /// A task whose code panicked fails on its host; the run goes on.
    pub(super) async fn crashed(&self, host: &Arc<Host>, panic: &str) {
        let scope = task_scope(&self.shared, &self.play, host, &self.lineage);
        let called = Called::failed(format!("this is a bug in windlass: {panic}"));
        self.settle(host, &scope, finish(called), Duration::ZERO)
            .await;
    }

    /// The task's name as it is written, without its role; empty where it has none.
    fn own_name(&self, scope: &Scope) -> String {
        let Some(node) = &self.task.name else {
            return String::new();
        };
        let rendered = self.shared.templar.render(node, scope);
        rendered.map_or_else(|_| self.name.clone(), |name| text(&name))
    }

    /// The point of no return (`windlass.commit`): what the run did on the host so far stays.
    ///
    /// A host whose log does not know of it would go back behind it later, so that is a failure.
    async fn commit_if_asked(&self, host: &Arc<Host>, scope: &Scope, finished: &mut Finished) {
        let asked = matches!(&self.task.action, Action::Module { spec, .. } if spec.name == COMMIT)
            && matches!(finished.status, Status::Ok | Status::Changed)
            && self.play.keeps_undo();
        if !asked {
            return;
        }
        let reason = ["reason", "msg"]
            .iter()
            .find_map(|key| finished.result.get(*key).and_then(Value::as_str))
            .filter(|reason| !reason.is_empty());
        let reason = reason.map_or_else(|| self.own_name(scope), str::to_owned);
        match rollback::commit(&self.shared, &self.play.lineage(), host, None).await {
            Ok(()) => {
                let instead = finished.result.get("instead").and_then(Value::as_array);
                let instead = instead.into_iter().flatten().map(text).collect();
                host.state().held = Some(Held { reason, instead });
            }
            Err(error) => finished.fail(&format!(
                "the point of no return could not be recorded: {error}"
            )),
        }
    }

    /// Takes a result over as `host`'s own: also for hosts that `run_once` did not run on.
    pub(super) fn take_over(&self, host: &Arc<Host>, scope: &Scope, finished: &Finished) {
        let facts_of = match (&finished.delegated_to, self.delegates_facts(scope)) {
            (Some(name), true) => self.shared.host(name).unwrap_or_else(|_| host.clone()),
            _ => host.clone(),
        };
        let spec_name = match &self.task.action {
            Action::Module { spec, .. } => spec.name,
            _ => "",
        };
        for facts in &finished.facts {
            if spec_name == "set_fact" {
                facts_of.set(facts.clone());
            } else {
                facts_of.add_facts(facts.clone());
            }
        }
        for variables in &finished.variables {
            host.include(variables.clone());
        }
        if let Some(name) = &self.task.register {
            host.set([(name.clone(), finished.registered())]);
        }
    }

    fn delegates_facts(&self, scope: &Scope) -> bool {
        self.words(scope)
            .flag("delegate_facts", |k| k.delegate_facts.as_ref())
            .is_ok_and(|on| on == Some(true))
    }

    fn count(&self, host: &Host, scope: &Scope, finished: &Finished) {
        let message = if self.is_hidden(scope) {
            HIDDEN.to_owned()
        } else {
            finished.message()
        };
        // Rendered before the state is held: a template may ask for the state of any host, this one among them.
        let failed = matches!(finished.status, Status::Failed | Status::Unknown);
        let task = if failed {
            self.own_name(scope)
        } else {
            String::new()
        };
        let mut state = host.state();
        let counts = &mut state.counts;
        match finished.status {
            Status::Ok => counts.ok += 1,
            Status::Changed => {
                counts.ok += 1;
                counts.changed += 1;
            }
            Status::Skipped => counts.skipped += 1,
            Status::Ignored => {
                counts.ok += 1;
                counts.ignored += 1;
                let changed = finished.result.get("changed") == Some(&json!(true));
                counts.changed += u32::from(changed);
            }
            Status::Failed | Status::Unknown => {
                counts.failed += 1;
                counts.reason = Some(format!("{}: {message}", self.name));
                state.standing = Standing::Failed(Failure {
                    task,
                    action: self.task.action.name().to_owned(),
                    message,
                    result: finished.registered(),
                });
            }
            Status::Unreachable => {
                counts.unreachable += 1;
                counts.reason = Some(format!("{}: {message}", self.name));
                state.standing = Standing::Unreachable(message);
            }
            Status::Aborted => state.standing = Standing::Aborted(message),
        }
    }
}

fn all_hold(
    run: &TaskRun,
    conditions: &[crate::yaml::Node],
    scope: &Scope,
) -> Result<bool, KeywordError> {
    for condition in conditions {
        if !run.shared.templar.test(condition, scope)? {
            return Ok(false);
        }
    }
    Ok(true)
}
