//! Commands under way on one host, and how they are ended when nobody waits for them any more.
//!
//! A command whose future is dropped is ended on the host with everything it started: its task ran out of time, or the
//! user stopped the run at once. A command whose connection was lost is not: see `ending`.

use super::ending::ending_script;
use super::frame::{Frame, Input};
use super::process::Spawn;
use super::shell::{Gone, Shell};
use crate::connection::Output;
use crate::shell::Become;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// How long the host may take to end a command.
const LIMIT: Duration = Duration::from_secs(10);

/// Ends commands, beside whatever else goes on.
#[derive(Debug)]
pub(super) struct Endings {
    spawn: Arc<dyn Spawn>,
    under_way: Mutex<JoinSet<()>>,
}

impl Endings {
    /// Ends commands of the host that `spawn` reaches.
    pub(super) fn new(spawn: Arc<dyn Spawn>) -> Arc<Self> {
        Arc::new(Self {
            spawn,
            under_way: Mutex::default(),
        })
    }

    fn under_way(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends everything that the process started on the host. What cannot be ended is left to the host.
    async fn end(&self, user: Option<&Become>, pid: i64) {
        let Ok(frame) = Frame::new(&ending_script(pid), Input::Nothing) else {
            return;
        };
        let ending = async {
            if let Ok(shell) = Shell::start(self.spawn.as_ref(), user).await {
                drop(shell.run(frame).await);
            }
        };
        drop(timeout(LIMIT, ending).await);
    }

    /// Returns when all endings that were begun are over.
    pub(super) async fn over(&self) {
        let mut under_way = std::mem::take(&mut *self.under_way());
        while under_way.join_next().await.is_some() {}
    }
}

type Answer = Result<Output, Gone>;

/// A command under way. Dropping it ends the command on the host.
pub(super) struct UnderWay {
    endings: Arc<Endings>,
    user: Option<Become>,
    pid: i64,
    /// Reads what the process says, until it ends: a process that nobody reads from any more may be closed under its
    /// children, which would then be nobody's.
    reading: Option<JoinHandle<Answer>>,
}

impl UnderWay {
    /// Watches over a command of the process with this number.
    pub(super) fn new(
        endings: &Arc<Endings>,
        user: Option<&Become>,
        pid: i64,
        reading: impl Future<Output = Answer> + Send + 'static,
    ) -> Self {
        Self {
            endings: endings.clone(),
            user: user.cloned(),
            pid,
            reading: Some(tokio::spawn(reading)),
        }
    }

    /// The command's end.
    pub(super) async fn answer(&mut self) -> Answer {
        let Some(reading) = &mut self.reading else {
            return Err(Gone { exit: None });
        };
        let answer = reading.await;
        self.reading = None;
        answer.unwrap_or(Err(Gone { exit: None }))
    }

    /// Ends the command, and returns when that is done.
    pub(super) async fn end(mut self) {
        // Kept until the command was ended, as above.
        let reading = self.reading.take();
        self.endings.end(self.user.as_ref(), self.pid).await;
        if let Some(reading) = reading {
            reading.abort();
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some(reading) = self.reading.take().filter(|reading| !reading.is_finished()) else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (endings, user, pid) = (self.endings.clone(), self.user.take(), self.pid);
        let ending = async move {
            endings.end(user.as_ref(), pid).await;
            reading.abort();
        };
        let mut under_way = self.endings.under_way();
        // Those that are over need not be remembered.
        while under_way.try_join_next().is_some() {}
        under_way.spawn_on(ending, &runtime);
    }
}
