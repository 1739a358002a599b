//! The dead-man timer's script, really run under both shells; `systemd-run` only notes how it was called.

use super::tests::{Host, on_both};
use super::{Armed, Entry, Left, UndoLog, WENT_BACK, parse_alone, parse_armed};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const SYSTEMD_RUN: &str = r#"#!/bin/sh
state=$(dirname "$0")/../units
[ -e "$state/no-timers" ] && exit 1
for word; do printf '%s\n' "$word"; done >>"$state/armed"
"#;

const MINUTE: Option<Duration> = Some(Duration::from_mins(1));

/// A host with a `systemd-run`, and a file that a first step of run r1 is about to replace.
fn armed_host(host: &Host) -> UndoLog {
    let program = host.path("bin/systemd-run");
    fs::write(&program, SYSTEMD_RUN).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    host.write("f", "old", 0o644);
    host.log.clone().with_deadman(MINUTE)
}

fn step(host: &Host, log: &UndoLog, number: u32) -> String {
    host.ok(&log.intent(number, "replace f", &[Entry::Path(host.text("f"))]))
}

/// The timer looks; its time is over when `due` is.
fn watch(host: &Host, log: &UndoLog, due: bool) -> i32 {
    let path = Path::new(log.folder()).join("deadline");
    if due && let Ok(text) = fs::read_to_string(&path) {
        let rest = text.split_once(' ').unwrap().1;
        fs::write(&path, format!("0 {rest}")).unwrap();
    }
    host.run(&format!("sh '{}/deadman.sh' watch", log.folder()))
        .0
}

#[test]
fn the_first_step_arms_it_later_ones_move_it_and_a_commit_stops_it() {
    on_both(|host| {
        let log = armed_host(host);
        assert_eq!(parse_armed(&step(host, &log, 1)), Some(Armed::Now));
        let call = host.read("units/armed");
        for word in ["--unit=windlass-revert-r1\n", "--on-active=60\n"] {
            assert!(call.contains(word), "{call}");
        }
        assert!(call.ends_with(&format!("sh\n{}/deadman.sh\nwatch\n", log.folder())));
        assert_eq!(parse_armed(&step(host, &log, 2)), Some(Armed::Moved));
        assert_eq!(host.read("units/armed"), call, "armed once");
        let quiet = host.log.clone();
        assert_eq!(parse_armed(&step(host, &quiet, 3)), None);
        host.ok(&log.extend(Duration::from_hours(1)));
        let folder = Path::new(log.folder());
        let deadline = fs::read_to_string(folder.join("deadline")).unwrap();
        assert_eq!(deadline.split(' ').nth(1), Some("3600"), "{deadline}");
        host.ok(&log.commit());
        assert!(!folder.join("deadline").exists() && !folder.join("lock").exists());
        assert_eq!(host.calls(), ["stop windlass-revert-r1.timer"]);
        host.ok(&log.extend(Duration::from_hours(1)));
        assert!(!folder.join("deadline").exists(), "a commit is final");
    });
}

#[test]
fn when_its_time_is_over_the_host_goes_back_and_the_run_is_done_with_it() {
    on_both(|host| {
        let log = armed_host(host);
        step(host, &log, 1);
        host.write("f", "new", 0o644);
        assert_eq!(watch(host, &log, false), 0);
        assert_eq!(host.read("f"), "new", "not before its time");
        assert_eq!(watch(host, &log, true), 0);
        assert_eq!(host.read("f"), "old");
        assert_eq!(host.calls(), ["stop windlass-revert-r1.timer"]);

        let (status, _, errors) = host.run(&log.intent(2, "x", &[]));
        assert_eq!(status, WENT_BACK);
        assert!(errors.contains("went back by itself at 20"), "{errors}");
        let (status, output, _) = host.run(&log.commit());
        assert_eq!(status, WENT_BACK);
        let since = parse_alone(&output).unwrap().to_owned();
        let report = host.revert();
        assert!(report.complete && report.undone.is_empty());
        assert_eq!(report.alone.as_ref(), Some(&since));
        let state = UndoLog::parse_state(&host.ok(&log.state())).unwrap();
        assert!(state.reverted && !state.committed);

        let next = log.of_run("r2");
        let left = UndoLog::parse_left(&host.ok(&next.look_for_others()));
        let expected = Left {
            run: "r1".to_owned(),
            open: false,
            alone: Some(since),
            armed: None,
            busy: false,
        };
        assert_eq!(left, [expected]);
        host.ok(&log.mark_seen());
        assert!(UndoLog::parse_left(&host.ok(&next.look_for_others())).is_empty());
    });
}

#[test]
fn what_a_dead_run_left_is_seen_and_can_be_taken_back_before_its_time() {
    on_both(|host| {
        let log = armed_host(host);
        step(host, &log, 1);
        host.write("f", "new", 0o644);
        let next = log.of_run("r2");
        let left = UndoLog::parse_left(&host.ok(&next.look_for_others()));
        assert!(left[0].open && left[0].alone.is_none(), "{left:?}");
        assert!((1..=60).contains(&left[0].armed.unwrap()), "{left:?}");
        let report = UndoLog::parse_revert(&host.ok(&next.of_run("r1").revert()));
        assert!(report.complete && report.alone.is_none(), "{report:?}");
        assert_eq!(host.read("f"), "old");
        assert!(UndoLog::parse_left(&host.ok(&next.look_for_others())).is_empty());
        host.write("f", "newer", 0o644);
        assert_eq!(watch(host, &log, true), 0);
        assert_eq!(host.read("f"), "newer", "the timer comes too late");
    });
}

#[test]
fn the_timer_leaves_alone_what_was_committed_and_waits_for_nobody_that_holds_the_log() {
    on_both(|host| {
        let log = armed_host(host);
        step(host, &log, 1);
        host.write("f", "new", 0o644);
        host.ok(&log.commit());
        step(host, &log, 2);
        host.write("f", "newer", 0o644);
        assert_eq!(watch(host, &log, true), 0);
        assert_eq!(host.read("f"), "new");
    });
}

#[test]
fn what_does_not_go_back_is_tried_three_times() {
    on_both(|host| {
        let log = armed_host(host);
        step(host, &log, 1);
        fs::remove_file(Path::new(log.folder()).join("files/1.1")).unwrap();
        host.write("f", "new", 0o644);
        for left in [true, true, false] {
            assert_eq!(watch(host, &log, true), 1);
            let deadline = Path::new(log.folder()).join("deadline");
            assert_eq!(deadline.exists(), left);
        }
        let next = log.of_run("r2");
        let left = UndoLog::parse_left(&host.ok(&next.look_for_others()));
        assert!(left[0].open && left[0].alone.is_some(), "{left:?}");
        assert_eq!(host.revert().remaining.len(), 1);
    });
}

#[test]
fn without_systemd_it_is_off_and_where_it_cannot_be_armed_nothing_is_recorded() {
    on_both(|host| {
        let log = armed_host(host);
        fs::write(host.path("units/system"), "offline").unwrap();
        assert_eq!(
            parse_armed(&step(host, &log, 1)),
            Some(Armed::Off(
                "systemd does not run here (it is offline)".to_owned()
            ))
        );
        assert!(!Path::new(log.folder()).join("deadline").exists());
        fs::remove_file(host.path("units/system")).unwrap();
        fs::write(host.path("units/no-timers"), "").unwrap();
        let (status, _, errors) = host.run(&log.intent(2, "x", &[]));
        assert_eq!(status, 1);
        assert!(errors.contains("cannot be armed"), "{errors}");
        assert!(!Path::new(log.folder()).join("undo/2.sh").exists());
    });
}
