//! Working out an upgrade: every step in order, and the state of the cluster after it held against the rules.

use super::upgrade::{Batch, Blocked, ClusterPlan, Span, Stage, Step, Upgrade};
use super::upgrade_input::{Artifact, ClusterNow, Found, Work};
use crate::kubernetes::Version;
use crate::kubernetes::rules::{Component, Hop, Minor, Rules, State, Violation};
use std::collections::{BTreeMap, BTreeSet};

impl Upgrade {
    /// The upgrade that `works` carry out, play by play, on clusters that run what `now` says.
    pub fn plan(rules: &Rules, works: &[Work], now: &BTreeMap<String, ClusterNow>) -> Self {
        let mut names: Vec<&str> = Vec::new();
        for found in works.iter().flat_map(|work| &work.found) {
            if !names.contains(&found.cluster.as_str()) {
                names.push(&found.cluster);
            }
        }
        let empty = ClusterNow::default();
        Self {
            clusters: names
                .into_iter()
                .map(|name| {
                    let now = now.get(name).unwrap_or(&empty);
                    Walk::new(rules, works, name, now).plan()
                })
                .collect(),
        }
    }
}

/// One cluster on its way.
struct Walk<'a> {
    rules: &'a Rules,
    works: &'a [Work],
    name: &'a str,
    now: &'a ClusterNow,
    found: Vec<&'a Found>,
    state: State,
    /// What the cluster breaks at this moment; a step is judged by what it adds.
    broken: Vec<Violation>,
    /// Hosts whose API servers are new and behave as the minor version that is given here.
    emulating: BTreeMap<String, Minor>,
}

impl<'a> Walk<'a> {
    fn new(rules: &'a Rules, works: &'a [Work], name: &'a str, now: &'a ClusterNow) -> Self {
        let found: Vec<&Found> = works
            .iter()
            .flat_map(|work| &work.found)
            .filter(|found| found.cluster == name)
            .collect();
        let state = now.state(&found);
        Self {
            broken: rules.violations(&state),
            emulating: BTreeMap::new(),
            rules,
            works,
            name,
            now,
            found,
            state,
        }
    }

    fn plan(mut self) -> ClusterPlan {
        let text = |versions: BTreeSet<&Version>| {
            let all = versions.into_iter().map(ToString::to_string);
            all.collect::<Vec<_>>()
        };
        let mut plan = ClusterPlan {
            name: self.name.to_owned(),
            from: text(self.serving().collect()),
            to: text(self.found.iter().map(|found| &found.target).collect()),
            hops: Vec::new(),
            stages: Vec::new(),
            done: self.done(),
            broken_now: self.broken.clone(),
            silent: self.now.silent.clone().into_iter().collect(),
            blocked: None,
            time: Span::zero(),
        };
        match self.hops() {
            Ok(hops) => {
                plan.hops = hops.iter().map(|hop| hop.version.to_string()).collect();
                for (at, hop) in hops.iter().enumerate() {
                    let last = at + 1 == hops.len();
                    self.hop(hop, last, &mut plan);
                }
            }
            Err(blocked) => plan.blocked = Some(blocked),
        }
        if plan.blocked.is_none() {
            plan.blocked = self.missing_artifact(&plan);
        }
        plan
    }

    fn serving(&self) -> impl Iterator<Item = &Version> {
        self.state
            .members
            .iter()
            .filter(|member| member.component.serves_api())
            .map(|member| &member.version)
    }

    /// Hosts of which every component is at the target.
    fn done(&self) -> Vec<String> {
        let mut hosts: Vec<&str> = Vec::new();
        for found in &self.found {
            if !hosts.contains(&found.host.as_str()) {
                hosts.push(&found.host);
            }
        }
        hosts
            .into_iter()
            .filter(|host| {
                let mut parts = self.found.iter().filter(|found| found.host == *host);
                parts.all(|found| found.is_done())
            })
            .map(str::to_owned)
            .collect()
    }

    fn is_looped(&self) -> bool {
        self.works
            .iter()
            .filter(|work| work.found.iter().any(|found| found.cluster == self.name))
            .any(|work| work.looped)
    }

    /// The hops: those of the path where plays repeat for each, else the target alone.
    fn hops(&self) -> Result<Vec<Hop>, Blocked> {
        if self.found.iter().all(|found| found.is_done()) {
            return Ok(Vec::new());
        }
        let Some(target) = self.found.iter().map(|found| &found.target).max() else {
            return Ok(Vec::new());
        };
        let only_target = vec![Hop {
            version: target.clone(),
            kubelets: true,
        }];
        if !self.is_looped() {
            return Ok(only_target);
        }
        let from: Vec<Version> = self.serving().cloned().collect();
        let (_, node) = Component::plane_of(target);
        let kubelets: Vec<Version> = self.state.versions(node).cloned().collect();
        let path = self.rules.path(&from, target, &kubelets, &self.via());
        match path {
            // A binary that was replaced but not restarted, or the other way round.
            Ok(path) if path.hops.is_empty() => Ok(only_target),
            Ok(path) => Ok(path.hops),
            Err(refusal) => {
                let rule = refusal.rule().unwrap_or_default().to_owned();
                Err(Blocked {
                    source: self.source_of(&rule),
                    what: refusal.to_string(),
                    hint: refusal.hint(),
                    rule,
                })
            }
        }
    }

    fn via(&self) -> Vec<Version> {
        let all: BTreeSet<&Version> = self.found.iter().flat_map(|found| &found.via).collect();
        all.into_iter().cloned().collect()
    }

    fn source_of(&self, rule: &str) -> String {
        self.rules
            .source_of(rule)
            .map(|(source, _)| source.to_owned())
            .unwrap_or_default()
    }

    /// All plays for one hop.
    fn hop(&mut self, hop: &Hop, last: bool, plan: &mut ClusterPlan) {
        for work in self.works {
            let mut components: Vec<Component> = Vec::new();
            for found in work.found.iter().filter(|found| found.cluster == self.name) {
                if !components.contains(&found.component) {
                    components.push(found.component);
                }
            }
            for component in components {
                // A play that goes to the target at once has its turn when the target's has come.
                let sits_out = if work.looped {
                    work.waits && !hop.kubelets
                } else {
                    !last
                };
                if sits_out {
                    continue;
                }
                let stage = self.stage(work, component, hop, last);
                if stage.batches.is_empty() {
                    continue;
                }
                if plan.blocked.is_none() {
                    plan.blocked = self.first_break(&stage);
                }
                plan.time.then(stage.time);
                plan.stages.push(stage);
            }
        }
    }

    fn stage(&mut self, work: &Work, component: Component, hop: &Hop, last: bool) -> Stage {
        let mut stage = Stage {
            play: work.play.clone(),
            component: component.name().to_owned(),
            to: hop.version.to_string(),
            batches: Vec::new(),
            rules: self.rules.about(component, &self.state),
            inverse: inverse(component).to_owned(),
            ends_emulation: false,
            point_of_no_return: false,
            time: Span::zero(),
        };
        for hosts in &work.batches {
            let mut batch = Batch { steps: Vec::new() };
            let mut longest = Span::zero();
            for host in hosts {
                let found = work.found.iter().find(|found| {
                    found.host == *host
                        && found.component == component
                        && found.cluster == self.name
                });
                let Some(found) = found else { continue };
                let before = self.emulating.len();
                if let Some(step) = self.step(found, hop, last) {
                    stage.ends_emulation |= self.emulating.len() < before;
                    stage.point_of_no_return |=
                        is_final(found.component, &step) && !self.emulating.contains_key(host);
                    longest = longer(longest, found);
                    batch.steps.push(step);
                }
            }
            if stage.ends_emulation {
                "drop-in of the emulation back, service restarted".clone_into(&mut stage.inverse);
            }
            if !batch.steps.is_empty() {
                stage.time.then(longest);
                stage.batches.push(batch);
            }
        }
        stage
    }

    /// One host's step, and the state after it.
    fn step(&mut self, found: &Found, hop: &Hop, last: bool) -> Option<Step> {
        let to = if last { &found.target } else { &hop.version };
        let member = self
            .state
            .members
            .iter()
            .find(|member| member.host == found.host && member.component == found.component);
        let from = member.map(|member| member.version.clone());
        if from.as_ref() == Some(to) && self.emulating.contains_key(&found.host) {
            return self.end_emulation(found, to);
        }
        if waits(found) && self.serving().any(|version| version < to) {
            return None;
        }
        let on_disk = found.disk.as_ref() == Some(to) || !last;
        match &from {
            Some(from) if from == to && (on_disk || found.is_done()) => return None,
            // An interrupted run has brought this one further than the hop already.
            Some(from) if from > to && !last => return None,
            _ => {}
        }
        let mut breaks: Vec<Violation> = from
            .as_ref()
            .and_then(|from| self.rules.hop(found.component, from, to))
            .into_iter()
            .collect();
        self.state.set(&found.host, found.component, to);
        if let Some(old) = from.as_ref().and_then(|from| emulated(found, from, to)) {
            self.emulating.insert(found.host.clone(), old);
        }
        let after = self.rules.violations(&self.state);
        let known = |each: &Violation| {
            let same = |old: &Violation| {
                old.rule == each.rule && each.hosts.iter().all(|host| old.hosts.contains(host))
            };
            self.broken.iter().any(same)
        };
        breaks.extend(after.iter().filter(|each| !known(each)).cloned());
        self.broken = after;
        for each in &mut breaks {
            if each.hosts.is_empty() {
                each.hosts.push(found.host.clone());
            }
        }
        Some(Step {
            host: found.host.clone(),
            from: from.map(|from| from.to_string()).unwrap_or_default(),
            to: to.to_string(),
            staged: last && found.staged,
            breaks,
        })
    }

    /// The API server becomes what it is, once all of them run the new version.
    fn end_emulation(&mut self, found: &Found, to: &Version) -> Option<Step> {
        if self.serving().any(|version| version != to) {
            return None;
        }
        let old = self.emulating.remove(&found.host)?;
        Some(Step {
            host: found.host.clone(),
            from: format!("{to} as {old}"),
            to: to.to_string(),
            // It needs no binary.
            staged: true,
            breaks: Vec::new(),
        })
    }

    /// The first step of a stage that a rule forbids.
    fn first_break(&self, stage: &Stage) -> Option<Blocked> {
        let broken = stage.steps().find_map(|step| step.breaks.first())?;
        let from: Vec<Version> = self
            .now
            .state(&self.found)
            .members
            .into_iter()
            .filter(|member| member.component.serves_api())
            .map(|member| member.version)
            .collect();
        let target = self.found.iter().map(|found| &found.target).max()?;
        let path = self.rules.path(&from, target, &[], &self.via());
        let hint = match path {
            Ok(path) if path.hops.len() > 1 => {
                let hops: Vec<_> = path
                    .hops
                    .iter()
                    .map(|hop| hop.version.to_string())
                    .collect();
                format!("go one hop at a time: {}", hops.join(", then "))
            }
            Err(refusal) => refusal.hint(),
            Ok(_) => "upgrade the API servers first, without --limit or with one that holds them"
                .to_owned(),
        };
        Some(Blocked {
            rule: broken.rule.clone(),
            what: format!("{}: {}", broken.hosts.join(", "), broken.what),
            source: broken.source.clone(),
            hint,
        })
    }

    /// A binary that a step needs and that is neither on its host nor where it comes from.
    fn missing_artifact(&self, plan: &ClusterPlan) -> Option<Blocked> {
        let needs = |found: &&&Found| {
            !found.staged
                && plan.stages.iter().any(|stage| {
                    stage.component == found.component.name()
                        && stage.steps().any(|step| step.host == found.host)
                })
        };
        self.found.iter().filter(needs).find_map(|found| {
            let Artifact::Missing { at, why } = &found.artifact else {
                return None;
            };
            Some(Blocked {
                rule: "artifact".to_owned(),
                what: format!(
                    "{} {} for {}: {why}",
                    found.component, found.target, found.host
                ),
                source: String::new(),
                hint: format!("put it with its SHA256SUMS into {at}"),
            })
        })
    }
}

/// What takes a step back, as the roles do it.
fn inverse(component: Component) -> &'static str {
    if component.runs_pods() {
        "old binary back, service restarted, node uncordoned"
    } else {
        "old binary back, service restarted"
    }
}

/// Whether the role waits with this component until every API server is at the version.
fn waits(found: &Found) -> bool {
    let controls = matches!(
        found.component,
        Component::ControllerManager | Component::Scheduler
    );
    controls && !found.local
}

/// The minor version that a new API server first runs as.
fn emulated(found: &Found, from: &Version, to: &Version) -> Option<Minor> {
    let since = found.emulates_from.as_ref()?;
    let wanted = found.component == Component::ApiServer && to >= since;
    (wanted && from.minors_to(to) == Some(1)).then_some(Minor {
        major: from.major,
        minor: from.minor,
    })
}

/// Whether the host stays at the new version: what it has stored in another minor's form, the old one may not read.
fn is_final(component: Component, step: &Step) -> bool {
    let stores = component.serves_api() || component == Component::Etcd;
    let minors = match (step.from.parse::<Version>(), step.to.parse::<Version>()) {
        (Ok(from), Ok(to)) => from.minors_to(&to) != Some(0),
        _ => true,
    };
    stores && minors
}

/// The hosts of a batch work at once, so the longest of them counts.
fn longer(span: Span, found: &Found) -> Span {
    Span {
        at_least: span.at_least.max(found.times.at_least),
        at_most: span.at_most.max(found.times.at_most),
        usual: span
            .usual
            .and_then(|usual| found.times.usual.map(|next| usual.max(next))),
    }
}
