//! How fast a play may go: `max_unavailable` before a batch, `soak` after it.
//!
//! Nodes of the play's hosts are looked at in their cluster, where the play's variables say how it is reached
//! (`kube_api_hosts`, `kube_config`, `kube_node_name`, as the role `cluster` has them). Where they do not, only what
//! happened in this run counts.

use super::host::Host;
use super::keywords::{KeywordError, duration, text};
use super::play::PlayRun;
use super::run::takes_part;
use super::shared::Shared;
use super::variables::task_scope;
use crate::event::Kind;
use crate::kubernetes::{Clusters, Serving};
use crate::plan::BatchSize;
use crate::playbook::Play;
use crate::template::Scope;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often a soak looks whether the user wants to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// What a play allows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pace {
    /// Hosts that may be out of service at once.
    unavailable: Option<usize>,
    /// How long a batch is watched.
    pub(super) soak: Duration,
}

/// How much of a batch may start.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// The whole batch.
    All,
    /// Its first hosts; at least one.
    First(usize),
    /// Nothing, and why.
    None(String),
}

impl Pace {
    /// Reads the keywords of a play with `total` hosts.
    pub(super) fn of(
        shared: &Shared,
        play: &Play,
        scope: &Scope,
        total: usize,
    ) -> Result<Self, KeywordError> {
        let unavailable = match &play.max_unavailable {
            None => None,
            Some(node) => match shared.templar.render(node, scope)? {
                Value::Null => None,
                Value::String(text) if text.trim().is_empty() => None,
                value => Some(count(&value, total).ok_or_else(|| KeywordError {
                    message: format!(
                        "`max_unavailable` takes a number of hosts from 1, or a percentage such as 10%, not {value}"
                    ),
                    span: Some(node.span.clone()),
                })?),
            },
        };
        let soak = match &play.soak {
            None => Duration::ZERO,
            Some(node) => duration(&shared.templar, "soak", node, scope)?,
        };
        Ok(Self { unavailable, soak })
    }

    /// How much of `batch` may start now.
    pub(super) async fn room(
        &self,
        shared: &Arc<Shared>,
        play: &Arc<Play>,
        clusters: &Arc<Clusters>,
        listed: &[String],
        batch: &[String],
    ) -> Result<Room, KeywordError> {
        let Some(limit) = self.unavailable else {
            return Ok(Room::All);
        };
        let mut down = match nodes(shared, play, clusters, listed).await {
            Ok(nodes) => nodes,
            Err(reason) => {
                return Ok(Room::None(format!(
                    "max_unavailable cannot be checked: {reason}"
                )));
            }
        };
        for host in listed.iter().filter_map(|name| shared.known(name)) {
            if !takes_part(host) || host.state().ended_as.is_some() {
                down.insert(host.name.clone(), "failed in this run".to_owned());
            }
        }
        Ok(room(limit, &down, batch))
    }

    /// Watches a batch that changed something; gives the reason when one of its nodes does not stay ready.
    pub(super) async fn soak(
        &self,
        shared: &Arc<Shared>,
        play: &Arc<Play>,
        clusters: &Arc<Clusters>,
        batch: &[String],
    ) -> Option<String> {
        if self.soak.is_zero() || shared.settings.check {
            return None;
        }
        shared.events.emit(Kind::Soaking {
            hosts: batch.to_vec(),
            length: self.soak,
        });
        let end = Instant::now() + self.soak;
        while Instant::now() < end && !shared.is_to_stop() {
            sleep(GLANCE.min(end.saturating_duration_since(Instant::now()))).await;
        }
        let down = match nodes(shared, play, clusters, batch).await {
            Ok(down) => down,
            Err(reason) => {
                return Some(format!("the nodes cannot be seen after the soak: {reason}"));
            }
        };
        let not_ready: Vec<&str> = down
            .iter()
            .filter(|(_, why)| *why == NOT_READY)
            .map(|(host, _)| host.as_str())
            .collect();
        (!not_ready.is_empty()).then(|| {
            format!(
                "{} did not stay ready for {} s after the upgrade",
                not_ready.join(", "),
                self.soak.as_secs_f64()
            )
        })
    }
}

const NOT_READY: &str = "not ready";
const CORDONED: &str = "cordoned";

/// `max_unavailable` as a number of hosts; percentages round down, and at least one is always allowed.
fn count(value: &Value, total: usize) -> Option<usize> {
    match BatchSize::list(value).ok()?.as_slice() {
        [BatchSize::Hosts(0)] => None,
        [one] => Some(one.count(total)),
        _ => None,
    }
}

/// How much of `batch` fits: hosts that are down stay down when they are taken out, so they count once.
fn room(limit: usize, down: &BTreeMap<String, String>, batch: &[String]) -> Room {
    let mut out = down.len();
    let fits = batch
        .iter()
        .take_while(|host| {
            out += usize::from(!down.contains_key(*host));
            out <= limit
        })
        .count();
    if fits == batch.len() {
        return Room::All;
    }
    if fits > 0 {
        return Room::First(fits);
    }
    let listed: Vec<String> = down
        .iter()
        .map(|(host, why)| format!("{host} ({why})"))
        .collect();
    Room::None(format!(
        "out of service already: {}; max_unavailable {limit} allows no more",
        listed.join(", ")
    ))
}

/// A cluster: its control-plane hosts, and the kubeconfig's path on them.
pub(super) type Whereabouts = (Vec<String>, String);

/// Those of `hosts` whose nodes are out of service, with the reason.
async fn nodes(
    shared: &Arc<Shared>,
    play: &Arc<Play>,
    clusters: &Arc<Clusters>,
    hosts: &[String],
) -> Result<BTreeMap<String, String>, String> {
    let mut down = BTreeMap::new();
    let mut known: BTreeMap<Whereabouts, BTreeMap<String, Serving>> = BTreeMap::new();
    let run = PlayRun::new(shared, play, "", Vec::new(), hosts, clusters);
    for host in hosts.iter().filter_map(|name| shared.known(name)) {
        let Some((cluster, node)) = whereabouts(shared, &run, host) else {
            continue;
        };
        if !known.contains_key(&cluster) {
            let open = clusters.get(&cluster.0, &cluster.1).await;
            let open = open.map_err(|error| error.to_string())?;
            let serving = crate::kubernetes::serving(&open).await;
            let serving = serving.map_err(|error| error.to_string())?;
            known.insert(cluster.clone(), serving);
        }
        match known[&cluster].get(&node) {
            Some(found) if !found.ready => {
                down.insert(host.name.clone(), NOT_READY.to_owned());
            }
            Some(found) if !found.schedulable => {
                down.insert(host.name.clone(), CORDONED.to_owned());
            }
            // One that is no node yet cannot be out of service.
            Some(_) | None => {}
        }
    }
    Ok(down)
}

/// The cluster and the name of a host's node, where the play's variables tell.
pub(super) fn whereabouts(
    shared: &Arc<Shared>,
    run: &PlayRun,
    host: &Arc<Host>,
) -> Option<(Whereabouts, String)> {
    let scope = task_scope(shared, run, host, &run.lineage());
    let variable = |name: &str| shared.templar.variable(name, &scope).ok().flatten();
    let Some(Value::Array(api_hosts)) = variable("kube_api_hosts") else {
        return None;
    };
    let kubeconfig = text(&variable("kube_config")?);
    let node = variable("kube_node_name").map_or_else(|| host.name.clone(), |name| text(&name));
    Some(((api_hosts.iter().map(text).collect(), kubeconfig), node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_budget_is_a_number_from_one_or_a_share_of_the_hosts() {
        let cases = [
            (json!(1), Some(1)),
            (json!("3"), Some(3)),
            (json!("10%"), Some(2)),
            (json!("1%"), Some(1)),
            (json!(0), None),
            (json!([1, 2]), None),
            (json!("some"), None),
        ];
        for (value, expected) in cases {
            assert_eq!(count(&value, 20), expected, "{value}");
        }
    }

    #[test]
    fn nodes_that_are_down_already_take_room() {
        let down = |names: &[&str]| {
            names
                .iter()
                .map(|name| ((*name).to_owned(), NOT_READY.to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let batch = ["a", "b", "c"].map(str::to_owned);
        let cases = [
            (3, vec![], Room::All),
            (2, vec![], Room::First(2)),
            (2, vec!["z"], Room::First(1)),
            (1, vec!["a"], Room::First(1)),
            (3, vec!["b"], Room::All),
        ];
        for (limit, names, expected) in cases {
            assert_eq!(
                room(limit, &down(&names), &batch),
                expected,
                "{limit} {names:?}"
            );
        }
        let Room::None(reason) = room(1, &down(&["z"]), &batch) else {
            panic!("nothing fits");
        };
        assert_eq!(
            reason,
            "out of service already: z (not ready); max_unavailable 1 allows no more"
        );
    }
}
