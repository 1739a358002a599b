//! Hosts on which something went wrong, those with the same failure together, with what was said and what came of it.

use super::host::{Host, Step};
use super::markup::{Breakable, PATH, Text, counted, icon};
use super::run::Run;
use super::standing::Standing;
use super::zone::Clock;
use crate::report::text::duration;
use indexmap::IndexMap;
use std::fmt::Write as _;
use std::time::Duration;

/// So many failures are told one by one; the table of hosts has all.
const GROUPS: usize = 40;
/// So many hosts of a failure are named.
const NAMED: usize = 60;
/// So many failures are open when the page is.
const OPEN: usize = 3;
/// So many bytes of output this part may have; the details of hosts have their own share.
const BYTES: usize = 400 * 1024;

/// Hosts with the same failure, by their places in the table.
type Alike<'a> = Vec<(usize, &'a Host)>;

/// The part of the page about failures; empty when there were none.
pub(super) fn section(run: &Run, clock: &Clock) -> String {
    let groups = groups(run);
    if groups.is_empty() {
        return String::new();
    }
    let count: usize = groups.iter().map(Vec::len).sum();
    let mut out = format!(
        "<section class=\"failures\" aria-labelledby=\"failures\">\n<h2 id=\"failures\">What went wrong <span class=\"count\">{}</span></h2>\n",
        counted(count, "host")
    );
    let mut room = BYTES;
    for (at, group) in groups.iter().take(GROUPS).enumerate() {
        out.push_str(&article(run, clock, group, at < OPEN, &mut room));
    }
    if groups.len() > GROUPS {
        let _ = writeln!(
            out,
            "<p>{} more; the table of hosts below has all of them.</p>",
            counted(groups.len() - GROUPS, "failure")
        );
    }
    out + "</section>\n"
}

/// Failures alike: the same step, reason and state. Those that need a person come first, then the frequent ones.
fn groups(run: &Run) -> Vec<Alike<'_>> {
    let mut groups: IndexMap<_, Alike> = IndexMap::new();
    for (at, host) in run.listed().into_iter().enumerate() {
        if !host.standing().is_trouble() {
            continue;
        }
        let task = host.failure().map(|step| step.task);
        let key = (host.standing() as usize, task, host.reason().unwrap_or(""));
        groups.entry(key).or_default().push((at, host));
    }
    let mut groups: Vec<Alike> = groups.into_values().collect();
    groups.sort_by_key(|group| {
        let stuck = group
            .iter()
            .any(|(_, host)| host.standing() == Standing::RollbackIncomplete);
        (!stuck, std::cmp::Reverse(group.len()))
    });
    groups
}

fn article(run: &Run, clock: &Clock, group: &Alike, open: bool, room: &mut usize) -> String {
    let Some((at, first)) = group.first() else {
        return String::new();
    };
    let standing = first.standing();
    let step = first.failure();
    let name = match group.len() {
        1 => Text(&first.name).to_string(),
        n => counted(n, "host"),
    };
    let task = step.and_then(|step| run.tasks.get_index(step.task));
    let what = task.map_or_else(String::new, |(_, task)| {
        format!("<span class=\"task\">{}</span>", Text(&task.name))
    });
    let mut out = format!(
        "<details class=\"failure t-{class}\"{open}><summary>{icon}<strong>{name}</strong> <span class=\"state\">{words}</span>{what}</summary>\n<div class=\"body\">\n",
        class = standing.class(),
        open = if open { " open" } else { "" },
        icon = icon(standing.class()),
        words = standing.words(run.check),
    );
    if let Some(step) = step {
        let path = task.map_or("", |(_, task)| task.path.as_str());
        let _ = writeln!(
            out,
            "<p class=\"why\">{}</p>\n<p class=\"where\">{} <span>at {}</span> <span>after {}</span></p>",
            Text(&step.note),
            Breakable(path, PATH),
            moment(run, clock, step.until),
            duration(step.took)
        );
        out.push_str(&outputs(step, room));
    } else if let Some(reason) = first.reason() {
        let _ = writeln!(out, "<p class=\"why\">{}</p>", Text(reason));
    }
    out.push_str(&way_back(first));
    if group.len() == 1 {
        let _ = writeln!(
            out,
            "<p class=\"hosts\"><a href=\"#h{at}\">Timeline and steps of {name}</a></p>"
        );
    } else {
        out.push_str(&names(group));
    }
    out + "</div></details>\n"
}

fn names(group: &Alike) -> String {
    let mut out = "<p class=\"hosts\">On ".to_owned();
    for (at, (place, host)) in group.iter().take(NAMED).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let _ = write!(out, "{comma}<a href=\"#h{place}\">{}</a>", Text(&host.name));
    }
    if group.len() > NAMED {
        let _ = write!(out, " and {} more", group.len() - NAMED);
    }
    let _ = writeln!(out, ". Shown is the first.</p>");
    out
}

fn moment(run: &Run, clock: &Clock, at: i64) -> String {
    let after = Duration::from_millis(u64::try_from(at).unwrap_or(0));
    clock.time(run.start().saturating_add(after).unwrap_or(run.last()))
}

fn outputs(step: &Step, room: &mut usize) -> String {
    let mut out = String::new();
    for output in &step.outputs {
        if output.text.len() > *room {
            let _ = writeln!(
                out,
                "<p class=\"cut\">{} is left out here: the page would become too large.</p>",
                Text(&output.name)
            );
            continue;
        }
        *room -= output.text.len();
        let left_out = match output.left_out {
            0 => String::new(),
            n => format!(
                " <span class=\"cut\">without its first {}</span>",
                counted(n, "line")
            ),
        };
        let _ = writeln!(
            out,
            "<figure><figcaption>{name}{left_out}</figcaption><pre tabindex=\"0\" role=\"group\" aria-label=\"{name}\">{text}</pre></figure>",
            name = Text(&output.name),
            text = Text(&output.text)
        );
    }
    out
}

/// What the way back did, and what is left to a person.
fn way_back(host: &Host) -> String {
    let Some(rollback) = &host.rollback else {
        return String::new();
    };
    let mut out = String::new();
    let list = |out: &mut String, title: &str, class: &str, lines: &[String]| {
        if lines.is_empty() {
            return;
        }
        let _ = write!(
            out,
            "<p class=\"title-{class}\">{title}</p><ul class=\"{class}\">"
        );
        for line in lines {
            let _ = write!(out, "<li>{}</li>", Breakable(line, PATH));
        }
        let _ = writeln!(out, "</ul>");
    };
    if let Some(message) = &rollback.message {
        let _ = writeln!(
            out,
            "<p class=\"why\"><span class=\"hint\">On the way back:</span> {}</p>",
            Text(message)
        );
    }
    list(
        &mut out,
        "A person must run, on the host:",
        "commands",
        &rollback.remaining,
    );
    list(
        &mut out,
        "A person must see to:",
        "instead",
        &rollback.instead,
    );
    list(&mut out, "Taken back:", "undone", &rollback.undone);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::HostState;
    use crate::event::Kind;
    use crate::report::sample::{at, batch, broken, counts, end, names, play, run, task};
    use jiff::tz::TimeZone;

    #[test]
    fn the_same_failure_is_told_once_and_what_needs_a_person_comes_first() {
        let hosts = ["a", "b", "c"];
        let mut kinds = vec![
            run(),
            play("all", &hosts),
            batch(1, 1, &hosts),
            task(1, "Restart", "systemd", &hosts),
        ];
        kinds.extend(hosts.iter().map(|host| broken(1, host)));
        kinds.push(Kind::RollbackFinished {
            host: "c".to_owned(),
            state: HostState::RollbackIncomplete,
            undone: Vec::new(),
            remaining: names(&["rm -r '<x>'"]),
            message: None,
            instead: Vec::new(),
        });
        let states = [
            HostState::RolledBack,
            HostState::RolledBack,
            HostState::RollbackIncomplete,
        ];
        let recap = hosts
            .iter()
            .zip(states)
            .map(|(host, state)| counts(host, 0, 0, state));
        kinds.push(end(recap.collect(), 3));
        let mut run = Run::new("");
        for kind in kinds {
            run.event(&at(0, kind));
        }
        run.close();
        let groups: Vec<usize> = groups(&run).iter().map(Vec::len).collect();
        assert_eq!(groups, [1, 2]);
        let text = section(&run, &Clock::new(TimeZone::UTC));
        assert!(text.contains("rm -r &#39;&lt;x&gt;&#39;"), "{text}");
        assert!(
            text.contains("<a href=\"#h0\">a</a>, <a href=\"#h1\">b</a>. Shown is the first."),
            "{text}"
        );
        assert_eq!(text.matches("Job for k3s.service failed.").count(), 2);
    }
}
