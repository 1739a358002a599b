//! `windlass run`.

use super::args::{ConnectionArgs, PlaybookArgs, RunArgs};
use super::conduct::Conduct;
use super::resume::Going;
use super::{
    CliError, confidential, extra_vars, input, list, output, page, reporters, request, resume,
    state, vault, window,
};
use crate::connection::{Defaults, HostKeyPolicy};
use crate::engine::{Events, Parts, Run, Settings};
use crate::inventory::Inventory;
use crate::journal::RunId;
use crate::playbook::{Loader, Playbook};
use crate::template::{Templar, Variables};
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
    start(args, None)
}

/// Runs playbooks, perhaps to go on with an earlier run.
pub(super) fn start(args: &RunArgs, going: Option<Going>) -> Result<u8, CliError> {
    let checked = check(args)?;
    let style = reporters::Style::of(args)?;
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
    let limit = settings.limit.as_deref();
    let mut request = request::of(args, &inventory, (&loader, &playbook), limit)?;
    let store = state::store(&state);
    let going = match going {
        None if args.again.resume => resume::last_of_the_same(args, &store, &request)?,
        going => going,
    };
    request.resumes = going.as_ref().map(|going| going.run().to_string());
    let before = going
        .map(|going| going.before(&store, &request))
        .transpose()?;
    let again = (!args.check).then(|| resume::command(&run, &state, &request));
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
        style,
        request: Some(request),
        again,
    };
    conduct.run(async |engine| {
        let engine = match before {
            Some(before) => engine.resume(before),
            None => engine,
        };
        engine.playbook(&playbook).await
    })
}

/// Lists hosts or tasks: nothing is locked, recorded or reached.
fn list(args: &RunArgs, checked: Checked, run: RunId) -> Result<u8, CliError> {
    let (events, _) = mpsc::unbounded_channel();
    let engine = Run::new(Parts {
        run,
        inventory: checked.inventory,
        templar: Arc::new(Templar::with_vault(vault::opened())),
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

/// Reads everything that a run would read, and finds what is wrong with it; the state folder.
pub(super) fn check_files(args: &RunArgs) -> Result<PathBuf, CliError> {
    check(args).map(|checked| checked.state)
}

fn check(args: &RunArgs) -> Result<Checked, CliError> {
    let extra_vars = extra_vars::read(&args.extra_vars, &args.sources.vault)?;
    args.report.html.as_deref().map_or(Ok(()), page::check)?;
    let state = state::folder(args.sources.state_dir.as_deref())?;
    let (inventory, (loader, playbook)) = input::inventory_and_playbooks(
        &args.sources,
        &args.playbooks,
        &args.playbook,
        &extra_vars,
    )?;
    // A look at the files alone needs no password for single values.
    if !(args.syntax_check || args.list_hosts || args.list_tasks) {
        vault::must_open(&vault::opened(), &inventory, &loader, &extra_vars)?;
    }
    let limit = input::limit(&args.limit, &inventory, &args.sources)?;
    let settings = Settings {
        check: args.check,
        diff: args.diff,
        forks: args.forks as usize,
        tags: args.tags.clone(),
        skip_tags: args.skip_tags.clone(),
        limit,
        verbosity: args.output.verbose,
        force_handlers: args.force_handlers,
        any_errors_fatal: args.any_errors_fatal,
        gather_facts: gathers_facts(&args.playbook),
        max_failures: args.max_failures.map(|hosts| hosts as usize),
        window: window::allowance(&args.window, &state::store(&state))?,
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

/// Whether plays that say nothing of it gather facts.
pub(super) fn gathers_facts(args: &PlaybookArgs) -> bool {
    args.gathering != "explicit"
}

/// The settings that every verb with connections shares.
pub(super) fn settings(args: &ConnectionArgs, extra_vars: Variables) -> Result<Settings, CliError> {
    let mut connection = Defaults::from_environment();
    if let Some(user) = &args.user {
        connection.user.clone_from(user);
    }
    connection.private_key_file.clone_from(&args.private_key);
    connection.connect_timeout = Duration::from_secs(args.timeout.into());
    connection.port = u16::try_from(args.port).unwrap_or(connection.port);
    connection.connection.clone_from(&args.kind);
    connection.host_key_policy = match args.host_key_checking.as_str() {
        "accept-new" => HostKeyPolicy::AcceptNew,
        "off" => HostKeyPolicy::Off,
        _ => HostKeyPolicy::Strict,
    };
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    connection.ssh_args = text(&args.ssh_args);
    connection.common_args = text(&args.ssh_common_args);
    connection.extra_args = text(&args.ssh_extra_args);
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
        any_errors_fatal: false,
        gather_facts: true,
        max_failures: None,
        window: None,
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
        let password = text.lines().next().map(str::to_owned);
        if let Some(password) = &password {
            confidential::secrets().learn(password);
        }
        return Ok(password);
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
