//! One call of a module on a host: inspect, record the undo, apply; and a second look when the connection was lost.

use super::connect::{PAUSES, Reached, become_of, reach, waits_for};
use super::deadman;
use super::host::Host;
use super::keywords::{KeywordError, Words, text};
use super::locks;
use super::secrets::learn_hidden;
use super::task::TaskRun;
use super::variables::host_scope;
use crate::connection::ConnectionError;
use crate::event;
use crate::journal::JournalError;
use crate::module::{
    Change, Context, Inspection, Module, ModuleError, Outcome, Params, Remote, UndoScript, coerce,
};
use crate::secrecy::is_secret_name;
use crate::template::Scope;
use crate::undo::{Undo, UndoLog};
use crate::yaml::{Node, NodeKind};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Modules that work on the controller alone: they need no connection, so a host that is down does not matter to them.
const ON_CONTROLLER: [&str; 9] = [
    "add_host",
    "assert",
    "debug",
    "fail",
    "group_by",
    "include_vars",
    "pause",
    "set_fact",
    "windlass.commit",
];

/// What came of a call.
#[derive(Debug)]
pub(super) enum Called {
    /// The module answered.
    Done(Box<Outcome>),
    /// Check mode cannot tell what the module would do.
    NotInCheckMode,
    /// The module failed.
    Failed {
        message: String,
        result: Map<String, Value>,
    },
    /// The host cannot be reached.
    Unreachable(String),
    /// The connection was lost, and whether the command ran cannot be found out.
    Unknown(String),
}

impl From<KeywordError> for Called {
    fn from(error: KeywordError) -> Self {
        let place = error
            .span
            .map(|span| format!(" ({span})"))
            .unwrap_or_default();
        Self::failed(format!("{}{place}", error.message))
    }
}

impl Called {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            result: Map::new(),
        }
    }
}

impl From<ModuleError> for Called {
    fn from(error: ModuleError) -> Self {
        match error {
            ModuleError::Failed { message, result } => Self::Failed { message, result },
            ModuleError::Connection(error) if error.is_unreachable() => {
                Self::Unreachable(error.to_string())
            }
            other => Self::failed(other.to_string()),
        }
    }
}

/// One call: the module with everything it needs.
pub(super) struct Call<'a> {
    pub(super) run: &'a TaskRun,
    pub(super) host: &'a Arc<Host>,
    /// The host that the module works on: another one under `delegate_to`.
    pub(super) on: Arc<Host>,
    pub(super) module: &'static dyn Module,
    pub(super) params: &'a Node,
    pub(super) scope: &'a Scope,
    pub(super) notes: Notes,
}

/// What a call leaves behind beside its answer.
#[derive(Default)]
pub(super) struct Notes {
    /// The undo of this call: recorded again on a new connection if the first one was lost meanwhile.
    script: Mutex<Option<UndoScript>>,
    /// The change that cannot be taken back, in words.
    stays: Mutex<Option<String>>,
}

impl Call<'_> {
    /// The change that this call was about to make and that cannot be taken back, in words.
    pub(super) fn stays(&self) -> Option<String> {
        self.notes
            .stays
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes the call.
    pub(super) async fn make(&self) -> Called {
        let params = match self.render_params() {
            Ok(params) => params,
            Err(called) => return called,
        };
        self.learn_given(&params);
        let cx = match self.context().await {
            Ok(cx) => cx,
            Err(called) => return called,
        };
        match self.module.inspect(&cx, &params).await {
            Ok(Inspection::Done(outcome)) => Called::Done(Box::new(outcome)),
            Ok(Inspection::Change(change)) if cx.check => predicted(change),
            Ok(Inspection::Change(change)) => self.carry_out(&cx, &params, change).await,
            Err(ModuleError::Connection(ConnectionError::Lost(_))) => {
                // Looking changes nothing, so it may be done again.
                match self.look_again(&params).await {
                    Ok((cx, Inspection::Change(change))) => {
                        self.carry_out(&cx, &params, change).await
                    }
                    Ok((_, Inspection::Done(outcome))) => Called::Done(Box::new(outcome)),
                    Err(called) => called,
                }
            }
            Err(error) => error.into(),
        }
    }

    /// Parameters that are secret, by the module's word, by their name or by `no_log`, are masked from here on.
    fn learn_given(&self, params: &Params) {
        let secrets = &self.run.shared.events.secrets;
        let declared = self.module.secret_parameters();
        for (name, value) in &params.0 {
            if declared.contains(&name.as_str()) {
                secrets.learn_in(value);
            } else if is_secret_name(name) {
                secrets.learn_named(name, &text(value));
            }
        }
        if self.run.is_hidden(self.scope) {
            learn_hidden(secrets, &Value::Object(params.0.clone()));
        }
    }

    /// What a change is, in words, as it may be written down.
    fn in_words(&self, change: &Change) -> String {
        if self.run.is_hidden(self.scope) {
            format!("{}: hidden by no_log", self.run.name)
        } else {
            let what = format!("{}: {}", self.run.name, change.what);
            self.run.shared.events.secrets.text(&what).into_owned()
        }
    }

    /// Records the undo, then applies.
    async fn carry_out(&self, cx: &Context, params: &Params, change: Change) -> Called {
        let called = self.record_and_apply(cx, params, change).await;
        if let Some(script) = self.recorded() {
            let said = script.said.lock();
            let said = said.unwrap_or_else(PoisonError::into_inner).clone();
            deadman::heard(&self.run.shared, &self.on, &said);
            locks::heard(&self.run.shared, &self.on, &said);
        }
        called
    }

    fn recorded(&self) -> Option<UndoScript> {
        self.notes
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn record_and_apply(&self, cx: &Context, params: &Params, change: Change) -> Called {
        if let Err(called) = self.announce(cx, &change).await {
            return called;
        }
        // Also where nothing can be taken back, what is begun must be known after a crash. A way back is not held up.
        if !self.host.state().aside
            && let Err(error) = self.run.shared.events.flush().await
        {
            return not_written(error);
        }
        let opaque = change.opaque;
        let planned = Change {
            what: change.what.clone(),
            result: change.result.clone(),
            diff: change.diff.clone(),
            undo: Undo::Nothing,
            opaque,
            plan: change.plan.clone(),
            payload: change.payload.clone(),
        };
        let mut outcome = match self.module.apply(cx, params, change).await {
            Ok(outcome) => outcome,
            Err(ModuleError::Connection(ConnectionError::Lost(reason))) => {
                let untouched = cx.remote.undo_is_pending();
                return self.settle(params, &planned, &reason, untouched).await;
            }
            Err(ModuleError::Failed {
                message,
                mut result,
            }) if opaque => {
                // A command that failed has run all the same.
                result.entry("changed").or_insert(Value::Bool(true));
                return Called::Failed { message, result };
            }
            Err(error) => return error.into(),
        };
        merge(&mut outcome, planned);
        Called::Done(Box::new(outcome))
    }

    /// The connection was lost in mid-change: the host's state says what became of it.
    ///
    /// `untouched` says that it was lost while the undo was recorded, so the change was not even begun.
    async fn settle(
        &self,
        params: &Params,
        planned: &Change,
        reason: &str,
        untouched: bool,
    ) -> Called {
        let (cx, found) = match self.look_again(params).await {
            Ok(found) => found,
            Err(called) => return called,
        };
        if !untouched && self.module.was_applied(planned, &found) {
            let mut outcome = match found {
                Inspection::Done(outcome) => outcome,
                Inspection::Change(change) => Outcome {
                    result: change.result,
                    ..Outcome::default()
                },
            };
            outcome.changed = true;
            outcome.diff.clone_from(&planned.diff);
            return Called::Done(Box::new(outcome));
        }
        if planned.opaque && !untouched {
            return Called::Unknown(format!(
                "connection lost ({reason}); whether the command ran to its end is unknown, and it is not run again"
            ));
        }
        let change = match found {
            Inspection::Change(change) => change,
            Inspection::Done(outcome) if untouched => return Called::Done(Box::new(outcome)),
            Inspection::Done(_) => {
                return Called::failed("the state after a lost connection contradicts itself");
            }
        };
        // On the host the same step is recorded once, however often it is asked for.
        if let Some(script) = self.recorded() {
            cx.remote.record_first(script);
        }
        let diff = change.diff.clone();
        match self.module.apply(&cx, params, change).await {
            Ok(mut outcome) => {
                outcome.diff.extend(diff);
                Called::Done(Box::new(outcome))
            }
            Err(error) => error.into(),
        }
    }

    /// Connects anew, with some patience, and inspects.
    async fn look_again(&self, params: &Params) -> Result<(Context, Inspection), Called> {
        let mut left = PAUSES.iter();
        loop {
            let found = match self.context().await {
                Ok(cx) => self
                    .module
                    .inspect(&cx, params)
                    .await
                    .map_err(Called::from)
                    .map(|found| (cx, found)),
                Err(called) => Err(called),
            };
            match (found, left.next()) {
                (Err(Called::Unreachable(reason)), Some(pause))
                    if !self.run.shared.is_interrupted() =>
                {
                    waits_for(&self.run.shared, &self.on.name, &reason, *pause);
                    let rest = Duration::from_secs(*pause);
                    self.run.shared.rest(rest).await;
                }
                (found, _) => return found,
            }
        }
    }

    /// Has the inverse written to the host, and the intent to the journal, before anything changes.
    async fn announce(&self, cx: &Context, change: &Change) -> Result<(), Called> {
        if let Some(kind) = self.run.promise(self.host, self.scope) {
            let events = &self.run.shared.events;
            events.emit_durable(kind).await.map_err(not_written)?;
        }
        if !self.run.play.keeps_undo() || self.host.state().aside {
            return Ok(());
        }
        let entries = match &change.undo {
            Undo::Nothing => Vec::new(),
            Undo::Entries(entries) => entries.clone(),
            Undo::Impossible(reason) => {
                let Some(entry) = self.run.task_undo(self.scope)? else {
                    self.note_that_it_stays(reason);
                    return Ok(());
                };
                vec![entry]
            }
        };
        if entries.is_empty() {
            return Ok(());
        }
        if self.run.shared.is_implicit(&self.on) {
            self.note_that_it_stays("the controller keeps no undo log");
            return Ok(());
        }
        let step = {
            let mut state = self.on.state();
            state.steps += 1;
            state.open_steps += 1;
            state.steps
        };
        let shared = &self.run.shared;
        let what = self.in_words(change);
        shared
            .events
            .emit_durable(event::Kind::UndoRecorded {
                host: self.on.name.clone(),
                step,
                what: what.clone(),
            })
            .await
            .map_err(not_written)?;
        let log = undo_log(self.run, &self.on)?.with_deadman(deadman::due(&self.on));
        let become_user = self.undo_become()?;
        let script = UndoScript {
            intent: log.intent(step, &what, &entries),
            become_user,
            said: Arc::default(),
        };
        *self
            .notes
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(script.clone());
        cx.remote.record_first(script);
        Ok(())
    }

    fn note_that_it_stays(&self, reason: &str) {
        let on = if Arc::ptr_eq(self.host, &self.on) {
            String::new()
        } else {
            format!(" (on {})", self.on.name)
        };
        let what = format!("{}: {reason}{on}", self.run.name);
        *self
            .notes
            .stays
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    /// The undo log belongs to the user that the play becomes; a task may become another one.
    fn undo_become(&self) -> Result<Option<crate::shell::Become>, Called> {
        let shared = &self.run.shared;
        let scope = host_scope(shared, &self.on);
        become_of(shared, &self.run.play.lineage(), &scope)
            .map_err(|error| Called::failed(error.to_string()))
    }

    async fn context(&self) -> Result<Context, Called> {
        let shared = &self.run.shared;
        let words = Words {
            templar: &shared.templar,
            lineage: &self.run.lineage,
            scope: self.scope,
        };
        let delegated = host_scope(shared, &self.on);
        let scope = if Arc::ptr_eq(self.host, &self.on) {
            self.scope
        } else {
            &delegated
        };
        let reached = if ON_CONTROLLER.contains(&self.module.spec().name) {
            Reached::nowhere()
        } else {
            reach(shared, &self.on, &self.run.lineage, scope)
                .await
                .map_err(|error| match error {
                    ConnectionError::Become(message) => Called::failed(message),
                    other => Called::Unreachable(other.to_string()),
                })?
        };
        let check = words
            .flag("check_mode", |keywords| keywords.check_mode.as_ref())?
            .unwrap_or(shared.settings.check);
        let diff = words
            .flag("diff", |keywords| keywords.diff.as_ref())?
            .unwrap_or(shared.settings.diff);
        let mut remote = Remote::new(reached.connection, reached.become_user);
        remote.environment = words.environment()?;
        for (name, value) in &remote.environment {
            if is_secret_name(name) {
                shared.events.secrets.learn_named(name, value);
            }
        }
        remote.timeout = words.timeout()?;
        let clusters = self.run.play.clusters.clone();
        Ok(Context {
            host: self.host.name.clone(),
            run: shared.run.to_string(),
            remote,
            check,
            diff,
            scope: self.scope.clone(),
            templar: shared.templar.clone(),
            dial: clusters.dial().clone(),
            clusters,
            progress: if self.run.is_hidden(self.scope) {
                Arc::new(|_| {})
            } else {
                self.run.progress(&self.host.name)
            },
        })
    }

    /// The parameters, rendered and coerced.
    fn render_params(&self) -> Result<Params, Called> {
        let templar = &self.run.shared.templar;
        let spec = self.module.spec();
        let raw = self.module.raw_parameters();
        let mut given = Map::new();
        if let NodeKind::Mapping(mapping) = &self.params.kind {
            for (key, value) in mapping {
                let name = key.key_text();
                if raw.contains(&name.as_str()) {
                    given.insert(name, value.to_value());
                } else if let Some(value) = templar
                    .render_or_omit(value, self.scope)
                    .map_err(KeywordError::from)?
                {
                    given.insert(name, value);
                }
            }
        } else {
            match templar
                .render(self.params, self.scope)
                .map_err(KeywordError::from)?
            {
                Value::Object(entries) => given = entries,
                Value::Null => {}
                other => {
                    return Err(Called::failed(format!(
                        "the parameters of {} must be a mapping, not {}",
                        spec.name,
                        text(&other)
                    )));
                }
            }
        }
        Ok(coerce(spec, &given)?)
    }
}

/// What must be remembered could not be written down.
#[expect(clippy::needless_pass_by_value, reason = "made to be mapped with")]
fn not_written(error: JournalError) -> Called {
    Called::failed(format!(
        "the journal cannot be written, so nothing was changed: {error}"
    ))
}

/// The undo log of this run on `host`.
pub(super) fn undo_log(run: &TaskRun, host: &Host) -> Result<UndoLog, Called> {
    let scope = host_scope(&run.shared, host);
    let root = state_folder(&run.shared.templar, &scope).map_err(Called::failed)?;
    Ok(UndoLog::new(&root, run.shared.run.as_str()).under_lock(locks::of(host)))
}

/// Where a host keeps its undo logs: `windlass_state_dir`, by default `/var/lib/windlass`.
pub(super) fn state_folder(
    templar: &crate::template::Templar,
    scope: &Scope,
) -> Result<String, String> {
    match templar
        .variable("windlass_state_dir", scope)
        .map_err(|error| error.message)?
    {
        None => Ok("/var/lib/windlass".to_owned()),
        Some(Value::String(path)) if path.starts_with('/') => Ok(path),
        Some(other) => Err(format!(
            "`windlass_state_dir` must be an absolute path, not {other}"
        )),
    }
}

/// What check mode says of a change.
fn predicted(change: Change) -> Called {
    if change.opaque {
        return Called::NotInCheckMode;
    }
    Called::Done(Box::new(Outcome {
        changed: true,
        result: change.result,
        diff: change.diff,
        ..Outcome::default()
    }))
}

/// What `inspect` knew and `apply` did not say again.
fn merge(outcome: &mut Outcome, planned: Change) {
    for (name, value) in planned.result {
        outcome.result.entry(name).or_insert(value);
    }
    if outcome.diff.is_empty() {
        outcome.diff = planned.diff;
    }
}
