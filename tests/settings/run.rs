//! A run goes by its settings.

use crate::place::Place;
use std::fs;
use windlass::lab::{Fleet, LabConfig, LabHostConfig, Role};

/// What a play sees of the settings.
const SEES: &str = "
- hosts: all
  tasks:
    - debug:
        msg: >-
          forks={{ ansible_forks }} diff={{ ansible_diff_mode }} verbosity={{ ansible_verbosity }}
          tags={{ ansible_run_tags | join('+') }} state={{ windlass_controller_dir }} facts={{ ansible_hostname is defined }}
      tags: [seen]
    - fail:
        msg: this task has a tag that is skipped
      tags: [seen, skipped]
    - fail:
        msg: this task has none of the tags
    - import_role:
        name: elsewhere
      tags: [seen]
";

#[test]
fn a_run_goes_by_the_settings_of_its_project() {
    let place = Place::new()
        .file("project/site.yml", SEES)
        .file(
            "shared/elsewhere/tasks/main.yml",
            "- debug:\n    msg: the role that lies elsewhere\n",
        )
        // That of the home folder is nobody's.
        .file("windlass.toml", "[run]\nforks = 99\n")
        .file(
            "project/windlass.toml",
            "[run]\ninventory = \"web1,web2\"\nforks = 7\ngathering = \"explicit\"\ntags = [\"seen\"]\n\
             skip_tags = [\"skipped\"]\nroles_path = [\"../shared\"]\nstate_dir = \"~/state\"\n\
             [connection]\nkind = \"local\"\n[output]\ndiff = true\nverbosity = 1\nform = \"plain\"\n",
        );
    let text = place.windlass(&["run", "site.yml"]).ended(0);
    for part in [
        "forks=7 diff=True verbosity=1 tags=seen state=~/state facts=False",
        "the role that lies elsewhere",
        "web2",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("Gathering Facts"), "{text}");
    assert!(place.home().join("state/runs").is_dir());

    // A flag is stronger.
    let flags = [
        "run",
        "site.yml",
        "--forks",
        "3",
        "--diff=no",
        "-i",
        "web3,",
        "--gathering",
        "implicit",
    ];
    let text = place.windlass(&flags).ended(0);
    assert!(text.contains("forks=3 diff=False"), "{text}");
    assert!(
        text.contains("Gathering Facts") && !text.contains("web1"),
        "{text}"
    );

    // Events instead of lines.
    let place = place.variable("WINDLASS_FORM", "json");
    let text = place.windlass(&["run", "site.yml"]).ended(0);
    assert!(text.lines().all(|line| line.starts_with('{')), "{text}");
}

#[test]
fn any_errors_fatal_and_max_failures_are_settings() {
    let play = "- hosts: all\n  tasks:\n    - fail:\n        msg: broken\n      when: inventory_hostname == 'a'\n    - debug:\n        msg: went on\n";
    let local = "[run]\ninventory = \"a,b\"\n[connection]\nkind = \"local\"\n";
    let place = Place::new()
        .file("project/site.yml", play)
        .file("project/windlass.toml", local);
    let text = place.windlass(&["run", "site.yml"]).ended(2);
    assert!(text.contains("went on"), "{text}");
    let place = place.file(
        "project/ansible.cfg",
        "[defaults]\nany_errors_fatal = True\n",
    );
    let text = place.windlass(&["run", "site.yml"]).ended(2);
    assert!(!text.contains("went on"), "{text}");
    // The playbook's own word is stronger.
    let place = place.file(
        "project/site.yml",
        &play.replace("  tasks:", "  any_errors_fatal: false\n  tasks:"),
    );
    let text = place.windlass(&["run", "site.yml"]).ended(2);
    assert!(text.contains("went on"), "{text}");
}

#[test]
fn the_connection_goes_by_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let host = LabHostConfig {
        name: "web1".to_owned(),
        role: Role::Plain,
        version: None,
    };
    let config = LabConfig {
        folder: folder.path().join("lab"),
        hosts: vec![host],
    };
    // Its threads answer while this one waits for the program.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lab = runtime.block_on(Fleet::start(config)).unwrap();
    let variables = lab.variables("web1").unwrap();
    let text = |name: &str| variables[name].as_str().unwrap().to_owned();
    let key = fs::read_to_string(text("ansible_private_key_file")).unwrap();
    let settings = format!(
        "[run]\ninventory = \"hosts.ini\"\n[connection]\nuser = \"{}\"\nport = {}\nprivate_key = \"key\"\n\
         timeout = 20\nssh_common_args = \"\"\"{}\"\"\"\n",
        text("ansible_user"),
        variables["ansible_port"],
        text("ansible_ssh_common_args"),
    );
    let place = Place::new()
        .file(
            "project/hosts.ini",
            &format!("web1 ansible_host={}\n", text("ansible_host")),
        )
        .file(
            "project/site.yml",
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: echo arrived\n",
        )
        .file("project/key", &key)
        .file("project/windlass.toml", &settings);
    let run = ["run", "site.yml", "-v"];
    let text = place.windlass(&run).ended(0);
    assert!(text.contains("arrived"), "{text}");

    // Each of them counts: with another one the host is out of reach.
    let unknown = "--ssh-common-args=-o UserKnownHostsFile=/dev/null";
    for (flag, expected) in [
        ("--user=nobody", "nobody"),
        ("--port=1", ":1: "),
        (unknown, "host key"),
        ("--private-key=/nowhere/key", "/nowhere/key"),
    ] {
        let text = place.windlass(&[&run[..], &[flag]].concat()).ended(4);
        assert!(text.contains(expected), "{flag}\n{text}");
    }
    // Who does not check need not know the key.
    let off = [&run[..], &[unknown, "--host-key-checking=off"]].concat();
    assert!(place.windlass(&off).ended(0).contains("arrived"));
}
