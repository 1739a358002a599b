//! `windlass schedule`: what it prints, and what it refuses before the night does. That it runs, `tests/fleet` shows.

use crate::lab::Lab;
use crate::running::{DEADLINE, within};
use std::process::Output;

const WINDOW: &str = "Sat 02:00-06:00 Europe/Berlin";

fn schedule(lab: &Lab, arguments: &[&str]) -> Output {
    let mut command = lab.command(&[&["schedule"], arguments].concat());
    command
        .env("TZ", "Europe/Berlin")
        .env_remove("SSH_AUTH_SOCK")
        .env_remove("NO_COLOR");
    within(DEADLINE, command)
}

fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_run_is_scheduled_when_its_window_opens() {
    let lab = Lab::new();
    let run = [
        "run",
        "playbooks/upgrade.yml",
        "-i",
        "inventory",
        "-q",
        "--window",
        WINDOW,
    ];
    let text = printed(&schedule(&lab, &run));
    let program = env!("CARGO_BIN_EXE_windlass");
    let folder = env!("CARGO_MANIFEST_DIR");
    let state = lab.state_folder().display().to_string();
    let lines = [
        format!("WorkingDirectory={folder}"),
        format!("Environment=WINDLASS_STATE_DIR={state}"),
        format!(
            "ExecStart={program} run playbooks/upgrade.yml -i inventory -q --window \"{WINDOW}\""
        ),
        "SuccessExitStatus=6".to_owned(),
        "OnCalendar=Sat *-*-* 02:00:00 Europe/Berlin".to_owned(),
        "Persistent=true".to_owned(),
        format!(
            "0 2 * * 6 cd {folder} && mkdir -m 700 -p {state}/log && WINDLASS_STATE_DIR={state} {program} run \
             playbooks/upgrade.yml -i inventory -q --window '{WINDOW}' >>{state}/log/upgrade.log 2>&1"
        ),
    ];
    for line in lines {
        assert!(text.lines().any(|each| each == line), "{line}\n{text}");
    }
    assert!(!lab.state_folder().join("log").exists(), "it only prints");
    let text = printed(&schedule(&lab, &[&["--cron", "--mail"], &run[..]].concat()));
    assert!(
        !text.contains("[Service]") && !text.contains(">>"),
        "{text}"
    );
    let text = printed(&schedule(&lab, &[&["--systemd"], &run[..]].concat()));
    assert!(text.contains("[Timer]") && !text.contains("cd "), "{text}");
}

#[test]
fn files_are_written_where_they_are_wanted() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let output = schedule(
        &lab,
        &[
            "--write",
            path,
            "--name",
            "nightly",
            "--on",
            "daily 03:30",
            "run",
            "playbooks/upgrade.yml",
        ],
    );
    printed(&output);
    let note = String::from_utf8_lossy(&output.stderr);
    assert!(note.contains("without --window"), "{note}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("windlass-nightly.service").contains("Type=oneshot"));
    let timer = read("windlass-nightly.timer");
    assert!(timer.contains("OnCalendar=*-*-* 03:30:00\n"), "{timer}");
    // One that was missed would run at any time of the day.
    assert!(timer.contains("Persistent=false"), "{timer}");
    assert!(read("windlass-nightly.cron").contains("\n30 3 * * * cd "));
}

#[test]
fn a_command_that_would_fail_at_night_is_refused_now() {
    let lab = Lab::new();
    let upgrade = "playbooks/upgrade.yml";
    let cases: [(&[&str], &str); 11] = [
        (&["run", upgrade], "it is not said when the run begins"),
        (
            &["run", upgrade, "--windw", WINDOW],
            "unexpected argument '--windw'",
        ),
        (
            &["run", "playbooks/none.yml", "--window", WINDOW],
            "cannot read `playbooks/none.yml`",
        ),
        (
            &["run", upgrade, "--limit", "worker99", "--window", WINDOW],
            "worker99",
        ),
        (
            &["run", upgrade, "-K", "--window", WINDOW],
            "--ask-become-pass needs somebody who answers",
        ),
        (
            &["run", upgrade, "--ask-vault-pass", "--window", WINDOW],
            "the vault password needs somebody who types it",
        ),
        (
            &[
                "run",
                upgrade,
                "--vault-id",
                "dev@prompt",
                "--window",
                WINDOW,
            ],
            "the vault password needs somebody who types it",
        ),
        (
            &["run", upgrade, "--list-hosts", "--window", WINDOW],
            "runs nothing",
        ),
        (
            &["plan", upgrade],
            "`windlass plan` is nothing to be scheduled",
        ),
        (
            &["--on", "Sun 02:00", "run", upgrade, "--window", WINDOW],
            "is outside of the run's window Sat 02:00-06:00 Europe/Berlin",
        ),
        (
            &["--name", "a b", "run", upgrade, "--window", WINDOW],
            "`a b` cannot be the name of a unit",
        ),
    ];
    for (arguments, expected) in cases {
        let output = schedule(&lab, arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
