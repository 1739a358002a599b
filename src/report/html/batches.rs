//! Plays and their batches: the frame of the overview that the script draws, and the same as a table.

use super::host::Host;
use super::markup::{Text, counted};
use super::run::{Batch, Run};
use super::standing;
use super::zone::Clock;
use crate::report::text::duration;
use std::fmt::Write as _;
use std::time::Duration;

/// The part of the page about plays; empty when none had hosts.
pub(super) fn section(run: &Run, clock: &Clock) -> String {
    if run.plays.is_empty() {
        return String::new();
    }
    let batches: usize = run.plays.iter().map(|play| play.batches.len()).sum();
    let mut out = format!(
        "<section class=\"plays\" aria-labelledby=\"plays\">\n<h2 id=\"plays\">Plays and batches <span class=\"count\">{}, {}</span></h2>\n<div id=\"overview\" hidden></div>\n<details class=\"text\" open><summary>The same as a table</summary>\n<table class=\"batches\"><thead><tr><th scope=\"col\">Play</th><th scope=\"col\">Batch</th><th scope=\"col\">Started</th><th scope=\"col\" class=\"num\">Took</th><th scope=\"col\" class=\"num\">Soak</th><th scope=\"col\" class=\"num\">Hosts</th><th scope=\"col\">How they stand at the end</th></tr></thead><tbody>\n",
        counted(run.plays.len(), "play"),
        if batches == 1 {
            "1 batch".to_owned()
        } else {
            format!("{batches} batches")
        }
    );
    for play in &run.plays {
        for batch in &play.batches {
            let number = if play.batched {
                format!("{} of {}", batch.number, play.of)
            } else {
                "in one go".to_owned()
            };
            let soak = batch
                .soak
                .map_or(Duration::ZERO, |(from, until)| span(from, until));
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td>{number}</td><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td>{}</td></tr>",
                Text(&play.name),
                clock.time(
                    run.start()
                        .saturating_add(span(0, batch.from))
                        .unwrap_or(run.last())
                ),
                duration(span(batch.from, batch.until)),
                if soak.is_zero() {
                    "–".to_owned()
                } else {
                    duration(soak)
                },
                batch.hosts.len(),
                outcome(run, batch)
            );
        }
    }
    out + "</tbody></table></details>\n</section>\n"
}

fn span(from: i64, until: i64) -> Duration {
    Duration::from_millis(u64::try_from(until - from).unwrap_or(0))
}

/// How the hosts of a batch stand at the end of the run: `9 changed, 1 rolled back`.
fn outcome(run: &Run, batch: &Batch) -> String {
    let mut parts = Vec::new();
    for standing in standing::ALL {
        let stands = |name: &&String| run.hosts.get(*name).map(Host::standing) == Some(standing);
        match batch.hosts.iter().filter(stands).count() {
            0 => {}
            count => parts.push(format!("{count} {}", standing.words(run.check))),
        }
    }
    parts.join(", ")
}

/// How many hosts of a batch are in trouble because of this very batch.
pub(super) fn trouble(run: &Run, batch: &Batch) -> usize {
    let failed_here = |host: &&Host| {
        let ended = host.failure().map(|step| step.until);
        let until = batch.soak.map_or(batch.until, |soak| soak.1);
        host.standing().is_trouble() && ended.is_some_and(|at| at >= batch.from && at <= until)
    };
    let hosts = batch.hosts.iter().filter_map(|name| run.hosts.get(name));
    hosts.filter(failed_here).count()
}
