//! A plan as a person reads it in the middle of the night: what happens in which order, whether it may, and the way back.
//!
//! This file knows how a plan is shown. It must not know how one is worked out.

use super::colors::{Colors, Tone};
use super::text::{counted, duration, pad};
use crate::plan::{Batch, ClusterPlan, Stage, Step, Upgrade};
use std::collections::BTreeMap;

/// As many hosts of one batch are named; of more, the first few.
const NAMED: usize = 6;

/// A plan, and what is to be said beside it.
#[derive(Debug)]
pub struct PlanText<'a> {
    /// The playbook's path.
    pub playbook: String,
    /// The command that carries the plan out.
    pub command: String,
    /// The plan.
    pub upgrade: &'a Upgrade,
    /// Hosts that could not be looked at, with the reason.
    pub trouble: &'a BTreeMap<String, String>,
    /// What the times are based on.
    pub basis: &'a str,
    /// Where the new binaries of each cluster come from, and whether they are there.
    pub artifacts: &'a BTreeMap<String, BTreeMap<String, String>>,
    /// Plays that the plan says nothing about.
    pub others: &'a [String],
    /// No play of the playbook has a role that a plan can be made of.
    pub not_planned: bool,
}

/// The plan as text of at most `width` columns where that can be.
pub fn plan(text: &PlanText<'_>, color: bool, width: usize) -> String {
    let page = Page {
        colors: Colors::new(color),
        width: width.clamp(60, 140),
    };
    let mut lines = Vec::new();
    for cluster in &text.upgrade.clusters {
        page.cluster(cluster, text, &mut lines);
    }
    for (host, why) in text.trouble {
        let why = format!("not seen   {host}: {why}");
        page.wrapped(&mut lines, 0, Tone::Unreachable, &why, 11);
    }
    if !text.others.is_empty() && !text.upgrade.is_empty() {
        let others = format!("{}{}", pad("not in it", 11), text.others.join("; "));
        page.wrapped(&mut lines, 0, Tone::Dim, &others, 11);
    }
    if !text.trouble.is_empty() || (!text.others.is_empty() && !text.upgrade.is_empty()) {
        lines.push(String::new());
    }
    page.verdict(text, &mut lines);
    lines.join("\n")
}

/// How lines are made.
struct Page {
    colors: Colors,
    width: usize,
}

impl Page {
    fn cluster(&self, cluster: &ClusterPlan, text: &PlanText<'_>, lines: &mut Vec<String>) {
        let title = if cluster.stages.is_empty() && cluster.blocked.is_none() {
            format!(
                "{}   {}, nothing to do",
                cluster.name,
                cluster.to.join(" and ")
            )
        } else {
            let mut way = vec![cluster.from.join(" and ")];
            way.extend(cluster.hops.iter().cloned());
            if cluster.hops.is_empty() {
                way.extend(cluster.to.iter().cloned());
            }
            format!("{}   {}", cluster.name, way.join(" -> "))
        };
        lines.push(self.colors.paint(Tone::Heading, &title));
        let (components, versions) = (
            widest(cluster, component),
            widest(cluster, |stage| &stage.to),
        );
        for (at, stage) in cluster.stages.iter().enumerate() {
            let head = format!(
                "{:>4}  {}  {}  ",
                at + 1,
                pad(component(stage), components),
                pad(&stage.to, versions)
            );
            self.stage(stage, &head, lines);
            if stage.steps().any(|step| !step.breaks.is_empty()) {
                let left = cluster.stages.len() - at - 1;
                if left > 0 {
                    lines.push(format!(
                        "      and {} that it does not come to",
                        counted(left, "stage")
                    ));
                }
                break;
            }
        }
        let notes = notes(cluster, text);
        if !cluster.stages.is_empty() && !notes.is_empty() {
            lines.push(String::new());
        }
        for (label, tone, said) in notes {
            let line = format!("{}{said}", pad(label, 11));
            self.wrapped(lines, 4, tone, &line, 11);
        }
        lines.push(String::new());
    }

    /// The batches of a stage, `|` between them; a step that a rule forbids has a `!`.
    fn stage(&self, stage: &Stage, head: &str, lines: &mut Vec<String>) {
        let batches: Vec<String> = stage.batches.iter().map(batch).collect();
        let mut line = head.to_owned();
        let indent = head.chars().count();
        for (at, batch) in batches.iter().enumerate() {
            let last = at + 1 == batches.len();
            let piece = if last {
                batch.clone()
            } else {
                format!("{batch} | ")
            };
            let full = line.chars().count() + piece.trim_end().chars().count() > self.width;
            if full && line.chars().count() > indent {
                lines.push(line.trim_end().to_owned());
                line = " ".repeat(indent);
            }
            line.push_str(&piece);
        }
        lines.push(self.colors.paint(Tone::Plain, line.trim_end()));
    }

    /// `text` in lines of the page's width; all but the first are moved in by `hang`.
    fn wrapped(&self, lines: &mut Vec<String>, indent: usize, tone: Tone, text: &str, hang: usize) {
        let room = self.width.saturating_sub(indent).max(30);
        let mut line = String::new();
        let mut first = true;
        // The label keeps its spaces.
        let (label, rest) = text.split_at(text.len().min(hang));
        line.push_str(label);
        for word in rest.split_whitespace() {
            let used = line.chars().count();
            if used > hang && used + 1 + word.chars().count() > room {
                lines.push(self.line(indent, tone, &line));
                line = " ".repeat(hang);
                first = false;
            }
            if line.chars().count() > hang || (first && !line.ends_with(' ') && !line.is_empty()) {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(self.line(indent, tone, &line));
    }

    fn line(&self, indent: usize, tone: Tone, text: &str) -> String {
        let text = self.colors.paint(tone, text.trim_end());
        format!("{}{text}", " ".repeat(indent))
    }

    /// What comes of it all, and what to type next.
    fn verdict(&self, text: &PlanText<'_>, lines: &mut Vec<String>) {
        let blocked: Vec<_> = text
            .upgrade
            .clusters
            .iter()
            .filter_map(|cluster| cluster.blocked.as_ref())
            .collect();
        for each in &blocked {
            let rule = format!("BLOCKED    by {}: {}", each.rule, each.what);
            self.wrapped(lines, 0, Tone::Failed, &rule, 11);
            self.wrapped(
                lines,
                0,
                Tone::Plain,
                &format!("{}{}", pad("to do", 11), each.hint),
                11,
            );
            if !each.source.is_empty() {
                lines.push(self.line(
                    0,
                    Tone::Dim,
                    &format!("{}{}", pad("source", 11), each.source),
                ));
            }
        }
        if !blocked.is_empty() {
            return;
        }
        let (tone, verdict) = if text.not_planned {
            (
                Tone::Warning,
                "Nothing to plan: no play upgrades a component that windlass knows.",
            )
        } else if !text.trouble.is_empty() {
            (
                Tone::Warning,
                "Not all was seen, so the plan may be wrong. Nothing was changed.",
            )
        } else if text.upgrade.is_empty() {
            (
                Tone::Ok,
                "Nothing to do: everything is at its version. Nothing was changed.",
            )
        } else {
            (Tone::Ok, "Legal in every state. Nothing was changed.")
        };
        lines.push(self.colors.paint(tone, verdict));
        if tone == Tone::Ok && !text.upgrade.is_empty() {
            lines.push(format!("  {}", text.command));
        }
    }
}

fn widest<'a>(cluster: &'a ClusterPlan, of: impl Fn(&'a Stage) -> &'a str) -> usize {
    let widths = cluster.stages.iter().map(|stage| of(stage).chars().count());
    widths.max().unwrap_or_default()
}

/// The hosts of a batch; a failed step is marked.
fn batch(batch: &Batch) -> String {
    let name = |step: &Step| {
        let mark = if step.breaks.is_empty() { "" } else { "!" };
        format!("{mark}{}", step.host)
    };
    let hosts: Vec<String> = batch.steps.iter().map(name).collect();
    if hosts.len() <= NAMED {
        hosts.join(", ")
    } else {
        let left = hosts.len() - 3;
        format!("{} and {left} more", hosts[..3].join(", "))
    }
}

/// What is to be known of a cluster's plan, each with its label.
fn notes(cluster: &ClusterPlan, text: &PlanText<'_>) -> Vec<(&'static str, Tone, String)> {
    let mut notes = Vec::new();
    for (host, why) in &cluster.silent {
        notes.push(("silent", Tone::Unreachable, format!("{host}: {why}")));
    }
    for broken in &cluster.broken_now {
        let said = format!("{} (rule {})", broken.what, broken.rule);
        notes.push(("broken now", Tone::Warning, said));
    }
    if !cluster.done.is_empty() && !cluster.stages.is_empty() {
        notes.push(("at target", Tone::Ok, listed(&cluster.done)));
    }
    if cluster.stages.is_empty() {
        return notes;
    }
    if cluster.blocked.is_some() {
        // What does not happen needs no time and no way back.
        return notes;
    }
    notes.push(("legal", Tone::Ok, legal(cluster)));
    notes.push(("staged", Tone::Plain, staged(cluster, text)));
    notes.extend(way_back(cluster));
    let time = &cluster.time;
    let said = match time.usual {
        Some(usual) => format!(
            "about {} by {}; {} at most by the timeouts",
            duration(usual),
            text.basis,
            duration(time.at_most)
        ),
        None => format!(
            "{} at least by the waits, {} at most by the timeouts; no earlier run tells more",
            duration(time.at_least),
            duration(time.at_most)
        ),
    };
    notes.push(("time", Tone::Plain, said));
    notes
}

fn listed(hosts: &[String]) -> String {
    if hosts.len() <= 2 * NAMED {
        hosts.join(", ")
    } else {
        format!(
            "{} and {} more",
            hosts[..NAMED].join(", "),
            hosts.len() - NAMED
        )
    }
}

fn legal(cluster: &ClusterPlan) -> String {
    let states: usize = cluster
        .stages
        .iter()
        .map(|stage| stage.steps().count())
        .sum();
    let mut rules: Vec<&str> = Vec::new();
    for rule in cluster.stages.iter().flat_map(|stage| &stage.rules) {
        if !rules.contains(&rule.as_str()) {
            rules.push(rule);
        }
    }
    format!(
        "{} on the way, by {}",
        counted(states, "state"),
        rules.join(", ")
    )
}

/// What a stage is about.
fn component(stage: &Stage) -> &str {
    if stage.ends_emulation {
        "emulation ends"
    } else {
        &stage.component
    }
}

fn staged(cluster: &ClusterPlan, text: &PlanText<'_>) -> String {
    let steps = || cluster.stages.iter().flat_map(Stage::steps);
    let (there, all) = (steps().filter(|step| step.staged).count(), steps().count());
    let from: Vec<String> = text
        .artifacts
        .get(&cluster.name)
        .into_iter()
        .flatten()
        .map(|(at, state)| format!("{at} ({state})"))
        .collect();
    let here = match there {
        0 => "on no host yet".to_owned(),
        n if n == all => "on every host".to_owned(),
        n => format!("for {n} of {all} steps"),
    };
    if from.is_empty() || there == all {
        here
    } else {
        format!("{here}; from {}", from.join(", "))
    }
}

fn way_back(cluster: &ClusterPlan) -> Vec<(&'static str, Tone, String)> {
    let mut inverses: Vec<(&str, Vec<String>)> = Vec::new();
    let mut last = Vec::new();
    for (at, stage) in cluster.stages.iter().enumerate() {
        let number = (at + 1).to_string();
        match inverses.iter_mut().find(|(text, _)| *text == stage.inverse) {
            Some((_, stages)) => stages.push(number),
            None => inverses.push((&stage.inverse, vec![number])),
        }
        if stage.point_of_no_return {
            last.push(format!("{}", at + 1));
        }
    }
    let one = |(text, stages): (&str, Vec<String>)| format!("{}: {text}", stages.join(", "));
    let back: Vec<String> = inverses.into_iter().map(one).collect();
    let mut notes = vec![("back", Tone::Plain, back.join("; "))];
    if !last.is_empty() {
        let said = format!(
            "{}: once a host has served it; then only a snapshot leads back",
            last.join(", ")
        );
        notes.push(("no return", Tone::Warning, said));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::Version;
    use crate::kubernetes::rules::{Component, Rules};
    use crate::plan::{Artifact, ClusterNow, Found, Times, Work};
    use std::time::Duration;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn work(play: &str, component: Component, batches: &[&[&str]], now: &str) -> Work {
        let found = |host: &&str| Found {
            host: (*host).to_owned(),
            cluster: "cp1, cp2".to_owned(),
            component,
            node: (*host).to_owned(),
            local: false,
            target: version("v1.35.1"),
            running: Some(version(now)),
            disk: Some(version(now)),
            staged: *host == "cp1",
            artifact: Artifact::Verified("/srv/v1.35.1".to_owned()),
            via: Vec::new(),
            emulates_from: None,
            times: Times {
                at_least: Duration::from_secs(20),
                at_most: Duration::from_mins(10),
                usual: None,
            },
        };
        let names = |batch: &&[&str]| batch.iter().map(|host| (*host).to_owned()).collect();
        Work {
            play: play.to_owned(),
            looped: false,
            waits: false,
            batches: batches.iter().map(names).collect(),
            found: batches
                .iter()
                .flat_map(|batch| batch.iter())
                .map(found)
                .collect(),
        }
    }

    fn shown(works: &[Work], now: &str) -> String {
        let api = ["cp1", "cp2"].map(|host| (host.to_owned(), version(now)));
        let cluster = ClusterNow {
            api: api.into(),
            ..ClusterNow::default()
        };
        let clusters = BTreeMap::from([("cp1, cp2".to_owned(), cluster)]);
        let upgrade = Upgrade::plan(&Rules::load(None).unwrap(), works, &clusters);
        let text = PlanText {
            playbook: "upgrade.yml".to_owned(),
            command: "windlass run upgrade.yml".to_owned(),
            upgrade: &upgrade,
            trouble: &BTreeMap::new(),
            basis: "nothing",
            artifacts: &BTreeMap::from([(
                "cp1, cp2".to_owned(),
                BTreeMap::from([("/srv/v1.35.1".to_owned(), "verified".to_owned())]),
            )]),
            others: &[],
            not_planned: false,
        };
        plan(&text, false, 100)
    }

    #[test]
    fn a_legal_plan_fits_a_screen() {
        let workers: &[&str] = &["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8"];
        let works = [
            work(
                "servers",
                Component::ApiServer,
                &[&["cp1"], &["cp2"]],
                "v1.34.3",
            ),
            work(
                "kubelets",
                Component::Kubelet,
                &[&["cp1"], workers],
                "v1.34.3",
            ),
        ];
        let text = shown(&works, "v1.34.3");
        assert!(text.lines().count() < 16, "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        for piece in [
            "cp1, cp2   v1.34.3 -> v1.35.1",
            "   1  kube-apiserver  v1.35.1  cp1 | cp2\n",
            "   2  kubelet         v1.35.1  cp1 | w1, w2, w3 and 5 more\n",
            "legal      11 states on the way, by control-plane-hop,",
            "staged     for 2 of 11 steps; from /srv/v1.35.1 (verified)",
            "back       1: old binary back, service restarted; 2: old binary back,",
            "no return  1: once a host has served it; then only a snapshot leads back",
            "time       1 min 20 s at least by the waits, 40 min 0 s at most",
            "Legal in every state. Nothing was changed.\n  windlass run upgrade.yml",
        ] {
            assert!(text.contains(piece), "{piece} is not in\n{text}");
        }
    }

    #[test]
    fn a_forbidden_step_is_marked_and_its_rule_named() {
        let works = [work(
            "kubelets",
            Component::Kubelet,
            &[&["w1"], &["w2"]],
            "v1.34.3",
        )];
        let text = shown(&works, "v1.34.3");
        for piece in [
            "!w1 | !w2",
            "BLOCKED    by kubelet-apiserver: w1: kubelet v1.35.1 is too new",
            "to do      upgrade the API servers first",
            "source     https://",
        ] {
            assert!(text.contains(piece), "{piece} is not in\n{text}");
        }
        assert!(!text.contains("Legal in every state"), "{text}");
        assert!(!text.contains("windlass run"), "{text}");
    }

    #[test]
    fn nothing_to_do_is_said_in_two_lines() {
        let works = [work(
            "servers",
            Component::ApiServer,
            &[&["cp1"], &["cp2"]],
            "v1.35.1",
        )];
        let text = shown(&works, "v1.35.1");
        assert_eq!(
            text,
            "cp1, cp2   v1.35.1, nothing to do\n\nNothing to do: everything is at its version. Nothing was changed."
        );
    }
}
