//! The page of all settings, made from their table.

use std::fmt::Write as _;
use windlass::settings::{Fallback, NOT_TAKEN, Setting, TABLE};
use windlass::source::Severity;

/// What stands above the tables.
const INTRO: &str = "# Settings

Made from the table in `src/settings` by `tests/docs.rs`.

What is not said on the command line is looked for in these places; the first one that says something counts:

| | place | what it is for |
|---|---|---|
| 1 | `WINDLASS_*` in the environment | one command, one shell, one job |
| 2 | `windlass.toml` of the project: in the working folder, or the nearest one above it | what everyone who works on it should have |
| 3 | `~/.config/windlass/windlass.toml` (`XDG_CONFIG_HOME`) | what one person wants everywhere |
| 4 | `ANSIBLE_*` in the environment | what was said to Ansible |
| 5 | `ansible.cfg` | the same, in a file |
| 6 | the default | |

What was written for windlass is stronger than what was written for Ansible, whichever way it was written; so a shell that was
set up for Ansible does not override a project that says what it wants. Within each of the two, the environment, which is about
one command, is stronger than a file.

`windlass settings` shows each value and where it comes from, `windlass settings run.forks` one of them, `--changed` those that
are not as they would be without files and environment, and `--json` is for programs.

```toml
# windlass.toml
[run]
inventory = \"hosts.yml\"
forks = 20

[connection]
user = \"admin\"
ssh_common_args = \"-o ProxyJump=bastion\"

[become]
enabled = true
password_file = \"~/.config/windlass/become\"
```

Paths in a file are relative to its folder; in the environment and on the command line they are relative to the working folder. `~`
is the home folder. The way upwards to the project's file ends at the home folder, which is no project itself. A `windlass.toml` or
`ansible.cfg` in a folder that anyone may write into is ignored, with a warning.

Settings files hold no secrets: a password there is refused. Name the file that holds it.

A key that does not exist, or a value of the wrong type, is an error with its place. A flag that is true or false can be switched
off for one command: `--diff=false`.
";

/// What stands above the list of keys that are not taken over.
const NOT_TAKEN_INTRO: &str = "
## ansible.cfg

The file that Ansible would read is read too, and it alone: the first of `ANSIBLE_CONFIG`, `ansible.cfg` in the working folder,
`~/.ansible.cfg` and `/etc/ansible/ansible.cfg`. Keys in the tables above mean the same as there. Other keys concern Ansible's own
speed, files and looks, and are passed over, but for these, which change what a run does. `ANSIBLE_CONFIG=/dev/null` reads none.

`gathering = smart` is as good as `implicit`: facts are gathered in each play, so they are only fresher.

| key | variable | | why |
|---|---|---|---|
";

/// The page.
pub(crate) fn page() -> String {
    let mut text = INTRO.to_owned();
    let mut tables: Vec<&str> = TABLE.iter().map(Setting::table).collect();
    tables.dedup();
    for table in tables {
        let _ = write!(
            text,
            "\n## [{table}]\n\n| key | what it does | value | default | flag | environment | Ansible |\n\
             |---|---|---|---|---|---|---|\n"
        );
        for setting in TABLE.iter().filter(|it| it.table() == table) {
            text += &row(setting);
        }
    }
    text += NOT_TAKEN_INTRO;
    for key in NOT_TAKEN {
        let what = match key.severity {
            Severity::Error => "refused",
            Severity::Warning => "a warning",
        };
        let _ = writeln!(
            text,
            "| `[{}] {}` | `{}` | {what} | {} |",
            key.section, key.key, key.variable, key.why
        );
    }
    text
}

fn row(setting: &Setting) -> String {
    let default = match setting.default {
        Fallback::Value(text) => format!("`{text}`"),
        Fallback::Unset(words) => words.to_owned(),
    };
    let flags: Vec<String> = setting
        .flag
        .split(", ")
        .map(|flag| format!("`{flag}`"))
        .collect();
    let foreign: Vec<String> = setting
        .ansible
        .iter()
        .flat_map(|it| {
            let key = (!it.key.is_empty()).then(|| format!("`[{}] {}`", it.section, it.key));
            let variables = it.variables.iter().map(|name| format!("`{name}`"));
            key.into_iter().chain(variables)
        })
        .collect();
    format!(
        "| `{}` | {} | {} | {default} | {} | `{}` | {} |\n",
        setting.key(),
        setting.help,
        setting.kind.describe(),
        flags.join(", "),
        setting.variable,
        foreign.join(", ")
    )
}
