//! From the command line to the verb that was asked for.

use super::{
    CliError, Verb, args, bundle, confidential, inventory, lab, lock, output, plan, resume,
    rollback, run, runs, schedule, settings, show,
};
use crate::engine::exit_code;
use crate::settings::Settings;
use std::ffi::OsString;

/// Runs the verb that `words` name, the program's own name first; the number is the process's exit code.
pub fn main(words: impl IntoIterator<Item = OsString>) -> u8 {
    confidential::mask_panics();
    let read = settings::read();
    // Help and a slip on the command line come first, so a broken settings file does not stand in their way.
    let fallback = Settings::defaults();
    let cli = match args::parse(words, read.as_ref().unwrap_or(&fallback)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads any more is no failure.
            let _printed = error.print();
            return if error.use_stderr() {
                exit_code::USAGE
            } else {
                exit_code::DONE
            };
        }
    };
    output::color(&cli.color);
    match read.and_then(|settings| carry_out(&cli.verb, &settings)) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            error.exit_code()
        }
    }
}

fn carry_out(verb: &Verb, settings: &Settings) -> Result<u8, CliError> {
    if matches!(
        verb,
        Verb::Run(_) | Verb::Resume(_) | Verb::Plan(_) | Verb::Settings(_)
    ) {
        settings::warn(settings);
    }
    match verb {
        Verb::Run(args) => run::main(args),
        Verb::Plan(args) => plan::main(args),
        Verb::Inventory(args) => inventory::main(args),
        Verb::Runs(args) => runs::main(args),
        Verb::Show(args) => show::main(args),
        Verb::Resume(args) => resume::main(args),
        Verb::Rollback(args) => rollback::main(args),
        Verb::Schedule(args) => schedule::main(args, settings),
        Verb::Settings(args) => settings::main(args, settings),
        Verb::Bundle(args) => bundle::main(args),
        Verb::Lock(args) => lock::main(args),
        Verb::Lab(args) => lab::main(args),
    }
}
