//! The user's files: inventory and playbooks, checked whole before any host is touched.

use super::args::Sources;
use super::{CliError, output};
use crate::inventory::{self, Inventory, Pattern};
use crate::module::Modules;
use crate::playbook::{LoadOptions, Loader, Playbook};
use crate::source::{Diagnostic, Diagnostics, did_you_mean};
use crate::template::Variables;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The inventory; its warnings are shown.
pub(super) fn inventory(sources: &Sources, playbook: Option<&Path>) -> Result<Inventory, CliError> {
    let folder = playbook.map(folder_of);
    let inventory = inventory::load(&sources.inventory, folder.as_deref())?;
    let mut warnings = Diagnostics::new();
    for warning in &inventory.warnings {
        warnings.push(warning.clone());
    }
    output::diagnostics(&warnings);
    Ok(inventory)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A loader of playbooks, and the playbooks as one.
pub(super) fn playbooks(
    paths: &[PathBuf],
    extra_vars: &Variables,
) -> Result<(Arc<Loader>, Playbook), CliError> {
    let options = LoadOptions {
        extra_vars: extra_vars.clone(),
        ..LoadOptions::default()
    };
    let loader = Arc::new(Loader::new(Arc::new(Modules), options));
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
        Some(whole) if !wrong.has_errors() => Ok((loader, whole)),
        _ => Err(wrong.into()),
    }
}

/// Mistakes in plays' host patterns that need no variables to be seen.
pub(super) fn unknown_hosts(playbook: &Playbook, inventory: &Inventory) -> Diagnostics {
    let mut wrong = Diagnostics::new();
    for play in &playbook.plays {
        let parts: Vec<&crate::yaml::Node> = match play.hosts.as_sequence() {
            Some(items) => items.iter().collect(),
            None => vec![&play.hosts],
        };
        for node in parts {
            let Some(text) = node.as_str().filter(|text| !text.contains("{{")) else {
                continue;
            };
            let diagnostic = match Pattern::parse(text).and_then(|it| inventory.select(&it, None)) {
                Err(error) => Diagnostic::error("host-pattern", error.to_string()),
                Ok(selection) => {
                    // A pattern that matches nothing is normal (`hosts: k3s_cluster` elsewhere); a near miss is a slip.
                    let Some(near) = selection
                        .unmatched
                        .first()
                        .and_then(|it| it.suggestion.clone())
                    else {
                        continue;
                    };
                    let part = &selection.unmatched[0].part;
                    Diagnostic::error(
                        "unknown-host",
                        format!("no host or group `{part}` in the inventory"),
                    )
                    .hint(format!("did you mean `{near}`?"))
                }
            };
            wrong.push(diagnostic.at(&node.span, ""));
        }
    }
    wrong
}

/// The hosts that `--limit` leaves, or `None` without one.
pub(super) fn limit(
    options: &[String],
    inventory: &Inventory,
) -> Result<Option<Vec<String>>, CliError> {
    if options.is_empty() {
        return Ok(None);
    }
    let text = options.join(",");
    let usage = |message: String, hint: Option<String>| CliError::Usage { message, hint };
    let pattern =
        Pattern::limit(&text).map_err(|error| usage(format!("--limit: {error}"), None))?;
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
