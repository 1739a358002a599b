//! windlass: see the library for what it does.

use clap::Parser;
use std::process::ExitCode;
use windlass::cli::{Cli, main as run};

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => ExitCode::from(run(cli)),
        Err(error) => {
            let code = u8::from(error.use_stderr());
            // Help that nobody reads any more is no failure.
            let _printed = error.print();
            ExitCode::from(code)
        }
    }
}
