//! What a run is asked, as it is written down, and as it is asked again.

use super::args::{AgainArgs, ConnectionArgs, ResumeArgs, RunArgs, Sources};
use super::{CliError, extra_vars};
use crate::inventory::{self, Inventory};
use crate::journal::{Extra, Fingerprints, Login, REQUEST_VERSION, Request};
use crate::playbook::{Loader, Playbook};
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
        max_failures: args.max_failures,
        connection: login(&args.connection),
        extra_vars,
        resumes: None,
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
        becomes: args.become_enabled,
        become_user: args.become_user.clone(),
        become_method: args.become_method.clone(),
        become_password_file: path(&args.become_password_file),
        ask_become_pass: args.ask_become_pass,
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
        for (name, variable) in extra_vars::read(std::slice::from_ref(option))? {
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

/// The command line of `run` that asks for the same again; `extra_vars` from `options_again`.
pub(super) fn run_args(request: &Request, args: &ResumeArgs, extra_vars: Vec<String>) -> RunArgs {
    let login = &request.connection;
    let has_password_file = args.become_password_file.is_some();
    RunArgs {
        playbooks: request.playbooks.clone(),
        sources: Sources {
            inventory: request.inventory.clone(),
            state_dir: args.state_dir.clone(),
        },
        // Who was meant then, not who would be meant now.
        limit: request.hosts.clone().unwrap_or_default(),
        extra_vars,
        tags: request.tags.clone(),
        skip_tags: request.skip_tags.clone(),
        check: request.check,
        diff: request.diff,
        syntax_check: false,
        list_hosts: false,
        list_tasks: false,
        forks: args.forks.or(request.forks).unwrap_or(50),
        max_failures: request.max_failures,
        force_handlers: request.force_handlers,
        connection: ConnectionArgs {
            user: login.user.clone(),
            private_key: login.private_key.clone(),
            timeout: login.timeout.unwrap_or(10),
            become_enabled: login.becomes,
            become_user: login.become_user.clone(),
            become_method: login.become_method.clone(),
            become_password_file: args.become_password_file.clone().or_else(|| {
                let asked = args.ask_become_pass;
                login.become_password_file.clone().filter(|_| !asked)
            }),
            ask_become_pass: (args.ask_become_pass || login.ask_become_pass) && !has_password_file,
        },
        again: AgainArgs::default(),
        json: args.json,
        verbose: args.verbose,
        plain: args.plain,
        profile: args.profile,
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
            let given = extra_vars::read(&[given.to_owned()]).unwrap();
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
