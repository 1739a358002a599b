//! Thirty-three secrets, planted wherever a user can put one, and a search of everything that comes out: what is printed, the
//! journal and every file of the state folder, and the processes while the run is under way.
//!
//! Where a secret is seen by the user's own will it is said in [`planted`]. Not searched are the user's own files, and the
//! files on the lab's hosts: the secrets belong there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod place;
mod planted;
mod processes;
mod search;

use place::Place;
use planted::PLANTED;
use processes::Watch;
use search::{assert_clean, assert_folder_clean, found_in};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output};

/// Runs a command to its end; looks for secrets in what it prints and in its processes.
fn clean(command: Command) -> Output {
    let (output, _) = watched(command);
    output
}

/// The same; how many different arguments and environments were seen. A command that ends at once may show none.
fn watched(mut command: Command) -> (Output, usize) {
    let child = command.spawn().unwrap();
    let watch = Watch::over(child.id());
    let output = child.wait_with_output().unwrap();
    let seen = watch.end();
    assert_clean("standard output", &output.stdout);
    assert_clean("standard error", &output.stderr);
    for process in &seen {
        let leaked: Vec<_> = found_in(process)
            .into_iter()
            .filter(|(planted, _)| !planted.in_processes)
            .map(|(planted, _)| planted.place)
            .collect();
        let shown = String::from_utf8_lossy(process);
        assert!(leaked.is_empty(), "{leaked:?} in a process: {shown}");
    }
    (output, seen.len())
}

fn assert_state_clean(place: &Place) {
    let (state, lab) = place.state();
    let seen = assert_folder_clean(&state, &lab);
    assert!(seen > 1, "only {seen} files in the state folder");
}

fn text(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    format!("{}{errors}", String::from_utf8_lossy(&output.stdout))
}

/// The last run again, in each form that it can be shown in.
fn assert_shown_clean(place: &Place) {
    for form in [
        &["runs"][..],
        &["runs", "--json"],
        &["show", "-vvv", "--diff"],
        &["show", "--json"],
        &["show", "--junit", "-"],
        &["show", "--html", "-"],
    ] {
        let output = clean(place.command(form));
        assert_eq!(output.status.code(), Some(0), "{form:?}: {}", text(&output));
        assert!(!output.stdout.is_empty(), "{form:?}");
    }
}

#[test]
fn a_run_at_the_highest_verbosity_tells_no_secret() {
    let place = Place::new();
    let (output, processes) = watched(place.run(&["-vvv", "--diff"]));
    let said = text(&output);
    assert!(processes > 10, "only {processes} processes were seen");
    assert_eq!(output.status.code(), Some(0), "{said}");
    // It was all there to be told.
    assert!(said.contains("it is ********"), "{said}");
    assert!(said.contains("A name with ******** in it"), "{said}");
    assert!(
        said.contains("http://user:********@127.0.0.1:1/file"),
        "{said}"
    );
    assert_state_clean(&place);
}

#[test]
fn events_and_the_journal_tell_no_secret() {
    let place = Place::new();
    let output = clean(place.run(&["--json", "--diff"]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let events: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let last = events.last().unwrap();
    assert_eq!(last["kind"]["event"], "run_finished");
    assert_state_clean(&place);
}

#[test]
fn check_mode_tells_no_secret() {
    let place = Place::new();
    clean(place.run(&["--check", "--diff", "-vvv"]));
    assert_state_clean(&place);
}

#[test]
fn a_failure_its_way_back_and_a_later_rollback_tell_no_secret() {
    let place = Place::new();
    let output = clean(place.run(&[
        "-vvv",
        "--diff",
        "-e",
        "end=false",
        "--notify-file",
        "targets",
        "--notify-token-file",
        "hook.token",
        "--metrics",
        "metrics.prom",
    ]));
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("A failure"), "{said}");
    assert_state_clean(&place);
    for file in ["notices", "metrics.prom"] {
        assert_clean(file, &place.read(file));
    }
    assert_shown_clean(&place);
    let again = clean(place.run(&["--json"]));
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    let first = again.stdout.split(|byte| *byte == b'\n').next().unwrap();
    let first: Value = serde_json::from_slice(first).unwrap();
    let run = first["kind"]["run"].as_str().unwrap();
    clean(place.command(&["rollback", "-i", "inventory.ini"]));
    let vault = [
        "--vault-password-file",
        "vault.pw",
        "--vault-id",
        "ops@ops.sh",
    ];
    let mut arguments = vec!["rollback", run, "-i", "inventory.ini", "--json"];
    arguments.extend(vault);
    let back = clean(place.command(&arguments));
    assert!(text(&back).contains("rollback_finished"), "{}", text(&back));
    assert_state_clean(&place);
}

#[test]
fn a_killed_run_leaves_no_secret() {
    let place = Place::new();
    let mut child = place.run(&["--json"]).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        assert_clean("an event", line.as_bytes());
        if line.contains("A failure") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_state_clean(&place);
}

#[test]
fn an_inventory_shows_no_secret() {
    let place = Place::new();
    for more in [&["--list"][..], &["--host", "h1"], &["--graph", "--vars"]] {
        let mut arguments = vec!["inventory", "-i", "inventory.ini"];
        arguments.extend(more);
        let output = clean(place.command(&arguments));
        let said = text(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(
            said.contains("********") && !said.contains("$ANSIBLE_VAULT"),
            "{said}"
        );
    }
}

#[test]
fn a_run_without_its_passwords_touches_no_host() {
    let place = Place::new();
    let extra = ["-e", "db_root_password=Extra-11-Gh29"];
    let cases: [(&[&str], &str); 4] = [
        (&[], "whole.yml:1:1"),
        (
            &["--vault-password-file", "become.pw"],
            "ids tried: default",
        ),
        (
            &[
                "--vault-id",
                "ops@vault.pw",
                "--vault-id",
                "main@missing.pw",
            ],
            "missing.pw",
        ),
        (
            &["-J"],
            "a terminal is needed to ask for the vault password",
        ),
    ];
    for (more, expected) in cases {
        let mut arguments = vec!["run", "playbook.yml", "-i", "inventory.ini"];
        arguments.extend(extra);
        arguments.extend(more);
        let output = clean(place.command(&arguments));
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!place.state().0.join("runs").exists(), "{said}");
    }
}

#[test]
fn inline_values_are_refused_at_their_place() {
    let place = Place::new();
    place.file(
        "plain.yml",
        "- hosts: h2\n  gather_facts: false\n  tasks:\n    - debug: {msg: \"{{ inline }}\"}\n",
    );
    let run = |more: &[&str]| {
        let mut arguments = vec!["run", "plain.yml", "-i", "inventory.ini"];
        arguments.extend(more);
        clean(place.command(&arguments))
    };
    let closed = run(&[]);
    let said = text(&closed);
    assert_eq!(closed.status.code(), Some(1), "{said}");
    assert!(
        said.contains("group_vars/lab.yml:4:") && said.contains("no vault password is given"),
        "{said}"
    );
    // An id without a password is only warned of until one of its values is used.
    let open = run(&["--vault-password-file", "vault.pw"]);
    let said = text(&open);
    assert_eq!(open.status.code(), Some(0), "{said}");
    assert!(
        said.contains("no password for the vault id `ops`"),
        "{said}"
    );
    // A look at the files alone needs none.
    let syntax = run(&["--syntax-check"]);
    assert_eq!(syntax.status.code(), Some(0), "{}", text(&syntax));
}

#[test]
fn mistakes_in_files_show_no_secret() {
    let place = Place::new();
    place.file(
        "group_vars/lab.yml",
        "db_password: Db-04-x: [\nansible_become_password: Become-02-Xr71 : x\n",
    );
    place.file(
        "host_vars/h1.yml",
        "api_token: Api-05-tok+Zz82\nb-c: 1\napi_token: Api-05-tok+Zz82\n",
    );
    let output = clean(place.run(&["--syntax-check"]));
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("api_token: ********"), "{said}");
}

/// Each place has a secret of its own, so that what is found says where it leaked.
#[test]
fn no_secret_is_part_of_another() {
    for one in &PLANTED {
        for other in &PLANTED {
            assert!(
                one.value == other.value || !other.value.contains(one.value),
                "{}",
                one.value
            );
        }
    }
}
