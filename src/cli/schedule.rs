//! `windlass schedule`: how systemd or cron starts a run. It writes text; what runs when is for them.

use super::args::{self, RunArgs, ScheduleArgs, Verb};
use super::timetable::{Job, crontab, service, timer};
use super::{CliError, output, run, window};
use crate::engine::exit_code;
use crate::plan::Begin;
use crate::settings::{self, Settings};
use crate::source::Span;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// More names of the environment that say where things are, and so must be the same at night as settings are.
const PLACES: [&str; 1] = ["XDG_STATE_HOME"];

/// Prints or writes what starts the command.
pub(super) fn main(args: &ScheduleArgs, settings: &Settings) -> Result<u8, CliError> {
    let (run, state) = checked(&args.command, settings)?;
    let begin = begin(args, &run)?;
    let job = job(args, &run, &state)?;
    let unit = format!("windlass-{}", job.name);
    let mut files = Vec::new();
    if !args.cron {
        files.push((format!("{unit}.service"), service(&job)?));
        files.push((format!("{unit}.timer"), timer(&job, &begin)));
    }
    if !args.systemd {
        let local = window::local().map_err(|why| {
            CliError::usage(
                format!("the machine's own time zone is not known: {why}"),
                "cron goes by it; --systemd does without",
            )
        })?;
        let times = begin.cron(&local, Timestamp::now());
        files.push((format!("{unit}.cron"), crontab(&job, &times)?));
    }
    match &args.write {
        Some(folder) => write(folder, &files)?,
        None => print(&files)?,
    }
    for warning in warnings(&run) {
        output::complain(&format!("note: {warning}"));
    }
    Ok(exit_code::DONE)
}

/// Reads the command as it will be read at night, with all its files.
fn checked(command: &[String], settings: &Settings) -> Result<(Box<RunArgs>, PathBuf), CliError> {
    let words = std::iter::once("windlass").chain(command.iter().map(String::as_str));
    let cli = args::parse(words, settings).map_err(|error| {
        let text = error.render().to_string();
        let text = text.trim_start_matches("error: ").trim_end();
        CliError::Usage {
            message: format!("the command to be scheduled is wrong: {text}"),
            hint: None,
        }
    })?;
    let Verb::Run(run) = cli.verb else {
        return Err(CliError::usage(
            format!("`windlass {}` is nothing to be scheduled", command[0]),
            "name a run: `windlass schedule run PLAYBOOK -i INVENTORY --window \"Sat 02:00-06:00\"`",
        ));
    };
    let refused = |flag: &str, why: &str| {
        Err(CliError::usage(
            format!("{flag} {why}"),
            format!("leave {flag} out"),
        ))
    };
    if run.connection.ask_become_pass {
        return Err(CliError::usage(
            "--ask-become-pass needs somebody who answers",
            "use --become-password-file",
        ));
    }
    let vault = &run.sources.vault;
    let prompts = |id: &String| {
        let source = id.split_once('@').map_or(id.as_str(), |(_, source)| source);
        matches!(source, "prompt" | "prompt_ask_vault_pass")
    };
    if vault.ask_vault_pass || vault.vault_id.iter().any(prompts) {
        return Err(CliError::usage(
            "the vault password needs somebody who types it",
            "use --vault-password-file",
        ));
    }
    if run.syntax_check || run.list_hosts || run.list_tasks {
        return refused(
            "--syntax-check, --list-hosts or --list-tasks",
            "runs nothing that could be scheduled",
        );
    }
    let state = run::check_files(&run)?;
    Ok((run, state))
}

/// When it begins: as asked for, else when the window opens.
fn begin(args: &ScheduleArgs, run: &RunArgs) -> Result<Begin, CliError> {
    let window = window::given(&run.window)?;
    let on = args.on.as_ref().map(|text| {
        Begin::read(&Span::synthetic("--on", text), window::local)
            .map_err(|wrong| CliError::Input(wrong.into()))
    });
    match (on.transpose()?, window) {
        (None, None) => Err(CliError::usage(
            "it is not said when the run begins",
            "give the run a --window, or say --on \"Sat 02:00\"",
        )),
        (Some(begin), None) => Ok(begin),
        (None, Some(window)) => Ok(Begin::of(&window)),
        (Some(begin), Some(window)) => {
            let begin = begin.in_zone_of(&window);
            match begin.outside(&window, Timestamp::now()) {
                None => Ok(begin),
                Some(at) => Err(CliError::usage(
                    format!("--on {at} is outside of the run's window {}", window.text()),
                    "without --on the run begins when its window opens",
                )),
            }
        }
    }
}

fn job(args: &ScheduleArgs, run: &RunArgs, state: &Path) -> Result<Job, CliError> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => run.playbooks[0]
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default(),
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.is_empty() || name.len() > 100 || !name.chars().all(plain) {
        return Err(CliError::usage(
            format!("`{name}` cannot be the name of a unit"),
            "name it with letters, digits, `-` and `_`: --name weekly-upgrade",
        ));
    }
    let mut environment: Vec<(String, String)> = Vec::new();
    for place in settings::variables().chain(PLACES) {
        if let Ok(value) = std::env::var(place) {
            environment.push((place.to_owned(), value));
        }
    }
    let program = std::env::current_exe()?;
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            CliError::usage(
                format!("{} is not UTF-8", path.display()),
                "systemd and cron need plain names",
            )
        })
    };
    let log = state.join("log").join(format!("{name}.log"));
    Ok(Job {
        words: std::iter::once(text(&program)?)
            .chain(args.command.iter().cloned())
            .collect(),
        folder: text(&std::env::current_dir()?)?,
        user: user(),
        environment,
        has_window: run.window.window.is_some(),
        log: if args.mail { None } else { Some(text(&log)?) },
        name,
    })
}

/// The user who runs this, by name.
fn user() -> String {
    let number = rustix::process::geteuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    named
        .or_else(|| std::env::var("USER").ok())
        .unwrap_or(number)
}

/// What is different at night.
fn warnings(run: &RunArgs) -> Vec<String> {
    let mut warnings = Vec::new();
    if std::env::var_os("SSH_AUTH_SOCK").is_some() && run.connection.private_key.is_none() {
        warnings.push(
            "the keys of your SSH agent are not there when systemd or cron starts the run; hosts need \
             `ansible_ssh_private_key_file`, or the command --private-key"
                .to_owned(),
        );
    }
    if run.window.window.is_none() {
        warnings.push(
            "without --window the run goes on until it is done, however late that is".to_owned(),
        );
    }
    warnings
}

fn print(files: &[(String, String)]) -> Result<(), CliError> {
    let texts: Vec<String> = files
        .iter()
        .map(|(name, text)| format!("# {name}\n{}", text.trim_end()))
        .collect();
    output::line(texts.join("\n\n"))?;
    Ok(())
}

fn write(folder: &Path, files: &[(String, String)]) -> Result<(), CliError> {
    let wrong = |path: &Path, error: &std::io::Error| {
        CliError::usage(
            format!("--write: {}: {error}", path.display()),
            "name a folder that is there and can be written to",
        )
    };
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| wrong(&path, &error))?;
        output::line(path.display())?;
    }
    Ok(())
}
