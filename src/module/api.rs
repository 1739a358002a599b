//! What a module is.

use super::{Context, Params};
use crate::connection::ConnectionError;
use crate::playbook::Spec;
use crate::template::Variables;
use crate::undo::Undo;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value};

/// One module.
#[async_trait]
pub trait Module: Send + Sync {
    /// Its name and parameters.
    fn spec(&self) -> &'static Spec;

    /// Parameters whose values are secret whatever they look like; others are known by names such as `password`.
    fn secret_parameters(&self) -> &'static [&'static str] {
        &[]
    }

    /// Parameters that are expressions or the names of variables: the engine hands them over as they were written.
    fn raw_parameters(&self) -> &'static [&'static str] {
        &[]
    }

    /// Finds out what differs, and changes nothing. Check mode ends here.
    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError>;

    /// Makes the change. Its undo was handed to `cx.remote`, which records it on the host before the first command of the change runs.
    async fn apply(
        &self,
        cx: &Context,
        params: &Params,
        change: Change,
    ) -> Result<Outcome, ModuleError>;

    /// After a connection was lost in mid-change: whether `found` shows that `planned` was carried out.
    ///
    /// A change that leaves no lasting difference, such as a restart, compares what it noted in its plan.
    fn was_applied(&self, planned: &Change, found: &Inspection) -> bool {
        let _ = planned;
        matches!(found, Inspection::Done(_))
    }
}

/// What `inspect` found.
#[derive(Debug)]
pub enum Inspection {
    /// All is as it should be; or the module only looks.
    Done(Outcome),
    /// Something is to be changed.
    Change(Change),
}

/// What is to be changed.
#[derive(Debug, Default)]
pub struct Change {
    /// What changes, in a few words: `replace /usr/local/bin/kubelet`.
    pub what: String,
    /// Return values known by now; check mode returns these with `changed: true`.
    pub result: Map<String, Value>,
    /// Differences, each as unified text with file headers.
    pub diff: Vec<String>,
    /// How it is taken back.
    pub undo: Undo,
    /// Whether check mode cannot tell what would happen (`command`): the task is then skipped there.
    pub opaque: bool,
    /// What `inspect` hands to `apply`, in the module's own form.
    pub plan: Value,
    /// Bytes that `inspect` prepared for `apply`, such as a file's new content.
    pub payload: Option<Bytes>,
}

/// What a module returns.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Whether it changed anything.
    pub changed: bool,
    /// Whether it was not to be done after all (`creates` is there).
    pub skipped: bool,
    /// Return values as Ansible documents them; without `changed`, `failed` and `skipped`.
    pub result: Map<String, Value>,
    /// Differences that only `apply` could know.
    pub diff: Vec<String>,
    /// Facts for the host: variables of facts' strength, literal.
    pub facts: Map<String, Value>,
    /// Variables for the host of the same strength that may hold templates (`include_vars`).
    pub variables: Variables,
    /// From this `-v` level on the result is shown even when nothing is wrong; `debug` has 0.
    pub verbosity: Option<u8>,
}

/// Why a module did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// It failed; the values are returned beside `msg`.
    #[error("{message}")]
    Failed {
        /// What went wrong, for `msg`.
        message: String,
        /// Return values such as `rc`, `stdout`, `stderr`.
        result: Map<String, Value>,
    },
    /// The connection failed.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The inverse could not be recorded on the host, so nothing was changed.
    #[error("the undo log could not be written, so nothing was changed: {0}")]
    UndoLog(String),
}

impl ModuleError {
    /// A failure with a message only.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            result: Map::new(),
        }
    }
}
