//! The syntax tree. Values that may be templates stay nodes; the engine renders them per host.

use super::argument_spec::ArgumentSpec;
use super::catalog::Spec;
use crate::source::Span;
use crate::template::Variables;
use crate::yaml::Node;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

/// A playbook with its imports in place.
#[derive(Debug)]
pub struct Playbook {
    /// The file that was named.
    pub path: PathBuf,
    /// Its plays in order, those of imported playbooks among them.
    pub plays: Vec<Arc<Play>>,
}

/// Keywords that flow from play to role to block to task; the innermost wins unless said otherwise.
#[derive(Debug, Clone, Default)]
pub struct Keywords {
    /// Becomes another user.
    pub become_enabled: Option<Node>,
    /// Whom.
    pub become_user: Option<Node>,
    /// By sudo, su or doas.
    pub become_method: Option<Node>,
    /// More options for that program.
    pub become_flags: Option<Node>,
    /// Its path.
    pub become_exe: Option<Node>,
    /// Whom to log in as.
    pub remote_user: Option<Node>,
    /// SSH port.
    pub port: Option<Node>,
    /// Kind of connection.
    pub connection: Option<Node>,
    /// Environment variables; outer ones are merged under inner ones.
    pub environment: Option<Node>,
    /// Changes nothing.
    pub check_mode: Option<Node>,
    /// Shows differences.
    pub diff: Option<Node>,
    /// Keeps going after a failure.
    pub ignore_errors: Option<Node>,
    /// Keeps going when the host cannot be reached.
    pub ignore_unreachable: Option<Node>,
    /// Keeps parameters and results out of every output.
    pub no_log: Option<Node>,
    /// One failure fails all hosts of the batch.
    pub any_errors_fatal: Option<Node>,
    /// Runs on the first host of the batch for all.
    pub run_once: Option<Node>,
    /// Runs on another host.
    pub delegate_to: Option<Node>,
    /// Keeps the facts gathered there for the host they were gathered on.
    pub delegate_facts: Option<Node>,
    /// Seconds a task may take.
    pub timeout: Option<Node>,
    /// How many hosts may run the task at once.
    pub throttle: Option<Node>,
    /// Conditions; all levels must hold.
    pub when: Vec<Node>,
    /// Tags; those of all levels apply.
    pub tags: Vec<Node>,
    /// Variables; the inner level is stronger.
    pub vars: Arc<Variables>,
}

/// A play.
#[derive(Debug, Clone)]
pub struct Play {
    /// The whole play.
    pub span: Span,
    /// Its name.
    pub name: Option<Node>,
    /// The host pattern: text or a list.
    pub hosts: Node,
    /// Whether facts are gathered first; yes unless told otherwise.
    pub gather_facts: Option<Node>,
    /// Batch sizes: number, percentage, or a list of these.
    pub serial: Option<Node>,
    /// Percentage of failed hosts of a batch above which the run stops.
    pub max_fail_percentage: Option<Node>,
    /// Failed hosts of the whole play above which the run stops.
    pub max_failures: Option<Node>,
    /// Nodes of the play's hosts that may be out of service at once, those that are down already among them.
    pub max_unavailable: Option<Node>,
    /// How long a batch that changed something is watched before the next one starts.
    pub soak: Option<Node>,
    /// The loops around the play, the outermost first: its imports' and its own. Plays that share one go round together.
    pub loops: Vec<Arc<PlayLoop>>,
    /// Order of hosts: inventory, reverse_inventory, sorted, reverse_sorted, shuffle.
    pub order: Option<Node>,
    /// Handlers run on failed hosts too.
    pub force_handlers: Option<Node>,
    /// Files of variables; a list in the list means the first that exists.
    pub vars_files: Vec<Node>,
    /// Keywords of the play.
    pub keywords: Keywords,
    /// Run in this order: pre_tasks, handlers, roles and tasks, handlers, post_tasks, handlers.
    pub pre_tasks: Vec<Item>,
    /// Each a block that carries its role; dependencies stand before their role.
    pub roles: Vec<Item>,
    /// Tasks.
    pub tasks: Vec<Item>,
    /// After the tasks' handlers.
    pub post_tasks: Vec<Item>,
    /// Handlers of the play and of its static roles.
    pub handlers: Vec<Item>,
    /// The static roles, for the variables (`defaults`, `vars`) that they give to the whole play.
    pub role_list: Vec<Arc<Role>>,
    /// Whether and how hosts go back.
    pub rollback: Option<Rollback>,
    /// What is asked while the play runs.
    pub probe: Option<Probe>,
    /// The folder of the playbook's file (`playbook_dir`).
    pub folder: PathBuf,
}

/// A `loop` around plays: a play's own, or that of an `import_playbook`.
#[derive(Debug)]
pub struct PlayLoop {
    /// What it is over.
    pub over: Loop,
    /// The names of its variables.
    pub control: LoopControl,
}

/// The play's `rollback:`.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// Where it stands.
    pub span: Span,
    /// Whether a failed host goes back (`on: failure`) or changes are only recorded (`on: never`).
    pub on_failure: bool,
    /// Tasks that must pass on a restored host before it is released.
    pub verify: Vec<Item>,
    /// How long a host waits for the run before it goes back by itself; 0 or false is for ever.
    pub deadman: Option<Node>,
    /// Tasks that run on a failed host before it goes back.
    pub before: Vec<Item>,
    /// Tasks that run on it once it went back, or failed to.
    pub after: Vec<Item>,
}

/// The play's `probe:`; the defaults are the engine's.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Where it stands.
    pub span: Span,
    /// A URL that must answer well; empty is off.
    pub url: Option<Node>,
    /// A command of the controller that must succeed; empty is off.
    pub command: Option<Node>,
    /// Time between two questions.
    pub interval: Option<Node>,
    /// Time for one answer.
    pub timeout: Option<Node>,
    /// Bad answers in a row that end the run.
    pub failures: Option<Node>,
    /// File with the certificates to trust, relative to the playbook.
    pub ca: Option<Node>,
    /// Whether the server's certificate is checked.
    pub validate_certs: Option<Node>,
}

/// A task or a block.
#[derive(Debug, Clone)]
pub enum Item {
    /// One action.
    Task(Arc<Task>),
    /// Items that share keywords; also an expanded `import_tasks`, `import_role` or role.
    Block(Arc<Block>),
}

/// Items that share keywords, with what to do when one fails.
#[derive(Debug)]
pub struct Block {
    /// Where it stands.
    pub span: Span,
    /// Its name.
    pub name: Option<Node>,
    /// Its keywords.
    pub keywords: Keywords,
    /// The items.
    pub body: Vec<Item>,
    /// Run on hosts that failed in `body`.
    pub rescue: Vec<Item>,
    /// Run at the end in any case.
    pub always: Vec<Item>,
    /// The role that the items belong to.
    pub role: Option<Arc<Role>>,
}

/// One action with its keywords.
#[derive(Debug)]
pub struct Task {
    /// The whole task.
    pub span: Span,
    /// Its name.
    pub name: Option<Node>,
    /// What it does.
    pub action: Action,
    /// The keywords that it shares with blocks and plays.
    pub keywords: Keywords,
    /// What it repeats over.
    pub repeat: Option<Loop>,
    /// How it repeats.
    pub loop_control: LoopControl,
    /// The variable that keeps the result.
    pub register: Option<String>,
    /// Repeats until these hold.
    pub until: Vec<Node>,
    /// How often; 3 when only `until` is given.
    pub retries: Option<Node>,
    /// Seconds between tries; 5 unless given.
    pub delay: Option<Node>,
    /// Decide whether it changed anything.
    pub changed_when: Vec<Node>,
    /// Decide whether it failed.
    pub failed_when: Vec<Node>,
    /// Handlers to run when it changed something.
    pub notify: Vec<Node>,
    /// For a handler: topics that it listens to.
    pub listen: Vec<Node>,
    /// The command that takes the change back, for what the machine cannot invert.
    pub undo: Option<Node>,
    /// The role it belongs to.
    pub role: Option<Arc<Role>>,
    /// The folder of the file it stands in: included files are looked up there.
    pub folder: PathBuf,
}

/// What a task does.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "tasks stand behind an `Arc`, and a box here would only be in the way of matching"
)]
pub enum Action {
    /// Runs a module.
    Module {
        /// The module, as the catalog knows it.
        spec: &'static Spec,
        /// A mapping of parameters by their canonical names, or text that renders to one.
        params: Node,
    },
    /// `include_tasks`: the file is known only at run time.
    IncludeTasks(Include),
    /// `include_role`.
    IncludeRole(RoleInclude),
    /// `meta: flush_handlers` and the like, by its name.
    Meta(String),
}

/// `include_tasks`.
#[derive(Debug, Clone)]
pub struct Include {
    /// The file; may be a template.
    pub file: Node,
    /// Keywords for the included items (`apply`).
    pub apply: Keywords,
    /// `notify` of the blocks around it, for included tasks that have none of their own.
    pub notify: Vec<Node>,
}

/// `include_role`.
#[derive(Debug, Clone)]
pub struct RoleInclude {
    /// The role; may be a template.
    pub name: Node,
    /// Instead of `main` of `tasks/`.
    pub tasks_from: Option<Node>,
    /// Instead of `main` of `vars/`.
    pub vars_from: Option<Node>,
    /// Instead of `main` of `defaults/`.
    pub defaults_from: Option<Node>,
    /// Instead of `main` of `handlers/`.
    pub handlers_from: Option<Node>,
    /// Whether the role's variables stay for the rest of the play; no unless told otherwise.
    pub public: Option<Node>,
    /// Whether the role's argument spec is checked first; yes unless told otherwise.
    pub validate: Option<Node>,
    /// Keywords for the included items (`apply`).
    pub apply: Keywords,
    /// `notify` of the blocks around it, for included tasks that have none of their own.
    pub notify: Vec<Node>,
}

/// `loop` or `with_*`.
#[derive(Debug, Clone)]
pub struct Loop {
    /// The lookup of `with_<name>`; `None` for `loop`.
    pub lookup: Option<String>,
    /// What it is over.
    pub items: Node,
}

/// `loop_control`.
#[derive(Debug, Clone, Default)]
pub struct LoopControl {
    /// Instead of `item`.
    pub loop_var: Option<String>,
    /// The variable that counts from 0.
    pub index_var: Option<String>,
    /// What is shown instead of the item.
    pub label: Option<Node>,
    /// Seconds between items.
    pub pause: Option<Node>,
    /// Whether `ansible_loop` is set.
    pub extended: Option<Node>,
    /// Ends the loop early when one of these holds.
    pub break_when: Vec<Node>,
}

/// A role as it lies on disk.
#[derive(Debug)]
pub struct Role {
    /// Its name as the playbook says it.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// `defaults/main.yml`: the weakest variables.
    pub defaults: Arc<Variables>,
    /// `vars/main.yml`.
    pub vars: Arc<Variables>,
    /// Parameters given where the role is listed; stronger than `vars`.
    pub params: Arc<Variables>,
    /// The role that depends on this one or includes it.
    pub parent: Option<Weak<Role>>,
    /// What its variables must look like for the entry point that runs; checked before its first task.
    pub argument_spec: Option<Arc<ArgumentSpec>>,
}

impl Task {
    /// A task that no file holds: the program's own. It runs whatever tags are asked for.
    pub fn built_in(name: &str, action: Action, role: Option<Arc<Role>>, folder: PathBuf) -> Self {
        let name = Node::text("<windlass>", name);
        Self {
            span: name.span.clone(),
            name: Some(name),
            action,
            keywords: Keywords {
                tags: vec![Node::text("<windlass>", "always")],
                ..Keywords::default()
            },
            repeat: None,
            loop_control: LoopControl::default(),
            register: None,
            until: Vec::new(),
            retries: None,
            delay: None,
            changed_when: Vec::new(),
            failed_when: Vec::new(),
            notify: Vec::new(),
            listen: Vec::new(),
            undo: None,
            role,
            folder,
        }
    }

    /// `file:line` of the task.
    pub fn path(&self) -> String {
        let source = self.span.source().path().display().to_string();
        format!("{source}:{}", self.span.position().line)
    }

    /// Its name as written, templates and all; without one, that of what it does.
    pub fn display_name(&self) -> String {
        self.name
            .as_ref()
            .and_then(Node::as_str)
            .map_or_else(|| self.action.name().to_owned(), str::to_owned)
    }
}

impl Action {
    /// The module's short name, or `include_tasks` and the like.
    pub fn name(&self) -> &str {
        match self {
            Self::Module { spec, .. } => spec.name,
            Self::IncludeTasks(_) => "include_tasks",
            Self::IncludeRole(_) => "include_role",
            Self::Meta(_) => "meta",
        }
    }
}
