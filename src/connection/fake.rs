//! A scripted connection for tests of other rooms.

use super::{ByteStream, Command, Connection, ConnectionError, Output, Upload};
use async_trait::async_trait;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

type Answer = Result<Output, ConnectionError>;
type Tunnel = Box<dyn Fn() -> Result<Box<dyn ByteStream>, ConnectionError> + Send + Sync>;

/// A host that gives prepared answers and remembers what it was asked.
///
/// The first rule whose text is part of the script answers; rules made by `once` are used up. A command that no rule
/// fits is an error, so that a test cannot pass by accident; `otherwise` changes that.
#[derive(Default)]
pub struct Fake {
    rules: Mutex<Vec<Rule>>,
    otherwise: Option<Output>,
    tunnels: Vec<(u16, Tunnel)>,
    commands: Mutex<Vec<Command>>,
    uploads: Mutex<Vec<Upload>>,
    upload_error: Mutex<Option<ConnectionError>>,
    closed: AtomicBool,
}

struct Rule {
    pattern: String,
    answer: Answer,
    once: bool,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    /// A host that knows no answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers each script that contains `pattern`.
    #[must_use]
    pub fn on(self, pattern: impl Into<String>, output: Output) -> Self {
        self.rule(pattern.into(), Ok(output), false)
    }

    /// Answers the first script that contains `pattern`; later ones go on to the next rule.
    #[must_use]
    pub fn once(self, pattern: impl Into<String>, output: Output) -> Self {
        self.rule(pattern.into(), Ok(output), true)
    }

    /// Fails each script that contains `pattern`.
    #[must_use]
    pub fn fail(self, pattern: impl Into<String>, error: ConnectionError) -> Self {
        self.rule(pattern.into(), Err(error), false)
    }

    /// Answers what no rule fits.
    #[must_use]
    pub fn otherwise(mut self, output: Output) -> Self {
        self.otherwise = Some(output);
        self
    }

    /// Fails every upload.
    #[must_use]
    pub fn fail_uploads(self, error: ConnectionError) -> Self {
        *lock(&self.upload_error) = Some(error);
        self
    }

    /// Opens tunnels to `port`, whatever the host.
    #[must_use]
    pub fn on_tunnel(
        mut self,
        port: u16,
        open: impl Fn() -> Result<Box<dyn ByteStream>, ConnectionError> + Send + Sync + 'static,
    ) -> Self {
        self.tunnels.push((port, Box::new(open)));
        self
    }

    /// From now on the connection is lost.
    pub fn lose(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// The commands so far.
    pub fn commands(&self) -> Vec<Command> {
        lock(&self.commands).clone()
    }

    /// The scripts so far.
    pub fn scripts(&self) -> Vec<String> {
        lock(&self.commands)
            .iter()
            .map(|c| c.script.clone())
            .collect()
    }

    /// The uploads so far.
    pub fn uploads(&self) -> Vec<Upload> {
        lock(&self.uploads).clone()
    }

    fn rule(self, pattern: String, answer: Answer, once: bool) -> Self {
        lock(&self.rules).push(Rule {
            pattern,
            answer,
            once,
        });
        self
    }

    fn check_open(&self) -> Result<(), ConnectionError> {
        if self.is_closed() {
            return Err(ConnectionError::Lost("the connection is gone".to_owned()));
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Connection for Fake {
    async fn run(&self, command: Command) -> Result<Output, ConnectionError> {
        self.check_open()?;
        lock(&self.commands).push(command.clone());
        let mut rules = lock(&self.rules);
        let found = rules
            .iter()
            .position(|rule| command.script.contains(&rule.pattern));
        match found {
            Some(place) if rules[place].once => rules.remove(place).answer,
            Some(place) => rules[place].answer.clone(),
            None => self.otherwise.clone().ok_or_else(|| {
                ConnectionError::Unsupported(format!(
                    "no answer is prepared for: {}",
                    command.script
                ))
            }),
        }
    }

    async fn upload(&self, upload: Upload) -> Result<(), ConnectionError> {
        self.check_open()?;
        lock(&self.uploads).push(upload);
        match &*lock(&self.upload_error) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    async fn tunnel(&self, host: &str, port: u16) -> Result<Box<dyn ByteStream>, ConnectionError> {
        self.check_open()?;
        match self.tunnels.iter().find(|(at, _)| *at == port) {
            Some((_, open)) => open(),
            None => Err(ConnectionError::TunnelEnd(format!(
                "{host}:{port}: connection refused"
            ))),
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    async fn close(&self) {
        self.lose();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rules_answer_in_order_and_requests_are_kept() {
        let fake = Fake::new()
            .once("uname", Output::failure(1, "not yet"))
            .on("uname", Output::success("Linux"));
        let run = |script: &'static str| fake.run(Command::new(script));
        assert_eq!(run("uname -s").await.unwrap().status, 1);
        assert_eq!(run("uname -s").await.unwrap().stdout_text(), "Linux");
        assert!(matches!(
            run("id").await,
            Err(ConnectionError::Unsupported(_))
        ));
        assert_eq!(fake.scripts(), ["uname -s", "uname -s", "id"]);
        fake.lose();
        assert!(matches!(run("id").await, Err(ConnectionError::Lost(_))));
        assert!(fake.is_closed());
    }

    #[tokio::test]
    async fn tunnels_are_opened_by_port() {
        let fake = Fake::new().on_tunnel(6443, || Ok(Box::new(tokio::io::duplex(64).0)));
        assert!(fake.tunnel("127.0.0.1", 6443).await.is_ok());
        assert!(matches!(
            fake.tunnel("127.0.0.1", 1).await,
            Err(ConnectionError::TunnelEnd(_))
        ));
    }
}
