//! From an address to a logged-in connection: TCP or a tunnel, handshake, host key, login.

use super::authentication::{Credentials, authenticate};
use super::channel::Link;
use super::client::{Client, ClientError, Notes};
use super::host::SshHost;
use super::settings::config;
use super::trust::{Place, Trust};
use crate::connection::{ConnectionError, Target};
use russh::client::{Handle, connect_stream};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Tries at a connection that is reset before the login: sshd's `MaxStartups` drops newcomers at random.
const ATTEMPTS: u32 = 5;

/// How long logging in may take; a key may have to be touched.
const LOGIN_LIMIT: Duration = Duration::from_mins(1);

/// One connection on the way to a target: the target itself, or one of its jump hosts.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    pub(crate) target: &'a Target,
    /// What to call it in messages.
    pub(crate) label: String,
    pub(crate) address: &'a str,
    pub(crate) port: u16,
    pub(crate) user: &'a str,
    /// Whether this is the target, which alone gets the password.
    pub(crate) last: bool,
    /// What it goes through.
    pub(crate) through: Option<Arc<SshHost>>,
    /// Most sessions at once.
    pub(crate) sessions: usize,
}

/// Why a handshake failed.
enum Failure {
    /// Cut off before the login: worth another try.
    Reset(String),
    /// Nobody answers: worth another try where the user says so.
    Silent(ConnectionError),
    Final(ConnectionError),
}

/// Connects and logs in.
pub(crate) async fn dial(route: Route<'_>) -> Result<SshHost, ConnectionError> {
    let trust = load_trust(&route).await?;
    let mut pause = Duration::from_millis(200);
    let mut attempt = 1;
    let mut calls = 1;
    let (mut handle, notes) = loop {
        match handshake(&route, &trust).await {
            Ok(connected) => break connected,
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Silent(error)) if calls >= route.target.attempts => return Err(error),
            Err(Failure::Silent(_)) => {
                // As OpenSSH: one try a second.
                tokio::time::sleep(Duration::from_secs(1)).await;
                calls += 1;
            }
            Err(Failure::Reset(why)) if attempt >= ATTEMPTS => {
                return Err(ConnectionError::Unreachable(format!(
                    "{}: {why}, {ATTEMPTS} times",
                    route.label
                )));
            }
            Err(Failure::Reset(_)) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
                attempt += 1;
            }
        }
    };
    if let Some(key) = notes.new_key() {
        let trust = trust.clone();
        blocking(move || trust.remember(&key)).await?;
    }
    let credentials = Credentials::new(route.target, route.user, route.last);
    let login = authenticate(&mut handle, &credentials);
    match tokio::time::timeout(LOGIN_LIMIT, login).await {
        Ok(Ok(())) => {}
        Ok(Err(words)) => {
            return Err(ConnectionError::Authentication(format!(
                "{}: {words}",
                route.label
            )));
        }
        Err(_) => {
            return Err(ConnectionError::Authentication(format!(
                "{}: the login took more than {} s",
                route.label,
                LOGIN_LIMIT.as_secs()
            )));
        }
    }
    let link = Link {
        handle: Arc::new(handle),
        notes,
    };
    Ok(SshHost::new(link, route.sessions, route.through))
}

async fn load_trust(route: &Route<'_>) -> Result<Trust, ConnectionError> {
    let place = Place {
        label: route.label.clone(),
        address: route.address.to_owned(),
        port: route.port,
    };
    let policy = route.target.host_key_policy;
    let files = route.target.known_hosts.clone();
    blocking(move || Trust::load(place, policy, &files)).await
}

/// Runs file work off the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ConnectionError> + Send + 'static,
) -> Result<T, ConnectionError> {
    let result = tokio::task::spawn_blocking(work).await;
    result.unwrap_or_else(|error| Err(ConnectionError::Unreachable(error.to_string())))
}

async fn handshake(route: &Route<'_>, trust: &Trust) -> Result<(Handle<Client>, Notes), Failure> {
    let limit = route.target.connect_timeout;
    let deadline = Instant::now() + limit;
    let notes = Notes::default();
    let client = Client {
        trust: trust.clone(),
        notes: notes.clone(),
    };
    let config = Arc::new(config(route.target.keepalive, &trust.algorithms()));
    let connecting = async {
        let connected = if let Some(jump) = &route.through {
            let tunnel = jump.link().tunnel(route.address, route.port).await;
            let stream = tunnel.map_err(|error| unreachable_through(route, &error))?;
            connect_stream(config, stream, client).await
        } else {
            let stream = tcp(route).await.map_err(|error| {
                Failure::Silent(unreachable(route, &error.to_string().to_lowercase()))
            })?;
            connect_stream(config, stream, client).await
        };
        connected.map_err(|error| classify(route, error))
    };
    match timeout_at(deadline, connecting).await {
        Ok(result) => result.map(|handle| (handle, notes)),
        Err(_) => Err(Failure::Silent(unreachable(
            route,
            &format!("no answer within {} s", limit.as_secs()),
        ))),
    }
}

/// Tries the host's addresses in turn.
async fn tcp(route: &Route<'_>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in tokio::net::lookup_host((route.address, route.port)).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn unreachable(route: &Route, why: &str) -> ConnectionError {
    let Route {
        label,
        address,
        port,
        ..
    } = route;
    ConnectionError::Unreachable(format!(
        "{label}: cannot connect to {address}:{port}: {why}"
    ))
}

fn unreachable_through(route: &Route, error: &ConnectionError) -> Failure {
    Failure::Final(unreachable(
        route,
        &format!("through the jump host: {error}"),
    ))
}

fn classify(route: &Route, error: ClientError) -> Failure {
    match error {
        ClientError::HostKey(words) => Failure::Final(ConnectionError::HostKey(words)),
        ClientError::Ssh(error) if is_reset(&error) => {
            Failure::Reset("the connection is cut off before the login".to_owned())
        }
        ClientError::Ssh(error) => {
            Failure::Final(unreachable(route, &error.to_string().to_lowercase()))
        }
    }
}

fn is_reset(error: &russh::Error) -> bool {
    match error {
        russh::Error::HUP | russh::Error::Disconnect => true,
        russh::Error::IO(error) => matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        ),
        _ => false,
    }
}
