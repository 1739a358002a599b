//! The way in: a playbook, a file of tasks or a role, with every mistake at once.
//!
//! It reads files and keeps them; what they mean is decided by `Reader`.

use super::ast::{Item, Playbook, Role};
use super::catalog::Catalog;
use super::reader::{Place, Reader};
use super::role::{RoleEntry, RoleFiles};
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::template::{Templar, Variables, learn, variable_source};
use crate::vault::Vault;
use crate::yaml::{self, Node, NodeKind};
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a loader is told.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Folders of roles beside those that every playbook has.
    pub roles_path: Vec<PathBuf>,
    /// Variables of the command line, the only ones that names of imports may use.
    pub extra_vars: Variables,
    /// Opens files that are encrypted as a whole.
    pub vault: Arc<Vault>,
}

/// Judges one host pattern of a play without running anything: `None` when nothing is wrong with it.
pub type HostsCheck = Box<dyn Fn(&str) -> Option<Diagnostic> + Send + Sync>;

/// Reads playbooks, files of tasks and roles; each file once.
pub struct Loader {
    pub(super) hosts_check: Option<HostsCheck>,
    catalog: Arc<dyn Catalog>,
    roles_path: Vec<PathBuf>,
    extra_vars: Arc<Variables>,
    templar: Templar,
    files: Mutex<HashMap<PathBuf, Result<Arc<Node>, Diagnostics>>>,
}

/// What `include_tasks` asks for at run time.
#[derive(Debug, Clone)]
pub struct TaskRequest<'r> {
    /// The file's name, rendered.
    pub file: &'r str,
    /// The include's `Task::folder`.
    pub folder: &'r Path,
    /// The play's folder.
    pub playbook_folder: &'r Path,
    /// The role that the include belongs to.
    pub role: Option<Arc<Role>>,
    /// Whether the include is a handler.
    pub handlers: bool,
    /// The include's `notify`.
    pub notify: &'r [Node],
    /// Where the name stands, for messages.
    pub span: &'r Span,
}

/// What `include_tasks` brings.
#[derive(Debug, Default)]
pub struct TaskLoad {
    /// The tasks.
    pub items: Vec<Item>,
    /// Handlers of roles that the file imports.
    pub handlers: Vec<Item>,
    /// These roles.
    pub roles: Vec<Arc<Role>>,
}

/// What `include_role` asks for at run time.
#[derive(Debug, Clone)]
pub struct RoleRequest<'r> {
    /// Stronger than the role's own variables.
    pub params: Variables,
    /// Instead of `main` of `tasks/`.
    pub tasks_from: Option<String>,
    /// Instead of `main` of `vars/`.
    pub vars_from: Option<String>,
    /// Instead of `main` of `defaults/`.
    pub defaults_from: Option<String>,
    /// Instead of `main` of `handlers/`.
    pub handlers_from: Option<String>,
    /// The play's folder.
    pub playbook_folder: &'r Path,
    /// The role that includes it.
    pub parent: Option<Arc<Role>>,
    /// The include's `notify`.
    pub notify: &'r [Node],
    /// Where the name stands, for messages.
    pub span: &'r Span,
}

/// What `include_role` brings.
#[derive(Debug)]
pub struct RoleLoad {
    /// The role.
    pub role: Arc<Role>,
    /// Its dependencies, each a block, and its tasks.
    pub items: Vec<Item>,
    /// Its handlers and those of its dependencies.
    pub handlers: Vec<Item>,
    /// The role, and before it its dependencies; they hold what `Role::parent` points to.
    pub roles: Vec<Arc<Role>>,
}

impl Loader {
    /// A loader that checks against `catalog`.
    pub fn new(catalog: Arc<dyn Catalog>, options: LoadOptions) -> Self {
        Self {
            hosts_check: None,
            catalog,
            roles_path: options.roles_path,
            extra_vars: Arc::new(options.extra_vars),
            templar: Templar::with_vault(options.vault),
            files: Mutex::default(),
        }
    }

    /// Has host patterns checked as well, against an inventory that this room does not know.
    #[must_use]
    pub fn with_hosts_check(mut self, check: HostsCheck) -> Self {
        self.hosts_check = Some(check);
        self
    }

    /// The playbook at `path` with its imports in place, or all mistakes of all its files.
    pub fn playbook(&self, path: &Path) -> Result<Playbook, Diagnostics> {
        let absolute = absolute(path);
        let mut reader = Reader::new(self, absolute.parent().unwrap_or(Path::new("/")));
        let plays = reader.playbook_file(&absolute, None);
        reader.finish(Playbook {
            path: path.to_owned(),
            plays,
        })
    }

    /// The tasks of an `include_tasks`.
    pub fn tasks(&self, request: &TaskRequest<'_>) -> Result<TaskLoad, Diagnostics> {
        let mut reader = Reader::new(self, request.playbook_folder);
        let place = Place {
            folder: request.folder.to_owned(),
            role: request.role.clone(),
            handlers: request.handlers,
            notify: request.notify.to_vec(),
            guarded: false,
            chain: String::new(),
        };
        let items = if let Some(path) = reader.find_tasks(request.file, &place) {
            reader.task_file(&path, &place, request.span)
        } else {
            reader.missing_tasks(request.file, &place, request.span);
            Vec::new()
        };
        let gathered = std::mem::take(&mut reader.gathered);
        reader.finish(TaskLoad {
            items,
            handlers: gathered.handlers,
            roles: gathered.roles,
        })
    }

    /// The role of an `include_role`.
    pub fn role(&self, name: &str, request: &RoleRequest<'_>) -> Result<RoleLoad, Diagnostics> {
        let mut reader = Reader::new(self, request.playbook_folder);
        let files = RoleFiles {
            tasks: request.tasks_from.clone(),
            vars: request.vars_from.clone(),
            defaults: request.defaults_from.clone(),
            handlers: request.handlers_from.clone(),
        };
        let node = super::free_form::text_node(request.span.clone(), name.to_owned());
        let entry = RoleEntry {
            params: request.params.clone(),
            notify: request.notify.to_vec(),
            ..RoleEntry::named(name, &node, files)
        };
        let block = reader.role(entry, request.parent.as_ref(), "", false);
        let gathered = std::mem::take(&mut reader.gathered);
        let load = block.and_then(|block| {
            Some(RoleLoad {
                role: block.role.clone()?,
                items: block.body.clone(),
                handlers: gathered.handlers,
                roles: gathered.roles,
            })
        });
        match reader.finish(load)? {
            Some(load) => Ok(load),
            None => Err(Diagnostic::error(
                "unknown-role",
                format!("the role `{name}` was not loaded"),
            )
            .at(request.span, "")
            .into()),
        }
    }

    /// The files that were read so far, as absolute paths.
    pub(super) fn files_read(&self) -> Vec<PathBuf> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.keys().cloned().collect()
    }

    pub(super) fn catalog(&self) -> &dyn Catalog {
        self.catalog.as_ref()
    }

    pub(super) fn templar(&self) -> &Templar {
        &self.templar
    }

    pub(super) fn extra_vars(&self) -> Arc<Variables> {
        self.extra_vars.clone()
    }

    pub(super) fn roles_path(&self) -> &[PathBuf] {
        &self.roles_path
    }

    /// All inline vaulted values in the files that were read so far, each with its envelope.
    pub fn vaulted(&self) -> Vec<(Span, String)> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = files.values().filter_map(|read| read.as_ref().ok());
        nodes
            .flat_map(|node| node.vaulted())
            .map(|(span, envelope)| (span.clone(), envelope.to_owned()))
            .collect()
    }

    /// The one document of a file; `at` is what names the file.
    pub(super) fn read(&self, path: &Path, at: Option<&Span>) -> Result<Arc<Node>, Diagnostics> {
        let known = self
            .files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned();
        if let Some(known) = known {
            return known;
        }
        let read = read(path, at, self.templar.vault());
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), read.clone());
        read
    }
}

fn read(path: &Path, at: Option<&Span>, vault: &Vault) -> Result<Arc<Node>, Diagnostics> {
    let name = shown(path);
    let failed = |code, reason: String| {
        let diagnostic = Diagnostic::error(code, reason);
        Diagnostics::from(match at {
            Some(span) => diagnostic.at(span, ""),
            None => diagnostic,
        })
    };
    let content = std::fs::read(path).map_err(|error| {
        failed(
            "unreadable-file",
            format!("cannot read `{}`: {error}", name.display()),
        )
    })?;
    let source = variable_source(&name, content, vault)
        .map_err(|problem| Diagnostics::from(*problem))?
        .ok_or_else(|| {
            let reason = format!("cannot read `{}`: it is not UTF-8 text", name.display());
            failed("unreadable-file", reason)
        })?;
    let mut documents = yaml::parse(&source)?;
    for document in &documents {
        learn(document, vault.secrets());
    }
    if let Some(second) = documents.get(1) {
        return Err(
            Diagnostic::error("yaml-documents", "more than one document")
                .at(&second.span, "the second starts here")
                .into(),
        );
    }
    Ok(Arc::new(documents.pop().unwrap_or_else(|| Node {
        span: Span::new(source, 0, 0),
        kind: NodeKind::Null,
    })))
}

/// `path` from the root, without `.` and `..`.
pub(super) fn absolute(path: &Path) -> PathBuf {
    tidy(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

/// `path` without `.` and `..`, links not followed.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

/// `path` as a user reads it best: from the working folder when it lies below that.
pub(super) fn shown(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|folder| path.strip_prefix(folder).ok().map(Path::to_owned))
        .unwrap_or_else(|| path.to_owned())
}
