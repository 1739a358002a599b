//! All findings of a run as one short text: blocks first, hosts with the same trouble on one line, what to do beside it.

use super::{Finding, Group, Severity};
use std::fmt::Write as _;

/// So many hosts are named on a line; of more, the number is said.
const NAMED_HOSTS: usize = 6;
/// So many lines are shown under one heading; of more, the number is said.
const LINES: usize = 8;

/// What all checks together say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Findings that block, after what is ignored.
    pub blocks: usize,
    /// Warnings, those included that would block but are ignored.
    pub warnings: usize,
    /// The report as lines; empty when nothing was found.
    pub text: String,
}

/// Findings that one `todo` answers.
struct Section<'a> {
    severity: Severity,
    ignored: bool,
    group: Group,
    id: &'a str,
    todo: &'a str,
    /// What, and on which hosts.
    lines: Vec<(&'a str, Vec<&'a str>)>,
}

/// The names in `ignore` that are neither a group nor the id of a check that found something.
pub fn unknown_names<'a>(ignore: &'a [String], findings: &[Finding]) -> Vec<&'a str> {
    ignore
        .iter()
        .map(String::as_str)
        .filter(|name| {
            !Group::ALL.iter().any(|group| group.name() == *name)
                && !findings.iter().any(|finding| finding.id == *name)
        })
        .collect()
}

/// Puts `findings` together. Blocks of the groups and checks in `ignore` become warnings, and are marked as such.
pub fn report(findings: &[Finding], ignore: &[String]) -> Report {
    let sections = sections(findings, ignore);
    let count = |severity| {
        sections
            .iter()
            .filter(|section| section.severity == severity)
            .map(|section| section.lines.len())
            .sum()
    };
    let mut report = Report {
        blocks: count(Severity::Block),
        warnings: count(Severity::Warn),
        text: String::new(),
    };
    let width = sections
        .iter()
        .map(|section| section.group.name().len())
        .max()
        .unwrap_or_default();
    for section in &sections {
        write(&mut report.text, section, width);
    }
    report
}

fn sections<'a>(findings: &'a [Finding], ignore: &[String]) -> Vec<Section<'a>> {
    let mut sections: Vec<Section> = Vec::new();
    for finding in findings {
        let named = |name: &String| *name == finding.id || *name == finding.group.name();
        let ignored = finding.severity == Severity::Block && ignore.iter().any(named);
        let severity = if ignored {
            Severity::Warn
        } else {
            finding.severity
        };
        let at = sections.iter().position(|section| {
            section.group == finding.group
                && section.id == finding.id
                && section.severity == severity
                && section.todo == finding.todo
        });
        let at = at.unwrap_or_else(|| {
            sections.push(Section {
                severity,
                ignored,
                group: finding.group,
                id: &finding.id,
                todo: &finding.todo,
                lines: Vec::new(),
            });
            sections.len() - 1
        });
        let lines = &mut sections[at].lines;
        match lines.iter_mut().find(|(what, _)| *what == finding.what) {
            Some((_, hosts)) if hosts.contains(&finding.host.as_str()) => {}
            Some((_, hosts)) => hosts.push(&finding.host),
            None => lines.push((&finding.what, vec![&finding.host])),
        }
    }
    // Stable, so that within a group findings stay in the order of the checks.
    sections.sort_by_key(|section| (section.severity, section.group));
    sections
}

fn write(text: &mut String, section: &Section, width: usize) {
    let word = match section.severity {
        Severity::Block => "BLOCK",
        Severity::Warn => "warn ",
    };
    let name = section.group.name();
    let indent = " ".repeat(width + 9);
    for (at, (what, hosts)) in section.lines.iter().take(LINES).enumerate() {
        let start = if at == 0 {
            format!("{word}  {name:width$}  ")
        } else {
            indent.clone()
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{start}{}{what}", named(hosts));
    }
    if let Some(more) = section.lines.len().checked_sub(LINES).filter(|it| *it > 0) {
        let _ = writeln!(text, "{indent}and {more} more");
    }
    let mark = if section.ignored {
        format!(" (would block; `{}` is ignored)", section.id)
    } else if section.severity == Severity::Block {
        format!(" [{}]", section.id)
    } else {
        String::new()
    };
    let _ = writeln!(text, "{indent}-> {}{mark}", section.todo);
}

/// The hosts before what they have in common: `worker1, worker2: `; nothing for the cluster as a whole.
fn named(hosts: &[&str]) -> String {
    let hosts: Vec<_> = hosts.iter().filter(|host| !host.is_empty()).collect();
    if hosts.is_empty() {
        return String::new();
    }
    let shown: Vec<&str> = hosts.iter().take(NAMED_HOSTS).map(|host| **host).collect();
    let more = match hosts.len().saturating_sub(NAMED_HOSTS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}: ", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Vec<Finding> {
        let swap = Finding::warn(Group::Runtime, "swap", "swap is on", "turn it off");
        let disk = |host: &str, free: &str| {
            Finding::block(
                Group::Host,
                "disk-space",
                format!("/var has {free} free"),
                "make room",
            )
            .on(host)
        };
        vec![
            swap.clone().on("worker1"),
            swap.clone().on("worker2"),
            swap.on("worker1"),
            Finding::block(Group::Etcd, "members", "etcd has 2 members", "add one"),
            disk("worker2", "1 MB"),
            disk("worker3", "2 MB"),
            disk("worker1", "1 MB"),
        ]
    }

    #[test]
    fn blocks_come_first_and_hosts_are_joined() {
        let report = report(&findings(), &[]);
        assert_eq!((report.blocks, report.warnings), (3, 1));
        let expected = "\
BLOCK  host     worker2, worker1: /var has 1 MB free
                worker3: /var has 2 MB free
                -> make room [disk-space]
BLOCK  etcd     etcd has 2 members
                -> add one [members]
warn   runtime  worker1, worker2: swap is on
                -> turn it off
";
        assert_eq!(report.text, expected);
    }

    #[test]
    fn what_is_ignored_warns_and_says_so() {
        for name in ["host", "disk-space"] {
            let report = report(&findings(), &[name.to_owned()]);
            assert_eq!((report.blocks, report.warnings), (1, 3));
            let line = "-> make room (would block; `disk-space` is ignored)\n";
            assert!(report.text.contains(line), "{}", report.text);
            assert!(report.text.starts_with("BLOCK  etcd"), "{}", report.text);
        }
        let ignore = ["etcd".to_owned(), "swap".to_owned(), "swpa".to_owned()];
        assert_eq!(unknown_names(&ignore, &findings()), ["swpa"]);
    }

    #[test]
    fn two_hundred_hosts_stay_a_few_lines() {
        let many: Vec<Finding> = (0..200)
            .flat_map(|at| {
                let same = Finding::warn(Group::Runtime, "swap", "swap is on", "turn it off");
                let own = Finding::warn(Group::Host, "kernel", format!("{at}"), "reboot");
                [same.on(format!("n{at}")), own.on(format!("n{at}"))]
            })
            .collect();
        let text = report(&many, &[]).text;
        assert!(text.lines().count() < 14, "{text}");
        assert!(text.contains("n0, n1, n2, n3, n4, n5 and 194 more: swap is on"));
        assert!(text.contains("and 192 more\n"), "{text}");
        assert_eq!(report(&[], &[]).text, "");
    }
}
