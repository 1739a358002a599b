//! How hosts are reached.

use clap::Args;
use std::path::PathBuf;

/// How hosts are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Log in as this user.
    #[arg(short = 'u', long = "user", value_name = "USER")]
    pub user: Option<String>,
    /// Log in with this private key.
    #[arg(long, value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Seconds to wait for a connection.
    #[arg(short = 'T', long, value_name = "SECONDS", default_value_t = 10)]
    pub timeout: u64,
    /// Become another user on the hosts.
    #[arg(short = 'b', long = "become")]
    pub become_enabled: bool,
    /// Become this user [default: root].
    #[arg(long, value_name = "USER")]
    pub become_user: Option<String>,
    /// Become by this program.
    #[arg(long, value_name = "PROGRAM", value_parser = ["sudo", "su", "doas"])]
    pub become_method: Option<String>,
    /// Read the password for becoming from the first line of this file.
    #[arg(long, value_name = "FILE", conflicts_with = "ask_become_pass")]
    pub become_password_file: Option<PathBuf>,
    /// Ask for the password for becoming.
    #[arg(short = 'K', long)]
    pub ask_become_pass: bool,
}
