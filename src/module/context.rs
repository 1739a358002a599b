//! What a module may use.

use super::ModuleError;
use crate::connection::{Command, Connection, Output, Upload};
use crate::kubernetes::{Clusters, Dial, Progress};
use crate::shell::{Become, quote};
use crate::template::Scope;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The host a module works on, as the task wants to be there.
#[derive(Debug)]
pub struct Remote {
    /// The connection; shared by all tasks of the host.
    pub connection: Arc<dyn Connection>,
    /// Whom the task becomes.
    pub become_user: Option<Become>,
    /// The task's `environment`.
    pub environment: Vec<(String, String)>,
    /// The task's `timeout`.
    pub timeout: Option<Duration>,
    /// Shell text that records the undo; runs once, before the first command of a change.
    undo: Mutex<Option<UndoScript>>,
}

/// How a change is announced on the host.
#[derive(Debug, Clone)]
pub struct UndoScript {
    /// Records the intent; must succeed before anything changes.
    pub intent: String,
    /// Whom to become to record it.
    pub become_user: Option<Become>,
    /// What the host printed as it was recorded; shared by all copies.
    pub said: Arc<Mutex<String>>,
}

impl Remote {
    /// A remote without an undo script.
    pub fn new(connection: Arc<dyn Connection>, become_user: Option<Become>) -> Self {
        Self {
            connection,
            become_user,
            environment: Vec::new(),
            timeout: None,
            undo: Mutex::new(None),
        }
    }

    /// Has `undo` recorded before the next command or upload.
    pub fn record_first(&self, undo: UndoScript) {
        *self.undo.lock().unwrap_or_else(PoisonError::into_inner) = Some(undo);
    }

    /// Whether the undo is still to be recorded, so that nothing was changed yet.
    pub fn undo_is_pending(&self) -> bool {
        self.pending().is_some()
    }

    fn pending(&self) -> Option<UndoScript> {
        self.undo
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs a script as the task's user, with its environment and limit.
    pub async fn run(&self, script: impl Into<String>) -> Result<Output, ModuleError> {
        self.command(Command::new(script)).await
    }

    /// Runs a command; its user, limit and environment are the task's.
    pub async fn command(&self, mut command: Command) -> Result<Output, ModuleError> {
        let exports: String = self
            .environment
            .iter()
            .map(|(name, value)| format!("export {name}={}\n", quote(value)))
            .collect();
        command.script = exports + &command.script;
        command.become_user.clone_from(&self.become_user);
        command.timeout = command.timeout.or(self.timeout);
        self.record().await?;
        Ok(self.connection.run(command).await?)
    }

    /// Puts a file in place as the task's user.
    pub async fn upload(&self, mut upload: Upload) -> Result<(), ModuleError> {
        upload.become_user.clone_from(&self.become_user);
        self.record().await?;
        Ok(self.connection.upload(upload).await?)
    }

    /// Records the undo on the host now, if that is still to be done: for changes that no command on the host makes.
    pub async fn record(&self) -> Result<(), ModuleError> {
        let undo = self.pending();
        let Some(undo) = undo else { return Ok(()) };
        let mut command = Command::new(undo.intent);
        command.become_user = undo.become_user;
        let output = self.connection.run(command).await?;
        *undo.said.lock().unwrap_or_else(PoisonError::into_inner) = output.stdout_text();
        if output.status == 0 {
            *self.undo.lock().unwrap_or_else(PoisonError::into_inner) = None;
            Ok(())
        } else {
            Err(ModuleError::UndoLog(output.stderr_text().trim().to_owned()))
        }
    }
}

/// What a module may use.
pub struct Context {
    /// The host's name in the inventory.
    pub host: String,
    /// The run's id.
    pub run: String,
    /// The host as the task wants to be there.
    pub remote: Remote,
    /// Nothing may be changed.
    pub check: bool,
    /// Differences are wanted.
    pub diff: bool,
    /// What names mean for the task: for modules that render templates or look for files.
    pub scope: Scope,
    /// Renders templates.
    pub templar: Arc<crate::template::Templar>,
    /// Reaches other hosts, for the Kubernetes API.
    pub dial: Arc<dyn Dial>,
    /// The run's Kubernetes clusters, opened on first use.
    pub clusters: Arc<Clusters>,
    /// Says where a long action is.
    pub progress: Progress,
}
