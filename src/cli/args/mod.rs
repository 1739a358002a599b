//! The words of the command line: one file per verb, and one for each group of options that verbs share.

mod bundle;
mod connection;
mod dress;
mod inventory;
mod lab;
mod plan;
mod playbook;
mod rollback;
mod run;
mod runs;
mod schedule;
mod settings;
mod show;
mod sources;
mod state;
mod vault;
mod verbs;
mod window;

pub(super) use bundle::{BundleAction, BundleArgs, BundleCreate};
pub(super) use connection::ConnectionArgs;
pub(super) use dress::parse;
pub(super) use inventory::InventoryArgs;
pub(super) use lab::{LabAction, LabArgs};
pub(super) use plan::PlanArgs;
pub(super) use playbook::PlaybookArgs;
pub(super) use rollback::RollbackArgs;
pub(super) use run::RunArgs;
pub(super) use runs::RunsArgs;
pub(super) use schedule::ScheduleArgs;
pub(super) use settings::SettingsArgs;
pub(super) use show::ShowArgs;
pub(super) use sources::Sources;
pub(super) use state::StateArgs;
pub(super) use vault::VaultArgs;
pub use verbs::{Cli, Verb};
pub(super) use window::WindowArgs;
