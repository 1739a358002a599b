//! `windlass settings`.

use clap::Args;

/// `windlass settings`.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// Only this setting, such as run.forks, or all of a table, such as connection.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Only those that are not as they would be without files and environment.
    #[arg(long)]
    pub changed: bool,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}
