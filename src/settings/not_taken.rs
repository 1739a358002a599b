//! Settings of Ansible's that change what a run does and that windlass does not have.
//!
//! Each is named once. Where hosts would silently get something else than with Ansible, the run is refused; where the
//! run only does without, or says by itself what is missing, it is a warning. Keys that concern Ansible's own speed,
//! files and looks (`pipelining`, `control_path`, `nocows`) are no news to anyone and are passed over.

use super::ansible_cfg::AnsibleCfg;
use super::places::Surroundings;
use crate::source::{Diagnostic, Diagnostics, Severity};
use crate::yaml;

/// A key that is not taken over.
#[derive(Debug)]
pub struct NotTaken {
    /// Its section in `ansible.cfg`.
    pub section: &'static str,
    /// Its name there.
    pub key: &'static str,
    /// Its variable in the environment.
    pub variable: &'static str,
    /// The values that change nothing here.
    harmless: Harmless,
    /// Whether the run is refused.
    pub severity: Severity,
    /// Why, and what to do instead.
    pub why: &'static str,
}

/// The values that change nothing here.
#[derive(Debug)]
enum Harmless {
    /// What means false.
    False,
    /// What means true.
    True,
    /// These.
    Words(&'static [&'static str]),
    /// All but these.
    AllBut(&'static [&'static str]),
}

impl Harmless {
    fn includes(&self, value: &str) -> bool {
        match self {
            Self::False => yaml::truth(value) == Some(false),
            Self::True => yaml::truth(value) == Some(true),
            Self::Words(words) => words.contains(&value),
            Self::AllBut(words) => !words.contains(&value),
        }
    }
}

const fn warned(
    section: &'static str,
    key: &'static str,
    variable: &'static str,
    harmless: Harmless,
    why: &'static str,
) -> NotTaken {
    NotTaken {
        section,
        key,
        variable,
        harmless,
        severity: Severity::Warning,
        why,
    }
}

const fn refused(
    section: &'static str,
    key: &'static str,
    variable: &'static str,
    harmless: Harmless,
    why: &'static str,
) -> NotTaken {
    NotTaken {
        severity: Severity::Error,
        ..warned(section, key, variable, harmless, why)
    }
}

/// All of them.
pub static NOT_TAKEN: &[NotTaken] = &[
    refused(
        "defaults",
        "hash_behaviour",
        "ANSIBLE_HASH_BEHAVIOUR",
        Harmless::Words(&["replace"]),
        "mappings of the same name replace each other here, so hosts would get other variables; join them with the filter `combine`",
    ),
    refused(
        "defaults",
        "private_role_vars",
        "ANSIBLE_PRIVATE_ROLE_VARS",
        Harmless::False,
        "a role's variables are seen by the tasks after it, so these would get other values",
    ),
    refused(
        "defaults",
        "precedence",
        "ANSIBLE_PRECEDENCE",
        Harmless::Words(&[]),
        "variables have Ansible's usual order here, so hosts would get other values",
    ),
    refused(
        "defaults",
        "no_log",
        "ANSIBLE_NO_LOG",
        Harmless::False,
        "output would be shown that is to be hidden; write `no_log: true` in the plays",
    ),
    warned(
        "defaults",
        "strategy",
        "ANSIBLE_STRATEGY",
        Harmless::Words(&["linear", "ansible.builtin.linear"]),
        "the hosts of a batch go on task by task together, as with `linear`",
    ),
    warned(
        "defaults",
        "error_on_undefined_vars",
        "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
        Harmless::True,
        "a variable that is not defined is always an error",
    ),
    warned(
        "defaults",
        "jinja2_native",
        "ANSIBLE_JINJA2_NATIVE",
        Harmless::False,
        "templates give the types that they give in Ansible without it",
    ),
    warned(
        "defaults",
        "jinja2_extensions",
        "ANSIBLE_JINJA2_EXTENSIONS",
        Harmless::Words(&[]),
        "templates have Ansible's usual language; there are no extensions",
    ),
    warned(
        "defaults",
        "playbook_vars_root",
        "ANSIBLE_PLAYBOOK_VARS_ROOT",
        Harmless::Words(&["top"]),
        "group_vars and host_vars are read beside the inventory and the first playbook",
    ),
    warned(
        "defaults",
        "fact_caching",
        "ANSIBLE_CACHE_PLUGIN",
        Harmless::Words(&["memory", "ansible.builtin.memory"]),
        "facts are not kept between runs: each run gathers its own, and hosts that --limit leaves out have none",
    ),
    warned(
        "defaults",
        "callbacks_enabled",
        "ANSIBLE_CALLBACKS_ENABLED",
        Harmless::Words(&[]),
        "there are no callback plugins; where the time went, as with profile_tasks, is said with `output.profile`",
    ),
    warned(
        "defaults",
        "callback_whitelist",
        "ANSIBLE_CALLBACK_WHITELIST",
        Harmless::Words(&[]),
        "there are no callback plugins; where the time went, as with profile_tasks, is said with `output.profile`",
    ),
    warned(
        "defaults",
        "stdout_callback",
        "ANSIBLE_STDOUT_CALLBACK",
        Harmless::AllBut(&["json", "ansible.posix.json", "ansible.posix.jsonl"]),
        "events come as JSON with `output.form = \"json\"`, in a shape of their own",
    ),
    warned(
        "defaults",
        "log_path",
        "ANSIBLE_LOG_PATH",
        Harmless::Words(&[]),
        "no log file is written; each run has its journal in the state folder",
    ),
    warned(
        "defaults",
        "ask_pass",
        "ANSIBLE_ASK_PASS",
        Harmless::False,
        "login passwords are not asked for; use keys, or the variable `ansible_password`",
    ),
    warned(
        "defaults",
        "connection_password_file",
        "ANSIBLE_CONNECTION_PASSWORD_FILE",
        Harmless::Words(&[]),
        "login passwords come from the variable `ansible_password`",
    ),
    warned(
        "defaults",
        "executable",
        "ANSIBLE_EXECUTABLE",
        Harmless::Words(&["/bin/sh"]),
        "commands are run by /bin/sh",
    ),
    warned(
        "defaults",
        "task_timeout",
        "ANSIBLE_TASK_TIMEOUT",
        Harmless::Words(&["0"]),
        "tasks have the limits that their own `timeout` says",
    ),
    warned(
        "privilege_escalation",
        "become_exe",
        "ANSIBLE_BECOME_EXE",
        Harmless::Words(&["sudo", "su", "doas"]),
        "set the variable `ansible_become_exe` for the hosts",
    ),
    warned(
        "privilege_escalation",
        "become_flags",
        "ANSIBLE_BECOME_FLAGS",
        Harmless::Words(&["-H -S -n", "-H -S", "-n"]),
        "set the variable `ansible_become_flags` for the hosts",
    ),
    warned(
        "ssh_connection",
        "ssh_executable",
        "ANSIBLE_SSH_EXECUTABLE",
        Harmless::Words(&["ssh", "/usr/bin/ssh"]),
        "windlass speaks SSH itself and runs no ssh",
    ),
];

/// Names what is not taken over: what is refused goes to `problems`, the rest to `warnings`.
pub(super) fn name(
    file: Option<&AnsibleCfg>,
    around: &Surroundings,
    problems: &mut Diagnostics,
    warnings: &mut Diagnostics,
) {
    for key in NOT_TAKEN {
        // As with Ansible, the environment comes before the file.
        let (value, diagnostic) = if let Some(value) = around.variable(key.variable) {
            let message = format!(
                "the environment variable {} is not taken over: {}",
                key.variable, key.why
            );
            (value.to_owned(), said(key, message))
        } else if let Some((value, span)) = file.and_then(|it| it.get(key.section, key.key)) {
            let message = format!("`{}` is not taken over: {}", key.key, key.why);
            (value, said(key, message).at(span, ""))
        } else {
            continue;
        };
        if value.trim().is_empty() || key.harmless.includes(value.trim()) {
            continue;
        }
        match key.severity {
            Severity::Error => problems.push(
                diagnostic.hint("`ANSIBLE_CONFIG=/dev/null windlass ...` reads no ansible.cfg"),
            ),
            Severity::Warning => warnings.push(diagnostic),
        }
    }
}

fn said(key: &NotTaken, message: String) -> Diagnostic {
    match key.severity {
        Severity::Error => Diagnostic::error("not-taken-over", message),
        Severity::Warning => Diagnostic::warning("not-taken-over", message),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ansible_cfg::parsed;
    use super::*;
    use std::collections::BTreeMap;

    fn named(text: &str, variables: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let (file, broken) = parsed(text);
        assert!(broken.is_empty());
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>();
        let around = Surroundings {
            variables,
            ..Surroundings::default()
        };
        let (mut problems, mut warnings) = (Diagnostics::new(), Diagnostics::new());
        name(Some(&file), &around, &mut problems, &mut warnings);
        let texts = |all: &Diagnostics| all.iter().map(ToString::to_string).collect();
        (texts(&problems), texts(&warnings))
    }

    #[test]
    fn what_matters_is_named_with_its_place() {
        let (problems, warnings) = named(
            "[defaults]\nstrategy = free\nhash_behaviour = merge\nnocows = 1\n[ssh_connection]\npipelining = True\n",
            &[("ANSIBLE_JINJA2_NATIVE", "1")],
        );
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("ansible.cfg:3:1: `hash_behaviour` is not taken over: "));
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].starts_with("ansible.cfg:2:1: `strategy` is not taken over: "));
        assert!(warnings[1].starts_with("the environment variable ANSIBLE_JINJA2_NATIVE is not"));
    }

    #[test]
    fn values_that_change_nothing_are_not_named() {
        let (problems, warnings) = named(
            "[defaults]\nstrategy = linear\nhash_behaviour = replace\nerror_on_undefined_vars = True\n\
             jinja2_native = False\nstdout_callback = yaml\nfact_caching = memory\ncallbacks_enabled =\n\
             ask_pass = no\n[privilege_escalation]\nbecome_flags = -H -S -n\n",
            &[],
        );
        assert_eq!((problems, warnings), (Vec::new(), Vec::new()));
        // The environment comes first, also where it takes back what the file says.
        let variables = [("ANSIBLE_STRATEGY", "linear")];
        let (_, warnings) = named("[defaults]\nstrategy = free\n", &variables);
        assert_eq!(warnings, Vec::<String>::new());
    }
}
