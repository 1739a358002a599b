//! The command line: one file per verb, settings from flags and environment, errors as the user reads them.

mod args;
mod bundle;
mod conduct;
mod error;
mod extra_vars;
mod history;
mod input;
mod inventory;
mod lab;
mod labs;
mod list;
mod lock;
mod output;
mod page;
mod parting;
mod plan;
mod plan_input;
mod reporters;
mod rollback;
mod run;
mod run_name;
mod runs;
mod show;
mod signals;
mod state;
mod verb;

pub use args::{Cli, Verb};
pub use error::CliError;
pub use verb::main;
