//! An agentless SSH orchestrator that takes a fleet of Kubernetes hosts from one version to the next, and back.
//!
//! A windlass hauls an anchor up notch by notch, and a pawl keeps it from slipping. This program runs playbooks in the
//! language of Ansible over plain SSH, batch by batch, with no Python on either side, and lets a host that fails slip
//! back only to where it stood before. The binary is a thin shell around this library; tests, benches and fuzzers use
//! the library as it is.
//!
//! # Rooms and floors
//!
//! Each module below is a room. A room uses rooms on lower floors only, never one on its own floor; `tests/floors.rs`
//! reads the sources and fails on any other arrow. The command line, at the top, may use all of them.
//!
//! | floor | room | what it knows | what it must not know |
//! |---|---|---|---|
//! | 0 | [`source`] | files, places in them, diagnostics and how they are drawn | YAML, Ansible, hosts |
//! | 0 | [`event`] | everything that happens in a run, as data | who listens |
//! | 0 | [`holder`] | who holds a lock: run, user, machine, process | where locks lie |
//! | 0 | [`secrecy`] | values that must not be shown, and the forms they turn up in | where secrets come from |
//! | 1 | [`yaml`] | YAML 1.1 as PyYAML reads and writes it, with places | playbooks |
//! | 1 | [`shell`] | quoting, becoming another user | SSH |
//! | 1 | [`vault`] | what Ansible Vault encrypted, and the passwords that open it | YAML, variables |
//! | 2 | [`template`] | Jinja as Ansible uses it: lazy variables, filters, tests, lookups | hosts, SSH |
//! | 2 | [`connection`] | running commands on a host: SSH, this machine, a scripted host | modules |
//! | 3 | [`inventory`] | hosts, groups, patterns and their variables | plays |
//! | 3 | [`playbook`] | plays, blocks, tasks, roles and handlers as a syntax tree | running anything |
//! | 3 | [`settings`] | one table of settings: `windlass.toml`, environment, `ansible.cfg` | what a setting does |
//! | 4 | [`artifact`] | verified files to send, read and hashed once; bundles of them | Kubernetes |
//! | 4 | [`facts`] | one shell script, one round trip, one parser | modules |
//! | 4 | [`undo`] | the inverse of a change, the undo log on the host and its timer | tasks |
//! | 4 | [`kubernetes`] | versions and their rules, the API through a connection, preflight, cordon, drain, gate | modules, the engine |
//! | 5 | [`module`] | what tasks can do: one trait, one registry, one file for each | the engine, SSH |
//! | 6 | [`journal`] | the durable record of a run, and the lock | who renders it |
//! | 6 | [`plan`] | the order of hosts, batches, and an upgrade state by state | how it is shown |
//! | 7 | [`engine`] | one worker per host, loops of plays, go or stop, handlers, the way back | terminals |
//! | 8 | [`report`] | what a person or a program sees of the events | the engine |
//! | 8 | [`lab`] | a throwaway fleet: SSH hosts and a Kubernetes API inside this process | the engine |
//! | 9 | [`cli`] | the words of the command line, one file per verb | nothing: it puts the rooms together |
//!
//! Big dependencies have one home each, which the same test guards: minijinja in `template`, the YAML parser in `yaml`,
//! russh in `connection::ssh` (client) and `lab` (server), kube in `kubernetes`, the TOML parser in `settings`, clap and
//! anyhow in `cli`. serde_yaml, which knows no places, writes plain data of our own and reads nothing of the user's.
//! Rooms have error enums of their own. Only `report` and `cli` write to the terminal.
//!
//! # One run, as data flows
//!
//! 1. `settings` reads files and environment; `cli` makes them the defaults of its flags, and turns these into one
//!    `engine::Settings`.
//! 2. `yaml` reads; `inventory` and `playbook` build typed trees and report *all* mistakes, each with file, line, column
//!    and a caret, before any host is touched.
//! 3. `plan` orders the hosts of a play and cuts them into batches.
//! 4. `engine` holds the lock, opens the `journal` and connects. Each host keeps one connection for the whole run, with a
//!    long-lived `sh` behind it for each user that tasks become.
//! 5. One worker per host takes each task through the same steps: `when`, rendered parameters, `module::Module::inspect`
//!    (finds what differs, changes nothing; check mode ends here), the *intent* with its undo on the host and in the
//!    journal, `apply`, *done*, an event, handlers.
//! 6. A host that fails is taken back by its own worker, from the undo log on the host; then it is decided whether the
//!    next batch starts.
//! 7. `report` and `journal` share one stream of `event::Event`; an old run can be shown again, and the exit code is
//!    computed from the same results.

pub mod artifact;
pub mod cli;
pub mod connection;
pub mod engine;
pub mod event;
pub mod facts;
pub mod holder;
pub mod inventory;
pub mod journal;
pub mod kubernetes;
pub mod lab;
pub mod module;
pub mod plan;
pub mod playbook;
pub mod report;
pub mod secrecy;
pub mod settings;
pub mod shell;
pub mod source;
pub mod template;
pub mod undo;
pub mod vault;
pub mod yaml;
