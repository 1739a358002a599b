//! What all parts of a run share.

use super::events::Events;
use super::host::Host;
use super::locks::Terms;
use super::resumed::Resumed;
use crate::connection::{ConnectionError, Connector, Defaults};
use crate::inventory::Inventory;
use crate::journal::{RunId, Store};
use crate::kubernetes::Baselines;
use crate::plan::Allowance;
use crate::playbook::Loader;
use crate::template::{Templar, Variable, Variables, learn_variables};
use indexmap::IndexMap;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What the user asked for.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of the command line, each on its own"
)]
pub struct Settings {
    /// Changes nothing.
    pub check: bool,
    /// Shows differences.
    pub diff: bool,
    /// Hosts that run a task at once.
    pub forks: usize,
    /// Only tasks with one of these tags.
    pub tags: Vec<String>,
    /// No tasks with one of these tags.
    pub skip_tags: Vec<String>,
    /// Only these hosts.
    pub limit: Option<Vec<String>>,
    /// `-v` level.
    pub verbosity: u8,
    /// `--become`.
    pub become_enabled: bool,
    /// `--become-user`.
    pub become_user: Option<String>,
    /// `--become-method`.
    pub become_method: Option<String>,
    /// The password for becoming, as asked for or read from a file.
    pub become_password: Option<String>,
    /// Handlers run on failed hosts too.
    pub force_handlers: bool,
    /// A task that fails on one host ends the play for all, where the playbook says nothing of `any_errors_fatal`.
    pub any_errors_fatal: bool,
    /// Plays that say nothing of `gather_facts` gather them.
    pub gather_facts: bool,
    /// Failed hosts of the run above which it stops.
    pub max_failures: Option<usize>,
    /// When something may be begun; at any time without it.
    pub window: Option<Arc<Allowance>>,
    /// Variables of the greatest strength.
    pub extra_vars: Variables,
    /// Defaults of connections from flags and settings.
    pub connection: Defaults,
    /// Folder on the controller for what must outlive the run; playbooks know it as `windlass_controller_dir`.
    pub state_dir: PathBuf,
}

/// The parts of a run.
pub struct Parts {
    /// The run's id.
    pub run: RunId,
    /// Hosts and groups.
    pub inventory: Arc<Inventory>,
    /// Renders templates.
    pub templar: Arc<Templar>,
    /// Reads included task files and roles.
    pub loader: Arc<Loader>,
    /// What the user asked for.
    pub settings: Settings,
    /// Where events go.
    pub events: Events,
    /// Set by the first Ctrl-C: no new task starts.
    pub interrupted: Arc<AtomicBool>,
    /// Where runs are kept: tells what became of earlier ones.
    pub store: Store,
}

/// What all parts of a run share.
pub(super) struct Shared {
    pub(super) run: RunId,
    pub(super) inventory: Arc<Inventory>,
    pub(super) templar: Arc<Templar>,
    pub(super) loader: Arc<Loader>,
    pub(super) settings: Settings,
    pub(super) extra: Arc<Variables>,
    pub(super) events: Events,
    pub(super) connector: Connector,
    pub(super) hosts: IndexMap<String, Arc<Host>>,
    /// How the clusters were before the run touched them.
    pub(super) baselines: Arc<Baselines>,
    /// The controller, where the inventory does not list it.
    local: Arc<Host>,
    interrupted: Arc<AtomicBool>,
    pub(super) store: Store,
    breach: Mutex<Option<String>>,
    /// What the run takes locks as.
    terms: OnceLock<Terms>,
    lost_lock: AtomicBool,
    tasks: AtomicUsize,
    /// The variables of the loops around the current play.
    round: Mutex<Arc<Variables>>,
    /// The key of the current play.
    play_key: Mutex<Arc<str>>,
    /// What the run goes on with.
    resumed: OnceLock<Resumed>,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Arc<Self> {
        let inventory = parts.inventory;
        let groups = Variable::from(json!(inventory.groups_map()));
        let hosts = inventory
            .hosts
            .keys()
            .map(|name| {
                let vars = inventory.merged.get(name).cloned().unwrap_or_default();
                let magic = host_magic(&inventory, name, &groups);
                (name.clone(), Host::new(name, vars, magic))
            })
            .collect();
        let local = implicit_localhost(&inventory, &groups);
        let shared = Self {
            local,
            run: parts.run,
            templar: parts.templar,
            loader: parts.loader,
            extra: Arc::new(parts.settings.extra_vars.clone()),
            settings: parts.settings,
            events: parts.events,
            connector: Connector::default(),
            baselines: Arc::default(),
            hosts,
            inventory,
            interrupted: parts.interrupted,
            store: parts.store,
            breach: Mutex::default(),
            terms: OnceLock::new(),
            lost_lock: AtomicBool::new(false),
            tasks: AtomicUsize::new(0),
            round: Mutex::default(),
            play_key: Mutex::default(),
            resumed: OnceLock::new(),
        };
        let secrets = &shared.events.secrets;
        let names = shared
            .inventory
            .hosts
            .keys()
            .chain(shared.inventory.groups.keys());
        secrets.never(names.map(String::as_str));
        learn_variables(&shared.settings.extra_vars, secrets);
        if let Some(password) = &shared.settings.become_password {
            shared.events.secrets.learn(password);
        }
        Arc::new(shared)
    }

    /// The next task's number.
    pub(super) fn next_task(&self) -> usize {
        self.tasks.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The variables of the loops around the current play.
    pub(super) fn round(&self) -> Arc<Variables> {
        self.round
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The plays that follow see these variables; gives back those that they saw before.
    pub(super) fn set_round(&self, variables: Arc<Variables>) -> Arc<Variables> {
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *round, variables)
    }

    /// The key of the current play.
    pub(super) fn play_key(&self) -> Arc<str> {
        self.play_key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Another play is the current one.
    pub(super) fn set_play_key(&self, key: &str) {
        *self.play_key.lock().unwrap_or_else(PoisonError::into_inner) = key.into();
    }

    /// What the run goes on with, if it does.
    pub(super) fn resumed(&self) -> Option<&Resumed> {
        self.resumed.get()
    }

    /// The run goes on with earlier ones; the first word counts.
    pub(super) fn set_resumed(&self, resumed: Resumed) {
        let _first = self.resumed.set(resumed);
    }

    /// Whether nothing new is to be begun: the user asked to stop, the probe gave too many bad answers, a lock was lost, or
    /// what is done cannot be recorded any more.
    pub(super) fn is_to_stop(&self) -> bool {
        self.is_interrupted() || self.breached().is_some()
    }

    /// Why the run ends though nobody asked it to: the user's probe, a lock that was lost, or a journal that cannot be written.
    pub(super) fn breached(&self) -> Option<String> {
        let breach = self
            .breach
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        breach.or_else(|| self.unrecorded())
    }

    /// Why nothing more is to be changed: what is done cannot be recorded.
    pub(super) fn unrecorded(&self) -> Option<String> {
        let why = self.events.broken()?;
        Some(format!(
            "the journal cannot be written: {why}; nothing more is changed"
        ))
    }

    /// The run ends; the first reason stays.
    pub(super) fn breach(&self, reason: String) {
        self.breach
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(reason);
    }

    /// The run takes locks, as these terms say; the first ones count.
    pub(super) fn lock_as(&self, terms: Terms) {
        let _set = self.terms.set(terms);
    }

    /// What the run takes locks as; a run that takes none, as in check mode, has none to lose.
    pub(super) fn terms(&self) -> Option<&Terms> {
        self.terms.get().filter(|_| !self.settings.check)
    }

    /// A lock of this run is another run's, or was broken: it goes no further.
    pub(super) fn lose_lock(&self, reason: String) {
        self.lost_lock.store(true, Ordering::Relaxed);
        self.breach(reason);
    }

    /// Whether the run lost a lock.
    pub(super) fn lost_lock(&self) -> bool {
        self.lost_lock.load(Ordering::Relaxed)
    }

    /// Whether the user asked to stop.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// The host called `name`; `localhost` need not be in the inventory.
    pub(super) fn host(&self, name: &str) -> Result<Arc<Host>, ConnectionError> {
        self.known(name).cloned().ok_or_else(|| {
            ConnectionError::Unreachable(format!("no host `{name}` in the inventory"))
        })
    }

    /// The host called `name`, where there is one.
    pub(super) fn known(&self, name: &str) -> Option<&Arc<Host>> {
        self.hosts.get(name).or_else(|| {
            self.inventory
                .is_implicit_localhost(name)
                .then_some(&self.local)
        })
    }

    /// All hosts, the controller last where the inventory does not list it.
    pub(super) fn everyone(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.hosts.values().chain(std::iter::once(&self.local))
    }

    /// Whether `host` is the controller that the inventory does not list: it keeps no undo log.
    pub(super) fn is_implicit(&self, host: &Arc<Host>) -> bool {
        Arc::ptr_eq(host, &self.local)
    }

    /// Hosts that failed or were lost so far.
    pub(super) fn lost(&self) -> usize {
        self.everyone()
            .filter(|host| {
                let state = host.state();
                state.counts.failed > 0 || state.counts.unreachable > 0
            })
            .count()
    }
}

/// The controller as a host: reached without SSH.
fn implicit_localhost(inventory: &Inventory, groups: &Variable) -> Arc<Host> {
    let mut variables = inventory
        .merged
        .get("localhost")
        .map(|variables| (**variables).clone())
        .unwrap_or_default();
    variables.insert(
        "ansible_connection".to_owned(),
        Variable::from(json!("local")),
    );
    let magic = host_magic(inventory, "localhost", groups);
    Host::new("localhost", Arc::new(variables), magic)
}

/// The variables that Ansible calls magic and that never change for a host.
fn host_magic(inventory: &Inventory, name: &str, groups: &Variable) -> Variables {
    let short = name.split('.').next().unwrap_or(name);
    let source = inventory.sources.first().cloned().unwrap_or_default();
    let folder: PathBuf = if source.is_dir() {
        source.clone()
    } else {
        source.parent().map(PathBuf::from).unwrap_or_default()
    };
    let absolute = |path: PathBuf| {
        let path = std::path::absolute(&path).unwrap_or(path);
        Value::from(path.display().to_string())
    };
    let mut magic = Variables::new();
    let mut put = |key: &str, value: Value| magic.insert(key.to_owned(), Variable::from(value));
    put("inventory_hostname", Value::from(name));
    put("inventory_hostname_short", Value::from(short));
    put("group_names", json!(inventory.groups_of(name)));
    put("inventory_file", absolute(source));
    put("inventory_dir", absolute(folder));
    magic.insert("groups".to_owned(), groups.clone());
    magic
}
