//! From what the looks of a survey returned to what a plan is worked out from.
//!
//! This file knows the results of `windlass.look` and `windlass.api_servers`. It must not know the rules.

use crate::engine::Survey;
use crate::event::{Event, Kind, Status, TaskResult};
use crate::journal::Store;
use crate::kubernetes::Version;
use crate::kubernetes::rules::Component;
use crate::plan::{Artifact, ClusterNow, Found, Times, Usual, Work};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

/// How many of the newest runs are read for what a step takes.
const RUNS: usize = 20;

/// What a plan is worked out from.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) works: Vec<Work>,
    pub(super) clusters: BTreeMap<String, ClusterNow>,
    /// Hosts that could not be looked at, with the reason.
    pub(super) trouble: BTreeMap<String, String>,
    /// What the times are based on.
    pub(super) basis: String,
    /// Where the new binaries of each cluster come from, and whether they are there.
    pub(super) artifacts: BTreeMap<String, BTreeMap<String, String>>,
}

/// What plays took in the newest runs. A run that cannot be read is left out: nothing depends on it.
pub(super) fn usual(store: &Store) -> Usual {
    let mut usual = Usual::default();
    for run in store.runs().unwrap_or_default().iter().rev().take(RUNS) {
        if let Ok(events) = store.events(run) {
            usual.learn(&events);
        }
    }
    usual
}

/// What the times of a plan are based on.
fn basis(usual: &Usual) -> String {
    match usual.runs() {
        0 => "settings alone: there is no earlier run to learn from".to_owned(),
        1 => "the median of hosts in 1 earlier run".to_owned(),
        n => format!("the median of hosts in {n} earlier runs"),
    }
}

/// Sorts the results of the looks to the plays they were made for.
pub(super) fn gather(survey: &Survey, seen: &[Event], usual: &Usual) -> Gathered {
    let mut gathered = Gathered {
        works: survey
            .plays
            .iter()
            .map(|play| Work {
                play: play.name.clone(),
                looped: play.looped,
                waits: play.waits,
                batches: play.batches.clone(),
                found: Vec::new(),
            })
            .collect(),
        basis: basis(usual),
        ..Gathered::default()
    };
    let mut actions: HashMap<usize, String> = HashMap::new();
    let mut plays = 0;
    for event in seen {
        match &event.kind {
            Kind::PlayStarted { .. } => plays += 1,
            Kind::TaskStarted { task, action, .. } => {
                actions.insert(*task, action.clone());
            }
            Kind::ItemFinished {
                task, host, result, ..
            }
            | Kind::TaskFinished { task, host, result } => {
                let action = actions.get(task).map_or("", String::as_str);
                let at = plays.max(1) - 1;
                gathered.result(action, at, host, result, usual);
            }
            _ => {}
        }
    }
    gathered
}

impl Gathered {
    fn result(
        &mut self,
        action: &str,
        play: usize,
        host: &str,
        result: &TaskResult,
        usual: &Usual,
    ) {
        let bad = matches!(
            result.status,
            Status::Failed | Status::Ignored | Status::Unreachable | Status::Unknown
        );
        if bad {
            let why = result.result["msg"]
                .as_str()
                .unwrap_or("no reason was given");
            self.trouble
                .entry(host.to_owned())
                .or_insert_with(|| why.to_owned());
            return;
        }
        match action {
            "windlass.look" => self.look(play, host, &result.result, usual),
            "windlass.api_servers" => self.cluster(&result.result),
            _ => {}
        }
    }

    fn look(&mut self, play: usize, host: &str, result: &Value, usual: &Usual) {
        let text = |name: &str| result[name].as_str().unwrap_or_default();
        let version = |name: &str| text(name).parse::<Version>().ok();
        let (Some(component), Some(target)) =
            (Component::from_name(text("component")), version("target"))
        else {
            return;
        };
        if let Some(silent) = result["silent"].as_str() {
            self.trouble
                .entry(host.to_owned())
                .or_insert_with(|| silent.to_owned());
        }
        let Some(work) = self.works.get_mut(play) else {
            return;
        };
        let seconds = |name: &str| Duration::from_secs(result[name].as_u64().unwrap_or_default());
        let artifact = artifact(&result["artifact"]);
        let cluster = cluster_name(&result["api_hosts"]);
        let said = match &artifact {
            Artifact::Verified(at) => Some((at, "verified")),
            Artifact::NotFetched(at) => Some((at, "a URL, not fetched for a plan")),
            Artifact::Missing { at, why } => Some((at, why.as_str())),
            Artifact::NotGiven => None,
        };
        if let Some((at, state)) = said {
            let all = self.artifacts.entry(cluster.clone()).or_default();
            all.insert(at.clone(), state.to_owned());
        }
        work.found.push(Found {
            host: host.to_owned(),
            cluster,
            component,
            node: text("node").to_owned(),
            local: result["local"].as_bool().unwrap_or_default(),
            target,
            running: version("running"),
            disk: version("disk"),
            staged: result["staged"].as_bool().unwrap_or_default(),
            artifact,
            via: texts(&result["via"])
                .filter_map(|each| each.parse().ok())
                .collect(),
            emulates_from: version("emulates_from"),
            times: Times {
                at_least: seconds("at_least"),
                at_most: seconds("at_most"),
                usual: usual.host(&work.play),
            },
        });
    }

    fn cluster(&mut self, result: &Value) {
        let versions = |name: &str| {
            let entries = result[name].as_object().into_iter().flatten();
            entries
                .filter_map(|(name, version)| Some((name.clone(), version.as_str()?.parse().ok()?)))
                .collect()
        };
        let name = cluster_name(&result["api_hosts"]);
        let silent = result["silent"].as_object().into_iter().flatten();
        self.clusters.insert(
            name,
            ClusterNow {
                api: versions("api"),
                nodes: versions("nodes"),
                silent: silent
                    .map(|(host, why)| (host.clone(), why.as_str().unwrap_or_default().to_owned()))
                    .collect(),
            },
        );
    }
}

fn artifact(found: &Value) -> Artifact {
    let at = shown(found["at"].as_str().unwrap_or_default());
    match found["state"].as_str() {
        Some("verified") => Artifact::Verified(at),
        Some("not fetched") => Artifact::NotFetched(at),
        Some("missing") => Artifact::Missing {
            at,
            why: found["why"].as_str().unwrap_or_default().to_owned(),
        },
        _ => Artifact::NotGiven,
    }
}

/// A path below the working folder is shown from there.
fn shown(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let below = Path::new(path).strip_prefix(here);
    below.map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// A cluster goes by the hosts of its API servers, in whatever order a host names them.
fn cluster_name(hosts: &Value) -> String {
    let hosts: BTreeSet<&str> = texts(hosts).collect();
    hosts.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cluster_has_one_name_whoever_says_it() {
        assert_eq!(cluster_name(&json!(["b", "a"])), "a, b");
        assert_eq!(cluster_name(&json!(["a", "b"])), "a, b");
    }
}
