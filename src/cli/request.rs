//! What a run is asked, as it is written down, and as it is asked again.

use super::args::{ConnectionArgs, ResumeArgs, RunArgs, VaultArgs};
use super::{CliError, extra_vars};
use crate::inventory::{self, Inventory};
use crate::journal::{Extra, Fingerprints, Login, Opening, REQUEST_VERSION, Request};
use crate::playbook::{Loader, Playbook};
use crate::template::{Variable, Variables};
use regex::Regex;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
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
    let extra_vars = extras(&args.extra_vars)?;
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
        any_errors_fatal: args.any_errors_fatal,
        max_failures: args.max_failures,
        roles_path: args
            .playbook
            .roles_path
            .iter()
            .map(|path| absolute(path))
            .collect(),
        gathering: Some(args.playbook.gathering.clone()),
        opening: opening(&args.sources.vault),
        connection: login(&args.connection),
        extra_vars,
        files: Fingerprints::of(files),
    })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn login(args: &ConnectionArgs) -> Login {
    let path = |path: &Option<PathBuf>| path.as_deref().map(absolute);
    Login {
        user: args.user.clone(),
        private_key: path(&args.private_key),
        timeout: Some(args.timeout),
        port: Some(args.port),
        kind: Some(args.kind.clone()),
        host_key_checking: Some(args.host_key_checking.clone()),
        ssh_args: args.ssh_args.clone(),
        ssh_common_args: args.ssh_common_args.clone(),
        ssh_extra_args: args.ssh_extra_args.clone(),
        becomes: args.become_enabled,
        become_user: args.become_user.clone(),
        become_method: args.become_method.clone(),
        become_password_file: path(&args.become_password_file),
        ask_become_pass: args.ask_become_pass,
    }
}

fn opening(args: &VaultArgs) -> Opening {
    // `LABEL@FILE`, where the file may be meant from the working folder: resuming goes there first.
    Opening {
        password_files: args
            .vault_password_file
            .iter()
            .map(|path| absolute(path))
            .collect(),
        ids: args.vault_id.clone(),
        ask: args.ask_vault_pass,
    }
}

/// The variables of the command line as they may be written down.
fn extras(options: &[String]) -> Result<Vec<Extra>, CliError> {
    let mut all = Vec::new();
    for option in options {
        if let Some(path) = option.strip_prefix('@') {
            all.push(Extra::File(absolute(Path::new(path))));
            continue;
        }
        for (name, variable) in
            extra_vars::read(std::slice::from_ref(option), &VaultArgs::default())?
        {
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

/// The words of `run` that ask for the same again; `extra_vars` from `options_again`.
///
/// They are read inside this process only, so values in them are seen by nobody.
pub(super) fn words(
    request: &Request,
    args: &ResumeArgs,
    state: &Path,
    extra_vars: Vec<String>,
) -> Vec<OsString> {
    let mut words = Words(vec!["windlass".into(), "run".into()]);
    words.each("--inventory", &request.inventory);
    words.value("--state-dir", Some(state));
    // Who was meant then, not who would be meant now.
    words.each("--limit", request.hosts.iter().flatten());
    words.each("--extra-vars", extra_vars);
    words.each("--tags", &request.tags);
    words.each("--skip-tags", &request.skip_tags);
    words.flag("--check", request.check);
    words.flag("--diff", request.diff);
    words.flag("--any-errors-fatal", request.any_errors_fatal);
    words.flag("--force-handlers", request.force_handlers);
    let number = |number: Option<u32>| number.map(|it| it.to_string());
    words.value("--forks", number(args.forks.or(request.forks)));
    words.value("--max-failures", number(request.max_failures));
    words.each("--roles-path", &request.roles_path);
    words.value("--gathering", request.gathering.as_ref());
    login_again(&mut words, &request.connection, args);
    opening_again(&mut words, &request.opening, &args.vault);
    words.value("--window", args.window.window.as_ref());
    words.flag("--json", args.json);
    words.flag("--plain", args.plain);
    words.flag("--quiet", args.quiet);
    words.flag("--profile", args.profile);
    words.value("--html", args.html.as_deref().map(absolute));
    if args.verbose > 0 {
        let letters = "v".repeat(args.verbose.into());
        words.0.push(format!("-{letters}").into());
    }
    words.0.push("--".into());
    words.0.extend(request.playbooks.iter().map(Into::into));
    words.0
}

fn login_again(words: &mut Words, login: &Login, args: &ResumeArgs) {
    let number = |number: Option<u32>| number.map(|it| it.to_string());
    words.value("--user", login.user.as_ref());
    words.value("--private-key", login.private_key.as_ref());
    words.value("--timeout", number(login.timeout));
    words.value("--port", number(login.port));
    words.value("--connection", login.kind.as_ref());
    words.value("--host-key-checking", login.host_key_checking.as_ref());
    words.value("--ssh-args", login.ssh_args.as_ref());
    words.value("--ssh-common-args", login.ssh_common_args.as_ref());
    words.value("--ssh-extra-args", login.ssh_extra_args.as_ref());
    words.flag("--become", login.becomes);
    words.value("--become-user", login.become_user.as_ref());
    words.value("--become-method", login.become_method.as_ref());
    let given = args.become_password_file.as_deref().map(absolute);
    let recorded = login.become_password_file.clone();
    if args.ask_become_pass || (login.ask_become_pass && given.is_none()) {
        words.flag("--ask-become-pass", true);
    } else {
        words.value("--become-password-file", given.or(recorded));
    }
}

fn opening_again(words: &mut Words, opening: &Opening, given: &VaultArgs) {
    if *given == VaultArgs::default() {
        words.each("--vault-password-file", &opening.password_files);
        words.each("--vault-id", &opening.ids);
        words.flag("--ask-vault-pass", opening.ask);
    } else {
        let files = given.vault_password_file.iter();
        words.each("--vault-password-file", files.map(|path| absolute(path)));
        words.each("--vault-id", &given.vault_id);
        words.flag("--ask-vault-pass", given.ask_vault_pass);
    }
}

/// The words of a command line as they are put together.
struct Words(Vec<OsString>);

impl Words {
    fn flag(&mut self, name: &str, given: bool) {
        if given {
            self.0.push(name.into());
        }
    }

    fn value<V: AsRef<OsStr>>(&mut self, name: &str, value: Option<V>) {
        self.each(name, value);
    }

    fn each<V: AsRef<OsStr>>(&mut self, name: &str, values: impl IntoIterator<Item = V>) {
        for value in values {
            let mut word = OsString::from(name);
            word.push("=");
            word.push(value);
            self.0.push(word);
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
        let recorded = extras(&options).unwrap();
        let again = |given: &str| {
            let mut unlike = Unlike::default();
            let given = extra_vars::read(&[given.to_owned()], &VaultArgs::default()).unwrap();
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
