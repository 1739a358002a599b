//! Vault passwords from files, programs and the terminal; and the look at all vaulted values before any host is touched.

use super::args::VaultArgs;
use super::{CliError, confidential, output};
use crate::inventory::Inventory;
use crate::playbook::Loader;
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::template::{Variable, Variables};
use crate::vault::{DEFAULT_LABEL, Key, PasswordError, Vault, VaultError};
use rayon::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// As many closed values are shown with their places; of more, their number.
const SHOWN: usize = 10;

/// Where one password comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    File(String, PathBuf),
    Prompt(String),
}

/// The vault of this process, by the arguments it was opened with: nobody is asked twice.
static OPENED: Mutex<Option<(VaultArgs, Arc<Vault>)>> = Mutex::new(None);

/// What opens vaulted values and files.
pub(super) fn open(args: &VaultArgs) -> Result<Arc<Vault>, CliError> {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, vault)) = opened.as_ref()
        && known == args
    {
        return Ok(vault.clone());
    }
    let keys = sources(args)
        .iter()
        .map(key)
        .collect::<Result<Vec<Key>, CliError>>()?;
    let vault = Arc::new(Vault::new(keys, confidential::secrets().clone()));
    *opened = Some((args.clone(), vault.clone()));
    Ok(vault)
}

/// What [`open`] opened; every verb that reads an inventory has done so.
pub(super) fn opened() -> Arc<Vault> {
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    match opened.as_ref() {
        Some((_, vault)) => vault.clone(),
        None => Arc::new(Vault::new(Vec::new(), confidential::secrets().clone())),
    }
}

/// All sources in the order of Ansible: ids, then files, then the question.
fn sources(args: &VaultArgs) -> Vec<Source> {
    let mut sources: Vec<Source> = args.vault_id.iter().map(|id| of_id(id)).collect();
    let default = || DEFAULT_LABEL.to_owned();
    let files = args.vault_password_file.iter();
    sources.extend(files.map(|path| Source::File(default(), home(path))));
    if args.ask_vault_pass {
        sources.push(Source::Prompt(default()));
    }
    sources
}

/// `[LABEL@]FILE` or `[LABEL@]prompt`.
fn of_id(id: &str) -> Source {
    let (label, source) = match id.split_once('@') {
        Some((label, source)) if !label.is_empty() => (label, source),
        Some((_, source)) => (DEFAULT_LABEL, source),
        None => (DEFAULT_LABEL, id),
    };
    match source {
        "prompt" | "prompt_ask_vault_pass" => Source::Prompt(label.to_owned()),
        path => Source::File(label.to_owned(), home(Path::new(path))),
    }
}

/// A shell does not expand `~` behind `@`.
fn home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

fn key(source: &Source) -> Result<Key, CliError> {
    match source {
        Source::File(label, path) => Key::read(label, path).map_err(|error| {
            let hint = match &error {
                PasswordError::Io { .. } => {
                    "the file holds the password, or is a program that prints it"
                }
                PasswordError::Failed { .. } => {
                    "the program must print the password and end with status 0"
                }
                PasswordError::Empty { .. } => "its first line must be the password",
            };
            CliError::usage(format!("vault password: {error}"), hint)
        }),
        Source::Prompt(label) => asked(label),
    }
}

fn asked(label: &str) -> Result<Key, CliError> {
    let term = console::Term::stderr();
    if !term.is_term() {
        return Err(CliError::usage(
            "a terminal is needed to ask for the vault password",
            "without one, use --vault-password-file",
        ));
    }
    let of = if label == DEFAULT_LABEL {
        String::new()
    } else {
        format!(" ({label})")
    };
    term.write_str(&format!("Vault password{of}: "))?;
    let password = zeroize::Zeroizing::new(term.read_secure_line()?);
    if password.is_empty() {
        return Err(CliError::usage(
            "no vault password was given",
            "an empty password opens nothing",
        ));
    }
    Ok(Key::new(label, password.as_bytes()))
}

/// Refuses to go on when a vaulted value of the user's files cannot be opened with the passwords that were given.
///
/// A value under an id for which no password was given at all is only warned of, since it may belong to hosts that the
/// run does not touch: a task that uses it fails. Without any password every value is refused.
pub(super) fn must_open(
    vault: &Vault,
    inventory: &Inventory,
    loader: &Loader,
    extra_vars: &Variables,
) -> Result<(), CliError> {
    let mut seen = HashSet::new();
    let mut values = loader.vaulted();
    for variables in inventory
        .merged
        .values()
        .map(AsRef::as_ref)
        .chain([extra_vars])
    {
        for variable in variables.values() {
            if let Variable::Source(node) = variable {
                let found = node.vaulted();
                values.extend(
                    found
                        .into_iter()
                        .map(|(span, text)| (span.clone(), text.to_owned())),
                );
            }
        }
    }
    values.retain(|(_, envelope)| seen.insert(envelope.clone()));
    values.sort_by_key(|(span, _)| (span.source().path().to_owned(), span.start()));
    let closed: Vec<(Span, VaultError)> = values
        .into_par_iter()
        .filter_map(|(span, envelope)| Some((span, vault.value(&envelope).err()?)))
        .collect();
    let (later, now): (Vec<_>, Vec<_>) = closed.into_iter().partition(|(_, error)| {
        matches!(error, VaultError::NotDecrypted { label: Some(label), .. } if !vault.has(label))
    });
    warn_of(&later);
    if now.is_empty() {
        Ok(())
    } else {
        Err(refused(now).into())
    }
}

fn warn_of(values: &[(Span, VaultError)]) {
    let mut labels: Vec<&str> = values
        .iter()
        .filter_map(|(_, error)| match error {
            VaultError::NotDecrypted { label, .. } => label.as_deref(),
            _ => None,
        })
        .collect();
    labels.sort_unstable();
    labels.dedup();
    for label in labels {
        output::complain(&format!(
            "warning: no password for the vault id `{label}` is given; a task that uses one of its values will fail"
        ));
    }
}

fn refused(values: Vec<(Span, VaultError)>) -> Diagnostics {
    let mut found = Diagnostics::new();
    let more = values.len().saturating_sub(SHOWN);
    let last = values.len().min(SHOWN) - 1;
    for (at, (span, error)) in values.into_iter().take(SHOWN).enumerate() {
        // The value's own lines say nothing to anybody.
        let place = span.part(0, span.text().lines().next().map_or(0, str::len));
        let mut problem = Diagnostic::error("vault", error.to_string()).at(&place, "");
        if at == last {
            problem = problem.hint(error.hint());
            if more > 0 {
                problem = problem.hint(format!("{more} more vaulted values cannot be opened"));
            }
        }
        found.push(problem);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(ids: &[&str], files: &[&str], ask: bool) -> VaultArgs {
        VaultArgs {
            vault_password_file: files.iter().map(PathBuf::from).collect(),
            vault_id: ids.iter().map(|id| (*id).to_owned()).collect(),
            ask_vault_pass: ask,
        }
    }

    #[test]
    fn ids_come_before_files_and_files_before_the_question() {
        let file = |label: &str, path: &str| Source::File(label.to_owned(), PathBuf::from(path));
        let prompt = |label: &str| Source::Prompt(label.to_owned());
        assert_eq!(
            sources(&args(&["dev@prompt", "b@c@d", "@x"], &["f"], true)),
            [
                prompt("dev"),
                file("b", "c@d"),
                file("default", "x"),
                file("default", "f"),
                prompt("default")
            ]
        );
        assert!(sources(&args(&[], &[], false)).is_empty());
    }
}
