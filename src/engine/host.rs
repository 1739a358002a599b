//! One host as the run sees it: its standing, its variables, its connections.

use super::deadman::Deadman;
use super::locks::Kept;
use super::resumed::Earlier;
use crate::connection::Connection;
use crate::event::{Counts, HostState};
use crate::template::{Variable, Variables};
use indexmap::IndexSet;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether a host still takes part.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Standing {
    /// It does.
    #[default]
    Active,
    /// A task failed and nothing caught it (yet).
    Failed(Failure),
    /// It could not be reached.
    Unreachable(String),
    /// Dropped because of another host.
    Aborted(String),
    /// `meta: end_host`, `end_batch` or `end_play`: done with the play, and well.
    Ended,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Failure {
    /// The task's name.
    pub(super) task: String,
    /// What it does: the module's name.
    pub(super) action: String,
    /// The message.
    pub(super) message: String,
    /// The result, for `ansible_failed_result`.
    pub(super) result: Value,
}

/// A point of no return that a host is behind (`windlass.commit`).
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Held {
    /// Why there is no way back.
    pub(super) reason: String,
    /// What to do instead, in words.
    pub(super) instead: Vec<String>,
}

/// Kinds of connections to one host: user and port may differ between tasks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ConnectionKey {
    pub(super) local: bool,
    pub(super) user: String,
    pub(super) port: u16,
}

/// What changes during a run.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The number of the boot that the last connection found.
    pub(super) boot_id: Option<String>,
    pub(super) standing: Standing,
    pub(super) counts: Counts,
    /// Gathered facts without the `ansible_` prefix.
    pub(super) facts: Map<String, Value>,
    /// The same as variables: `ansible_facts` and each with its prefix.
    pub(super) fact_variables: Arc<Variables>,
    /// From `include_vars`.
    pub(super) included: Arc<Variables>,
    /// From `set_fact` and `register`.
    pub(super) set: Arc<Variables>,
    /// Names of handlers and topics that were notified.
    pub(super) notified: IndexSet<String>,
    /// Of these, what handlers that run at this moment answer to.
    pub(super) claimed: IndexSet<String>,
    /// What the journal knows to be still to be run.
    pub(super) told_pending: Vec<String>,
    /// What is known of it from before this run.
    pub(super) earlier: Earlier,
    /// Undo steps recorded on the host in this run: their numbers never repeat, as the host's log goes by them.
    pub(super) steps: u32,
    /// Of these, recorded since the host was last committed.
    pub(super) open_steps: u32,
    /// Whether changes of this run were committed on it.
    pub(super) committed: bool,
    /// Its dead-man timer.
    pub(super) deadman: Deadman,
    /// Tasks beside the play run: what they change is not recorded.
    pub(super) aside: bool,
    /// The lock that this run has on it.
    pub(super) lock: Option<Kept>,
    /// It was asked already what earlier runs left on it.
    pub(super) looked_back: bool,
    /// Why the host cannot go back behind its last commit (`windlass.commit`).
    pub(super) held: Option<Held>,
    /// Changes that cannot be taken back, in words.
    pub(super) not_undone: Vec<String>,
    /// How the host ended, when that is decided.
    pub(super) ended_as: Option<HostState>,
}

/// One host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    /// Variables from the inventory.
    pub(super) inventory: Arc<Variables>,
    /// `inventory_hostname` and the like.
    pub(super) magic: Arc<Variables>,
    state: Mutex<State>,
    pub(super) connections: tokio::sync::Mutex<HashMap<ConnectionKey, Arc<dyn Connection>>>,
}

impl Host {
    pub(super) fn new(name: &str, inventory: Arc<Variables>, magic: Variables) -> Arc<Self> {
        let state = State {
            counts: Counts {
                host: name.to_owned(),
                ..Counts::default()
            },
            fact_variables: Arc::new(fact_variables(&Map::new())),
            ..State::default()
        };
        Arc::new(Self {
            name: name.to_owned(),
            inventory,
            magic: Arc::new(magic),
            state: Mutex::new(state),
            connections: tokio::sync::Mutex::default(),
        })
    }

    /// The state; never hold this over an await.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_active(&self) -> bool {
        self.state().standing == Standing::Active
    }

    /// Adds gathered facts.
    pub(super) fn add_facts(&self, facts: Map<String, Value>) {
        let mut state = self.state();
        for (name, value) in facts {
            let name = name.strip_prefix("ansible_").unwrap_or(&name).to_owned();
            state.facts.insert(name, value);
        }
        state.fact_variables = Arc::new(fact_variables(&state.facts));
    }

    /// Forgets gathered facts.
    pub(super) fn clear_facts(&self) {
        let mut state = self.state();
        state.facts.clear();
        state.fact_variables = Arc::new(fact_variables(&Map::new()));
    }

    /// Sets variables of `set_fact`'s strength.
    pub(super) fn set(&self, values: impl IntoIterator<Item = (String, Value)>) {
        let mut state = self.state();
        let set = Arc::make_mut(&mut state.set);
        for (name, value) in values {
            set.insert(name, Variable::from(value));
        }
    }

    /// Notes a change that cannot be taken back, once.
    pub(super) fn stays(&self, what: String) {
        let mut state = self.state();
        if !state.not_undone.contains(&what) {
            state.not_undone.push(what);
        }
    }

    /// Adds variables of a file.
    pub(super) fn include(&self, variables: Variables) {
        let mut state = self.state();
        Arc::make_mut(&mut state.included).extend(variables);
    }
}

fn fact_variables(facts: &Map<String, Value>) -> Variables {
    let mut variables: Variables = facts
        .iter()
        .map(|(name, value)| (format!("ansible_{name}"), Variable::from(value.clone())))
        .collect();
    variables.insert(
        "ansible_facts".to_owned(),
        Variable::from(Value::Object(facts.clone())),
    );
    // `local` is always there, as custom facts are looked up in it.
    variables
        .entry("ansible_local".to_owned())
        .or_insert_with(|| Variable::from(Value::Object(Map::new())));
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_seen_with_and_without_their_prefix() {
        let host = Host::new("a", Arc::default(), Variables::new());
        let facts = serde_json::json!({"ansible_os_family": "Debian", "kernel": "6.1"});
        host.add_facts(facts.as_object().unwrap().clone());
        let state = host.state();
        assert_eq!(state.facts["os_family"], "Debian");
        assert!(state.fact_variables.contains_key("ansible_kernel"));
        assert!(state.fact_variables.contains_key("ansible_facts"));
    }
}
