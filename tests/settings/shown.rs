//! `windlass settings`, mistakes in settings, and help.

use crate::place::Place;
use serde_json::{Value, json};

fn place() -> Place {
    Place::new()
        .file(
            "project/windlass.toml",
            "[run]\ninventory = [\"hosts.yml\", \"web1,\"]\nforks = 20\n\n[connection]\nuser = \"admin\"\n",
        )
        .file(
            ".config/windlass/windlass.toml",
            "[run]\nforks = 10\n[connection]\nprivate_key = \"~/key\"\n",
        )
        .file(
            "project/ansible.cfg",
            "[defaults]\nforks = 5\nhost_key_checking = False\nstrategy = free\n[privilege_escalation]\nbecome = true\n",
        )
        .variable("WINDLASS_TIMEOUT", "30")
        .variable("ANSIBLE_TIMEOUT", "40")
        .variable("ANSIBLE_REMOTE_USER", "root")
}

#[test]
fn each_value_is_shown_with_where_it_comes_from() {
    let place = place();
    let said = place.windlass(&["settings"]);
    assert!(
        said.stderr
            .contains("warning: ansible.cfg:4:1: `strategy` is not taken over: "),
        "{}",
        said.stderr
    );
    let text = said.ended(0);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .collect()
        })
        .collect();
    for expected in [
        ["run.inventory", "hosts.yml, web1,", "windlass.toml:2"],
        ["run.forks", "20", "windlass.toml:3"],
        ["run.max_failures", "(as the plays say)", "default"],
        ["connection.user", "admin", "windlass.toml:6"],
        [
            "connection.private_key",
            "~/key",
            "~/.config/windlass/windlass.toml:4",
        ],
        ["connection.timeout", "30 s", "environment WINDLASS_TIMEOUT"],
        ["connection.host_key_checking", "off", "ansible.cfg:3"],
        ["become.enabled", "true", "ansible.cfg:6"],
    ] {
        assert!(rows.contains(&expected.to_vec()), "{expected:?} in\n{text}");
    }
    // Columns are aligned.
    let starts: Vec<usize> = text
        .lines()
        .filter(|line| line.ends_with("  default"))
        .map(|line| line.rfind("default").unwrap())
        .collect();
    assert!(starts.len() > 10 && starts.iter().all(|at| *at == starts[0]));
}

#[test]
fn one_setting_one_table_or_what_is_changed() {
    let place = place();
    let text = place.windlass(&["settings", "run.forks"]).ended(0);
    assert_eq!(text, "run.forks  20  windlass.toml:3\n");
    let text = place.windlass(&["settings", "become"]).ended(0);
    assert!(text.lines().count() > 2 && text.lines().all(|line| line.starts_with("become.")));
    let text = place.windlass(&["settings", "--changed"]).ended(0);
    assert_eq!(text.lines().count(), 7, "{text}");
    assert!(!text.contains("default"));
    let text = Place::new().windlass(&["settings", "--changed"]).ended(0);
    assert_eq!(text, "all settings have their defaults\n");

    let json = place
        .windlass(&["settings", "--json", "connection"])
        .ended(0);
    let all: Value = serde_json::from_str(&json).unwrap();
    let user = all
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "connection.user");
    assert_eq!(
        user.unwrap(),
        &json!({"name": "connection.user", "value": "admin", "origin": "file", "file": "windlass.toml", "line": 6})
    );
    let timeout = all
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "connection.timeout");
    assert_eq!(
        timeout.unwrap(),
        &json!({"name": "connection.timeout", "value": 30, "origin": "environment", "variable": "WINDLASS_TIMEOUT"})
    );

    for (name, hint) in [
        ("run.fork", "did you mean `run.forks`?"),
        ("forks", "did you mean `run.forks`?"),
        ("nothing", "`windlass settings` shows all that there are"),
    ] {
        let said = place.windlass(&["settings", name]);
        assert!(said.stderr.contains(hint), "{}", said.stderr);
        assert_eq!(said.ended(1), "");
    }
}

#[test]
fn a_mistake_ends_every_verb_with_its_place_but_not_help() {
    let place = Place::new().file(
        "project/windlass.toml",
        "[run]\nforcks = 20\nwindow = \"Sit 2-6\"\n",
    );
    for words in [&["run", "site.yml"][..], &["inventory"], &["settings"]] {
        let said = place.windlass(words);
        for part in [
            "windlass.toml:2:1",
            "^^^^^^ not known",
            "did you mean `forks`?",
        ] {
            assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
        }
        assert_eq!(said.ended(1), "");
    }
    let help = place.windlass(&["run", "--help"]).ended(0);
    let words: Vec<&str> = help.split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("[env: WINDLASS_FORKS] [default: 50]"),
        "{help}"
    );

    let place = Place::new().file("project/windlass.toml", "[run]\nwindow = \"Sit 2-6\"\n");
    let said = place.windlass(&["settings"]);
    assert!(said.stderr.contains("windlass.toml:2:1"), "{}", said.stderr);
    assert!(said.stderr.contains("`run.window`: "), "{}", said.stderr);
    assert_eq!(said.ended(1), "");
}

#[test]
fn help_shows_what_holds_here() {
    let help = place().windlass(&["run", "--help"]).ended(0);
    for part in [
        "[env: WINDLASS_FORKS] [default: 20]",
        "[env: WINDLASS_USER] [default: admin]",
        "[env: WINDLASS_BECOME_METHOD] [default: sudo]",
    ] {
        let words: Vec<&str> = help.split_whitespace().collect();
        assert!(words.join(" ").contains(part), "{part}\n{help}");
    }
}

#[test]
fn a_run_that_would_get_other_variables_is_refused() {
    let place = Place::new().file(
        "project/ansible.cfg",
        "[defaults]\nhash_behaviour = merge\n",
    );
    let said = place.windlass(&["run", "site.yml"]);
    for part in [
        "ansible.cfg:2:1",
        "`hash_behaviour` is not taken over",
        "ANSIBLE_CONFIG=/dev/null",
    ] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
    assert_eq!(said.ended(1), "");
    let place = place.variable("ANSIBLE_CONFIG", "/dev/null");
    assert_eq!(
        place.windlass(&["settings", "run.forks"]).ended(0),
        "run.forks  50  default\n"
    );
}

#[test]
fn colours_are_as_the_settings_say() {
    let broken = "[run]\nforcks = 20\n";
    let plain = Place::new().file("project/windlass.toml", broken);
    assert!(!plain.windlass(&["settings"]).stderr.contains('\x1b'));
    let colored = plain.windlass(&["settings", "--color", "always"]);
    assert!(colored.stderr.contains('\x1b'), "{}", colored.stderr);

    let place = || Place::new().file("project/site.yml", "- hosts: all\n  tusks: []\n");
    let run = ["run", "site.yml", "-i", "web1,"];
    let always = place().variable("ANSIBLE_FORCE_COLOR", "1");
    assert!(always.windlass(&run).stderr.contains('\x1b'));
    let never = always.variable("NO_COLOR", "please");
    assert!(!never.windlass(&run).stderr.contains('\x1b'));
}
