//! The words of the command line.

use clap::{ArgAction, Args, Parser, Subcommand};
use std::path::PathBuf;

/// Upgrades Kubernetes hosts over SSH, batch by batch, and takes a host back when it fails.
///
/// Hosts need a POSIX shell and sshd; nothing is installed there.
#[derive(Debug, Parser)]
#[command(
    name = "windlass",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(after_help = "Examples:
  windlass plan playbooks/upgrade.yml -i inventory                 what would be done, and whether it may
  windlass run playbooks/upgrade.yml -i inventory                  the whole fleet
  windlass run playbooks/upgrade.yml -i inventory --limit worker7  one node
  windlass run playbooks/upgrade.yml -i inventory --check --diff   what would change
  windlass rollback 20261121-070312-4f1c                           take a run back")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a playbook.
    Run(Box<RunArgs>),
    /// Show what an upgrade would do, step by step, and whether the version rules allow it; changes nothing.
    Plan(Box<PlanArgs>),
    /// Show hosts, groups and variables.
    Inventory(InventoryArgs),
    /// Take back what a run changed.
    Rollback(RollbackArgs),
    /// Make one file of binaries, images and checksums for places without a way out, or check one.
    Bundle(BundleArgs),
    /// Look after the lab that ships with the inventory.
    Lab(LabArgs),
}

/// Where hosts come from.
#[derive(Debug, Args)]
pub struct Sources {
    /// Inventory: a file, a folder, or a list of hosts with a comma in it; may be repeated.
    #[arg(
        short,
        long = "inventory",
        global = true,
        value_name = "SOURCE",
        env = "WINDLASS_INVENTORY",
        default_value = "inventory"
    )]
    pub inventory: Vec<String>,
    /// Where runs, locks and the lab are kept [default: the user's state folder].
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "WINDLASS_STATE_DIR",
        hide_env_values = true
    )]
    pub state_dir: Option<PathBuf>,
}

/// How hosts are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Log in as this user.
    #[arg(short = 'u', long = "user", value_name = "USER")]
    pub user: Option<String>,
    /// Log in with this private key.
    #[arg(long, value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Seconds to wait for a connection.
    #[arg(short = 'T', long, value_name = "SECONDS", default_value_t = 10)]
    pub timeout: u64,
    /// Become another user on the hosts.
    #[arg(short = 'b', long = "become")]
    pub become_enabled: bool,
    /// Become this user [default: root].
    #[arg(long, value_name = "USER")]
    pub become_user: Option<String>,
    /// Become by this program.
    #[arg(long, value_name = "PROGRAM", value_parser = ["sudo", "su", "doas"])]
    pub become_method: Option<String>,
    /// Read the password for becoming from the first line of this file.
    #[arg(long, value_name = "FILE", conflicts_with = "ask_become_pass")]
    pub become_password_file: Option<PathBuf>,
    /// Ask for the password for becoming.
    #[arg(short = 'K', long)]
    pub ask_become_pass: bool,
}

/// `windlass run`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that stands alone"
)]
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The playbooks, run one after the other as one run.
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub playbooks: Vec<PathBuf>,
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Only these hosts: names, groups, patterns, or @FILE with one per line.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Vec<String>,
    /// A variable: NAME=VALUE words, a YAML or JSON mapping, or @FILE; may be repeated.
    #[arg(short = 'e', long = "extra-vars", value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Only tasks with one of these tags.
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// No tasks with one of these tags.
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub skip_tags: Vec<String>,
    /// Change nothing; say what would change.
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show differences of files.
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Only check the playbook and the inventory for mistakes.
    #[arg(long, group = "instead")]
    pub syntax_check: bool,
    /// List the hosts of each play.
    #[arg(long, group = "instead")]
    pub list_hosts: bool,
    /// List the tasks of each play.
    #[arg(long, group = "instead")]
    pub list_tasks: bool,
    /// Hosts that work at once.
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub forks: u32,
    /// Stop when more than N hosts of the run have failed.
    #[arg(long, value_name = "N")]
    pub max_failures: Option<usize>,
    /// Run notified handlers on failed hosts too.
    #[arg(long)]
    pub force_handlers: bool,
    /// How hosts are reached.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Print events as JSON, one a line.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Show more: results, then task files, then connections.
    #[arg(short, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Plain lines even on a terminal.
    #[arg(long, help_heading = "Output")]
    pub plain: bool,
    /// Say at the end where the time went: by task, and by host and phase.
    #[arg(long, help_heading = "Output")]
    pub profile: bool,
}

/// `windlass plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The playbooks that would be run.
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub playbooks: Vec<PathBuf>,
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Only these hosts: names, groups, patterns, or @FILE with one per line.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Vec<String>,
    /// A variable: NAME=VALUE words, a YAML or JSON mapping, or @FILE; may be repeated.
    #[arg(short = 'e', long = "extra-vars", value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Lay the version rules of this file over the built-in ones [default: the variable kube_rules_file].
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// How hosts are reached.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// As JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// `windlass inventory`.
#[derive(Debug, Args)]
pub struct InventoryArgs {
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// As JSON, in the shape of `ansible-inventory --list`.
    #[arg(long, group = "shape")]
    pub list: bool,
    /// The variables of one host, as JSON.
    #[arg(long, value_name = "HOST", group = "shape")]
    pub host: Option<String>,
    /// As a tree of groups (the default).
    #[arg(long, group = "shape")]
    pub graph: bool,
    /// Show variables in the tree.
    #[arg(long, conflicts_with_all = ["list", "host"])]
    pub vars: bool,
    /// Only these hosts.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Vec<String>,
}

/// `windlass rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The run to take back; without it, the runs are listed.
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Only these hosts.
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Vec<String>,
    /// How hosts are reached.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Print events as JSON, one a line.
    #[arg(long)]
    pub json: bool,
}

/// `windlass bundle`.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: BundleAction,
}

/// What to do with a bundle.
#[derive(Debug, Subcommand)]
pub enum BundleAction {
    /// Fetch the files, check each against its published checksum, and write the bundle.
    #[command(after_help = "Examples:
  windlass bundle create v1.35.1.tar --kubernetes v1.35.1 --arch amd64,arm64
  windlass bundle create k3s.tar --k3s v1.35.1+k3s1
  windlass bundle create own.tar --folder inventory/artifacts/v1.35.1

A playbook takes from it with `artifact_source: v1.35.1.tar`.")]
    Create(Box<BundleCreate>),
    /// Read the whole bundle and check every file in it.
    Verify {
        /// The bundle.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// `windlass bundle create`.
#[derive(Debug, Args)]
pub struct BundleCreate {
    /// The bundle to write; its name must end in .tar.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The binaries of this Kubernetes version; may be repeated.
    #[arg(long, value_name = "VERSION")]
    pub kubernetes: Vec<String>,
    /// The binary and the images of this K3s version; may be repeated.
    #[arg(long, value_name = "VERSION")]
    pub k3s: Vec<String>,
    /// All files that SHA256SUMS in this folder names; its name, or what stands before `=`, is their version.
    #[arg(long, value_name = "[VERSION=]FOLDER")]
    pub folder: Vec<String>,
    /// Architectures.
    #[arg(
        long,
        value_name = "ARCH",
        value_delimiter = ',',
        default_value = "amd64"
    )]
    pub arch: Vec<String>,
    /// Only these binaries of Kubernetes.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// URL or folder with the layout of Kubernetes' download site.
    #[arg(long, value_name = "SOURCE", default_value = crate::artifact::bundle::KUBERNETES_MIRROR)]
    pub mirror: String,
    /// URL or folder with the layout of K3s' releases.
    #[arg(long, value_name = "SOURCE", default_value = crate::artifact::bundle::K3S_MIRROR)]
    pub k3s_mirror: String,
}

/// `windlass lab`.
#[derive(Debug, Args)]
pub struct LabArgs {
    /// Where hosts come from.
    #[command(flatten)]
    pub sources: Sources,
    /// What to do.
    #[command(subcommand)]
    pub action: LabAction,
}

/// What to do with the lab.
#[derive(Debug, Subcommand)]
pub enum LabAction {
    /// Show the lab's hosts: versions on disk and running, nodes, faults.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forget all that the lab's hosts went through.
    Reset,
    /// Set or clear a fault on a host.
    Fault {
        /// The host.
        host: String,
        /// The fault.
        fault: String,
        /// Clear it instead.
        #[arg(long)]
        clear: bool,
    },
}
