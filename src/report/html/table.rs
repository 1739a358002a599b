//! The hosts: a table that says in words what the timelines show, by play and batch, and the controls above it.

use super::bar;
use super::host::{Host, Place};
use super::markup::{Breakable, NAME, Text, counted, icon};
use super::run::{Batch, Play, Run};
use super::standing::Standing;
use super::zone::Clock;
use crate::report::text::duration;
use std::fmt::Write as _;
use std::time::Duration;

/// The part of the page about hosts.
pub(super) fn section(run: &Run, clock: &Clock) -> String {
    let hosts = run.listed();
    let mut out = format!(
        "<section class=\"hosts\" id=\"hosts\" tabindex=\"-1\" aria-labelledby=\"hosts-title\">\n<h2 id=\"hosts-title\">Hosts <span class=\"count\" id=\"shown\" role=\"status\">{}</span></h2>\n{}{}",
        counted(hosts.len(), "host"),
        controls(run),
        legend()
    );
    out.push_str("<table id=\"fleet\"><caption class=\"quiet\">Hosts in the order of their batches, with the time that each part of the work took</caption>\n<thead><tr><th scope=\"col\" class=\"c-host\">Host</th><th scope=\"col\" class=\"c-state\">State</th><th scope=\"col\" class=\"c-batch num\">Batch</th><th scope=\"col\" class=\"c-changed num\">Changed</th><th scope=\"col\" class=\"c-time num\">Busy</th><th scope=\"col\" class=\"c-track\"><span class=\"quiet\">Timeline</span><svg id=\"axis\" aria-hidden=\"true\"></svg></th></tr></thead>\n");
    let mut group = None;
    let mut play = None;
    for (at, host) in hosts.into_iter().enumerate() {
        let place = run.list_place(host);
        if group != Some(place) {
            if group.is_some() {
                out.push_str("</tbody>\n");
            }
            out.push_str("<tbody>\n");
            if play != Some(place.map(|place| place.0)) {
                play = Some(place.map(|place| place.0));
                out.push_str(&play_row(run, place));
            }
            out.push_str(&batch_row(run, clock, place));
            group = Some(place);
        }
        out.push_str(&row(run, at, host));
    }
    if group.is_some() {
        out.push_str("</tbody>\n");
    }
    out + "</table>\n<p id=\"none\" hidden>No host fits the filter.</p>\n</section>\n"
}

fn controls(run: &Run) -> String {
    let mut states = String::new();
    for (standing, count) in run.standings() {
        let _ = write!(
            states,
            "<label class=\"chip t-{class}\"><input type=\"checkbox\" name=\"state\" value=\"{value}\">{icon}<span>{words}</span> <span class=\"n\">{count}</span></label>",
            class = standing.class(),
            value = standing as usize,
            icon = icon(standing.class()),
            words = standing.words(run.check)
        );
    }
    let mut places = String::new();
    for (play_at, play) in run.plays.iter().enumerate() {
        if !play.batched {
            continue;
        }
        let _ = write!(places, "<optgroup label=\"{}\">", Text(&play.name));
        for (at, batch) in play.batches.iter().enumerate() {
            let _ = write!(
                places,
                "<option value=\"{play_at}.{at}\">Batch {} of {}: {}</option>",
                batch.number,
                play.of,
                counted(batch.hosts.len(), "host")
            );
        }
        places.push_str("</optgroup>");
    }
    let batches = if places.is_empty() {
        String::new()
    } else {
        format!(
            "<label class=\"field\"><span>Batch</span><select name=\"batch\"><option value=\"\">All batches</option>{places}</select></label>"
        )
    };
    format!(
        "<form id=\"controls\" role=\"search\" aria-label=\"Filter hosts\" hidden>\n\
         <label class=\"field\"><span>Host</span><input type=\"search\" name=\"host\" placeholder=\"part of a name\" autocomplete=\"off\" spellcheck=\"false\" aria-describedby=\"keys\"></label>\n\
         <fieldset><legend>State</legend>{states}</fieldset>\n{batches}\
         <label class=\"field\"><span>Order</span><select name=\"order\"><option value=\"run\">as run</option><option value=\"name\">by name</option><option value=\"time\">slowest first</option></select></label>\n\
         <fieldset class=\"switch\"><legend>Scale</legend><label><input type=\"radio\" name=\"scale\" value=\"run\" checked><span>whole run</span></label><label><input type=\"radio\" name=\"scale\" value=\"batch\"><span>each batch</span></label></fieldset>\n\
         <button type=\"reset\">Clear</button>\n\
         <p id=\"keys\" class=\"keys\"><kbd>↑</kbd> <kbd>↓</kbd> move between hosts, <kbd>Enter</kbd> opens one.</p>\n</form>\n"
    )
}

fn legend() -> String {
    let mut out = "<ul class=\"legend\" aria-label=\"Legend of the timelines\" hidden>".to_owned();
    for bar in bar::ALL {
        let _ = write!(
            out,
            "<li><svg class=\"swatch\" aria-hidden=\"true\"><rect class=\"b-{}\" width=\"100%\" height=\"100%\"/></svg><strong>{}</strong> <span>{}</span></li>",
            bar.class(),
            bar.name(),
            bar.meaning()
        );
    }
    out + "<li><svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 22 12\"><use href=\"#m-fail\" x=\"11\" y=\"6\"/></svg><strong>Failure</strong> <span>the step that failed</span></li></ul>\n"
}

fn play_row(run: &Run, place: Option<Place>) -> String {
    let name = match place.and_then(|place| run.plays.get(place.0)) {
        Some(play) => Text(&play.name).to_string(),
        None => "Not started".to_owned(),
    };
    format!("<tr class=\"play\"><th colspan=\"6\" scope=\"rowgroup\">{name}</th></tr>\n")
}

/// The row above a batch; where batches are single hosts the play's row is enough.
fn batch_row(run: &Run, clock: &Clock, place: Option<Place>) -> String {
    let Some((play, batch)) = place.and_then(|place| run.batch(place)) else {
        return String::new();
    };
    if !play.batched || is_one_by_one(play) {
        return String::new();
    }
    let soak = batch.soak.map_or(String::new(), |(from, until)| {
        format!(", then {} of soak", duration(millis(until - from)))
    });
    format!(
        "<tr class=\"band\"><th colspan=\"5\" scope=\"rowgroup\"><strong>Batch {} of {}</strong> <span>{}, at {}, {}{soak}</span></th><td class=\"track\"></td></tr>\n",
        batch.number,
        play.of,
        counted(batch.hosts.len(), "host"),
        moment(run, clock, batch),
        duration(millis(batch.until - batch.from))
    )
}

fn moment(run: &Run, clock: &Clock, batch: &Batch) -> String {
    let at = run.start().saturating_add(millis(batch.from));
    clock.time(at.unwrap_or(run.last()))
}

fn is_one_by_one(play: &Play) -> bool {
    play.batches.iter().all(|batch| batch.hosts.len() < 2)
}

fn row(run: &Run, at: usize, host: &Host) -> String {
    let standing = host.standing();
    let why = host.reason().map_or_else(String::new, |reason| {
        format!("<p class=\"why\">{}</p>", Text(reason))
    });
    let batch = match run.list_place(host).and_then(|place| run.batch(place)) {
        Some((play, batch)) if play.batched => batch.number.to_string(),
        _ => "–".to_owned(),
    };
    let busy = host.busy();
    let busy = if standing == Standing::Pending && busy.is_zero() {
        "–".to_owned()
    } else {
        duration(busy)
    };
    format!(
        "<tr id=\"h{at}\" class=\"s-{class}\"><th scope=\"row\"><span class=\"name\">{name}</span>{why}</th><td class=\"t-{class}\">{icon}{words}</td><td class=\"num\">{batch}</td><td class=\"num\">{changed}</td><td class=\"num\">{busy}</td><td class=\"track\"><span class=\"parts\">{parts}</span></td></tr>\n",
        class = standing.class(),
        name = Breakable(&host.name, NAME),
        icon = icon(standing.class()),
        words = standing.words(run.check),
        changed = host.counts.changed,
        parts = parts(host)
    )
}

/// What a host's time was spent on, in words.
fn parts(host: &Host) -> String {
    let mut totals = [0_i64; bar::ALL.len()];
    for span in &host.spans {
        totals[span.bar as usize] += span.until - span.from;
    }
    let parts: Vec<String> = bar::ALL
        .into_iter()
        .filter(|bar| totals[*bar as usize] > 0)
        .map(|bar| {
            let took = duration(millis(totals[bar as usize]));
            format!("{} {took}", bar.name().to_lowercase())
        })
        .collect();
    parts.join(", ")
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
