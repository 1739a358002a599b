//! The words of the command line: one file per verb, and one for each group of options that verbs share.

mod bundle;
mod connection;
mod inventory;
mod lab;
mod lock;
mod plan;
mod rollback;
mod run;
mod runs;
mod show;
mod sources;
mod state;
mod verbs;

pub(super) use bundle::{BundleAction, BundleArgs, BundleCreate};
pub(super) use connection::ConnectionArgs;
pub(super) use inventory::InventoryArgs;
pub(super) use lab::{LabAction, LabArgs};
pub(super) use lock::{LockAction, LockArgs};
pub(super) use plan::PlanArgs;
pub(super) use rollback::RollbackArgs;
pub(super) use run::RunArgs;
pub(super) use runs::RunsArgs;
pub(super) use show::ShowArgs;
pub(super) use sources::Sources;
pub(super) use state::StateArgs;
pub use verbs::{Cli, Verb};
