//! How hosts are reached.

use clap::Args;
use std::path::PathBuf;

/// How hosts are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Log in as this user.
    #[arg(
        id = "connection.user",
        short = 'u',
        long = "user",
        value_name = "USER"
    )]
    pub user: Option<String>,
    /// Log in with this private key.
    #[arg(
        id = "connection.private_key",
        long = "private-key",
        value_name = "FILE"
    )]
    pub private_key: Option<PathBuf>,
    /// Seconds to wait for a connection.
    #[arg(
        id = "connection.timeout",
        short = 'T',
        long = "timeout",
        value_name = "SECONDS"
    )]
    pub timeout: u32,
    /// TCP port of sshd.
    #[arg(id = "connection.port", long = "port", value_name = "PORT")]
    pub port: u32,
    /// How hosts are reached that do not say it themselves.
    #[arg(
        id = "connection.kind",
        short = 'c',
        long = "connection",
        value_name = "KIND"
    )]
    pub kind: String,
    /// Refuse host keys that are not known, remember those of new hosts, or do not check.
    #[arg(
        id = "connection.host_key_checking",
        long = "host-key-checking",
        value_name = "POLICY"
    )]
    pub host_key_checking: String,
    /// OpenSSH options that come before those of a host.
    #[arg(
        id = "connection.ssh_args",
        long = "ssh-args",
        value_name = "OPTIONS",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub ssh_args: Option<String>,
    /// OpenSSH options that come after those of a host, such as "-o ProxyJump=bastion".
    #[arg(
        id = "connection.ssh_common_args",
        long = "ssh-common-args",
        value_name = "OPTIONS",
        allow_hyphen_values = true
    )]
    pub ssh_common_args: Option<String>,
    /// More of them, which come last.
    #[arg(
        id = "connection.ssh_extra_args",
        long = "ssh-extra-args",
        value_name = "OPTIONS",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub ssh_extra_args: Option<String>,
    /// Become another user on the hosts.
    #[arg(id = "become.enabled", short = 'b', long = "become")]
    pub become_enabled: bool,
    /// Become this user.
    #[arg(id = "become.user", long = "become-user", value_name = "USER")]
    pub become_user: Option<String>,
    /// Become by this program.
    #[arg(id = "become.method", long = "become-method", value_name = "PROGRAM")]
    pub become_method: Option<String>,
    /// Read the password for becoming from the first line of this file.
    #[arg(
        id = "become.password_file",
        long = "become-password-file",
        value_name = "FILE",
        conflicts_with = "become.ask_password"
    )]
    pub become_password_file: Option<PathBuf>,
    /// Ask for the password for becoming.
    #[arg(id = "become.ask_password", short = 'K', long = "ask-become-pass")]
    pub ask_become_pass: bool,
}
