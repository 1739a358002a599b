//! What a run is asked, as it is written down, and as it is asked again.

use super::args::{self, ConnectionArgs, ResumeArgs, RunArgs, VaultArgs};
use super::{CliError, extra_vars};
use crate::inventory::{self, Inventory};
use crate::journal::{Extra, Fingerprints, REQUEST_VERSION, Request};
use crate::playbook::{Loader, Playbook};
use crate::settings::Settings;
use crate::template::{Variable, Variables};
use regex::Regex;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Versions of Kubernetes and its distributions, such as `v1.35.1`, `1.36.0-rc.1` and `v1.35.1+k3s1`: nothing that could
/// be a secret.
static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let text =
        r"^v?\d{1,4}(\.\d{1,4}){1,3}(-(alpha|beta|rc)\.?\d{1,3})?([+-](k3s|k0s\.?|rke2r)\d{1,3})?$";
    Regex::new(text).ok()
});

/// What the run of `args` is asked.
pub(super) fn of(
    args: &RunArgs,
    inventory: &Inventory,
    (loader, playbook): (&Loader, &Playbook),
    hosts: Option<&[String]>,
) -> Result<Request, CliError> {
    let playbooks: Vec<PathBuf> = args.playbooks.iter().map(|path| absolute(path)).collect();
    let mut files = loader.files(playbook);
    let folder = args.playbooks.first().and_then(|path| path.parent());
    files.extend(
        inventory::files(&args.sources.inventory, folder)
            .iter()
            .map(|path| absolute(path)),
    );
    let extra_vars = extras(&args.extra_vars, &args.sources.vault)?;
    files.extend(extra_vars.iter().filter_map(|extra| match extra {
        Extra::File(path) => Some(path.clone()),
        Extra::Known { .. } | Extra::Sealed { .. } => None,
    }));
    let sources = inventory.sources.iter().map(|source| {
        if source.exists() {
            absolute(source).display().to_string()
        } else {
            // A list of hosts.
            source.display().to_string()
        }
    });
    Ok(Request {
        version: REQUEST_VERSION,
        folder: std::env::current_dir()?,
        playbooks,
        inventory: sources.collect(),
        limit: args.limit.clone(),
        hosts: hosts.map(<[String]>::to_vec),
        tags: args.tags.clone(),
        skip_tags: args.skip_tags.clone(),
        check: args.check,
        diff: args.diff,
        forks: Some(args.forks),
        force_handlers: args.force_handlers,
        max_failures: args.max_failures.map(|hosts| hosts as usize),
        options: options(args),
        extra_vars,
        resumes: None,
        files: Fingerprints::of(files),
    })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The options that are the same in each run that goes on with this one, as they would be typed.
fn options(args: &RunArgs) -> Vec<String> {
    let mut words = Words::default();
    let ConnectionArgs {
        user,
        private_key,
        timeout,
        port,
        kind,
        host_key_checking,
        ssh_args,
        ssh_common_args,
        ssh_extra_args,
        become_enabled,
        become_user,
        become_method,
        become_password_file,
        ask_become_pass,
    } = &args.connection;
    words.text("user", user.as_deref());
    words.path("private-key", private_key.as_deref());
    words.text("timeout", Some(&timeout.to_string()));
    words.text("port", Some(&port.to_string()));
    words.text("connection", Some(kind));
    words.text("host-key-checking", Some(host_key_checking));
    words.text("ssh-args", ssh_args.as_deref());
    words.text("ssh-common-args", ssh_common_args.as_deref());
    words.text("ssh-extra-args", ssh_extra_args.as_deref());
    words.flag("become", *become_enabled);
    words.text("become-user", become_user.as_deref());
    words.text("become-method", become_method.as_deref());
    words.path("become-password-file", become_password_file.as_deref());
    words.flag("ask-become-pass", *ask_become_pass);
    for folder in &args.playbook.roles_path {
        words.path("roles-path", Some(folder));
    }
    words.text("gathering", Some(&args.playbook.gathering));
    words.flag("any-errors-fatal", args.any_errors_fatal);
    words.text("window", args.window.window.as_deref());
    let pace = args.window.window_pace;
    words.text(
        "window-pace",
        pace.map(|pace| format!("{}s", pace.as_secs())).as_deref(),
    );
    vault(&args.sources.vault, &mut words);
    words.0
}

/// Where vault passwords come from; they themselves are never here.
fn vault(args: &VaultArgs, words: &mut Words) {
    for file in &args.vault_password_file {
        words.path("vault-password-file", Some(file));
    }
    for id in &args.vault_id {
        words.text("vault-id", Some(id));
    }
    words.flag("ask-vault-pass", args.ask_vault_pass);
}

/// Options as they are typed, each one word.
#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn text(&mut self, name: &str, value: Option<&str>) {
        self.0
            .extend(value.map(|value| format!("--{name}={value}")));
    }

    fn path(&mut self, name: &str, path: Option<&Path>) {
        let path = path.map(|path| absolute(path).display().to_string());
        self.text(name, path.as_deref());
    }

    fn flag(&mut self, name: &str, on: bool) {
        if on {
            self.0.push(format!("--{name}"));
        }
    }
}

/// The variables of the command line as they may be written down.
fn extras(options: &[String], vault: &VaultArgs) -> Result<Vec<Extra>, CliError> {
    let mut all = Vec::new();
    for option in options {
        if let Some(path) = option.strip_prefix('@') {
            all.push(Extra::File(absolute(Path::new(path))));
            continue;
        }
        for (name, variable) in extra_vars::read(std::slice::from_ref(option), vault)? {
            let value = value_of(&variable);
            all.push(if is_harmless(&value) {
                Extra::Known { name, value }
            } else {
                Extra::sealed(&name, &value)
            });
        }
    }
    Ok(all)
}

fn value_of(variable: &Variable) -> Value {
    match variable {
        Variable::Source(node) => node.to_value(),
        Variable::Data(value) => (**value).clone(),
    }
}

/// Whether a value can be written down: a boolean, or a version.
fn is_harmless(value: &Value) -> bool {
    match value {
        Value::Bool(_) => true,
        Value::String(text) => {
            let is_version = |version: &Regex| version.is_match(text);
            crate::yaml::truth(text).is_some() || VERSION.as_ref().is_some_and(is_version)
        }
        _ => false,
    }
}

/// What is wrong with the variables that are given again.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unlike {
    /// Their values are not recorded, and they are not given.
    pub(super) missing: Vec<String>,
    /// They have other values than before.
    pub(super) different: Vec<String>,
    /// The run did not have them.
    pub(super) added: Vec<String>,
}

/// The options of the command line that give the recorded variables again; `given` has what was not recorded.
pub(super) fn options_again(
    recorded: &[Extra],
    given: &Variables,
    unlike: &mut Unlike,
) -> Vec<String> {
    let mut options = Vec::new();
    let mut known = Vec::new();
    for (at, extra) in recorded.iter().enumerate() {
        let (name, recorded_value) = match extra {
            Extra::File(path) => {
                options.push(format!("@{}", path.display()));
                continue;
            }
            Extra::Known { name, value } => (name, Some(value)),
            Extra::Sealed { name, .. } => (name, None),
        };
        known.push(name.as_str());
        // The last one of a name counts.
        let same = |later: &Extra| name_of(later) == Some(name.as_str());
        if recorded[at + 1..].iter().any(same) {
            continue;
        }
        let value = match given.get(name).map(value_of) {
            Some(value) => {
                if !extra.is(&value) {
                    unlike.different.push(name.clone());
                }
                Some(value)
            }
            None => recorded_value.cloned(),
        };
        match value {
            Some(value) => options.push(serde_json::json!({ name: value }).to_string()),
            None => unlike.missing.push(name.clone()),
        }
    }
    for (name, variable) in given {
        if !known.contains(&name.as_str()) {
            unlike.added.push(name.clone());
            options.push(serde_json::json!({ name: value_of(variable) }).to_string());
        }
    }
    options
}

fn name_of(extra: &Extra) -> Option<&str> {
    match extra {
        Extra::File(_) => None,
        Extra::Known { name, .. } | Extra::Sealed { name, .. } => Some(name),
    }
}

/// The command line of `run` that asks for the same again; `extra_vars` from `options_again`. What the run did not say is
/// not said now either, whatever today's settings are.
pub(super) fn run_args(
    request: &Request,
    args: &ResumeArgs,
    state: &Path,
    extra_vars: Vec<String>,
    settings: &Settings,
) -> Result<RunArgs, CliError> {
    let mut words = Words(vec!["windlass".to_owned(), "run".to_owned()]);
    for source in &request.inventory {
        words.text("inventory", Some(source));
    }
    words.path("state-dir", Some(state));
    // Who was meant then, not who would be meant now.
    let hosts = request.hosts.as_ref().map(|hosts| hosts.join(","));
    words.text("limit", hosts.as_deref());
    for (name, tags) in [("tags", &request.tags), ("skip-tags", &request.skip_tags)] {
        words.text(name, (!tags.is_empty()).then(|| tags.join(",")).as_deref());
    }
    words.flag("check", request.check);
    words.flag("diff", request.diff);
    words.flag("force-handlers", request.force_handlers);
    let forks = args.forks.or(request.forks);
    words.text("forks", forks.map(|forks| forks.to_string()).as_deref());
    let failures = request.max_failures.map(|hosts| hosts.to_string());
    words.text("max-failures", failures.as_deref());
    let asks_anew = args.ask_become_pass || args.become_password_file.is_some();
    let is_password = |word: &&String| {
        word.starts_with("--become-password-file=") || *word == "--ask-become-pass"
    };
    let kept = request
        .options
        .iter()
        .filter(|word| !(asks_anew && is_password(word)));
    words.0.extend(kept.cloned());
    words.path("become-password-file", args.become_password_file.as_deref());
    words.flag("ask-become-pass", args.ask_become_pass);
    words.0.push("--".to_owned());
    let playbooks = request.playbooks.iter();
    words
        .0
        .extend(playbooks.map(|path| path.display().to_string()));
    let mut run = *args::parse_run(words.0, settings)?;
    run.extra_vars = extra_vars;
    run.output = args.output;
    run.report = args.report.clone();
    run.notify = args.notify.clone();
    if args.window.window.is_some() {
        run.window = args.window.clone();
    }
    let vault = &mut run.sources.vault;
    vault.ask_vault_pass |= args.vault.ask_vault_pass;
    add_new(
        &mut vault.vault_password_file,
        &args.vault.vault_password_file,
    );
    add_new(&mut vault.vault_id, &args.vault.vault_id);
    Ok(run)
}

fn add_new<T: Clone + PartialEq>(known: &mut Vec<T>, given: &[T]) {
    for each in given {
        if !known.contains(each) {
            known.push(each.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_booleans_and_versions_are_written_down() {
        let cases = [
            (json!(true), true),
            (json!("no"), true),
            (json!("v1.35.1"), true),
            (json!("1.35"), true),
            (json!("1.35.1+k3s1"), true),
            (json!("v1.35.1-rc.1"), true),
            (json!("v1.35.1+rke2r2"), true),
            (json!("hunter22"), false),
            (json!("1.35.1-hunter22"), false),
            (json!("1.2.3.4.5"), false),
            (json!("20261121"), false),
            (json!(4711), false),
            (json!(["v1.35.1"]), false),
        ];
        for (value, harmless) in cases {
            assert_eq!(is_harmless(&value), harmless, "{value}");
        }
    }

    #[test]
    fn variables_come_again_or_are_asked_for() {
        let options = [
            "kube_version=v1.35.1 token=hunter22",
            "@vars.yml",
            "{drain: false, token: hunter23}",
        ]
        .map(str::to_owned);
        let vault = VaultArgs::default();
        let recorded = extras(&options, &vault).unwrap();
        let again = |given: &str| {
            let mut unlike = Unlike::default();
            let given = extra_vars::read(&[given.to_owned()], &vault).unwrap();
            (options_again(&recorded, &given, &mut unlike), unlike)
        };
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let (all, unlike) = again("token=hunter23");
        assert_eq!(unlike, Unlike::default());
        let file = absolute(Path::new("vars.yml"));
        let expected = [
            r#"{"kube_version":"v1.35.1"}"#.to_owned(),
            format!("@{}", file.display()),
            r#"{"drain":false}"#.to_owned(),
            r#"{"token":"hunter23"}"#.to_owned(),
        ];
        assert_eq!(all, expected);
        assert_eq!(again("{}").1.missing, names(&["token"]));
        assert_eq!(again("token=hunter22").1.different, names(&["token"]));
        let (_, unlike) = again("token=hunter23 kube_version=v1.36.0 serial=3");
        assert_eq!(unlike.different, names(&["kube_version"]));
        assert_eq!(unlike.added, names(&["serial"]));
    }
}
