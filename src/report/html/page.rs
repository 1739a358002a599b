//! The page: its frame, its style and script from the files beside this one, and the parts in their order.

use super::markup::{Text, counted, json};
use super::run::Run;
use super::zone::Clock;
use super::{batches, data, failures, slowest, table, verdict};
use crate::event::Event;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io::{self, Write};

const STYLE: &str = concat!(include_str!("page.css"), include_str!("marks.css"));
const SCRIPT: &str = concat!(
    "'use strict';\n(() => {\n",
    include_str!("draw.js"),
    include_str!("detail.js"),
    include_str!("page.js"),
    "})();\n"
);
const SYMBOLS: &str = include_str!("symbols.svg");
/// So many hosts of a warning are named.
const NAMED: usize = 20;

/// Writes the run that these events tell as one HTML page, with times of day in `zone`. `journal` is the run's name; where it
/// is empty, the events tell it.
pub fn html(
    journal: &str,
    events: &[Event],
    zone: TimeZone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut run = Run::new(journal);
    for event in events {
        run.event(event);
    }
    run.close();
    out.write_all(page(&run, &Clock::new(zone)).as_bytes())
}

/// The page of a run that is over.
pub(super) fn page(run: &Run, clock: &Clock) -> String {
    let (tone, headline) = verdict::headline(run);
    let title = format!("{headline}: {}", run.playbook);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\" class=\"{tone}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"windlass {version}\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the outcome</a>\n<a class=\"skip\" href=\"#hosts\">Skip to the hosts</a>\n{SYMBOLS}",
        tone = tone.class(),
        policy = policy(),
        version = env!("CARGO_PKG_VERSION"),
        title = Text(&title)
    );
    out.push_str(&masthead(run));
    out.push_str("<main id=\"main\" tabindex=\"-1\">\n");
    out.push_str(&verdict::section(run, clock));
    out.push_str(&failures::section(run, clock));
    out.push_str(&warnings(run));
    out.push_str(&batches::section(run, clock));
    out.push_str(&slowest::section(run));
    out.push_str(&table::section(run, clock));
    out.push_str("</main>\n");
    let _ = write!(
        out,
        "<footer><p>Run <code>{}</code>, written by windlass {}.</p></footer>\n\
         <div id=\"tip\" hidden></div>\n<script type=\"application/json\" id=\"data\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        Text(&run.id),
        env!("CARGO_PKG_VERSION"),
        json(&data::data(run, clock))
    );
    out
}

/// Nothing is loaded, and only the style and the script of this page are followed, told by their digests.
fn policy() -> String {
    let digest = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

fn masthead(run: &Run) -> String {
    let mode = if run.check {
        " <span class=\"mode\">check mode</span>"
    } else {
        ""
    };
    format!(
        "<header class=\"masthead\">\n<p class=\"brand\"><svg class=\"logo\" aria-hidden=\"true\"><use href=\"#i-logo\"/></svg>windlass</p>\n\
         <p class=\"what\"><strong>{}</strong>{mode} <span>run {}</span></p>\n\
         <nav aria-label=\"Parts of this page\"><a href=\"#plays\">Batches</a> <a href=\"#time\">Time</a> <a href=\"#hosts\">Hosts</a></nav>\n\
         <fieldset class=\"switch\" id=\"theme\" hidden><legend class=\"quiet\">Colours</legend>\
         <label><input type=\"radio\" name=\"theme\" value=\"auto\" checked><span>Auto</span></label>\
         <label><input type=\"radio\" name=\"theme\" value=\"light\"><span>Light</span></label>\
         <label><input type=\"radio\" name=\"theme\" value=\"dark\"><span>Dark</span></label></fieldset>\n</header>\n",
        Text(&run.playbook),
        Text(&run.id)
    )
}

fn warnings(run: &Run) -> String {
    if run.warnings.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "<section class=\"warnings\" aria-labelledby=\"warnings\">\n<h2 id=\"warnings\">Warnings <span class=\"count\">{}</span></h2>\n<ul>\n",
        run.warnings.len()
    );
    for (message, hosts) in &run.warnings {
        let named: Vec<&str> = hosts.iter().take(NAMED).map(String::as_str).collect();
        let more = match hosts.len().saturating_sub(NAMED) {
            0 => String::new(),
            n => format!(" and {} more", counted(n, "host")),
        };
        let about = if named.is_empty() {
            String::new()
        } else {
            format!(
                " <span class=\"hint\">{}{more}</span>",
                Text(&named.join(", "))
            )
        };
        let _ = writeln!(out, "<li>{}{about}</li>", Text(message));
    }
    out + "</ul>\n</section>\n"
}
