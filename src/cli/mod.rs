//! The command line: one file per verb, settings from flags and environment, errors as the user reads them.

mod args;
mod error;
mod extra_vars;
mod input;
mod inventory;
mod lab;
mod labs;
mod list;
mod output;
mod rollback;
mod run;
mod show;
mod signals;
mod state;

pub use args::{Cli, Verb};
pub use error::CliError;

/// Runs the verb; the number is the process's exit code.
pub fn main(cli: Cli) -> u8 {
    let result = match cli.verb {
        Verb::Run(args) => run::main(&args),
        Verb::Inventory(args) => inventory::main(&args),
        Verb::Rollback(args) => rollback::main(&args),
        Verb::Lab(args) => lab::main(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            error.exit_code()
        }
    }
}
