//! Where the time went: the slowest tasks, and what the hosts' time was spent on.

use super::bar;
use super::markup::{Breakable, NAME, PATH, Text, number};
use super::run::{Run, Task};
use crate::report::text::duration;
use std::fmt::Write as _;
use std::time::Duration;

/// So many tasks are listed.
const SLOWEST: usize = 10;

/// The part of the page about time; empty when nothing took any.
pub(super) fn section(run: &Run) -> String {
    let mut tasks: Vec<&Task> = run.tasks.values().filter(|task| task.runs > 0).collect();
    if tasks.is_empty() {
        return String::new();
    }
    tasks.sort_by_key(|task| std::cmp::Reverse(task.total));
    tasks.truncate(SLOWEST);
    format!(
        "<section class=\"time\" aria-labelledby=\"time\">\n<h2 id=\"time\">Where the time went</h2>\n<div class=\"columns\">\n{}{}</div>\n</section>\n",
        kinds(run),
        steps(&tasks)
    )
}

fn kinds(run: &Run) -> String {
    let mut totals = [Duration::ZERO; bar::ALL.len()];
    for span in run.hosts.values().flat_map(|host| &host.spans) {
        let millis = u64::try_from(span.until - span.from).unwrap_or(0);
        totals[span.bar as usize] += Duration::from_millis(millis);
    }
    let most = totals.iter().max().copied().unwrap_or_default();
    let mut out = "<table class=\"kinds\"><caption>Time of all hosts together</caption><thead><tr><th scope=\"col\">Spent on</th><th scope=\"col\" class=\"bar\">Share</th><th scope=\"col\" class=\"num\">Time</th></tr></thead><tbody>\n".to_owned();
    for bar in bar::ALL {
        let total = totals[bar as usize];
        if total.is_zero() {
            continue;
        }
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{} <span class=\"hint\">{}</span></th><td class=\"bar\">{}</td><td class=\"num\">{}</td></tr>",
            bar.name(),
            bar.meaning(),
            meter(bar.class(), share(total, most)),
            duration(total)
        );
    }
    out + "</tbody></table>\n"
}

fn steps(tasks: &[&Task]) -> String {
    let most = tasks.first().map_or(Duration::ZERO, |task| task.total);
    let mut out = "<table class=\"steps\"><caption>Slowest steps</caption><thead><tr><th scope=\"col\">Step</th><th scope=\"col\" class=\"bar\">Share</th><th scope=\"col\" class=\"num\">All hosts</th><th scope=\"col\" class=\"num\">Times</th><th scope=\"col\">Longest</th></tr></thead><tbody>\n".to_owned();
    for task in tasks {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{} <span class=\"hint\">{}</span></th><td class=\"bar\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td>{} on {}</td></tr>",
            Text(&task.name),
            Breakable(&task.path, PATH),
            meter("plain", share(task.total, most)),
            duration(task.total),
            number(u64::from(task.runs)),
            duration(task.longest),
            Breakable(&task.slowest_host, NAME)
        );
    }
    out + "</tbody></table>\n"
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        return 0.0;
    }
    part.as_secs_f64() * 100.0 / whole.as_secs_f64()
}

/// A bar beside a number that says the same.
fn meter(class: &str, percent: f64) -> String {
    format!(
        "<svg class=\"meter\" aria-hidden=\"true\"><rect class=\"b-{class}\" width=\"{percent:.1}%\" height=\"100%\"/></svg>"
    )
}
