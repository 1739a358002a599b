//! The shells of one host, kept and reused, and the commands on them.

use super::frame::{Frame, Input};
use super::process::Spawn;
use super::shell::{Gone, Shell, run_single, start_single};
use super::under_way::{Endings, UnderWay};
use super::upload;
use crate::connection::{Command, ConnectionError, Output, Upload};
use crate::shell::Become;
use bytes::Bytes;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Input up to this size, in bytes, travels inside the frame.
const SMALL_INPUT: usize = 64 * 1024;

/// How long a connection that is closed waits for commands that were dropped at the same moment.
const CLOSING_LIMIT: Duration = Duration::from_secs(1);

/// How often a process is asked for again when the server has no room for it.
const ROOM_ATTEMPTS: u32 = 20;

/// Everything that runs on one host.
#[derive(Debug)]
pub(crate) struct Sessions {
    spawn: Arc<dyn Spawn>,
    /// One permit per command under way.
    running: Semaphore,
    limit: usize,
    /// Shells that wait for a command, the one used last at the end.
    idle: Mutex<Vec<(Option<Become>, Arc<Shell>)>>,
    endings: Arc<Endings>,
}

impl Sessions {
    /// At most `limit` processes at once, running and waiting shells together. sshd allows 10 by default (`MaxSessions`).
    pub(crate) fn new(spawn: Arc<dyn Spawn>, limit: usize) -> Self {
        Self {
            endings: Endings::new(spawn.clone()),
            spawn,
            running: Semaphore::new(limit),
            limit,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, command: Command) -> Result<Output, ConnectionError> {
        if let Some(why) = self.spawn.gone() {
            return Err(ConnectionError::Lost(why));
        }
        let _running = self.running.acquire().await.map_err(|_| closed())?;
        let user = command.become_user.as_ref();
        match &command.stdin {
            Some(data) if data.len() > SMALL_INPUT => {
                let frame = Frame::new(&command.script, Input::Rest)?;
                self.run_alone(user, frame, data.clone(), command.timeout)
                    .await
            }
            Some(data) => {
                let frame = Frame::new(&command.script, Input::Bytes(data))?;
                self.run_framed(user, frame, command.timeout).await
            }
            None => {
                let frame = Frame::new(&command.script, Input::Nothing)?;
                self.run_framed(user, frame, command.timeout).await
            }
        }
    }

    /// Puts a file in place.
    pub(crate) async fn upload(&self, upload: Upload) -> Result<(), ConnectionError> {
        let output = self.run(upload::command(&upload)).await?;
        upload::judge(&upload, &output)
    }

    /// Refuses further commands, ends those that nobody waits for any more, and all waiting shells.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(self.limit).unwrap_or(u32::MAX);
        // A task that was just stopped may be about to drop its command.
        let dropped = timeout(CLOSING_LIMIT, self.running.acquire_many(all)).await;
        self.running.close();
        drop(dropped);
        self.endings.over().await;
        self.idle().clear();
    }

    async fn run_framed(
        &self,
        user: Option<&Become>,
        frame: Frame,
        limit: Option<Duration>,
    ) -> Result<Output, ConnectionError> {
        let shell = self.shell(user).await?;
        let reading = {
            let shell = shell.clone();
            async move { shell.run(frame).await }
        };
        let command = UnderWay::new(&self.endings, user, shell.pid(), reading);
        let output = self.ended(command, limit).await?;
        if shell.is_alive() && !self.running.is_closed() {
            self.idle().push((user.cloned(), shell));
        }
        Ok(output)
    }

    async fn run_alone(
        &self,
        user: Option<&Become>,
        frame: Frame,
        input: Bytes,
        limit: Option<Duration>,
    ) -> Result<Output, ConnectionError> {
        let (mut process, pid) = self
            .with_room(|| None, || start_single(self.spawn.as_ref(), user))
            .await?;
        let reading = async move { run_single(&mut process, &frame, &input).await };
        let command = UnderWay::new(&self.endings, user, pid, reading);
        self.ended(command, limit).await
    }

    /// Waits for a command's end, or ends it at the limit.
    async fn ended(
        &self,
        mut command: UnderWay,
        limit: Option<Duration>,
    ) -> Result<Output, ConnectionError> {
        match within(limit, command.answer()).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(gone)) => Err(self.lost(&gone)),
            Err(limit) => {
                command.end().await;
                Err(ConnectionError::TimedOut(limit))
            }
        }
    }

    /// A waiting shell of this user, or a new one.
    async fn shell(&self, user: Option<&Become>) -> Result<Arc<Shell>, ConnectionError> {
        let start = || {
            let starting = Shell::start(self.spawn.as_ref(), user);
            async move { starting.await.map(Arc::new) }
        };
        self.with_room(|| self.waiting(user), start).await
    }

    /// A shell of this user that waits for a command.
    fn waiting(&self, user: Option<&Become>) -> Option<Arc<Shell>> {
        let mut idle = self.idle();
        loop {
            let place = idle.iter().rposition(|(of, _)| of.as_ref() == user)?;
            let (_, shell) = idle.remove(place);
            if shell.is_alive() {
                return Some(shell);
            }
        }
    }

    /// Starts a process, unless there is one by then; waiting shells of other users make room for it.
    async fn with_room<T, Fut>(
        &self,
        ready: impl Fn() -> Option<T>,
        start: impl Fn() -> Fut,
    ) -> Result<T, ConnectionError>
    where
        Fut: Future<Output = Result<T, ConnectionError>>,
    {
        let mut attempt = 0;
        loop {
            if let Some(ready) = ready() {
                return Ok(ready);
            }
            {
                let mut idle = self.idle();
                let running = self.limit - self.running.available_permits().min(self.limit);
                while !idle.is_empty() && (idle.len() + running > self.limit || attempt > 0) {
                    idle.remove(0);
                }
            }
            match start().await {
                // The server allows fewer sessions than we do: one that is just ending may leave its place.
                Err(ConnectionError::Unsupported(_)) if attempt < ROOM_ATTEMPTS => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                result => return result,
            }
        }
    }

    fn lost(&self, gone: &Gone) -> ConnectionError {
        ConnectionError::Lost(match (self.spawn.gone(), gone.exit) {
            (Some(why), _) => why,
            (None, Some(status)) => {
                format!("the host's shell ended with status {status} before the command did")
            }
            (None, None) => "the host's shell ended before the command did".to_owned(),
        })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Option<Become>, Arc<Shell>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> ConnectionError {
    ConnectionError::Lost("the connection was closed here".to_owned())
}

/// Awaits with or without a limit; the limit comes back when it was reached.
async fn within<T>(
    limit: Option<Duration>,
    future: impl Future<Output = T>,
) -> Result<T, Duration> {
    match limit {
        Some(limit) => timeout(limit, future).await.map_err(|_| limit),
        None => Ok(future.await),
    }
}
