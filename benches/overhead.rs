//! The shipped upgrade on the shipped lab: what each host costs beyond drain, restart, gates and the waits that are asked for.
//!
//! The aim is two seconds for each node at most. `WINDLASS_BENCH_RUNS` sets how many rounds.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark is there to print its numbers"
)]

#[expect(
    dead_code,
    reason = "the recaps that it can check are those of the ten tasks"
)]
#[path = "parts/measure.rs"]
mod measure;

use anyhow::{Context as _, Result};
use measure::{setting, timed};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the profile's last line begins with.
const LINE: &str = "overhead per host, beyond drain, restart, gates and waits: ";

fn main() -> Result<()> {
    let rounds = setting("WINDLASS_BENCH_RUNS", 3)?.max(1);
    for round in 1..=rounds {
        // A lab of its own, at its old version.
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .env("NO_COLOR", "1")
            .env("WINDLASS_STATE_DIR", folder.path())
            .args(["run", "playbooks/upgrade.yml", "-i", "inventory"])
            .args(["--profile", "--plain"]);
        let run = timed(&mut command, &log)?;
        let text = fs::read_to_string(&log)?;
        let overhead = text
            .lines()
            .find_map(|line| line.strip_prefix(LINE))
            .with_context(|| format!("no profile in\n{text}"))?;
        let end = text.lines().rev().find(|line| line.contains(" hosts in "));
        println!(
            "round {round}: {:.1} s, overhead per host: {overhead}{}",
            run.took.as_secs_f64(),
            end.map_or_else(String::new, |line| format!("  ({line})"))
        );
    }
    Ok(())
}
