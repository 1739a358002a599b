//! `windlass resume`: goes on with a run that did not end well.

use super::args::{NotifyArgs, ReportArgs, ResumeArgs, RunArgs, StateArgs, VaultArgs};
use super::request::{self, Unlike};
use super::{CliError, earlier, extra_vars, output, run, run_name, settings, state};
use crate::engine::{Before, exit_code};
use crate::journal::{Difference, Extra, Fate, History, Outcome, Request, RunId, Store};
use crate::source::relative;
use crate::template::Variables;
use std::path::{Path, PathBuf};

/// A larger file is not searched for `hostvars`: it is no text that anybody wrote.
const SEARCHED: u64 = 1 << 20;

/// The run that is gone on with.
pub(super) struct Going {
    run: RunId,
    request: Request,
    /// Whether it is to be gone on with although files changed since.
    changed: bool,
}

/// Goes on with a run.
pub(super) fn main(args: &ResumeArgs) -> Result<u8, CliError> {
    let state = state::folder(args.state.state_dir.as_deref())?;
    let store = state::store(&state);
    let found = match &args.run {
        Some(name) => Some(earlier::last_link(
            &store,
            run_name::find(&store, Some(name))?,
        )?),
        None => earlier::unfinished(&store)?,
    };
    let Some(run) = found else {
        output::line("nothing to resume: no run is recorded that is not done")?;
        return Ok(exit_code::DONE);
    };
    if !may_go_on(&store, &run)? {
        output::line(format!("nothing to resume: run {run} is done"))?;
        return Ok(exit_code::DONE);
    }
    let request = store.request(&run).map_err(anyhow::Error::from)?;
    let request = request.ok_or_else(|| {
        CliError::usage(
            format!("it is not recorded what run {run} was asked"),
            "run the playbook again: what is done already is passed over",
        )
    })?;
    let options = variables(&run, &request, args)?;
    let args = &from_anywhere(args);
    std::env::set_current_dir(&request.folder).map_err(|error| {
        CliError::usage(
            format!(
                "the working folder of run {run}, {}: {error}",
                request.folder.display()
            ),
            "paths in playbooks and inventories may be relative to it",
        )
    })?;
    // Those of the run's own project.
    let settings = settings::read()?;
    let run_args = request::run_args(&request, args, &state, options, &settings)?;
    let going = Going {
        run,
        request,
        changed: args.changed,
    };
    run::start(&run_args, Some(going))
}

/// The same with paths that hold in any folder.
fn from_anywhere(args: &ResumeArgs) -> ResumeArgs {
    let path = |path: &Option<PathBuf>| path.as_deref().map(absolute);
    let files = args.vault.vault_password_file.iter();
    ResumeArgs {
        run: args.run.clone(),
        extra_vars: Vec::new(),
        state: StateArgs { state_dir: None },
        become_password_file: path(&args.become_password_file),
        report: ReportArgs {
            html: path(&args.report.html),
            junit: path(&args.report.junit),
            metrics: path(&args.report.metrics),
        },
        notify: NotifyArgs {
            notify_file: path(&args.notify.notify_file),
            notify_token_file: path(&args.notify.notify_token_file),
            ..args.notify.clone()
        },
        window: args.window.clone(),
        vault: VaultArgs {
            vault_password_file: files.map(|file| absolute(file)).collect(),
            ..args.vault.clone()
        },
        ..*args
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether there is something to go on with; refuses what cannot be.
fn may_go_on(store: &Store, run: &RunId) -> Result<bool, CliError> {
    let outcome = Outcome::read(store, run).map_err(anyhow::Error::from)?;
    if let Some(of) = outcome.rollback_of {
        return Err(CliError::usage(
            format!("run {run} took back run {of}"),
            format!("`windlass rollback {of}` goes on with that"),
        ));
    }
    if outcome.check {
        return Err(CliError::usage(
            format!("run {run} changed nothing (--check), so there is nothing to go on with"),
            "run the playbook again",
        ));
    }
    if store.fate(run) == Fate::Running {
        return Err(CliError::UnderWay(run.clone()));
    }
    Ok(!outcome.is_done())
}

/// The variables that the run had, as options; what was not recorded must be given again.
fn variables(run: &RunId, request: &Request, args: &ResumeArgs) -> Result<Vec<String>, CliError> {
    let recorded = &request.extra_vars;
    let is_recorded = |option: &String| {
        let path = option
            .strip_prefix('@')
            .map(|path| absolute(Path::new(path)));
        path.is_some_and(|path| recorded.contains(&Extra::File(path)))
    };
    let mut given = Variables::new();
    for option in args.extra_vars.iter().filter(|option| !is_recorded(option)) {
        given.extend(extra_vars::read(std::slice::from_ref(option), &args.vault)?);
    }
    let mut unlike = Unlike::default();
    let options = request::options_again(recorded, &given, &mut unlike);
    unlike.refuse(run, args.changed)?;
    Ok(options)
}

impl Unlike {
    /// Says which variables are not as they were; values are never shown.
    fn refuse(&self, run: &RunId, changed: bool) -> Result<(), CliError> {
        if !self.missing.is_empty() {
            return Err(CliError::usage(
                format!(
                    "run {run} had variables whose values are not recorded: {}",
                    self.missing.join(", ")
                ),
                format!(
                    "give them again: windlass resume {run}{}",
                    again(&self.missing)
                ),
            ));
        }
        let names: Vec<&str> = self
            .different
            .iter()
            .chain(&self.added)
            .map(String::as_str)
            .collect();
        if names.is_empty() || changed {
            return Ok(());
        }
        Err(CliError::usage(
            format!("not as run {run} had it: {}", names.join(", ")),
            format!(
                "`windlass resume {run} --changed` goes on all the same; what a host is through with is not done again"
            ),
        ))
    }
}

fn again(names: &[String]) -> String {
    names.iter().map(|name| format!(" -e {name}=...")).collect()
}

/// For `run --resume`: the last run that was asked the same, unless it is done.
pub(super) fn last_of_the_same(
    args: &RunArgs,
    store: &Store,
    request: &Request,
) -> Result<Option<Going>, CliError> {
    let Some((run, false)) = earlier::same(store, request)? else {
        return Ok(None);
    };
    if store.fate(&run) == Fate::Running {
        return Err(CliError::UnderWay(run));
    }
    let Some(before) = store.request(&run).map_err(anyhow::Error::from)? else {
        return Ok(None);
    };
    let given = extra_vars::read(&args.extra_vars, &args.sources.vault)?;
    let mut unlike = Unlike::default();
    // All variables are on this command line, files of them too.
    let files = before.extra_vars.iter().filter_map(|extra| match extra {
        Extra::File(path) => Some(format!("@{}", path.display())),
        Extra::Known { .. } | Extra::Sealed { .. } => None,
    });
    let files = extra_vars::read(&files.collect::<Vec<_>>(), &args.sources.vault)?;
    let inline: Variables = given
        .into_iter()
        .filter(|(name, _)| !files.contains_key(name))
        .collect();
    request::options_again(&before.extra_vars, &inline, &mut unlike);
    for extra in &before.extra_vars {
        if let Extra::Known { name, .. } = extra
            && !inline.contains_key(name)
        {
            unlike.different.push(name.clone());
        }
    }
    unlike.refuse(&run, args.again.changed)?;
    Ok(Some(Going {
        run,
        request: before,
        changed: args.again.changed,
    }))
}

impl Going {
    /// The run that is gone on with.
    pub(super) fn run(&self) -> &RunId {
        &self.run
    }

    /// What the run goes on with, unless the files are not what they were.
    pub(super) fn before(self, store: &Store, now: &Request) -> Result<Before, CliError> {
        let Self {
            run,
            request,
            changed,
        } = self;
        let differences = now.files.changes_since(&request.files);
        if !differences.is_empty() && !changed {
            return Err(refused(&run, &request.folder, &differences));
        }
        let history = History::read(store, &run).map_err(anyhow::Error::from)?;
        for text in history.warnings() {
            output::warning(text);
        }
        let shares_variables = now.files.files().any(speaks_of_hostvars);
        Ok(Before {
            history,
            shares_variables,
        })
    }
}

fn refused(run: &RunId, folder: &Path, differences: &[(Difference, &Path)]) -> CliError {
    let list: String = differences
        .iter()
        .map(|(how, path)| format!("\n  {how:<7} {}", relative(path, folder).display()))
        .collect();
    CliError::usage(
        format!("the playbook or the inventory changed since run {run}:{list}"),
        format!(
            "`windlass resume {run} --changed` goes on all the same; what a host is through with is not done again"
        ),
    )
}

fn speaks_of_hostvars(path: &Path) -> bool {
    let small = path.metadata().is_ok_and(|known| known.len() <= SEARCHED);
    small && std::fs::read(path).is_ok_and(|text| text.windows(8).any(|word| word == b"hostvars"))
}

/// The command that goes on with a run; what it cannot know stands as `...`.
pub(super) fn command(run: &RunId, folder: &Path, request: &Request) -> String {
    let words = format!("windlass resume {run}{}", state::option(folder));
    let mut names: Vec<String> = Vec::new();
    for extra in &request.extra_vars {
        if let Extra::Sealed { name, .. } = extra
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    words + &again(&names)
}
