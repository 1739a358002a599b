//! Scenario 38: runs that meet the end of their window, and runs that nobody watches.
//!
//! The windows are made from the time it is, with minutes to spare, so that no test depends on how long a run takes.

use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::objects::settled;
use crate::running::{DEADLINE, within};
use crate::snapshot::assert_only_changed;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use std::process::Output;

const WORKERS: [&str; 2] = ["worker1", "worker2"];
/// The upgrade of the workers, one at a time.
const ONE_BY_ONE: [&str; 4] = ["--limit", "kube_node", "-e", "serial=1"];

/// A window from so many minutes after now to so many, in words.
fn window(from: i64, to: i64) -> String {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let at = |minutes: i64| {
        let then = now.checked_add(minutes.minutes()).unwrap();
        then.strftime("%H:%M").to_string()
    };
    format!("{}-{} UTC", at(from), at(to))
}

fn two_workers() -> Lab {
    settled(&Inventory::new().control_planes(1).workers(2))
}

/// A run as cron starts it.
fn unwatched(lab: &Lab, more: &[&str]) -> Output {
    let mut arguments = vec!["run", "playbooks/upgrade.yml", "-i", lab.inventory()];
    arguments.extend(more);
    within(DEADLINE, lab.command(&arguments))
}

fn text(output: &Output) -> String {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn outside_of_its_window_a_run_begins_nothing_and_says_when_it_opens() {
    let lab = two_workers();
    let before = lab.snapshot();
    let closed = window(120, 180);
    let output = unwatched(&lab, &["--window", &closed]);
    assert_eq!(output.status.code(), Some(6));
    let text = text(&output);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.starts_with(&format!(
            "outside of the window {closed}: nothing was begun; it opens "
        )),
        "{text}"
    );
    assert!(
        !lab.state_folder().join("runs").exists(),
        "a run was recorded"
    );
    assert_only_changed(&before, &lab.snapshot(), &[]);
    // A dry run changes nothing, so it may look.
    let output = unwatched(
        &lab,
        &["--window", &closed, "--check", "--limit", "worker1"],
    );
    assert!(lab.state_folder().join("runs").exists(), "{output:?}");
}

#[test]
fn what_would_not_end_in_the_window_is_left_for_the_next_run() {
    let lab = two_workers();
    let open = window(-60, 10);
    let first = lab.upgrade(&[&ONE_BY_ONE[..], &["--window", &open]].concat());
    first.assert_code(6);
    let stops = first.of_kind("stopped");
    let reason = stops[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("the window closes at "), "{reason}");
    assert!(
        reason.contains("15 min are assumed for a batch"),
        "{reason}"
    );
    // What disturbs nobody was done: the next run has less to do.
    assert_eq!(
        first.statuses("Stage the new binaries and check them", "worker1"),
        ["changed"]
    );
    for host in WORKERS {
        assert_eq!(first.recap(host)["state"], "pending", "{host}");
        first.assert_never_ran("Cordon", host);
        lab.status().assert_serving(host, BEFORE);
    }

    let pace = ["--window", &open, "--window-pace", "20m"];
    let said = lab.upgrade(&[&ONE_BY_ONE[..], &pace].concat());
    said.assert_code(6);
    let stops = said.of_kind("stopped");
    let reason = stops[0]["reason"].as_str().unwrap();
    assert!(
        reason.ends_with("a batch is said to take 20 min"),
        "{reason}"
    );

    let pace = ["--window", &open, "--window-pace", "2s"];
    let second = lab.upgrade(&[&ONE_BY_ONE[..], &pace].concat());
    second.assert_code(0);
    for host in WORKERS {
        assert_eq!(second.recap(host)["state"], "done", "{host}");
        lab.status().assert_serving(host, TARGET);
    }
}

#[test]
fn the_pace_of_earlier_runs_decides_where_there_are_some() {
    let lab = two_workers();
    lab.upgrade(&["--limit", "worker1"]).assert_code(0);
    // Ten minutes are less than what is assumed of a batch, but enough for what one took.
    let second = lab.upgrade(&["--limit", "worker2", "--window", &window(-60, 10)]);
    second.assert_code(0);
    lab.status().assert_serving("worker2", TARGET);
}

#[test]
fn a_run_that_nobody_watches_says_little_and_nothing_to_do_is_one_line() {
    let lab = two_workers();
    let quiet = ["--limit", "kube_node", "-q", "--window", "00:00-24:00"];
    let first = unwatched(&lab, &quiet);
    assert_eq!(first.status.code(), Some(0));
    let first = text(&first);
    assert!(first.starts_with("PLAY ["), "{first}");
    // Nothing of what was skipped, and nothing of groups that this inventory does not have.
    assert!(!first.contains("skipping: ["), "{first}");
    assert!(!first.contains("WARNING"), "{first}");
    assert!(
        first.contains("changed: [worker1] binary : Restart kubelet"),
        "{first}"
    );
    let last: Vec<&str> = first.lines().rev().take(2).collect();
    assert!(last[1].contains("2 done"), "{first}");
    let journal = last[0].strip_prefix("journal: ").unwrap();
    assert!(
        std::path::Path::new(journal).join("events.jsonl").is_file(),
        "{journal}"
    );
    assert!(!first.contains(['\r', '\u{1b}']), "{first:?}");

    let before = lab.snapshot();
    let second = unwatched(&lab, &quiet);
    assert_eq!(second.status.code(), Some(0));
    let second = text(&second);
    assert_eq!(second.lines().count(), 1, "{second}");
    assert!(second.starts_with("nothing to do: 2 hosts in "), "{second}");
    assert_only_changed(&before, &lab.snapshot(), &[]);

    // Without -q the transcript is longer, and its end is the same.
    let third = text(&unwatched(&lab, &["--limit", "kube_node"]));
    let last: Vec<&str> = third.lines().rev().take(2).collect();
    assert!(last[0].starts_with("journal: "), "{third}");
    assert!(last[1].starts_with("nothing to do: 2 hosts in "), "{third}");
    assert!(!third.contains(['\r', '\u{1b}']), "{third:?}");
}

#[test]
fn a_plan_says_what_fits_into_the_window() {
    let lab = two_workers();
    let plan = |window: &str, more: &[&str]| {
        let mut arguments = vec!["plan", "playbooks/upgrade.yml", "-i", lab.inventory()];
        arguments.extend(["--window", window]);
        arguments.extend(more);
        within(DEADLINE, lab.command(&arguments))
    };
    let said = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("window "));
        line.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let line = said(&plan("00:00-24:00", &[]));
    assert!(
        line.starts_with("window 00:00-24:00: always open: all "),
        "{line}"
    );
    let line = said(&plan("Sat 02:00-02:40 UTC", &["--window-pace", "20m"]));
    assert!(line.contains(": 2 of "), "{line}");
    let line = said(&plan("Sat 02:00-02:10 UTC", &[]));
    assert!(
        line.contains("one takes longer than the whole window"),
        "{line}"
    );
    assert!(line.contains("15 min are assumed"), "{line}");
}

#[test]
fn a_window_that_makes_no_sense_is_refused_before_anything_else() {
    let lab = Lab::new();
    let refused = |more: &[&str]| {
        let mut arguments = vec!["run", "playbooks/upgrade.yml"];
        arguments.extend(more);
        let output = within(DEADLINE, lab.command(&arguments));
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let errors = refused(&["--window", "Sat 02:00-06:00 Europe/Berln"]);
    assert!(
        errors.contains("there is no time zone `Europe/Berln`"),
        "{errors}"
    );
    assert!(errors.contains("did you mean `Europe/Berlin`?"), "{errors}");
    assert!(errors.contains("^^^^^^^^^^^^"), "{errors}");
    let errors = refused(&["--window", "02:00-06:00", "--window-pace", "soon"]);
    assert!(
        errors.contains("not a time such as 90s, 20m or 1h"),
        "{errors}"
    );
}
