//! The table of all settings.
//!
//! The names of Ansible's keys and variables are those of ansible-core 2.18 (`ansible-config list`).

use super::setting::{Fallback, Foreign, Kind, Meaning, Setting};

/// A key of `ansible.cfg` with one variable, whose values are as ours.
const fn same(
    section: &'static str,
    key: &'static str,
    variables: &'static [&'static str],
) -> Foreign {
    Foreign {
        section,
        key,
        variables,
        meaning: Meaning::Same,
    }
}

/// All settings, by table and then as they are best read.
pub static TABLE: &[Setting] = &[
    Setting {
        name: "run.inventory",
        kind: Kind::Sources,
        default: Fallback::Value("inventory"),
        flag: "--inventory",
        variable: "WINDLASS_INVENTORY",
        ansible: &[same("defaults", "inventory", &["ANSIBLE_INVENTORY"])],
        help: "Where hosts come from: files, folders, or lists of hosts with a comma in them",
    },
    Setting {
        name: "run.forks",
        kind: Kind::Number {
            least: 1,
            most: 10_000,
            unit: "hosts",
        },
        default: Fallback::Value("50"),
        flag: "--forks",
        variable: "WINDLASS_FORKS",
        ansible: &[same("defaults", "forks", &["ANSIBLE_FORKS"])],
        help: "Hosts that work at once",
    },
    Setting {
        name: "run.max_failures",
        kind: Kind::Number {
            least: 0,
            most: u32::MAX,
            unit: "hosts",
        },
        default: Fallback::Unset("as the plays say"),
        flag: "--max-failures",
        variable: "WINDLASS_MAX_FAILURES",
        ansible: &[],
        help: "The run stops when more than so many of its hosts have failed",
    },
    Setting {
        name: "run.any_errors_fatal",
        kind: Kind::Flag,
        default: Fallback::Value("false"),
        flag: "--any-errors-fatal",
        variable: "WINDLASS_ANY_ERRORS_FATAL",
        ansible: &[same(
            "defaults",
            "any_errors_fatal",
            &["ANSIBLE_ANY_ERRORS_FATAL"],
        )],
        help: "A task that fails on one host ends the play for all, where the playbook does not say otherwise",
    },
    Setting {
        name: "run.force_handlers",
        kind: Kind::Flag,
        default: Fallback::Value("false"),
        flag: "--force-handlers",
        variable: "WINDLASS_FORCE_HANDLERS",
        ansible: &[same(
            "defaults",
            "force_handlers",
            &["ANSIBLE_FORCE_HANDLERS"],
        )],
        help: "Notified handlers run on failed hosts too",
    },
    Setting {
        name: "run.gathering",
        kind: Kind::Choice(&["implicit", "explicit"]),
        default: Fallback::Value("implicit"),
        flag: "--gathering",
        variable: "WINDLASS_GATHERING",
        ansible: &[Foreign {
            section: "defaults",
            key: "gathering",
            variables: &["ANSIBLE_GATHERING"],
            // `smart` spares time, not facts: they are only fresher when they are gathered again.
            meaning: Meaning::Words(&[("smart", "implicit")]),
        }],
        help: "Whether plays that say nothing of gather_facts gather facts",
    },
    Setting {
        name: "run.tags",
        kind: Kind::Words,
        default: Fallback::Unset("all tasks"),
        flag: "--tags",
        variable: "WINDLASS_TAGS",
        ansible: &[same("tags", "run", &["ANSIBLE_RUN_TAGS"])],
        help: "Only tasks with one of these tags",
    },
    Setting {
        name: "run.skip_tags",
        kind: Kind::Words,
        default: Fallback::Unset("none"),
        flag: "--skip-tags",
        variable: "WINDLASS_SKIP_TAGS",
        ansible: &[same("tags", "skip", &["ANSIBLE_SKIP_TAGS"])],
        help: "No tasks with one of these tags",
    },
    Setting {
        name: "run.roles_path",
        kind: Kind::Paths,
        default: Fallback::Unset("`roles` beside the playbook"),
        flag: "--roles-path",
        variable: "WINDLASS_ROLES_PATH",
        ansible: &[same("defaults", "roles_path", &["ANSIBLE_ROLES_PATH"])],
        help: "More folders that hold roles",
    },
    Setting {
        name: "run.state_dir",
        kind: Kind::Path,
        default: Fallback::Unset("the user's state folder"),
        flag: "--state-dir",
        variable: "WINDLASS_STATE_DIR",
        ansible: &[],
        help: "Where runs, locks and the lab are kept",
    },
    Setting {
        name: "run.window",
        kind: Kind::Text,
        default: Fallback::Unset("at any time"),
        flag: "--window",
        variable: "WINDLASS_WINDOW",
        ansible: &[],
        help: "Begin batches only in this window, and only those that end in it; such as Sat 02:00-06:00 Europe/Berlin",
    },
    Setting {
        name: "run.window_pace",
        kind: Kind::Text,
        default: Fallback::Unset("as in earlier runs, else 15m"),
        flag: "--window-pace",
        variable: "WINDLASS_WINDOW_PACE",
        ansible: &[],
        help: "Expect a batch to take so long where the run has not measured it yet, such as 20m",
    },
    Setting {
        name: "connection.kind",
        kind: Kind::Choice(&["ssh", "local"]),
        default: Fallback::Value("ssh"),
        flag: "--connection",
        variable: "WINDLASS_CONNECTION",
        ansible: &[Foreign {
            section: "defaults",
            key: "transport",
            variables: &["ANSIBLE_TRANSPORT"],
            meaning: Meaning::Words(&[
                ("smart", "ssh"),
                ("paramiko", "ssh"),
                ("paramiko_ssh", "ssh"),
                ("ansible.builtin.ssh", "ssh"),
                ("ansible.builtin.paramiko_ssh", "ssh"),
                ("ansible.builtin.local", "local"),
            ]),
        }],
        help: "How hosts are reached that do not say it themselves",
    },
    Setting {
        name: "connection.user",
        kind: Kind::Text,
        default: Fallback::Unset("the user who runs windlass"),
        flag: "--user",
        variable: "WINDLASS_USER",
        ansible: &[same("defaults", "remote_user", &["ANSIBLE_REMOTE_USER"])],
        help: "Log in as this user",
    },
    Setting {
        name: "connection.port",
        kind: Kind::Number {
            least: 1,
            most: 65_535,
            unit: "",
        },
        default: Fallback::Value("22"),
        flag: "--port",
        variable: "WINDLASS_PORT",
        ansible: &[same("defaults", "remote_port", &["ANSIBLE_REMOTE_PORT"])],
        help: "TCP port of sshd",
    },
    Setting {
        name: "connection.private_key",
        kind: Kind::Path,
        default: Fallback::Unset("the usual keys in ~/.ssh"),
        flag: "--private-key",
        variable: "WINDLASS_PRIVATE_KEY",
        ansible: &[same(
            "defaults",
            "private_key_file",
            &["ANSIBLE_PRIVATE_KEY_FILE"],
        )],
        help: "Log in with this private key",
    },
    Setting {
        name: "connection.timeout",
        kind: Kind::Number {
            least: 1,
            most: 3600,
            unit: "seconds",
        },
        default: Fallback::Value("10"),
        flag: "--timeout",
        variable: "WINDLASS_TIMEOUT",
        ansible: &[
            same("ssh_connection", "timeout", &["ANSIBLE_SSH_TIMEOUT"]),
            same("defaults", "timeout", &["ANSIBLE_TIMEOUT"]),
        ],
        help: "Seconds to wait for a connection",
    },
    Setting {
        name: "connection.host_key_checking",
        kind: Kind::Choice(&["strict", "accept-new", "off"]),
        default: Fallback::Value("strict"),
        flag: "--host-key-checking",
        variable: "WINDLASS_HOST_KEY_CHECKING",
        ansible: &[
            Foreign {
                section: "ssh_connection",
                key: "host_key_checking",
                variables: &["ANSIBLE_SSH_HOST_KEY_CHECKING"],
                meaning: Meaning::Truth(Some("strict"), Some("off")),
            },
            Foreign {
                section: "defaults",
                key: "host_key_checking",
                variables: &["ANSIBLE_HOST_KEY_CHECKING"],
                meaning: Meaning::Truth(Some("strict"), Some("off")),
            },
        ],
        help: "Refuse host keys that are not known, remember those of new hosts, or do not check",
    },
    Setting {
        name: "connection.ssh_args",
        kind: Kind::SshOptions,
        default: Fallback::Unset("none"),
        flag: "--ssh-args",
        variable: "WINDLASS_SSH_ARGS",
        ansible: &[same("ssh_connection", "ssh_args", &["ANSIBLE_SSH_ARGS"])],
        help: "OpenSSH options that come before those of a host",
    },
    Setting {
        name: "connection.ssh_common_args",
        kind: Kind::SshOptions,
        default: Fallback::Unset("none"),
        flag: "--ssh-common-args",
        variable: "WINDLASS_SSH_COMMON_ARGS",
        ansible: &[same(
            "ssh_connection",
            "ssh_common_args",
            &["ANSIBLE_SSH_COMMON_ARGS"],
        )],
        help: "OpenSSH options that come after those of a host, such as -o ProxyJump=bastion",
    },
    Setting {
        name: "connection.ssh_extra_args",
        kind: Kind::SshOptions,
        default: Fallback::Unset("none"),
        flag: "--ssh-extra-args",
        variable: "WINDLASS_SSH_EXTRA_ARGS",
        ansible: &[same(
            "ssh_connection",
            "ssh_extra_args",
            &["ANSIBLE_SSH_EXTRA_ARGS"],
        )],
        help: "More of them, which come last",
    },
    Setting {
        name: "become.enabled",
        kind: Kind::Flag,
        default: Fallback::Value("false"),
        flag: "--become",
        variable: "WINDLASS_BECOME",
        ansible: &[same("privilege_escalation", "become", &["ANSIBLE_BECOME"])],
        help: "Become another user on the hosts",
    },
    Setting {
        name: "become.user",
        kind: Kind::Text,
        default: Fallback::Value("root"),
        flag: "--become-user",
        variable: "WINDLASS_BECOME_USER",
        ansible: &[same(
            "privilege_escalation",
            "become_user",
            &["ANSIBLE_BECOME_USER"],
        )],
        help: "Become this user",
    },
    Setting {
        name: "become.method",
        kind: Kind::Choice(&["sudo", "su", "doas"]),
        default: Fallback::Value("sudo"),
        flag: "--become-method",
        variable: "WINDLASS_BECOME_METHOD",
        ansible: &[Foreign {
            section: "privilege_escalation",
            key: "become_method",
            variables: &["ANSIBLE_BECOME_METHOD"],
            meaning: Meaning::Words(&[
                ("ansible.builtin.sudo", "sudo"),
                ("ansible.builtin.su", "su"),
                ("community.general.doas", "doas"),
            ]),
        }],
        help: "Become by this program",
    },
    Setting {
        name: "become.password_file",
        kind: Kind::Path,
        default: Fallback::Unset("no password"),
        flag: "--become-password-file",
        variable: "WINDLASS_BECOME_PASSWORD_FILE",
        ansible: &[same(
            "defaults",
            "become_password_file",
            &["ANSIBLE_BECOME_PASSWORD_FILE"],
        )],
        help: "Read the password for becoming from the first line of this file",
    },
    Setting {
        name: "become.ask_password",
        kind: Kind::Flag,
        default: Fallback::Value("false"),
        flag: "--ask-become-pass",
        variable: "WINDLASS_ASK_BECOME_PASS",
        ansible: &[same(
            "privilege_escalation",
            "become_ask_pass",
            &["ANSIBLE_BECOME_ASK_PASS"],
        )],
        help: "Ask for the password for becoming",
    },
    Setting {
        name: "vault.password_file",
        kind: Kind::Paths,
        default: Fallback::Unset("no password"),
        flag: "--vault-password-file",
        variable: "WINDLASS_VAULT_PASSWORD_FILE",
        ansible: &[same(
            "defaults",
            "vault_password_file",
            &["ANSIBLE_VAULT_PASSWORD_FILE"],
        )],
        help: "Read a vault password from this file; one that is executable is run and prints it",
    },
    Setting {
        name: "vault.ids",
        kind: Kind::Labelled,
        default: Fallback::Unset("none"),
        flag: "--vault-id",
        variable: "WINDLASS_VAULT_IDS",
        ansible: &[same(
            "defaults",
            "vault_identity_list",
            &["ANSIBLE_VAULT_IDENTITY_LIST"],
        )],
        help: "Vault passwords with ids: LABEL@FILE, or LABEL@prompt to be asked",
    },
    Setting {
        name: "vault.ask_password",
        kind: Kind::Flag,
        default: Fallback::Value("false"),
        flag: "--ask-vault-pass",
        variable: "WINDLASS_ASK_VAULT_PASS",
        ansible: &[same(
            "defaults",
            "ask_vault_pass",
            &["ANSIBLE_ASK_VAULT_PASS"],
        )],
        help: "Ask for the vault password",
    },
    Setting {
        name: "output.form",
        kind: Kind::Choice(&["live", "plain", "quiet", "json"]),
        default: Fallback::Value("live"),
        flag: "--plain, --quiet, --json",
        variable: "WINDLASS_FORM",
        ansible: &[],
        help: "Lines that move where there is a terminal, plain lines, only what changes and fails, or events as JSON",
    },
    Setting {
        name: "output.color",
        kind: Kind::Choice(&["auto", "always", "never"]),
        default: Fallback::Value("auto"),
        flag: "--color",
        variable: "WINDLASS_COLOR",
        ansible: &[
            Foreign {
                section: "",
                key: "",
                variables: &["NO_COLOR"],
                meaning: Meaning::Present("never"),
            },
            Foreign {
                section: "defaults",
                key: "nocolor",
                variables: &["ANSIBLE_NOCOLOR"],
                meaning: Meaning::Truth(Some("never"), None),
            },
            Foreign {
                section: "defaults",
                key: "force_color",
                variables: &["ANSIBLE_FORCE_COLOR"],
                meaning: Meaning::Truth(Some("always"), None),
            },
        ],
        help: "Colours where there is a terminal, everywhere, or nowhere",
    },
    Setting {
        name: "output.verbosity",
        kind: Kind::Number {
            least: 0,
            most: 5,
            unit: "",
        },
        default: Fallback::Value("0"),
        flag: "--verbose",
        variable: "WINDLASS_VERBOSITY",
        ansible: &[same("defaults", "verbosity", &["ANSIBLE_VERBOSITY"])],
        help: "Show more: results from 1, task files from 2, connections from 3",
    },
    Setting {
        name: "output.diff",
        kind: Kind::Flag,
        default: Fallback::Value("false"),
        flag: "--diff",
        variable: "WINDLASS_DIFF",
        ansible: &[same("diff", "always", &["ANSIBLE_DIFF_ALWAYS"])],
        help: "Show differences of files",
    },
    Setting {
        name: "output.profile",
        kind: Kind::Flag,
        default: Fallback::Value("false"),
        flag: "--profile",
        variable: "WINDLASS_PROFILE",
        ansible: &[],
        help: "Say at the end where the time went: by task, and by host and phase",
    },
    Setting {
        name: "report.html",
        kind: Kind::Path,
        default: Fallback::Unset("none"),
        flag: "--html",
        variable: "WINDLASS_HTML",
        ansible: &[],
        help: "Write the run as one HTML page when it is over",
    },
    Setting {
        name: "report.metrics",
        kind: Kind::Path,
        default: Fallback::Unset("none is kept"),
        flag: "--metrics",
        variable: "WINDLASS_METRICS",
        ansible: &[],
        help: "Keep the last run in this file in Prometheus' text format",
    },
    Setting {
        name: "notify.file",
        kind: Kind::Path,
        default: Fallback::Unset("nobody is told"),
        flag: "--notify-file",
        variable: "WINDLASS_NOTIFY_FILE",
        ansible: &[],
        help: "Tell the webhooks and commands in this file what happens in a run, one on each line",
    },
    Setting {
        name: "notify.on",
        kind: Kind::Choices(&["start", "failed", "end"]),
        default: Fallback::Unset("start, failed and end"),
        flag: "--notify-on",
        variable: "WINDLASS_NOTIFY_ON",
        ansible: &[],
        help: "When they are told: start, failed (each host that failed), end",
    },
    Setting {
        name: "notify.token_file",
        kind: Kind::Path,
        default: Fallback::Unset("no token"),
        flag: "--notify-token-file",
        variable: "WINDLASS_NOTIFY_TOKEN_FILE",
        ansible: &[],
        help: "Send the first line of this file to webhooks as a bearer token",
    },
    Setting {
        name: "notify.timeout",
        kind: Kind::Number {
            least: 1,
            most: 300,
            unit: "seconds",
        },
        default: Fallback::Value("10"),
        flag: "--notify-timeout",
        variable: "WINDLASS_NOTIFY_TIMEOUT",
        ansible: &[],
        help: "For one try of three to tell somebody, and at the end of the run for what is left",
    },
];

/// The setting called `name`.
pub fn find(name: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| setting.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Value;
    use std::collections::BTreeSet;

    #[test]
    fn names_variables_and_keys_are_there_once() {
        let mut seen = BTreeSet::new();
        for setting in TABLE {
            assert!(setting.name.split('.').count() == 2, "{}", setting.name);
            assert!(setting.variable.starts_with("WINDLASS_"));
            assert!(!setting.help.ends_with('.') && !setting.help.is_empty());
            let keys = setting.ansible.iter().filter(|it| !it.key.is_empty());
            let keys = keys.map(|it| format!("[{}] {}", it.section, it.key));
            let variables = setting.ansible.iter().flat_map(|it| it.variables);
            let names = [setting.name.to_owned(), setting.variable.to_owned()];
            for word in names
                .into_iter()
                .chain(keys)
                .chain(variables.map(|it| (*it).to_owned()))
            {
                assert!(seen.insert(word.clone()), "{word} is there twice");
            }
        }
    }

    #[test]
    fn defaults_fit_their_kinds() {
        for setting in TABLE {
            if let Fallback::Value(text) = setting.default {
                assert!(Value::parse(setting.kind, text).is_ok(), "{}", setting.name);
            }
            for foreign in setting.ansible {
                if let Meaning::Truth(yes, no) = foreign.meaning {
                    for word in [yes, no].into_iter().flatten() {
                        assert!(Value::parse(setting.kind, word).is_ok());
                    }
                }
            }
        }
    }
}
