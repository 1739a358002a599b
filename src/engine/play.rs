//! One batch of a play: its hosts, and the variables that belong to the play.

use super::host::Host;
use super::keywords::KeywordError;
use super::lineage::Lineage;
use super::shared::Shared;
use crate::kubernetes::Clusters;
use crate::playbook::{Item, Play, Role};
use crate::template::{Scope, Templar, Variable, Variables, learn, variable_source, variables_of};
use crate::yaml::{self, Node, NodeKind};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A batch of a play.
pub(super) struct PlayRun {
    pub(super) play: Arc<Play>,
    /// The name as it is shown.
    pub(super) name: String,
    /// The play's name in the journal, the same in every run of the playbook.
    pub(super) key: Arc<str>,
    /// The hosts of the batch.
    pub(super) batch: Vec<Arc<Host>>,
    /// The names of all hosts of the play.
    pub(super) all: Vec<String>,
    /// The Kubernetes clusters that its tasks speak to.
    pub(super) clusters: Arc<Clusters>,
    check: bool,
    magic: Mutex<Arc<Variables>>,
    files: Mutex<HashMap<String, Arc<Variables>>>,
    /// Handlers of roles that were included at run time, with where they stand.
    pub(super) more_handlers: Mutex<Vec<(Lineage, Vec<Item>)>>,
    /// Roles that were included with `public`: their variables stay.
    pub(super) public_roles: Mutex<Vec<Arc<Role>>>,
}

impl PlayRun {
    pub(super) fn new(
        shared: &Shared,
        play: &Arc<Play>,
        name: &str,
        batch: Vec<Arc<Host>>,
        all: &[String],
        clusters: &Arc<Clusters>,
    ) -> Arc<Self> {
        let run = Arc::new(Self {
            play: play.clone(),
            name: name.to_owned(),
            key: shared.play_key(),
            batch,
            all: all.to_vec(),
            clusters: clusters.clone(),
            check: shared.settings.check,
            magic: Mutex::default(),
            files: Mutex::default(),
            more_handlers: Mutex::default(),
            public_roles: Mutex::default(),
        });
        run.refresh(shared);
        run
    }

    /// The play alone, as the root of a lineage.
    pub(super) fn lineage(&self) -> Lineage {
        Lineage::play(&self.play)
    }

    /// Whether changes are recorded with their inverses.
    pub(super) fn keeps_undo(&self) -> bool {
        self.play.rollback.is_some() && !self.check
    }

    /// Whether a failed host goes back.
    pub(super) fn goes_back(&self) -> bool {
        self.keeps_undo() && self.play.rollback.as_ref().is_some_and(|it| it.on_failure)
    }

    /// `ansible_play_hosts` and the like.
    pub(super) fn magic(&self) -> Arc<Variables> {
        self.magic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Brings the lists of hosts up to date after some were lost.
    pub(super) fn refresh(&self, shared: &Shared) {
        let alive = |name: &String| shared.known(name).is_some_and(|host| host.is_active());
        let active: Vec<&String> = self.all.iter().filter(|name| alive(name)).collect();
        let batch: Vec<&String> = self
            .batch
            .iter()
            .map(|host| &host.name)
            .filter(|name| alive(name))
            .collect();
        let settings = &shared.settings;
        let roles: Vec<&str> = self
            .play
            .roles
            .iter()
            .filter_map(|item| match item {
                Item::Block(block) => block.role.as_ref().map(|role| role.name.as_str()),
                Item::Task(_) => None,
            })
            .collect();
        let all_roles: BTreeSet<&str> = self
            .play
            .role_list
            .iter()
            .map(|role| role.name.as_str())
            .collect();
        let folder = std::path::absolute(&self.play.folder).unwrap_or(self.play.folder.clone());
        let all_tags = vec!["all".to_owned()];
        let values = [
            ("ansible_play_hosts", json!(active)),
            ("play_hosts", json!(batch)),
            ("ansible_play_batch", json!(batch)),
            ("ansible_play_hosts_all", json!(self.all)),
            ("ansible_play_name", json!(self.name)),
            ("ansible_play_role_names", json!(roles)),
            ("ansible_role_names", json!(all_roles)),
            ("playbook_dir", json!(folder.display().to_string())),
            ("ansible_check_mode", json!(settings.check)),
            ("ansible_diff_mode", json!(settings.diff)),
            ("ansible_forks", json!(settings.forks)),
            ("ansible_verbosity", json!(settings.verbosity)),
            (
                "ansible_run_tags",
                json!(if settings.tags.is_empty() {
                    &all_tags
                } else {
                    &settings.tags
                }),
            ),
            ("ansible_skip_tags", json!(settings.skip_tags)),
            (
                "ansible_limit",
                json!(settings.limit.as_ref().map(|names| names.join(","))),
            ),
            ("windlass_run_id", json!(shared.run.as_str())),
            (
                "windlass_controller_dir",
                json!(settings.state_dir.display().to_string()),
            ),
            (
                "ansible_version",
                json!({"full": "2.18.0", "major": 2, "minor": 18, "revision": 0, "string": "2.18.0"}),
            ),
        ];
        let magic: Variables = values
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), Variable::from(value)))
            .collect();
        *self.magic.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(magic);
    }

    /// The variables of `role` stay for the rest of the play.
    pub(super) fn make_public(&self, role: &Arc<Role>) {
        let mut public = self
            .public_roles
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        public.retain(|known| known.path != role.path);
        public.push(role.clone());
    }

    /// The roles whose variables the whole play sees, the strongest first.
    pub(super) fn open_roles(&self) -> Vec<Arc<Role>> {
        let public = self
            .public_roles
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let roles = self.play.role_list.iter().chain(public.iter());
        roles.rev().cloned().collect()
    }

    /// The variables of `vars_files` for a host.
    pub(super) fn file_variables(&self, host: &str) -> Option<Arc<Variables>> {
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .cloned()
    }

    /// Reads `vars_files` for a host: later files are stronger.
    pub(super) fn read_files(
        &self,
        templar: &Templar,
        host: &str,
        scope: &Scope,
    ) -> Result<(), KeywordError> {
        if self.play.vars_files.is_empty() {
            return Ok(());
        }
        let mut merged = Variables::new();
        for node in &self.play.vars_files {
            merged.extend(read_one(templar, &self.play.folder, node, scope)?);
        }
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(host.to_owned(), Arc::new(merged));
        Ok(())
    }
}

/// One entry of `vars_files`; a list means the first file that exists.
fn read_one(
    templar: &Templar,
    folder: &Path,
    node: &Node,
    scope: &Scope,
) -> Result<Variables, KeywordError> {
    let names = match templar.render(node, scope)? {
        Value::Array(names) => names,
        name => vec![name],
    };
    let candidates: Vec<PathBuf> = names
        .iter()
        .map(|name| folder.join(super::keywords::text(name)))
        .flat_map(|path| {
            [
                path.clone(),
                path.parent()
                    .unwrap_or(folder)
                    .join("vars")
                    .join(path.file_name().unwrap_or_default()),
            ]
        })
        .collect();
    let fail = |message: String| KeywordError {
        message,
        span: Some(node.span.clone()),
    };
    let Some(path) = candidates.iter().find(|path| path.is_file()) else {
        return Err(fail(format!(
            "no such file of variables: {}",
            candidates
                .first()
                .map_or_else(String::new, |path| path.display().to_string())
        )));
    };
    let content =
        std::fs::read(path).map_err(|error| fail(format!("{}: {error}", path.display())))?;
    let source = variable_source(path, content, templar.vault())
        .map_err(|problem| fail(problem.to_string()))?
        .ok_or_else(|| fail(format!("{}: it is not UTF-8 text", path.display())))?;
    let documents = yaml::parse(&source).map_err(|error| fail(error.to_string()))?;
    for document in &documents {
        learn(document, templar.vault().secrets());
    }
    match documents.first().map(|document| &document.kind) {
        None | Some(NodeKind::Null) => Ok(Variables::new()),
        Some(NodeKind::Mapping(mapping)) => Ok(variables_of(mapping)),
        Some(_) => Err(fail(format!(
            "{}: a file of variables holds a mapping",
            path.display()
        ))),
    }
}
