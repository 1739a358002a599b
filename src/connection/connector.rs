//! From targets to connections, many at once.

use super::ssh::{Route, SshHost, dial};
use super::{Connection, ConnectionError, Jump, Kind, Local, Target};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

/// How much goes on at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Handshakes under way. sshd drops newcomers from 10 on (`MaxStartups`), which tells on jump hosts.
    pub handshakes: usize,
    /// Sessions per connection. sshd allows 10 (`MaxSessions`); ending a command may take one more.
    pub sessions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshakes: 8,
            sessions: 8,
        }
    }
}

/// Makes connections. Jump hosts are connected once and shared by all hosts behind them.
#[derive(Debug)]
pub struct Connector {
    limits: Limits,
    handshakes: Semaphore,
    jumps: Mutex<HashMap<JumpKey, Arc<JumpSlot>>>,
}

/// One jump host; the lock is held while it is connected, so that the others wait for it.
type JumpSlot = AsyncMutex<Option<Arc<SshHost>>>;

/// What makes two ways to a jump host the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct JumpKey {
    hops: Vec<Jump>,
    identity_files: Vec<PathBuf>,
    known_hosts: Vec<PathBuf>,
    checked: bool,
}

impl Default for Connector {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Connector {
    /// With these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            handshakes: Semaphore::new(limits.handshakes.max(1)),
            jumps: Mutex::new(HashMap::new()),
        }
    }

    /// Connects and logs in.
    pub async fn connect(&self, target: &Target) -> Result<Arc<dyn Connection>, ConnectionError> {
        if target.kind == Kind::Local {
            return Ok(Arc::new(Local::new()));
        }
        // The way there first: while it waits for its own turn it must hold no place among the handshakes.
        let through = self.jump_to(target, target.jumps.len()).await?;
        let host = self
            .dial(Route {
                target,
                label: target.host.clone(),
                address: &target.address,
                port: target.port,
                user: &target.user,
                last: true,
                through,
                sessions: self.limits.sessions.max(1),
            })
            .await?;
        Ok(Arc::new(host))
    }

    async fn dial(&self, route: Route<'_>) -> Result<SshHost, ConnectionError> {
        let _turn = self.handshakes.acquire().await;
        dial(route).await
    }

    /// A connection to the last of the first `count` jump hosts.
    async fn jump_to(
        &self,
        target: &Target,
        count: usize,
    ) -> Result<Option<Arc<SshHost>>, ConnectionError> {
        let mut through: Option<Arc<SshHost>> = None;
        for (place, jump) in target.jumps[..count].iter().enumerate() {
            let slot = self.slot(target, place + 1);
            let mut slot = slot.lock().await;
            if let Some(host) = slot.as_ref().filter(|host| !host.is_closed()) {
                through = Some(host.clone());
                continue;
            }
            let host = self
                .dial(Route {
                    target,
                    label: format!("jump host {} of {}", jump.address, target.host),
                    address: &jump.address,
                    port: jump.port,
                    user: &jump.user,
                    last: false,
                    through,
                    sessions: self.limits.sessions.max(1),
                })
                .await?;
            let host = Arc::new(host);
            *slot = Some(host.clone());
            through = Some(host);
        }
        Ok(through)
    }

    fn slot(&self, target: &Target, count: usize) -> Arc<JumpSlot> {
        let key = JumpKey {
            hops: target.jumps[..count].to_vec(),
            identity_files: target.identity_files.clone(),
            known_hosts: target.known_hosts.clone(),
            checked: target.host_key_policy != super::HostKeyPolicy::Off,
        };
        let mut jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
        jumps.entry(key).or_default().clone()
    }
}
