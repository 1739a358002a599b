//! `windlass run`.

use super::args::{ConnectionArgs, RunArgs};
use super::conduct::Conduct;
use super::{CliError, extra_vars, input, list, output, page, reporters, state};
use crate::connection::Defaults;
use crate::engine::{Events, Parts, Run, Settings};
use crate::inventory::Inventory;
use crate::journal::RunId;
use crate::playbook::{Loader, Playbook};
use crate::template::Variables;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// What was read and checked before anything starts.
struct Checked {
    inventory: Arc<Inventory>,
    loader: Arc<Loader>,
    playbook: Playbook,
    settings: Settings,
    state: PathBuf,
}

/// Runs playbooks.
pub(super) fn main(args: &RunArgs) -> Result<u8, CliError> {
    let checked = check(args)?;
    if args.syntax_check {
        output::line(format!("playbook: {}", checked.playbook.path.display()))?;
        return Ok(crate::engine::exit_code::DONE);
    }
    let run = RunId::new();
    if args.list_hosts || args.list_tasks {
        return list(args, checked, run);
    }
    let Checked {
        inventory,
        loader,
        playbook,
        settings,
        state,
    } = checked;
    let conduct = Conduct {
        journal: run.clone(),
        run,
        what: args
            .playbooks
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(" "),
        sources: args.sources.inventory.clone(),
        inventory,
        loader,
        settings,
        state,
        style: reporters::Style::of(args),
    };
    conduct.run(async |engine| engine.playbook(&playbook).await)
}

/// Lists hosts or tasks: nothing is locked, recorded or reached.
fn list(args: &RunArgs, checked: Checked, run: RunId) -> Result<u8, CliError> {
    let (events, _) = mpsc::unbounded_channel();
    let engine = Run::new(Parts {
        run,
        inventory: checked.inventory,
        templar: Arc::default(),
        loader: checked.loader,
        settings: checked.settings,
        events: Events::new(None, events),
        interrupted: Arc::default(),
        store: state::store(&checked.state),
    });
    let outline = engine
        .outline(&checked.playbook)
        .map_err(|message| CliError::Usage {
            message,
            hint: None,
        })?;
    list::print(&outline, args.list_hosts)?;
    Ok(crate::engine::exit_code::DONE)
}

fn check(args: &RunArgs) -> Result<Checked, CliError> {
    let extra_vars = extra_vars::read(&args.extra_vars)?;
    args.html.as_deref().map_or(Ok(()), page::check)?;
    let state = state::folder(args.sources.state_dir.as_deref())?;
    let (inventory, (loader, playbook)) =
        input::inventory_and_playbooks(&args.sources, &args.playbooks, &extra_vars)?;
    let limit = input::limit(&args.limit, &inventory)?;
    let settings = Settings {
        check: args.check,
        diff: args.diff,
        forks: args.forks as usize,
        tags: args.tags.clone(),
        skip_tags: args.skip_tags.clone(),
        limit,
        verbosity: args.verbose,
        force_handlers: args.force_handlers,
        max_failures: args.max_failures,
        state_dir: state.clone(),
        ..settings(&args.connection, extra_vars)?
    };
    Ok(Checked {
        inventory,
        loader,
        playbook,
        settings,
        state,
    })
}

/// The settings that every verb with connections shares.
pub(super) fn settings(args: &ConnectionArgs, extra_vars: Variables) -> Result<Settings, CliError> {
    let mut connection = Defaults::from_environment();
    if let Some(user) = &args.user {
        connection.user.clone_from(user);
    }
    connection.private_key_file.clone_from(&args.private_key);
    connection.connect_timeout = Duration::from_secs(args.timeout.max(1));
    Ok(Settings {
        check: false,
        diff: false,
        forks: 50,
        tags: Vec::new(),
        skip_tags: Vec::new(),
        limit: None,
        verbosity: 0,
        become_enabled: args.become_enabled,
        become_user: args.become_user.clone(),
        become_method: args.become_method.clone(),
        become_password: become_password(args)?,
        force_handlers: false,
        max_failures: None,
        extra_vars,
        connection,
        // Set by the verbs that run playbooks.
        state_dir: PathBuf::new(),
    })
}

fn become_password(args: &ConnectionArgs) -> Result<Option<String>, CliError> {
    if let Some(path) = &args.become_password_file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            CliError::usage(
                format!("--become-password-file {}: {error}", path.display()),
                "the file's first line is the password",
            )
        })?;
        return Ok(text.lines().next().map(str::to_owned));
    }
    if !args.ask_become_pass {
        return Ok(None);
    }
    let term = console::Term::stderr();
    if !term.is_term() {
        return Err(CliError::usage(
            "--ask-become-pass needs a terminal",
            "without one, use --become-password-file",
        ));
    }
    term.write_str("BECOME password: ")?;
    Ok(Some(term.read_secure_line()?))
}
