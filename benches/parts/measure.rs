//! Wall time and peak memory of a program, and medians of them.

use anyhow::{Context as _, Result, ensure};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One run of a program.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Run {
    /// Wall time.
    pub(crate) took: Duration,
    /// The most memory that was resident at once, in KiB; of the program itself, not of its children.
    pub(crate) peak: u64,
}

/// Runs `command` to its end, which must be a success; what it prints goes to `log`.
pub(crate) fn timed(command: &mut Command, log: &Path) -> Result<Run> {
    let output = File::create(log)?;
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("{}", command.get_program().display()))?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // The kernel keeps the high-water mark, so only growth in the last moments can be missed.
        peak = peak.max(high_water(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = start.elapsed();
    ensure!(
        status.success(),
        "{} ended with {status}:\n{}",
        command.get_program().display(),
        fs::read_to_string(log)?
    );
    Ok(Run { took, peak })
}

/// `VmHWM` of a process in KiB.
fn high_water(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Checks that the recap in `log` has `hosts` lines without failures, and whether there were changes.
pub(crate) fn check_recap(log: &Path, hosts: usize, changes: bool) -> Result<()> {
    let text = fs::read_to_string(log)?;
    let settled = |line: &&str| line.contains(" changed=0 ");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains(" : ok=10 ") && line.contains(" failed=0 "))
        .collect();
    ensure!(lines.len() == hosts, "not all hosts did ten tasks:\n{text}");
    let quiet = lines.iter().copied().filter(|line| settled(line)).count();
    let expected = if changes { 0 } else { hosts };
    ensure!(
        quiet == expected,
        "{quiet} hosts without changes, not {expected}:\n{text}"
    );
    Ok(())
}

/// The run in the middle by time; of an even number the slower one.
pub(crate) fn median(runs: &[Run]) -> Run {
    let mut sorted = runs.to_vec();
    sorted.sort_by_key(|run| run.took);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// A number from the environment.
pub(crate) fn setting(name: &str, default: usize) -> Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(default),
    }
}
