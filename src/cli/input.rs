//! The user's files: inventory and playbooks, checked whole before any host is touched.

use super::args::{PlaybookArgs, Sources};
use super::{CliError, earlier, output, state, vault};
use crate::inventory::{self, Inventory, Pattern};
use crate::module::Modules;
use crate::playbook::{LoadOptions, Loader, Playbook};
use crate::source::{Diagnostic, Diagnostics, did_you_mean, folder_of};
use crate::template::Variables;
use crate::vault::Vault;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The inventory; its warnings are shown.
pub(super) fn inventory(sources: &Sources, playbook: Option<&Path>) -> Result<Inventory, CliError> {
    let folder = playbook.map(folder_of);
    let vault = vault::open(&sources.vault)?;
    let inventory = inventory::load_with(&sources.inventory, folder, &vault)?;
    let mut warnings = Diagnostics::new();
    for warning in &inventory.warnings {
        warnings.push(warning.clone());
    }
    output::diagnostics(&warnings);
    Ok(inventory)
}

/// The inventory and the playbooks, each read whole before either is refused, so that all mistakes are seen at once.
#[expect(
    clippy::type_complexity,
    reason = "what the two parts below give, side by side"
)]
pub(super) fn inventory_and_playbooks(
    sources: &Sources,
    paths: &[PathBuf],
    reading: &PlaybookArgs,
    extra_vars: &Variables,
) -> Result<(Arc<Inventory>, (Arc<Loader>, Playbook)), CliError> {
    let vault = vault::open(&sources.vault)?;
    let inventory = inventory(sources, paths.first().map(PathBuf::as_path)).map(Arc::new);
    let playbooks = playbooks(paths, reading, extra_vars, &vault, inventory.as_ref().ok());
    match (inventory, playbooks) {
        (Ok(inventory), Ok(read)) => Ok((inventory, read)),
        (Err(CliError::Input(mut one)), Err(CliError::Input(other))) => {
            one.extend(other);
            Err(one.into())
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// A loader of playbooks, and the playbooks as one. With an inventory, host patterns are checked against it.
pub(super) fn playbooks(
    paths: &[PathBuf],
    reading: &PlaybookArgs,
    extra_vars: &Variables,
    vault: &Arc<Vault>,
    inventory: Option<&Arc<Inventory>>,
) -> Result<(Arc<Loader>, Playbook), CliError> {
    let options = LoadOptions {
        extra_vars: extra_vars.clone(),
        roles_path: reading.roles_path.clone(),
        vault: vault.clone(),
    };
    let mut loader = Loader::new(Arc::new(Modules), options);
    if let Some(inventory) = inventory {
        let inventory = inventory.clone();
        loader = loader.with_hosts_check(Box::new(move |text| wrong_pattern(text, &inventory)));
    }
    let mut wrong = Diagnostics::new();
    let mut whole: Option<Playbook> = None;
    for path in paths {
        match loader.playbook(path) {
            Ok(playbook) => match &mut whole {
                None => whole = Some(playbook),
                Some(whole) => whole.plays.extend(playbook.plays),
            },
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    match whole {
        Some(whole) if !wrong.has_errors() => Ok((Arc::new(loader), whole)),
        _ => Err(wrong.into()),
    }
}

/// What is wrong with a play's host pattern, as far as no variable is needed to see it.
///
/// A pattern that matches nothing is normal (`hosts: k3s_cluster` with another inventory); a near miss is a slip.
fn wrong_pattern(text: &str, inventory: &Inventory) -> Option<Diagnostic> {
    match Pattern::parse(text).and_then(|pattern| inventory.select(&pattern, None)) {
        Err(error) => Some(Diagnostic::error("host-pattern", error.to_string())),
        Ok(selection) => selection.unmatched.iter().find_map(|unmatched| {
            let near = unmatched.suggestion.as_ref()?;
            let message = format!("no host or group `{}` in the inventory", unmatched.part);
            Some(Diagnostic::error("unknown-host", message).hint(format!("did you mean `{near}`?")))
        }),
    }
}

/// What `@failed`, `@pending` and `@last` stand for.
struct Earlier<'a> {
    sources: &'a Sources,
    trouble: RefCell<Option<CliError>>,
}

impl<'a> Earlier<'a> {
    fn new(sources: &'a Sources) -> Self {
        Self {
            sources,
            trouble: RefCell::new(None),
        }
    }

    /// The hosts of the last run that `name` means; `None` where it means a file.
    fn hosts(&self, name: &str) -> Option<Vec<String>> {
        if !matches!(name, "failed" | "pending" | "last") {
            return None;
        }
        let found = state::folder(self.sources.state_dir.as_deref()).and_then(|folder| {
            earlier::hosts(&state::store(&folder), &self.sources.inventory, name)
        });
        let found = found.and_then(|(run, hosts)| match (hosts.is_empty(), name) {
            (false, _) => Ok(hosts),
            (true, "failed") => Err(nobody(name, &format!("no host failed in run {run}"))),
            (true, _) => Err(nobody(name, &format!("run {run} left no host undone"))),
        });
        found
            .map_err(|error| self.trouble.replace(Some(error)))
            .map_or_else(|_| Some(Vec::new()), Some)
    }

    fn trouble(&self) -> Result<(), CliError> {
        self.trouble.take().map_or(Ok(()), Err)
    }
}

fn nobody(name: &str, why: &str) -> CliError {
    CliError::Usage {
        message: format!("--limit @{name}: {why}"),
        hint: Some(format!("a file called `{name}` is meant by `@./{name}`")),
    }
}

/// The hosts that `--limit` leaves, or `None` without one.
pub(super) fn limit(
    options: &[String],
    inventory: &Inventory,
    sources: &Sources,
) -> Result<Option<Vec<String>>, CliError> {
    if options.is_empty() {
        return Ok(None);
    }
    let text = options.join(",");
    let usage = |message: String, hint: Option<String>| CliError::Usage { message, hint };
    let earlier = Earlier::new(sources);
    let pattern = Pattern::limit_with(&text, |name| earlier.hosts(name));
    earlier.trouble()?;
    let pattern = pattern.map_err(|error| usage(format!("--limit: {error}"), None))?;
    let selection = inventory
        .select(&pattern, None)
        .map_err(|error| usage(format!("--limit: {error}"), None))?;
    if let Some(first) = selection.unmatched.first() {
        let names = inventory
            .hosts
            .keys()
            .chain(inventory.groups.keys())
            .map(String::as_str);
        let near = first
            .suggestion
            .clone()
            .or_else(|| did_you_mean(&first.part, names).map(str::to_owned));
        return Err(usage(
            format!(
                "--limit: no host or group `{}` in the inventory",
                first.part
            ),
            near.map(|near| format!("did you mean `{near}`?")),
        ));
    }
    if selection.hosts.is_empty() {
        return Err(usage(
            format!("--limit {text}: no host is left"),
            Some("`windlass inventory` shows hosts and groups".to_owned()),
        ));
    }
    Ok(Some(selection.hosts))
}
