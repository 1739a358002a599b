//! Runs modules for real against a local shell, as the engine would: inspect, record the undo, apply.
//!
//! Only for tests. The connection here is as small as can be and knows nothing of users or limits.

use super::{
    Change, Context, Inspection, Module, ModuleError, Outcome, Remote, UndoScript, coerce,
};
use crate::connection::{ByteStream, Command, Connection, ConnectionError, Output, Upload};
use crate::kubernetes::{Clusters, Dial};
use crate::shell::{Become, quote};
use crate::template::{Scope, Templar};
use crate::undo::{Undo, UndoLog};
use async_trait::async_trait;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::AsyncWriteExt;

/// A shell on this machine.
#[derive(Debug)]
struct LocalShell {
    words: &'static [&'static str],
    /// Stands before PATH, so that busybox's tools are found first.
    tools: PathBuf,
    commands: AtomicU32,
}

#[async_trait]
impl Connection for LocalShell {
    async fn run(&self, command: Command) -> Result<Output, ConnectionError> {
        self.commands.fetch_add(1, Ordering::Relaxed);
        let path = std::env::var("PATH").unwrap();
        let mut child = tokio::process::Command::new(self.words[0])
            .args(&self.words[1..])
            .args(["-c", &command.script])
            .env("PATH", format!("{}:{path}", self.tools.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let content = command.stdin.unwrap_or_default();
        // A script that does not read its input closes it early; that is no failure.
        let feed = async move {
            let _ = stdin.write_all(&content).await;
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        let output = output.unwrap();
        Ok(Output {
            status: output.status.code().unwrap_or(128),
            stdout: output.stdout.into(),
            stderr: output.stderr.into(),
        })
    }

    async fn upload(&self, upload: Upload) -> Result<(), ConnectionError> {
        let path = upload.path.as_str();
        std::fs::write(path, &upload.content)
            .map_err(|error| ConnectionError::Upload(error.to_string()))?;
        let mode = upload.attributes.mode.unwrap_or("0644".to_owned());
        let script = format!("chmod {mode} {}", quote(path));
        self.run(Command::new(script)).await.map(drop)
    }

    async fn tunnel(&self, _: &str, _: u16) -> Result<Box<dyn ByteStream>, ConnectionError> {
        Err(ConnectionError::Unsupported("no tunnels here".to_owned()))
    }

    fn is_closed(&self) -> bool {
        false
    }

    async fn close(&self) {}
}

struct Nobody;

#[async_trait]
impl Dial for Nobody {
    async fn connection(
        &self,
        host: &str,
    ) -> Result<(Arc<dyn Connection>, Option<Become>), ConnectionError> {
        Err(ConnectionError::Unreachable(host.to_owned()))
    }
}

/// A throwaway host.
pub(super) struct Host {
    folder: tempfile::TempDir,
    /// For the controller's files.
    pub(super) controller: tempfile::TempDir,
    connection: Arc<LocalShell>,
    /// What modules get; a test may change it.
    pub(super) cx: Context,
    log: UndoLog,
    steps: AtomicU32,
}

impl Host {
    fn new(words: &'static [&'static str], outside: &tempfile::TempDir) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let controller = tempfile::tempdir().unwrap();
        let connection = Arc::new(LocalShell {
            words,
            tools: outside.path().to_owned(),
            commands: AtomicU32::new(0),
        });
        let scope = Scope {
            search: Arc::new(vec![controller.path().to_owned()]),
            ..Scope::default()
        };
        let remote = Remote::new(connection.clone(), None);
        let dial: Arc<dyn Dial> = Arc::new(Nobody);
        let cx = Context {
            host: "h1".to_owned(),
            run: "r1".to_owned(),
            remote,
            check: false,
            diff: true,
            scope,
            templar: Arc::new(Templar::new()),
            clusters: Arc::new(Clusters::new(dial.clone())),
            dial,
            progress: Arc::new(drop),
        };
        let log = UndoLog::new(&format!("{}/undo log", outside.path().display()), "r1");
        Self {
            folder,
            controller,
            connection,
            cx,
            log,
            steps: AtomicU32::new(0),
        }
    }

    /// A path on the host as text.
    pub(super) fn text(&self, name: &str) -> String {
        format!("{}/{name}", self.folder.path().display())
    }

    /// Puts a program before all others in the host's PATH.
    pub(super) fn tool(&self, name: &str, script: &str) {
        // Written by another process: a file that this one has open for writing, even in a child that another test
        // is just starting, cannot be executed.
        let status = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh"])
            .arg(self.connection.tools.join(name))
            .arg(script)
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// A file's content on the host.
    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.text(name)).unwrap()
    }

    /// How many times the host was spoken to so far.
    pub(super) fn round_trips(&self) -> u32 {
        self.connection.commands.load(Ordering::Relaxed)
    }

    /// `inspect` with parameters as a playbook gives them.
    pub(super) async fn inspect(
        &self,
        module: &dyn Module,
        params: Value,
    ) -> Result<Inspection, ModuleError> {
        let params = coerce(module.spec(), params.as_object().unwrap())?;
        module.inspect(&self.cx, &params).await
    }

    /// What is to be changed; it must be something.
    pub(super) async fn planned(&self, module: &dyn Module, params: Value) -> Change {
        match self.inspect(module, params).await.unwrap() {
            Inspection::Change(change) => change,
            Inspection::Done(outcome) => panic!("nothing to change: {outcome:?}"),
        }
    }

    /// `inspect`, record the undo, `apply`.
    pub(super) async fn apply(
        &self,
        module: &dyn Module,
        params: Value,
    ) -> Result<Outcome, ModuleError> {
        let coerced = coerce(module.spec(), params.as_object().unwrap())?;
        let change = match module.inspect(&self.cx, &coerced).await? {
            Inspection::Done(outcome) => return Ok(outcome),
            Inspection::Change(change) => change,
        };
        if let Undo::Entries(entries) = &change.undo {
            let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
            self.cx.remote.record_first(UndoScript {
                said: Arc::default(),
                intent: self.log.intent(step, &change.what, entries),
                become_user: None,
            });
        }
        module.apply(&self.cx, &coerced, change).await
    }

    /// The same; it must change something.
    pub(super) async fn change(&self, module: &dyn Module, params: Value) -> Outcome {
        let outcome = self.apply(module, params).await.unwrap();
        assert!(outcome.changed, "{outcome:?}");
        outcome
    }

    /// There must be nothing to change.
    pub(super) async fn done(&self, module: &dyn Module, params: Value) -> Outcome {
        match self.inspect(module, params).await.unwrap() {
            Inspection::Done(outcome) => outcome,
            Inspection::Change(change) => panic!("still to change: {change:?}"),
        }
    }

    /// Takes everything back.
    pub(super) async fn revert(&self) {
        let output = self
            .connection
            .run(Command::new(self.log.revert()))
            .await
            .unwrap();
        let report = UndoLog::parse_revert(&output.stdout_text());
        assert!(report.complete, "{report:?} {}", output.stderr_text());
    }

    /// All paths on the host with their modes, links' targets and files' contents.
    pub(super) fn snapshot(&self) -> Vec<String> {
        let script = "find . | sort | while IFS= read -r f; do\
            \n if [ -L \"$f\" ]; then echo \"$f -> $(readlink \"$f\")\";\
            \n elif [ -f \"$f\" ]; then echo \"$f $(stat -c %a \"$f\") $(cat \"$f\")\";\
            \n else echo \"$f $(stat -c %a \"$f\")\"; fi; done";
        let output = std::process::Command::new("sh")
            .args(["-c", script])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// Runs `test` on a fresh host under `sh` (dash, where that is the system's) and under busybox with busybox's tools.
pub(super) fn on_both(test: impl AsyncFn(Host)) {
    const APPLETS: &str = "awk base64 cat chgrp chmod chown cp cut date find grep head id ln ls \
        mkdir mktemp mv readlink rm rmdir sed sha1sum sha256sum sha512sum sh sort stat tail touch tr wc wget";
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outside = tempfile::tempdir().unwrap();
    runtime.block_on(test(Host::new(&["sh"], &outside)));
    let busybox = std::env::split_paths(&std::env::var("PATH").unwrap())
        .map(|folder| folder.join("busybox"))
        .find(|path| path.is_file());
    let Some(busybox) = busybox else { return };
    let outside = tempfile::tempdir().unwrap();
    for applet in APPLETS.split_whitespace() {
        std::os::unix::fs::symlink(&busybox, outside.path().join(applet)).unwrap();
    }
    runtime.block_on(test(Host::new(&["busybox", "sh"], &outside)));
}
