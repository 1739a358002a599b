//! What a connection is made from.

use crate::connection::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// How a host is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Over SSH.
    Ssh,
    /// It is this machine.
    Local,
}

/// What to do about a host key that is not known. A key that contradicts a known one is refused by the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostKeyPolicy {
    /// Refuse it.
    #[default]
    Strict,
    /// Accept and remember the key of a host of which no key is known.
    AcceptNew,
    /// Do not check at all.
    Off,
}

/// A host to go through.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Jump {
    /// Name or address.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Login user.
    pub user: String,
}

/// When a silent connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// After this much silence a question is sent; zero sends none.
    pub interval: Duration,
    /// After so many questions without an answer the connection is lost.
    pub count: u32,
}

/// Where a host is and how to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name in the inventory, for messages.
    pub host: String,
    /// How it is reached; what follows is for SSH.
    pub kind: Kind,
    /// Name or address; host keys are known by it.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Login user.
    pub user: String,
    /// For the methods password and keyboard-interactive.
    pub password: Option<Secret>,
    /// Private keys to log in with, in order.
    pub identity_files: Vec<PathBuf>,
    /// The folder of the usual keys (`~/.ssh`), which are tried when no key is named.
    pub usual_keys: Option<PathBuf>,
    /// Whether only `identity_files` may be used (`IdentitiesOnly`).
    pub identities_only: bool,
    /// For encrypted private keys.
    pub passphrase: Option<Secret>,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
    /// Hosts to go through, first hop first. They use the same keys, agent and host key settings, and no password.
    pub jumps: Vec<Jump>,
    /// Files of known host keys; new keys are written to the first.
    pub known_hosts: Vec<PathBuf>,
    /// What to do about unknown host keys.
    pub host_key_policy: HostKeyPolicy,
    /// For reaching the host and agreeing on keys.
    pub connect_timeout: Duration,
    /// How often reaching it is tried, a second apart (`ConnectionAttempts`).
    pub attempts: u32,
    /// When a silent connection is given up.
    pub keepalive: Keepalive,
}

/// What holds where a host's variables say nothing: the command line, the environment, the settings.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The connection's kind by name (`-c`).
    pub connection: String,
    /// Login user (`-u`); else the local user.
    pub user: String,
    /// TCP port.
    pub port: u16,
    /// Login password (`-k`).
    pub password: Option<Secret>,
    /// Private key (`--private-key`).
    pub private_key_file: Option<PathBuf>,
    /// Connection timeout (`-T`).
    pub connect_timeout: Duration,
    /// What to do about unknown host keys.
    pub host_key_policy: HostKeyPolicy,
    /// OpenSSH options that come before a host's variables (`ssh_args`).
    pub ssh_args: String,
    /// OpenSSH options that come after them (`--ssh-common-args`).
    pub common_args: String,
    /// More of them (`--ssh-extra-args`).
    pub extra_args: String,
    /// The home folder, for `~` and for the usual keys and known hosts.
    pub home: Option<PathBuf>,
    /// The agent's socket (`SSH_AUTH_SOCK`).
    pub agent: Option<PathBuf>,
}

impl Default for Defaults {
    /// Without a look at the environment.
    fn default() -> Self {
        Self {
            connection: "ssh".to_owned(),
            user: "root".to_owned(),
            port: 22,
            password: None,
            private_key_file: None,
            connect_timeout: Duration::from_secs(10),
            host_key_policy: HostKeyPolicy::Strict,
            ssh_args: String::new(),
            common_args: String::new(),
            extra_args: String::new(),
            home: None,
            agent: None,
        }
    }
}

impl Defaults {
    /// With the local user, home folder and agent of the environment.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let user = variable("USER").or_else(|| variable("LOGNAME"));
        Self {
            user: user.unwrap_or_else(|| "root".to_owned()),
            home: std::env::home_dir(),
            agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
            ..Self::default()
        }
    }
}
