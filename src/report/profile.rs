//! `--profile`: where the time went, by task and by host. Must not know how a run is shown otherwise.

use super::phase::{Phase, Times};
use super::reporter::Reporter;
use super::table::table;
use super::text::{duration, one_line};
use crate::event::{Event, Kind};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

/// How many of the slowest tasks are listed.
const SLOWEST: usize = 10;
/// How many hosts are listed, those with the most overhead first.
const HOSTS: usize = 20;

/// A task's time over all hosts.
#[derive(Debug, Clone, Default)]
struct Spent {
    total: Duration,
    longest: Duration,
    slowest_host: String,
}

/// Prints where the time went once the run is over.
pub fn profile(out: Box<dyn Write + Send>) -> Box<dyn Reporter> {
    Box::new(Profile {
        out,
        started: HashMap::new(),
        tasks: IndexMap::new(),
        hosts: IndexMap::new(),
    })
}

struct Profile {
    out: Box<dyn Write + Send>,
    /// Name and action of each task by its number.
    started: HashMap<usize, (String, String)>,
    tasks: IndexMap<String, Spent>,
    hosts: IndexMap<String, Times>,
}

impl Reporter for Profile {
    fn event(&mut self, event: &Event) {
        match &event.kind {
            Kind::TaskStarted {
                task, name, action, ..
            } => {
                self.started.insert(*task, (name.clone(), action.clone()));
            }
            Kind::TaskFinished { task, host, result } => {
                let Some((name, action)) = self.started.get(task) else {
                    return;
                };
                let spent = self.tasks.entry(name.clone()).or_default();
                spent.total += result.took;
                if result.took >= spent.longest {
                    spent.longest = result.took;
                    spent.slowest_host.clone_from(host);
                }
                let phase = Phase::of(action, result);
                let times = self.hosts.entry(host.clone()).or_default();
                times.add(phase, result.took);
            }
            _ => {}
        }
    }

    fn finish(&mut self) {
        // As with every reporter, nobody is left to tell when the output is gone.
        let _ = self.out.write_all(self.text().as_bytes());
        let _ = self.out.flush();
    }
}

impl Profile {
    fn text(&self) -> String {
        format!("\nPROFILE\n{}\n{}", self.tasks_text(), self.hosts_text())
    }

    fn tasks_text(&self) -> String {
        let mut tasks: Vec<(&String, &Spent)> = self.tasks.iter().collect();
        tasks.sort_by_key(|(_, spent)| std::cmp::Reverse(spent.total));
        tasks.truncate(SLOWEST);
        let rows = tasks.iter().map(|(name, spent)| {
            vec![
                one_line(name),
                duration(spent.total),
                format!("{} on {}", duration(spent.longest), spent.slowest_host),
            ]
        });
        titled(&["slowest tasks", "all hosts", "longest"], rows)
    }

    fn hosts_text(&self) -> String {
        let mut hosts: Vec<(&String, &Times)> = self.hosts.iter().collect();
        hosts.sort_by_key(|(_, times)| std::cmp::Reverse(times.overhead()));
        let mut overheads: Vec<Duration> = hosts.iter().map(|(_, it)| it.overhead()).collect();
        overheads.sort();
        let rows = hosts.iter().take(HOSTS).map(|(host, times)| {
            std::iter::once((*host).clone())
                .chain(Phase::ALL.iter().map(|phase| duration(times.of(*phase))))
                .collect()
        });
        let head = ["hosts", "drain", "restart", "wait", "gate", "overhead"];
        let mut text = titled(&head, rows);
        if let (Some(most), Some(median)) = (overheads.last(), overheads.get(overheads.len() / 2)) {
            let _ = writeln!(
                text,
                "overhead per host, beyond drain, restart, gates and waits: median {}, at most {}",
                duration(*median),
                duration(*most)
            );
        }
        text
    }
}

/// Rows under their titles.
fn titled(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head = head.iter().map(|title| (*title).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    table(&rows, &[])
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn time_is_told_by_task_and_by_phase() {
        let mut profile = Profile {
            out: Box::new(std::io::sink()),
            started: HashMap::new(),
            tasks: IndexMap::new(),
            hosts: IndexMap::new(),
        };
        let kinds = [
            sample::task(1, "Drain", "windlass.drain", &["a"]),
            sample::ok(1, "a"),
            sample::task(2, "Restart", "ansible.builtin.systemd", &["a"]),
            sample::changed(2, "a"),
            sample::task(3, "Gate", "windlass.gate", &["a"]),
            sample::ok(3, "a"),
            sample::task(4, "Look", "command", &["a", "b"]),
            sample::ok(4, "a"),
            sample::ok(4, "b"),
            // Not restarted, so it is a look.
            sample::task(5, "Check", "systemd", &["b"]),
            sample::ok(5, "b"),
        ];
        for kind in kinds {
            profile.event(&Event::now(kind));
        }
        let text = profile.text();
        let row = |start: &str| {
            let line = text.lines().find(|line| line.starts_with(start));
            line.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        // Each sample takes 0.3 s.
        assert_eq!(
            row("Look").as_deref(),
            Some("Look 0.6 s 0.3 s on b"),
            "{text}"
        );
        assert_eq!(
            row("a ").as_deref(),
            Some("a 0.3 s 0.3 s 0.0 s 0.3 s 0.3 s")
        );
        assert_eq!(
            row("b ").as_deref(),
            Some("b 0.0 s 0.0 s 0.0 s 0.0 s 0.6 s")
        );
        assert!(text.ends_with("median 0.6 s, at most 0.6 s\n"), "{text}");
    }
}
