//! Working out an upgrade: every step in order, and the state of the cluster after it held against the rules.

use super::upgrade::{Batch, Blocked, ClusterPlan, Span, Stage, Step, Upgrade};
use super::upgrade_input::{Artifact, ClusterNow, Found, Work};
use crate::kubernetes::Version;
use crate::kubernetes::rules::{Component, Hop, Rules, State, Violation};
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
                if let Some(step) = self.step(found, hop, last) {
                    stage.point_of_no_return |= is_final(found.component, &step);
                    longest = longer(longest, found);
                    batch.steps.push(step);
                }
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

#[cfg(test)]
mod tests {
    use super::super::Times;
    use super::*;
    use std::time::Duration;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn found(host: &str, component: Component, now: &str, target: &str) -> Found {
        Found {
            host: host.to_owned(),
            cluster: "c".to_owned(),
            component,
            node: host.to_owned(),
            local: false,
            target: version(target),
            running: Some(version(now)),
            disk: Some(version(now)),
            staged: false,
            artifact: Artifact::Verified("/srv".to_owned()),
            via: ["v1.33.5", "v1.34.3", "v1.35.1", "v1.36.0"]
                .map(version)
                .to_vec(),
            times: Times {
                at_least: Duration::from_secs(10),
                at_most: Duration::from_secs(60),
                usual: None,
            },
        }
    }

    fn work(component: Component, hosts: &[&str], now: &str, target: &str, looped: bool) -> Work {
        Work {
            play: format!("play of {component}"),
            looped,
            waits: component == Component::Kubelet,
            batches: hosts.iter().map(|host| vec![(*host).to_owned()]).collect(),
            found: hosts
                .iter()
                .map(|host| found(host, component, now, target))
                .collect(),
        }
    }

    /// A cluster of two API servers and two workers, all at `now`.
    fn cluster(now: &str) -> BTreeMap<String, ClusterNow> {
        let all = |names: [&str; 2]| names.map(|name| (name.to_owned(), version(now))).into();
        let cluster = ClusterNow {
            api: all(["cp1", "cp2"]),
            nodes: all(["n1", "n2"]),
            silent: BTreeMap::new(),
        };
        BTreeMap::from([("c".to_owned(), cluster)])
    }

    fn plan(works: &[Work], now: &str) -> ClusterPlan {
        let rules = Rules::load(None).unwrap();
        let mut upgrade = Upgrade::plan(&rules, works, &cluster(now));
        assert_eq!(upgrade.clusters.len(), 1);
        upgrade.clusters.remove(0)
    }

    fn both(now: &str, target: &str, looped: bool) -> [Work; 2] {
        [
            work(Component::ApiServer, &["cp1", "cp2"], now, target, looped),
            work(Component::Kubelet, &["n1", "n2"], now, target, looped),
        ]
    }

    fn shape(plan: &ClusterPlan) -> Vec<String> {
        let one = |stage: &Stage| {
            let steps: Vec<_> = stage.steps().map(|step| step.host.as_str()).collect();
            format!("{} {} {}", stage.component, stage.to, steps.join(","))
        };
        plan.stages.iter().map(one).collect()
    }

    #[test]
    fn one_hop_goes_through_the_plays_in_order() {
        let plan = plan(&both("v1.34.3", "v1.35.1", false), "v1.34.3");
        assert_eq!(plan.blocked, None);
        assert_eq!(
            shape(&plan),
            ["kube-apiserver v1.35.1 cp1,cp2", "kubelet v1.35.1 n1,n2"]
        );
        assert!(plan.stages[0].point_of_no_return);
        assert!(!plan.stages[1].point_of_no_return);
        assert_eq!(plan.time.at_least, Duration::from_secs(40));
        assert_eq!(plan.time.at_most, Duration::from_secs(240));
        assert_eq!(plan.time.usual, None);
        assert!(
            plan.stages[0]
                .rules
                .contains(&"apiserver-apiserver".to_owned())
        );
        assert_eq!(plan.from, ["v1.34.3"]);
        assert_eq!(plan.hops, ["v1.35.1"]);
    }

    #[test]
    fn plays_that_loop_walk_the_hops_and_kubelets_follow_once() {
        let plan = plan(&both("v1.33.5", "v1.35.1", true), "v1.33.5");
        assert_eq!(plan.blocked, None);
        assert_eq!(
            shape(&plan),
            [
                "kube-apiserver v1.34.3 cp1,cp2",
                "kube-apiserver v1.35.1 cp1,cp2",
                "kubelet v1.35.1 n1,n2"
            ]
        );
    }

    #[test]
    fn kubelets_that_do_not_wait_are_drained_at_every_hop() {
        let mut works = both("v1.33.5", "v1.35.1", true);
        works[1].waits = false;
        let plan = plan(&works, "v1.33.5");
        assert_eq!(plan.blocked, None);
        assert_eq!(plan.stages.len(), 4);
        assert_eq!(shape(&plan)[1], "kubelet v1.34.3 n1,n2");
    }

    #[test]
    fn what_is_forbidden_names_its_rule_and_a_way() {
        let cases = [
            // A minor is skipped, and the plays do not loop.
            (
                both("v1.33.5", "v1.35.1", false).to_vec(),
                "v1.33.5",
                "control-plane-hop",
                "v1.34.3, then v1.35.1",
            ),
            // Lower than what runs.
            (
                both("v1.35.1", "v1.34.3", false).to_vec(),
                "v1.35.1",
                "control-plane-hop",
                "windlass rollback",
            ),
            (
                both("v1.35.1", "v1.34.3", true).to_vec(),
                "v1.35.1",
                "control-plane-hop",
                "windlass rollback",
            ),
            // Kubelets alone, before the control plane.
            (
                both("v1.34.3", "v1.35.1", false)[1..].to_vec(),
                "v1.34.3",
                "kubelet-apiserver",
                "upgrade the API servers first",
            ),
            // The kubelets' play stands before the API servers'.
            (
                both("v1.34.3", "v1.35.1", false)
                    .into_iter()
                    .rev()
                    .collect(),
                "v1.34.3",
                "kubelet-apiserver",
                "API servers first",
            ),
        ];
        for (works, now, rule, hint) in cases {
            let blocked = plan(&works, now).blocked.unwrap();
            assert_eq!(blocked.rule, rule, "{blocked:?}");
            assert!(blocked.hint.contains(hint), "{blocked:?}");
            assert!(blocked.source.starts_with("https://"), "{blocked:?}");
        }
    }

    #[test]
    fn equal_is_nothing_to_do() {
        for looped in [false, true] {
            let plan = plan(&both("v1.35.1", "v1.35.1", looped), "v1.35.1");
            assert!(plan.stages.is_empty() && plan.hops.is_empty());
            assert_eq!(plan.done, ["cp1", "cp2", "n1", "n2"]);
            assert_eq!(plan.blocked, None);
        }
    }

    #[test]
    fn what_an_interrupted_run_left_is_gone_on_with() {
        let mut works = both("v1.34.3", "v1.35.1", false);
        works[0].found[0] = found("cp1", Component::ApiServer, "v1.35.1", "v1.35.1");
        // Replaced on disk, not restarted.
        works[0].found[1].disk = Some(version("v1.35.1"));
        let plan = plan(&works, "v1.34.3");
        assert_eq!(shape(&plan)[0], "kube-apiserver v1.35.1 cp2");
        assert_eq!(plan.done, ["cp1"]);
    }

    #[test]
    fn a_missing_binary_blocks_unless_it_is_on_the_host() {
        let mut works = both("v1.34.3", "v1.35.1", false);
        for found in &mut works[1].found {
            found.artifact = Artifact::Missing {
                at: "/srv".to_owned(),
                why: "not there".to_owned(),
            };
        }
        assert_eq!(plan(&works, "v1.34.3").blocked.unwrap().rule, "artifact");
        works[1]
            .found
            .iter_mut()
            .for_each(|found| found.staged = true);
        assert_eq!(plan(&works, "v1.34.3").blocked, None);
    }

    #[test]
    fn what_earlier_runs_took_counts_only_when_all_is_known() {
        let mut works = both("v1.34.3", "v1.35.1", false);
        for found in works.iter_mut().flat_map(|work| &mut work.found) {
            found.times.usual = Some(Duration::from_secs(20));
        }
        assert_eq!(
            plan(&works, "v1.34.3").time.usual,
            Some(Duration::from_secs(80))
        );
        works[1].found[0].times.usual = None;
        assert_eq!(plan(&works, "v1.34.3").time.usual, None);
    }
}
