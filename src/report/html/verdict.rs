//! What an operator wants to know first: whether it worked, and if not, what stopped it and what is to be done.

use super::markup::{Text, counted, icon, number};
use super::run::Run;
use super::standing::Standing;
use super::zone::Clock;
use crate::report::text::duration;
use std::fmt::Write as _;
use std::time::Duration;

/// The narrowest that a share may be, in percent.
const NARROWEST: f64 = 0.8;

/// How good the news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warning,
    Bad,
}

impl Tone {
    /// Its name in classes of the style sheet and in icons.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// The news in one sentence, without a full stop.
pub(super) fn headline(run: &Run) -> (Tone, String) {
    let total = run.hosts.len();
    let trouble = run
        .hosts
        .values()
        .filter(|host| host.standing().is_trouble())
        .count();
    let Some(end) = run.end else {
        let flight = run.count(Standing::InFlight);
        let text = format!(
            "The record ends before the run does, with {} unfinished",
            counted(flight, "host")
        );
        return (Tone::Warning, text);
    };
    let went_well = if run.check {
        "Check only, nothing was changed"
    } else {
        "Done"
    };
    match end.exit_code {
        0 if run.takes_back.is_some() => {
            let back = counted(run.count(Standing::TakenBack), "host");
            (Tone::Good, format!("Taken back: {back}"))
        }
        0 if total == 0 => (Tone::Good, "Nothing to do: no hosts".to_owned()),
        0 => {
            let changed = run.count(Standing::Changed);
            let words = if run.check { "would change" } else { "changed" };
            let text = if changed == 0 {
                format!("{went_well}: {} had nothing to do", all(total))
            } else if changed == total {
                format!("{went_well}: {} {words}", all(total))
            } else {
                let changed = number(changed as u64);
                format!(
                    "{went_well}: {changed} of {} {words}",
                    counted(total, "host")
                )
            };
            (Tone::Good, text)
        }
        3 => {
            let stuck = run.count(Standing::RollbackIncomplete);
            let text = format!(
                "A person is needed: the way back of {} is incomplete",
                counted(stuck, "host")
            );
            (Tone::Bad, text)
        }
        4 => {
            let gone = run.count(Standing::Unreachable);
            let verb = "could not be reached";
            (
                Tone::Bad,
                format!(
                    "{} of {} {verb}",
                    number(gone as u64),
                    counted(total, "host")
                ),
            )
        }
        6 => {
            let pending = counted(run.count(Standing::Pending), "host");
            let text = format!("Stopped at the end of the window: {pending} pending");
            (Tone::Warning, text)
        }
        130 => {
            let pending = counted(run.count(Standing::Pending), "host");
            (Tone::Warning, format!("Interrupted: {pending} pending"))
        }
        _ => {
            let trouble = number(trouble as u64);
            (
                Tone::Bad,
                format!("{trouble} of {} failed", counted(total, "host")),
            )
        }
    }
}

fn all(total: usize) -> String {
    match total {
        1 => "the one host".to_owned(),
        2 => "both hosts".to_owned(),
        _ => format!("all {}", counted(total, "host")),
    }
}

/// What follows the headline: how hosts stand that failed, and how many wait.
fn rest(run: &Run) -> Option<String> {
    let mut parts = Vec::new();
    let mut part = |standing, text: &str| {
        let count = run.count(standing);
        if count > 0 {
            parts.push(format!("{} {text}", number(count as u64)));
        }
    };
    part(Standing::RolledBack, "went back to where they stood before");
    part(Standing::Failed, "stay as the failure left them");
    part(Standing::RollbackIncomplete, "need a person");
    part(Standing::Held, "are held past a point of no return");
    part(Standing::Unreachable, "could not be reached");
    part(Standing::Aborted, "were dropped because of another host");
    part(Standing::Pending, "are pending");
    // One host is no "they".
    let singular = [
        (
            "1 went back to where they stood",
            "1 went back to where it stood",
        ),
        (
            "1 stay as the failure left them",
            "1 stays as the failure left it",
        ),
        ("1 need a", "1 needs a"),
        ("1 are", "1 is"),
        ("1 were", "1 was"),
    ];
    for part in &mut parts {
        for (many, one) in singular {
            if part.starts_with(many) {
                *part = part.replacen(many, one, 1);
            }
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The top of the page: headline, why it stopped, when, and the totals.
pub(super) fn section(run: &Run, clock: &Clock) -> String {
    let (tone, text) = headline(run);
    let class = tone.class();
    let mut out = format!(
        "<section class=\"verdict {class}\" aria-labelledby=\"verdict\">\n<h1 id=\"verdict\">{}<span>{}</span></h1>\n",
        icon(class),
        Text(&text)
    );
    if let Some(rest) = rest(run) {
        let _ = writeln!(out, "<p class=\"rest\">{}.</p>", Text(&rest));
    }
    for reason in &run.stops {
        let _ = writeln!(
            out,
            "<p class=\"stop\"><strong>{}</strong> {}</p>",
            where_it_stopped(run),
            Text(reason)
        );
    }
    let open = run.count(Standing::Pending) + run.count(Standing::InFlight);
    let goes_on = !run.check && run.takes_back.is_none() && !run.id.is_empty();
    if open > 0 && goes_on {
        let _ = writeln!(
            out,
            "<p class=\"next\">To go on: <code>windlass resume {}</code></p>",
            Text(&run.id)
        );
    }
    let _ = writeln!(out, "{}{}</section>", facts(run, clock), totals(run));
    out
}

/// The batch after which nothing was started any more.
fn where_it_stopped(run: &Run) -> String {
    let last = run.plays.last();
    match last.and_then(|play| Some((play, play.batches.last()?))) {
        Some((play, batch)) if play.batched => format!(
            "Stopped at batch {} of {} in {}:",
            batch.number,
            play.of,
            Text(&play.name)
        ),
        Some((play, _)) => format!("Stopped in {}:", Text(&play.name)),
        None => "Stopped:".to_owned(),
    }
}

fn facts(run: &Run, clock: &Clock) -> String {
    let mut out = "<dl class=\"facts\">".to_owned();
    let mut fact = |name: &str, value: &str| {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    };
    if run.times.is_some() {
        fact("Started", &clock.full(run.start()));
        let ended = if run.end.is_some() {
            "Ended"
        } else {
            "Last known"
        };
        fact(ended, &clock.end(run.last(), run.start()));
        fact("Took", &duration(run.took()));
    }
    if let Some(pace) = pace(run) {
        fact("Pace", &pace);
    }
    if !run.by.is_empty() {
        fact("By", &Text(&run.by).to_string());
    }
    if let Some(other) = &run.takes_back {
        fact("Takes back", &Text(other).to_string());
    }
    if let Some(other) = &run.resumes {
        fact("Goes on with", &Text(other).to_string());
    }
    fact("Inventory", &Text(&run.inventory.join(", ")).to_string());
    if let Some(end) = run.end {
        fact("Exit code", &end.exit_code.to_string());
    }
    out + "</dl>\n"
}

/// How fast hosts were changed, once there were enough to say so.
fn pace(run: &Run) -> Option<String> {
    let changed = run.count(Standing::Changed);
    let took = run.took();
    if changed < 5 || took < Duration::from_mins(1) || run.check {
        return None;
    }
    let per_hour = changed as f64 * 3600.0 / took.as_secs_f64();
    Some(format!("{per_hour:.0} hosts an hour"))
}

/// A bar of all hosts by how they stand, with the numbers below it.
fn totals(run: &Run) -> String {
    let counts = run.standings();
    let mut bar = String::new();
    let mut left = 0.0;
    for ((standing, _), width) in counts.iter().zip(shares(&counts)) {
        let class = standing.class();
        let _ = write!(
            bar,
            "<rect class=\"s-{class}\" x=\"{left:.3}%\" width=\"{width:.3}%\" height=\"100%\"/>"
        );
        left += width;
    }
    let mut list = String::new();
    for (standing, count) in &counts {
        let _ = write!(
            list,
            "<li class=\"t-{class}\">{icon}<strong>{count}</strong> <span>{words}</span></li>",
            class = standing.class(),
            icon = icon(standing.class()),
            count = number(*count as u64),
            words = standing.words(run.check)
        );
    }
    format!(
        "<div class=\"totals\"><svg class=\"share\" aria-hidden=\"true\">{bar}</svg><ul aria-label=\"Hosts by how they stand\">\
         <li class=\"t-all\"><strong>{}</strong> <span>{}</span></li>{list}</ul></div>\n",
        number(run.hosts.len() as u64),
        if run.hosts.len() == 1 {
            "host"
        } else {
            "hosts"
        },
    )
}

/// The share of each count in percent; those of a few among many are widened so that they can be seen.
fn shares(counts: &[(Standing, usize)]) -> Vec<f64> {
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let wide: Vec<f64> = counts
        .iter()
        .map(|(_, count)| (*count as f64 * 100.0 / total.max(1) as f64).max(NARROWEST))
        .collect();
    let sum: f64 = wide.iter().sum();
    wide.into_iter().map(|width| width * 100.0 / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Counts, HostState};
    use crate::report::sample;

    fn run(states: &[(HostState, u32)], exit_code: u8) -> Run {
        let mut run = Run::default();
        let recap: Vec<Counts> = states
            .iter()
            .enumerate()
            .map(|(at, (state, changed))| sample::counts(&format!("h{at}"), 1, *changed, *state))
            .collect();
        run.event(&sample::at(0, sample::run()));
        run.event(&sample::at(9_000, sample::end(recap, exit_code)));
        run.close();
        run
    }

    #[test]
    fn the_headline_says_whether_it_worked() {
        use HostState::{Done, Failed, Pending, RollbackIncomplete, RolledBack, Unreachable};
        type Case = (&'static [(HostState, u32)], u8, Tone, &'static str);
        let cases: [Case; 8] = [
            (
                &[(Done, 1), (Done, 2)],
                0,
                Tone::Good,
                "Done: both hosts changed",
            ),
            (
                &[(Done, 1), (Done, 0), (Done, 0)],
                0,
                Tone::Good,
                "Done: 1 of 3 hosts changed",
            ),
            (
                &[(Done, 0)],
                0,
                Tone::Good,
                "Done: the one host had nothing to do",
            ),
            (
                &[(Done, 1), (RolledBack, 1), (Pending, 0)],
                2,
                Tone::Bad,
                "1 of 3 hosts failed",
            ),
            (
                &[(Failed, 1), (RollbackIncomplete, 1)],
                3,
                Tone::Bad,
                "A person is needed: the way back of 1 host is incomplete",
            ),
            (
                &[(Unreachable, 0), (Done, 0)],
                4,
                Tone::Bad,
                "1 of 2 hosts could not be reached",
            ),
            (
                &[(Done, 1), (Pending, 0)],
                6,
                Tone::Warning,
                "Stopped at the end of the window: 1 host pending",
            ),
            (
                &[(Done, 1), (Pending, 0)],
                130,
                Tone::Warning,
                "Interrupted: 1 host pending",
            ),
        ];
        for (states, code, tone, text) in cases {
            assert_eq!(headline(&run(states, code)), (tone, text.to_owned()));
        }
        let stood = rest(&run(&[(RolledBack, 1), (Pending, 0), (Pending, 0)], 2));
        assert_eq!(
            stood.as_deref(),
            Some("1 went back to where it stood before, 2 are pending")
        );
    }

    #[test]
    fn one_among_many_can_be_seen() {
        let shares = shares(&[(Standing::Changed, 9_999), (Standing::Failed, 1)]);
        assert!(
            shares[1] > 0.7 && (shares[0] + shares[1] - 100.0).abs() < 1e-9,
            "{shares:?}"
        );
    }

    #[test]
    fn a_record_without_an_end_says_so() {
        let mut run = Run::default();
        for kind in [
            sample::run(),
            sample::play("all", &["a", "b"]),
            sample::batch(1, 2, &["a"]),
        ] {
            run.event(&sample::at(0, kind));
        }
        run.close();
        let (tone, text) = headline(&run);
        assert_eq!(tone, Tone::Warning);
        assert!(text.ends_with("with 1 host unfinished"), "{text}");
        assert_eq!(run.count(Standing::Pending), 1);
    }
}
