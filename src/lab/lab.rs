//! A running lab.
//!
//! This file puts the parts together. It must not know what a playbook does with the hosts.

use super::control::{Control, Message};
use super::error::LabError;
use super::fault::{self, Fault};
use super::folder::{self, LabFolder, Taken};
use super::host::{LabHostConfig, Observer, Role, provision};
use super::reboot;
use super::ssh::{HostKeys, HostServer, Shared, USER, client_key};
use super::standin;
use super::status::{self, HostStatus};
use crate::shell;
use indexmap::IndexMap;
use rayon::prelude::*;
use russh::keys::PrivateKey;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, JoinSet};

/// Changes that a slow listener may be behind; one that is further behind looks at all hosts again.
const CHANGES: usize = 64;

/// What a lab is to be.
#[derive(Debug, Clone)]
pub struct LabConfig {
    /// Where the lab keeps its state between runs. It must be empty, absent or a lab's.
    pub folder: PathBuf,
    /// Its hosts. Hosts of an earlier run that are not listed keep their folders and are not started.
    pub hosts: Vec<LabHostConfig>,
}

/// The API server on a control-plane host, as the cluster tells it to the lab.
#[derive(Clone)]
pub struct ApiServer {
    /// The lab host.
    pub host: String,
    /// The loopback address where it listens; the lab's hosts forward to it.
    pub endpoint: SocketAddr,
    /// The admin's kubeconfig, put where a real control plane has it.
    pub kubeconfig: String,
    /// The loopback ports of the host's controllers; the lab's hosts forward to them, too.
    pub health: Vec<u16>,
}

/// A lab that runs in this process. Everything in it ends when this is dropped; its state stays in its folder.
pub struct Lab {
    folder: LabFolder,
    hosts: Vec<LabHostConfig>,
    servers: Arc<IndexMap<String, HostServer>>,
    shared: Arc<Shared>,
    changes: broadcast::Sender<String>,
    listening: JoinHandle<()>,
    _taken: Taken,
}

impl Lab {
    /// Starts the lab: makes hosts that are not there yet, and listens for all of them.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        let made = tokio::task::spawn_blocking(move || make(config))
            .await
            .map_err(|error| LabError::io("cannot make the lab")(error.into()))??;
        raise_file_limit();
        let control = Control::open(&made.folder.control())?;
        let shared = Arc::new(Shared::new(
            made.client_key.public_key().clone(),
            made.folder.standins(),
        ));
        let mut servers = IndexMap::with_capacity(made.hosts.len());
        let mut known_hosts = String::new();
        for (host, key) in made.hosts.iter().zip(made.host_keys) {
            let what = || format!("cannot start lab host {:?}", host.name);
            let folder = made.folder.host(&host.name);
            let reachable = !fault::is_set(&folder, Fault::Unreachable);
            let public = key
                .public_key()
                .to_openssh()
                .map_err(|error| LabError::io(what())(std::io::Error::other(error)))?;
            let server = HostServer::start(folder, key, Arc::clone(&shared), reachable)
                .map_err(LabError::io(what()))?;
            let address = server.address();
            // Writing to a string cannot fail.
            writeln!(
                known_hosts,
                "[{}]:{} {public}",
                address.ip(),
                address.port()
            )
            .ok();
            servers.insert(host.name.clone(), server);
        }
        let path = made.folder.known_hosts();
        folder::write(&path, known_hosts.as_bytes(), folder::PLAIN)
            .map_err(LabError::io(format!("cannot write {}", path.display())))?;
        for (name, server) in &servers {
            let folder = made.folder.host(name);
            let what = || format!("cannot boot lab host {name:?}");
            reboot::finish_boot(&folder, server)
                .await
                .map_err(LabError::io(what()))?;
        }
        let servers = Arc::new(servers);
        let (changes, _) = broadcast::channel(CHANGES);
        let listening = tokio::spawn(listen(
            control,
            made.folder.clone(),
            Arc::clone(&servers),
            changes.clone(),
        ));
        Ok(Self {
            folder: made.folder,
            hosts: made.hosts,
            servers,
            shared,
            changes,
            listening,
            _taken: made.taken,
        })
    }

    /// The folder of this lab.
    pub fn folder(&self) -> &Path {
        self.folder.root()
    }

    /// The names of its hosts.
    pub(in crate::lab) fn hosts_named(&self) -> Vec<String> {
        self.hosts.iter().map(|host| host.name.clone()).collect()
    }

    /// The hosts of this lab.
    pub fn hosts(&self) -> &[LabHostConfig] {
        &self.hosts
    }

    /// The variables that make a connection, and roles, work with this lab host. They are plain values and belong on
    /// top of the host's other variables.
    pub fn variables(&self, host: &str) -> Result<Map<String, Value>, LabError> {
        let address = self.server(host)?.address();
        let folder = self.folder.host(host);
        let text = |path: PathBuf| Value::from(path.to_string_lossy().into_owned());
        let known_hosts = self.folder.known_hosts();
        let option = format!("UserKnownHostsFile={}", known_hosts.display());
        let role = self.hosts.iter().find(|other| other.name == host);
        // Relative to where commands start, so that it names each control plane's own file.
        let kubeconfig = match role.map(|host| host.role) {
            Some(Role::K3sServer | Role::K3sAgent) => "../../etc/rancher/k3s/k3s.yaml",
            _ => "../../etc/kubernetes/admin.conf",
        };
        Ok([
            ("ansible_connection", Value::from("ssh")),
            ("ansible_host", Value::from(address.ip().to_string())),
            ("ansible_port", Value::from(address.port())),
            ("ansible_user", Value::from(USER)),
            ("ansible_private_key_file", text(self.folder.client_key())),
            (
                "ansible_ssh_common_args",
                Value::from(format!("-o {}", shell::quote(&option))),
            ),
            ("lab_root", text(folder.root().to_owned())),
            ("bin_dir", text(folder.local_bin())),
            ("kubernetes_dir", text(folder.kubernetes())),
            ("preflight_root", text(folder.root().to_owned())),
            ("systemd_dir", text(folder.systemd())),
            ("data_dir", text(folder.k3s_data())),
            ("k3s_dir", text(folder.k3s())),
            ("kube_config", Value::from(kubeconfig)),
            ("windlass_state_dir", text(folder.windlass_state())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect())
    }

    /// Looks at the hosts for the cluster.
    pub fn observer(&self) -> Observer {
        Observer::new(self.folder.clone(), &self.hosts)
    }

    /// Tells the hosts where their API servers are: tunnels to them are allowed, and the admin's kubeconfig is put in
    /// its place on each control plane.
    pub fn attach(&self, servers: &[ApiServer]) -> Result<(), LabError> {
        for server in servers {
            self.server(&server.host)?;
            let host = self.folder.host(&server.host);
            let role = self.hosts.iter().find(|other| other.name == server.host);
            let path = match role.map(|host| host.role) {
                Some(Role::K3sServer) => host.k3s().join("k3s.yaml"),
                _ => host.kubernetes().join("admin.conf"),
            };
            let what = || format!("cannot write {}", path.display());
            folder::write(&path, server.kubeconfig.as_bytes(), folder::PRIVATE)
                .map_err(LabError::io(what()))?;
            for port in server.health.iter().chain([&server.endpoint.port()]) {
                self.shared.allow_port(*port);
            }
        }
        Ok(())
    }

    /// The names of hosts whose faults change, from now on.
    pub fn fault_changes(&self) -> broadcast::Receiver<String> {
        self.changes.subscribe()
    }

    /// Sets a fault of a host. Closing a port takes effect a moment later.
    pub fn set_fault(&self, host: &str, fault: Fault) -> Result<(), LabError> {
        fault::set_fault(self.folder.root(), host, fault)
    }

    /// Clears a fault of a host.
    pub fn clear_fault(&self, host: &str, fault: Fault) -> Result<(), LabError> {
        fault::clear_fault(self.folder.root(), host, fault)
    }

    /// The faults that a host has now.
    pub fn faults(&self, host: &str) -> Result<Vec<Fault>, LabError> {
        self.server(host)?;
        Ok(fault::of(&self.folder.host(host)))
    }

    /// What the hosts are like now.
    pub fn status(&self) -> Vec<HostStatus> {
        let hosts = self.hosts.iter();
        hosts.map(|host| status::of(&self.folder, host)).collect()
    }

    fn server(&self, host: &str) -> Result<&HostServer, LabError> {
        self.servers
            .get(host)
            .ok_or_else(|| LabError::UnknownHost(host.to_owned()))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.listening.abort();
        for server in self.servers.values() {
            server.stop();
        }
    }
}

/// A lab whose folder is complete.
pub(in crate::lab) struct Made {
    folder: LabFolder,
    taken: Taken,
    hosts: Vec<LabHostConfig>,
    client_key: PrivateKey,
    host_keys: Vec<PrivateKey>,
}

/// Checks the configuration and brings the folder up to it. Many hosts are made at the same time.
pub(in crate::lab) fn make(config: LabConfig) -> Result<Made, LabError> {
    let mut names = std::collections::HashSet::new();
    for host in &config.hosts {
        host.check()?;
        if !names.insert(&host.name) {
            return Err(LabError::DuplicateHost(host.name.clone()));
        }
    }
    let folder = LabFolder::new(&config.folder)?;
    let taken = folder.take()?;
    let what = |path: &Path| format!("cannot make {}", path.display());
    let (seed, client) = (folder.host_key_seed(), folder.client_key());
    let keys = HostKeys::open(&seed).map_err(LabError::io(what(&seed)))?;
    let client_key = client_key(&client).map_err(LabError::io(what(&client)))?;
    let standins = folder.standins();
    standin::install(&standins).map_err(LabError::io(what(&standins)))?;
    let host_keys = config.hosts.par_iter().map(|host| {
        let path = folder.host(&host.name);
        provision(&path, host).map_err(LabError::io(what(path.root())))?;
        Ok(keys.of(&host.name))
    });
    let host_keys = host_keys.collect::<Result<_, LabError>>()?;
    folder.write_record(&config.hosts)?;
    Ok(Made {
        folder,
        taken,
        hosts: config.hosts,
        client_key,
        host_keys,
    })
}

/// A thousand hosts need more open files than the usual soft limit of 1024. Where the hard limit is too low as well,
/// the hosts that find no more files say so.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let limit = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, limit).ok();
    }
}

/// Does what stand-ins and other processes ask for.
async fn listen(
    mut control: Control,
    folder: LabFolder,
    servers: Arc<IndexMap<String, HostServer>>,
    changes: broadcast::Sender<String>,
) {
    // What is under way ends with the lab.
    let mut boots = JoinSet::new();
    while let Ok(message) = control.next().await {
        match message {
            Message::Cut(name) => {
                if let Some(server) = servers.get(&name) {
                    server.cut();
                    // Without this file the stand-in goes on by itself after a while.
                    std::fs::write(folder.host(&name).cut_done(), "").ok();
                }
            }
            Message::Reboot(name) => {
                let (folder, servers) = (folder.host(&name), Arc::clone(&servers));
                boots.spawn(async move {
                    if let Some(server) = servers.get(&name) {
                        // A host whose folder cannot be written stays down.
                        reboot::reboot(&folder, server).await.ok();
                    }
                });
            }
            Message::Faults(name) => {
                if let Some(server) = servers.get(&name) {
                    let host = folder.host(&name);
                    server.set_reachable(!fault::is_set(&host, Fault::Unreachable));
                    // Nobody may be listening.
                    changes.send(name).ok();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
