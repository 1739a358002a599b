//! Two hundred lab hosts, ten tasks each: wall time, and the peak memory of the one process that is client and all servers.
//!
//! `WINDLASS_BENCH_HOSTS` and `WINDLASS_BENCH_RUNS` set how many.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark is there to print its numbers"
)]

#[path = "parts/measure.rs"]
mod measure;
#[path = "parts/tasks.rs"]
mod tasks;

use anyhow::Result;
use measure::{check_recap, median, setting, timed};
use std::fs;
use std::process::Command;

fn main() -> Result<()> {
    let rounds = setting("WINDLASS_BENCH_RUNS", 3)?.max(1);
    let hosts = setting("WINDLASS_BENCH_HOSTS", 200)?;
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    tasks::write(folder.path())?;
    let inventory = tasks::names(hosts).join("\n")
        + &format!(
            "\n[all:vars]\nansible_connection=lab\nwindlass_state_dir={}\n",
            at("undo").display()
        );
    fs::write(at("hosts.ini"), inventory)?;
    let mut kinds = [("fresh", Vec::new()), ("settled", Vec::new())];
    for _ in 0..rounds {
        tasks::forget(folder.path())?;
        for (kind, runs) in &mut kinds {
            let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
            command
                .arg("run")
                .arg(at("ten.yml"))
                .arg("-i")
                .arg(at("hosts.ini"));
            command.arg("--state-dir").arg(at("state"));
            runs.push(timed(&mut command, &at("log"))?);
            check_recap(&at("log"), hosts, *kind == "fresh")?;
        }
    }
    println!("ten tasks on {hosts} lab hosts, median of {rounds}");
    for (kind, runs) in &kinds {
        let peak = runs.iter().map(|run| run.peak).max().unwrap_or(0);
        println!(
            "{kind:<8} {:7.3} s  peak {:.1} MB",
            median(runs).took.as_secs_f64(),
            peak as f64 / 1024.0
        );
    }
    Ok(())
}
