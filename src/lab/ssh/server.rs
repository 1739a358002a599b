//! The server of one host: its port, the connections it has, and whether it listens.
//!
//! This file must not know channels.

use super::connection::{Commands, Connection, Cuttable};
use super::handler::Answers;
use super::process::{self, Disk, kill_all_of};
use crate::lab::fault::{self, Fault};
use crate::lab::host::HostFolder;
use russh::MethodKind;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::Config;
use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The one user of a lab host.
pub(in crate::lab) const USER: &str = "lab";
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 64;
/// How long a server rests when the system has no more sockets for it.
const REST: Duration = Duration::from_millis(50);

/// What all hosts of a lab have in common.
pub(in crate::lab) struct Shared {
    /// The key that opens every host.
    pub(in crate::lab) client_key: PublicKey,
    /// The folder with the stand-ins, in every host's PATH.
    pub(in crate::lab) standins: PathBuf,
    ports: RwLock<BTreeSet<u16>>,
}

impl Shared {
    /// A lab that forwards nothing yet.
    pub(in crate::lab) fn new(client_key: PublicKey, standins: PathBuf) -> Self {
        Self {
            client_key,
            standins,
            ports: RwLock::default(),
        }
    }

    /// Allows tunnels to this loopback port.
    pub(in crate::lab) fn allow_port(&self, port: u16) {
        let mut ports = self.ports.write().unwrap_or_else(PoisonError::into_inner);
        ports.insert(port);
    }

    /// Whether a tunnel may lead to this loopback port.
    pub(super) fn may_forward(&self, port: u16) -> bool {
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        ports.contains(&port)
    }
}

/// A host as its connections see it.
pub(super) struct ServedHost {
    /// The host's folder.
    pub(super) folder: HostFolder,
    /// What it shares with the other hosts.
    pub(super) shared: Arc<Shared>,
    connections: Mutex<Vec<Weak<Connection>>>,
}

impl ServedHost {
    /// The environment of a command: short and the same on every machine.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let path = format!(
            "{}:{}:{}:/usr/bin:/bin:/usr/sbin:/sbin",
            text(self.folder.bin()),
            text(self.folder.local_bin()),
            self.shared.standins.display(),
        );
        [
            ("PATH", path),
            ("HOME", text(self.folder.home())),
            ("USER", USER.to_owned()),
            ("LOGNAME", USER.to_owned()),
            ("SHELL", "/bin/sh".to_owned()),
            ("TMPDIR", text(self.folder.tmp())),
            ("LAB_ROOT", text(self.folder.root().to_owned())),
            ("LANG", "C".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Whether the host has this fault.
    pub(super) fn has(&self, fault: Fault) -> bool {
        fault::is_set(&self.folder, fault)
    }

    /// Starts a command on the host.
    pub(super) fn start(&self, line: Option<&[u8]>) -> io::Result<Child> {
        let disk = if self.has(Fault::DiskFull) {
            Disk::Full
        } else {
            Disk::Free
        };
        process::start(line, &self.environment(), &self.folder.home(), disk)
    }

    fn connect(&self) -> Arc<Connection> {
        let connection = Arc::new(Connection::default());
        let mut connections = self.connections();
        connections.retain(|other| other.strong_count() > 0);
        connections.push(Arc::downgrade(&connection));
        connection
    }

    fn cut(&self, commands: Commands) {
        for connection in self.connections().drain(..) {
            if let Some(connection) = connection.upgrade() {
                connection.cut(commands);
            }
        }
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Connection>>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A host's SSH server. It ends, with its connections and their commands, when this is dropped.
pub(in crate::lab) struct HostServer {
    host: Arc<ServedHost>,
    address: SocketAddr,
    reachable: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl HostServer {
    /// Takes a free loopback port and, unless the host is not reachable, listens on it.
    pub(in crate::lab) fn start(
        folder: HostFolder,
        key: PrivateKey,
        shared: Arc<Shared>,
        reachable: bool,
    ) -> io::Result<Self> {
        let socket = bind(0)?;
        let address = socket.local_addr()?;
        let port = if reachable {
            Port::Open(socket.listen(BACKLOG)?)
        } else {
            Port::Held(socket)
        };
        let host = Arc::new(ServedHost {
            folder,
            shared,
            connections: Mutex::default(),
        });
        let (reachable, changes) = watch::channel(reachable);
        let accepting = tokio::spawn(accept(
            Arc::clone(&host),
            Arc::new(config(key)),
            port,
            address.port(),
            changes,
        ));
        Ok(Self {
            host,
            address,
            reachable,
            accepting,
        })
    }

    /// Where the server listens.
    pub(in crate::lab) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections now. Commands under way run to their end on the host.
    pub(in crate::lab) fn cut(&self) {
        self.host.cut(Commands::Complete);
    }

    /// What a power cut does to the network and the processes of a host: no connection, no command, a closed port.
    pub(in crate::lab) fn go_down(&self) {
        self.set_reachable(false);
        self.host.cut(Commands::End);
        kill_all_of(&self.host.folder);
    }

    /// Runs a command on the host, as its own boot does, and waits for it.
    pub(in crate::lab) async fn run(&self, line: &str) -> io::Result<()> {
        let child = self.host.start(Some(line.as_bytes()))?;
        child.wait_with_output().await?;
        Ok(())
    }

    /// Ends the server, its connections and their commands.
    pub(in crate::lab) fn stop(&self) {
        self.accepting.abort();
        self.host.cut(Commands::End);
    }

    /// Lets the host be reached or not. A host that is not has a closed port and no connections.
    pub(in crate::lab) fn set_reachable(&self, reachable: bool) {
        self.reachable.send_if_modified(|old| {
            let changed = *old != reachable;
            *old = reachable;
            changed
        });
    }
}

impl Drop for HostServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A host's port. It is kept while the host is unreachable, so that the host comes back under the same address.
enum Port {
    /// Connections are accepted.
    Open(TcpListener),
    /// Connections are refused, and nobody else can take the port.
    Held(TcpSocket),
}

fn bind(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Old connections that are still winding down would keep the port from being taken again.
    socket.set_reuseaddr(true)?;
    // So that the port can be bound for holding while it is still listened on, and nobody gets in between.
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

async fn accept(
    host: Arc<ServedHost>,
    config: Arc<Config>,
    mut port: Port,
    number: u16,
    mut reachable: watch::Receiver<bool>,
) {
    loop {
        let wanted = *reachable.borrow_and_update();
        if let Some(next) = switch(port, wanted, number, &host) {
            port = next;
        } else {
            return;
        }
        match &port {
            Port::Open(listener) => tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((socket, _)) => serve(&host, &config, socket),
                    Err(_) => tokio::time::sleep(REST).await,
                },
                changed = reachable.changed() => if changed.is_err() { return },
            },
            Port::Held(_) => {
                if reachable.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Brings the port into the wanted state. `None` when it cannot be held; then the host stays unreachable.
fn switch(port: Port, open: bool, number: u16, host: &ServedHost) -> Option<Port> {
    match (port, open) {
        (Port::Open(listener), false) => {
            let held = bind(number);
            drop(listener);
            host.cut(Commands::Complete);
            held.ok().map(Port::Held)
        }
        (Port::Held(socket), true) => socket.listen(BACKLOG).ok().map(Port::Open),
        (port, _) => Some(port),
    }
}

fn serve(host: &Arc<ServedHost>, config: &Arc<Config>, socket: TcpStream) {
    // Without this every small answer waits for the client's delayed acknowledgement.
    socket.set_nodelay(true).ok();
    let connection = host.connect();
    let stream = Cuttable::new(socket, Arc::clone(&connection));
    let answers = Answers::new(Arc::clone(host), connection);
    let config = Arc::clone(config);
    tokio::spawn(async move {
        // How a connection ends is the client's business; the server has nobody to tell.
        if let Ok(session) = russh::server::run_stream(config, stream, answers).await {
            session.await.ok();
        }
    });
}

fn config(key: PrivateKey) -> Config {
    Config {
        methods: [MethodKind::PublicKey].as_slice().into(),
        keys: vec![key],
        // There is nothing to guess on a throwaway host, and a test with a wrong key need not wait.
        auth_rejection_time: Duration::from_millis(20),
        auth_rejection_time_initial: Some(Duration::ZERO),
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    }
}
