//! From the command line to the verb that was asked for.

use super::{Cli, Verb, bundle, inventory, lab, lock, output, plan, rollback, run, runs, show};

/// Runs the verb; the number is the process's exit code.
pub fn main(cli: Cli) -> u8 {
    let result = match cli.verb {
        Verb::Run(args) => run::main(&args),
        Verb::Plan(args) => plan::main(&args),
        Verb::Inventory(args) => inventory::main(&args),
        Verb::Runs(args) => runs::main(&args),
        Verb::Show(args) => show::main(&args),
        Verb::Rollback(args) => rollback::main(&args),
        Verb::Bundle(args) => bundle::main(&args),
        Verb::Lock(args) => lock::main(&args),
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
