//! `--list-hosts` and `--list-tasks`: what a run would take, without running it.

use super::{CliError, output};
use crate::engine::{Outline, PlayOutline};

/// Prints hosts or tasks of each play.
pub(super) fn print(outline: &Outline, hosts: bool) -> Result<(), CliError> {
    output::line(format!("\nplaybook: {}", outline.playbook))?;
    for (at, play) in outline.plays.iter().enumerate() {
        let tags = play.tags.join(", ");
        output::line(format!(
            "\n  play #{} ({}): {}\tTAGS: [{tags}]",
            at + 1,
            play.pattern,
            play.name
        ))?;
        if hosts {
            print_hosts(play)?;
        } else {
            print_tasks(play)?;
        }
    }
    Ok(())
}

fn print_hosts(play: &PlayOutline) -> Result<(), CliError> {
    output::line(format!("    pattern: [{}]", play.pattern))?;
    output::line(format!("    hosts ({}):", play.hosts.len()))?;
    for (at, batch) in play.batches.iter().enumerate() {
        for host in batch {
            if play.batches.len() > 1 {
                output::line(format!("      {host}\tbatch {}", at + 1))?;
            } else {
                output::line(format!("      {host}"))?;
            }
        }
    }
    Ok(())
}

fn print_tasks(play: &PlayOutline) -> Result<(), CliError> {
    output::line("    tasks:")?;
    for task in &play.tasks {
        output::line(format!(
            "      {}\tTAGS: [{}]",
            task.name,
            task.tags.join(", ")
        ))?;
    }
    Ok(())
}
