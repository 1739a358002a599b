//! All sources together: which one counts, and what is said of mistakes.

use super::{Settings, Surroundings, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A home with a project in it.
struct Place {
    home: TempDir,
    around: Surroundings,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("project");
        fs::create_dir_all(&folder).unwrap();
        let around = Surroundings {
            folder,
            home: Some(home.path().to_owned()),
            config: Some(home.path().join(".config")),
            system_ansible_cfg: home.path().join("none"),
            variables: BTreeMap::new(),
        };
        Self { home, around }
    }

    /// Writes a file below the home folder.
    fn file(self, name: &str, text: &str) -> Self {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn project(self, text: &str) -> Self {
        self.file("project/windlass.toml", text)
    }

    fn ansible_cfg(self, text: &str) -> Self {
        self.file("project/ansible.cfg", text)
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.around
            .variables
            .insert(name.to_owned(), value.to_owned());
        self
    }

    fn settings(&self) -> Settings {
        Settings::read(&self.around).unwrap()
    }

    /// A value as it is shown, and where it comes from.
    fn get(&self, name: &str) -> (String, String) {
        let settings = self.settings();
        let resolved = settings.get(name).unwrap();
        let value = resolved.value.as_ref().map(Value::to_string);
        (value.unwrap_or_default(), resolved.origin.to_string())
    }

    /// What is wrong, drawn, and without the folder that no test can know.
    fn wrong(&self) -> String {
        let problems = Settings::read(&self.around).unwrap_err();
        let texts: Vec<String> = problems.iter().map(|it| it.render(false)).collect();
        let home = self.home.path().display().to_string();
        texts.join("\n").replace(&home, "~")
    }
}

fn pair(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

#[test]
fn the_strongest_source_counts() {
    let forks = |place: &Place| place.get("run.forks");
    let place = Place::new();
    assert_eq!(forks(&place), pair("50", "default"));
    let place = place.ansible_cfg("[defaults]\nforks = 1\n");
    assert_eq!(forks(&place), pair("1", "ansible.cfg:2"));
    let place = place.variable("ANSIBLE_FORKS", "2");
    assert_eq!(forks(&place), pair("2", "environment ANSIBLE_FORKS"));
    let place = place.file(".config/windlass/windlass.toml", "\n[run]\nforks = 3\n");
    let (value, origin) = forks(&place);
    assert_eq!(value, "3");
    assert!(
        origin.ends_with("/.config/windlass/windlass.toml:3"),
        "{origin}"
    );
    let place = place.project("[run]\nforks = 4\n");
    assert_eq!(forks(&place), pair("4", "windlass.toml:2"));
    let place = place.variable("WINDLASS_FORKS", "5");
    assert_eq!(forks(&place), pair("5", "environment WINDLASS_FORKS"));
    // One that is empty says nothing.
    let place = place.variable("WINDLASS_FORKS", "");
    assert_eq!(forks(&place), pair("4", "windlass.toml:2"));
    let settings = place.settings();
    let files: Vec<&Path> = settings.files.iter().map(PathBuf::as_path).collect();
    assert_eq!(files.len(), 3);
    assert_eq!(
        (files[0], files[2]),
        (Path::new("windlass.toml"), Path::new("ansible.cfg"))
    );
}

#[test]
fn each_setting_comes_from_the_strongest_source_that_has_it() {
    let place = Place::new()
        .project("[connection]\nuser = \"ops\"\n")
        .ansible_cfg(
            "[defaults]\nremote_user = root\ntimeout = 30\n[ssh_connection]\ntimeout = 40\n",
        );
    assert_eq!(place.get("connection.user"), pair("ops", "windlass.toml:2"));
    assert_eq!(place.get("connection.timeout"), pair("40", "ansible.cfg:5"));
    assert_eq!(place.get("connection.port"), pair("22", "default"));
}

#[test]
fn every_kind_of_value_is_read() {
    let place = Place::new().project(
        "[run]\ninventory = [\"hosts.yml\", \"web1,web2\"]\nroles_path = \"roles\"\nmax_failures = 0x10\n\
         tags = [\"a\", \"b\"]\n[connection]\nprivate_key = \"~/k\"\nhost_key_checking = \"accept-new\"\n\
         ssh_common_args = \"-J bastion\"\n[become]\nenabled = true\npassword_file = \"../pw\"\n",
    );
    let home = place.home.path().display().to_string();
    for (name, expected) in [
        ("run.inventory", "hosts.yml, web1,web2"),
        ("run.roles_path", "roles"),
        ("run.max_failures", "16"),
        ("run.tags", "a, b"),
        ("connection.private_key", "~/k"),
        ("connection.host_key_checking", "accept-new"),
        ("connection.ssh_common_args", "-J bastion"),
        ("become.enabled", "true"),
        ("become.password_file", "../pw"),
    ] {
        assert_eq!(place.get(name).0, expected.replace('~', &home), "{name}");
    }
}

#[test]
fn paths_are_relative_to_their_own_file() {
    let mut place = Place::new()
        .project("[run]\ninventory = \"hosts.yml\"\n[become]\npassword_file = \"pw\"\n")
        .file(
            ".config/windlass/windlass.toml",
            "[connection]\nprivate_key = \"key\"\n",
        );
    let folder = place.around.folder.join("deep");
    fs::create_dir_all(&folder).unwrap();
    place.around.folder = folder;
    let (value, origin) = place.get("run.inventory");
    assert!(value.ends_with("/project/hosts.yml"), "{value}");
    assert!(origin.ends_with("/project/windlass.toml:2"), "{origin}");
    let key = place.get("connection.private_key").0;
    assert!(key.ends_with("/.config/windlass/key"), "{key}");
}

#[test]
fn mistakes_are_drawn_where_they_stand() {
    let place = Place::new().project(
        "[run]\nforcks = 3\nforks = \"many\"\nmax_failures = -1\n[connections]\n[connection]\ntimeout = 0\n\
         host_key_checking = \"strickt\"\nremote_user = \"x\"\nssh_args = \"-o ForwardAgent=yes\"\n\
         [output]\ndiff = 1\n",
    );
    insta::assert_snapshot!(place.wrong(), @r#"
    error[unknown-key]: `[run]` has no key `forcks`
     --> windlass.toml:2:1
      |
    2 | forcks = 3
      | ^^^^^^ not known
      |
      = help: did you mean `forks`?
    error[setting-value]: `run.forks`: expected a number of hosts from 1 to 10000, found text
     --> windlass.toml:3:9
      |
    3 | forks = "many"
      |         ^^^^^^
    error[setting-value]: `run.max_failures`: expected a number of hosts from 0, found -1
     --> windlass.toml:4:16
      |
    4 | max_failures = -1
      |                ^^
    error[unknown-table]: there is no table `[connections]`
     --> windlass.toml:5:2
      |
    5 | [connections]
      |  ^^^^^^^^^^^ not known
      |
      = help: did you mean `[connection]`?
    error[setting-value]: `connection.timeout`: expected a number of seconds from 1 to 3600, found 0
     --> windlass.toml:7:11
      |
    7 | timeout = 0
      |           ^
    error[setting-value]: `connection.host_key_checking`: expected "strict", "accept-new" or "off", found "strickt"
     --> windlass.toml:8:21
      |
    8 | host_key_checking = "strickt"
      |                     ^^^^^^^^^
      |
      = help: did you mean "strict"?
    error[unknown-key]: `[connection]` has no key `remote_user`
     --> windlass.toml:9:1
      |
    9 | remote_user = "x"
      | ^^^^^^^^^^^ not known
      |
      = help: did you mean `user`?
    error[setting-value]: `connection.ssh_args`: the ssh option ForwardAgent=yes is not supported
      --> windlass.toml:10:12
       |
    10 | ssh_args = "-o ForwardAgent=yes"
       |            ^^^^^^^^^^^^^^^^^^^^^
    error[setting-value]: `output.diff`: expected true or false, found a number
      --> windlass.toml:12:8
       |
    12 | diff = 1
       |        ^
    "#);
}

#[test]
fn keys_at_the_wrong_place_are_sent_to_the_right_one() {
    for (text, expected) in [
        ("forks = 3\n", "did you mean `forks` in `[run]`?"),
        ("[output]\nforks = 3\n", "did you mean `forks` in `[run]`?"),
        ("[become]\nbecome_user = \"x\"\n", "did you mean `user`?"),
        (
            "[defaults]\nforks = 3\n",
            "`[defaults]` is a section of ansible.cfg, which is read too",
        ),
        (
            "run = 3\n",
            "write `[run]` on a line of its own, and its keys below",
        ),
        (
            "[run]\nwholly_unknown = 3\n",
            "`windlass settings` shows all that there are",
        ),
        ("[run]\ninventory = []\n", "found an empty list"),
        (
            "[run]\ntags = [1]\n",
            "expected a list of words, found a number",
        ),
        ("[run\n", "windlass.toml:1:5"),
    ] {
        let wrong = Place::new().project(text).wrong();
        assert!(wrong.contains(expected), "{text}{wrong}");
    }
}

#[test]
fn secrets_are_refused_and_not_shown() {
    for (text, expected) in [
        (
            "[become]\npassword = \"hunter2\"\n",
            "name that with `password_file` in `[become]`",
        ),
        (
            "become_password = \"hunter2\"\n",
            "name that with `password_file` in `[become]`",
        ),
        (
            "[connection]\npassword = \"hunter2\"\n",
            "settings files hold no secrets",
        ),
        // Not even where the line is no TOML.
        ("[become]\npassword = hunter2\n", "windlass.toml:2"),
    ] {
        let wrong = Place::new().project(text).wrong();
        assert!(wrong.contains(expected), "{text}{wrong}");
        assert!(!wrong.contains("hunter2"), "{wrong}");
    }
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let place = Place::new()
        .variable("WINDLASS_FORKS", "none")
        .variable("WINDLASS_COLOR", "allways");
    let wrong = place.wrong();
    for part in [
        "environment variable WINDLASS_FORKS: expected a number of hosts from 1 to 10000, found \"none\"",
        "environment variable WINDLASS_COLOR: expected \"auto\", \"always\" or \"never\", found \"allways\"",
        "did you mean \"always\"?",
    ] {
        assert!(wrong.contains(part), "{wrong}");
    }
    let settings = Place::new().variable("WINDLASS_FROKS", "3").settings();
    assert_eq!(
        settings.warnings.to_string(),
        "the environment variable WINDLASS_FROKS means nothing; did you mean WINDLASS_FORKS?"
    );
}

#[test]
fn what_ansible_says_wrongly_matters_only_where_it_counts() {
    let cfg = "[ssh_connection]\nssh_args = -o ProxyCommand=\"nc %h\"\n";
    let place = Place::new().ansible_cfg(cfg);
    let wrong = place.wrong();
    assert!(wrong.contains("ansible.cfg:2:1"), "{wrong}");
    assert!(wrong.contains("use ProxyJump"), "{wrong}");
    assert!(
        wrong
            .contains("`ssh_args` in `[connection]` of windlass.toml is stronger than ansible.cfg"),
        "{wrong}"
    );
    let place = place.project("[connection]\nssh_args = \"-J bastion\"\n");
    assert_eq!(place.get("connection.ssh_args").0, "-J bastion");
}

/// In the manner of a project that sets up whole clusters.
const CLUSTERS: &str = "[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist=30m -o ConnectionAttempts=100 -o UserKnownHostsFile=/dev/null
#control_path = ~/.ssh/ansible-%%r@%%h:%%p
[defaults]
force_valid_group_names = ignore
host_key_checking = False
gathering = smart
fact_caching = jsonfile
fact_caching_connection = /tmp
fact_caching_timeout = 86400
timeout = 300
stdout_callback = default
display_skipped_hosts = no
library = ./library
callbacks_enabled = profile_tasks
roles_path = roles:$VIRTUAL_ENV/share/roles:/usr/share/roles
deprecation_warnings = False
[inventory]
ignore_patterns = artifacts, credentials
";

#[test]
fn the_configuration_of_a_large_project_is_taken_over() {
    let place = Place::new().ansible_cfg(CLUSTERS);
    for (name, value) in [
        ("connection.host_key_checking", "off"),
        ("connection.timeout", "300"),
        ("run.gathering", "implicit"),
        (
            "run.roles_path",
            "roles, $VIRTUAL_ENV/share/roles, /usr/share/roles",
        ),
        (
            "connection.ssh_args",
            "-o ControlMaster=auto -o ControlPersist=30m -o ConnectionAttempts=100 -o UserKnownHostsFile=/dev/null",
        ),
    ] {
        assert_eq!(place.get(name).0, value);
    }
    let warnings: Vec<String> = place
        .settings()
        .warnings
        .iter()
        .map(|warning| {
            warning
                .to_string()
                .split(" is not")
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        warnings,
        [
            "ansible.cfg:9:1: `fact_caching`",
            "ansible.cfg:16:1: `callbacks_enabled`"
        ]
    );
}

#[test]
fn the_configuration_of_a_small_project_is_taken_over_without_a_word() {
    let place = Place::new().ansible_cfg(
        "[defaults]\nnocows = True\nroles_path = ./roles\ninventory = ./hosts.ini\nremote_tmp = $HOME/.ansible/tmp\n\
         local_tmp  = $HOME/.ansible/tmp\npipelining = True\nbecome = True\nhost_key_checking = False\n\
         deprecation_warnings = False\ncallback_whitelist =\n",
    );
    assert_eq!(
        place.get("run.inventory"),
        pair("./hosts.ini", "ansible.cfg:4")
    );
    assert_eq!(place.get("connection.host_key_checking").0, "off");
    // Ansible reads `become` in its own section only.
    assert_eq!(place.get("become.enabled"), pair("false", "default"));
    assert!(place.settings().warnings.is_empty());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let place = Place::new();
    fs::create_dir_all(place.around.folder.join("windlass.toml")).unwrap();
    assert!(
        place.wrong().contains("windlass.toml: "),
        "{}",
        place.wrong()
    );
}
