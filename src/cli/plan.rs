//! `windlass plan`: what an upgrade would do, and whether it may. Reads hosts and clusters, changes none.

use super::args::PlanArgs;
use super::{
    CliError, confidential, extra_vars, input, labs, output, plan_input, run, state, vault, window,
};
use crate::engine::{Events, Parts, Run, Settings, Survey, SurveyError, exit_code};
use crate::event::Event;
use crate::inventory::Inventory;
use crate::journal::RunId;
use crate::kubernetes::rules::{Rules, RulesError};
use crate::plan::Upgrade;
use crate::playbook::{Loader, Playbook};
use crate::report::{self, PlanText};
use crate::template::{Scope, Templar};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::mpsc;

/// What was read and checked before any host is asked.
struct Checked {
    inventory: Arc<Inventory>,
    loader: Arc<Loader>,
    playbook: Playbook,
    settings: Settings,
    state: PathBuf,
}

/// Plans an upgrade.
pub(super) fn main(args: &PlanArgs) -> Result<u8, CliError> {
    let checked = check(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let code = runtime.block_on(carry_out(args, checked));
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

fn check(args: &PlanArgs) -> Result<Checked, CliError> {
    let extra_vars = extra_vars::read(&args.extra_vars, &args.sources.vault)?;
    let state = state::folder(args.sources.state_dir.as_deref())?;
    let (inventory, (loader, playbook)) = input::inventory_and_playbooks(
        &args.sources,
        &args.playbooks,
        &args.playbook,
        &extra_vars,
    )?;
    vault::must_open(&vault::opened(), &inventory, &loader, &extra_vars)?;
    let settings = Settings {
        // The looks change nothing by themselves; this makes sure of it.
        check: true,
        gather_facts: run::gathers_facts(&args.playbook),
        limit: input::limit(&args.limit, &inventory, &args.sources)?,
        window: window::allowance(&args.window, &state::store(&state))?,
        ..run::settings(&args.connection, extra_vars)?
    };
    Ok(Checked {
        inventory,
        loader,
        playbook,
        settings,
        state,
    })
}

/// The rules: ours, with the file of `--rules` or of the variable `kube_rules_file` over them.
fn rules(args: &PlanArgs, checked: &Checked, templar: &Templar) -> Result<Rules, CliError> {
    let named = || {
        let given = checked.settings.extra_vars.clone();
        checked.inventory.merged.values().find_map(|variables| {
            let scope = Scope {
                layers: vec![Arc::new(given.clone()), variables.clone()],
                ..Scope::default()
            };
            match templar.variable("kube_rules_file", &scope) {
                Ok(Some(Value::String(text))) if !text.is_empty() => Some(PathBuf::from(text)),
                _ => None,
            }
        })
    };
    let path = args.rules.clone().or_else(named);
    Rules::load(path.as_deref()).map_err(|error| match error {
        RulesError::Wrong(diagnostics) => diagnostics.into(),
        RulesError::Unreadable { .. } => CliError::usage(
            error.to_string(),
            "the built-in rules are used without --rules and `kube_rules_file`",
        ),
    })
}

async fn carry_out(args: &PlanArgs, mut checked: Checked) -> Result<u8, CliError> {
    let templar = Arc::new(Templar::with_vault(vault::opened()));
    let rules = rules(args, &checked, &templar)?;
    let sources = &args.sources.inventory;
    // Only a lab is started and so must be one's own; a real fleet can be looked at while a run is on its way.
    let lock = if labs::hosts(&checked.inventory, &templar).is_empty() {
        None
    } else {
        let holder = state::holder(&RunId::new(), "plan", sources);
        Some(state::lock(&checked.state, sources, &holder)?)
    };
    let inventory = Arc::make_mut(&mut checked.inventory);
    let fleet = labs::start(inventory, &templar, &checked.state, sources).await?;
    let (survey, seen, reached) = look(&checked, &templar).await?;
    let usual = plan_input::usual(&state::store(&checked.state));
    let gathered = plan_input::gather(&survey, &seen, &usual);
    let upgrade = Upgrade::plan(&rules, &gathered.works, &gathered.clusters);
    drop((fleet, lock));
    let share = checked.settings.window.as_ref().and_then(|allowance| {
        let share = allowance.share(&upgrade, Timestamp::now(), checked.settings.forks)?;
        Some((allowance, share))
    });
    let code = if upgrade.is_blocked() {
        exit_code::FAILED
    } else if !reached || !gathered.trouble.is_empty() {
        exit_code::UNREACHABLE
    } else {
        exit_code::DONE
    };
    let text = PlanText {
        playbook: checked.playbook.path.display().to_string(),
        command: command(args),
        upgrade: &upgrade,
        trouble: &gathered.trouble,
        basis: &gathered.basis,
        artifacts: &gathered.artifacts,
        others: &survey.others,
        not_planned: survey.plays.is_empty(),
    };
    if args.json {
        let whole = json!({
            "playbook": text.playbook,
            "blocked": upgrade.is_blocked(),
            "nothing_to_do": upgrade.is_empty(),
            "clusters": upgrade.clusters,
            "not_seen": gathered.trouble,
            "time_is_based_on": gathered.basis,
            "artifacts": gathered.artifacts,
            "plays_not_planned": survey.others,
            "window": share.as_ref().map(|(_, share)| share),
        });
        output::line(format!("{whole:#}"))?;
    } else {
        let width = console::Term::stdout().size().1;
        let width = if console::user_attended() { width } else { 100 };
        output::line(report::plan(
            &text,
            console::colors_enabled(),
            usize::from(width),
        ))?;
        if let Some((allowance, share)) = &share {
            output::line(window::planned(&allowance.window, share))?;
        }
    }
    Ok(code)
}

/// Runs the looks; nothing is written down, since nothing happens.
async fn look(
    checked: &Checked,
    templar: &Arc<Templar>,
) -> Result<(Survey, Vec<Event>, bool), CliError> {
    let (events, mut listener) = mpsc::unbounded_channel();
    let engine = Run::new(Parts {
        run: RunId::new(),
        inventory: checked.inventory.clone(),
        templar: templar.clone(),
        loader: checked.loader.clone(),
        settings: checked.settings.clone(),
        events: Events::new(None, events).with_secrets(confidential::secrets().clone()),
        interrupted: Arc::new(AtomicBool::new(false)),
        store: state::store(&checked.state),
    });
    let survey = engine
        .survey(&checked.playbook)
        .map_err(|error| match error {
            SurveyError::Files(diagnostics) => CliError::from(diagnostics),
            SurveyError::Outline(message) => CliError::Usage {
                message,
                hint: None,
            },
        })?;
    if survey.plays.is_empty() {
        return Ok((survey, Vec::new(), true));
    }
    let summary = engine.playbook(&survey.playbook).await;
    let mut seen = Vec::new();
    while let Ok(event) = listener.try_recv() {
        seen.push(event);
    }
    let reached = summary.recap.iter().all(|host| host.unreachable == 0);
    Ok((survey, seen, reached))
}

/// The command that carries the plan out, as the user would type it.
fn command(args: &PlanArgs) -> String {
    let mut words = vec!["windlass".to_owned(), "run".to_owned()];
    let shown = |path: &Path| path.display().to_string();
    words.extend(args.playbooks.iter().map(|path| shown(path)));
    for source in &args.sources.inventory {
        words.extend(["-i".to_owned(), source.clone()]);
    }
    for limit in &args.limit {
        words.extend(["--limit".to_owned(), limit.clone()]);
    }
    for vars in &args.extra_vars {
        words.extend(["-e".to_owned(), vars.clone()]);
    }
    if let Some(window) = &args.window.window {
        words.extend(["--window".to_owned(), window.clone()]);
    }
    crate::shell::join(words.iter().map(String::as_str))
}
