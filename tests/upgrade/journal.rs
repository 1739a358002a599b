//! A journal that cannot be written, and one that was torn: the run stops before it changes more, and nothing that was
//! recorded is lost.

use crate::events::{Ended, task_starts};
use crate::inventory::Inventory;
use crate::lab::{BEFORE, Lab, TARGET};
use crate::running::{self, DEADLINE};
use assert_cmd::cargo::CommandCargoExt;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const WORKERS: [&str; 2] = ["--limit", "kube_node"];

/// Mounts a small file system at the first word, runs the rest, and copies what was written to the second word.
const SMALL_DISK: &str = r#"
runs=$1 copy=$2 size=$3
shift 3
mount -t tmpfs -o size="$size" tmpfs "$runs" || exit 99
"$@"
code=$?
cp -R "$runs/." "$copy/" || exit 98
exit $code
"#;

/// A command that finds its runs on a disk of so many bytes, and leaves a copy of them.
fn on_small_disk(command: &Command, runs: &Path, copy: &Path, size: u32) -> Command {
    let mut small = Command::new("unshare");
    small
        .args(["-rm", "sh", "-c", SMALL_DISK, "sh"])
        .args([runs, copy])
        .arg(size.to_string())
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            small.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        small.current_dir(folder);
    }
    small
}

/// Whether this user may mount a file system of its own; says so when not.
#[expect(clippy::print_stdout, reason = "a test says when it is skipped")]
fn may_mount() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let tried = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(folder.path())
        .output();
    let why = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let why = format!("no file system of the test's own: {}", why.trim());
    assert!(
        std::env::var_os("CI").is_none(),
        "in CI nothing may be skipped: {why}"
    );
    println!("skipped: {why}");
    false
}

/// The only journal in a folder of runs, which must be whole.
fn only_journal(runs: &Path) -> Ended {
    let folders: Vec<_> = fs::read_dir(runs).unwrap().map(Result::unwrap).collect();
    assert_eq!(folders.len(), 1);
    let path = folders[0].path().join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.ends_with('\n'), "a half line is left");
    for line in text.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    let ballast = folders[0].path().join("ballast");
    assert!(!ballast.exists(), "the ballast is left");
    Ended::read(&path)
}

/// The room that is there beside the ballast decides at which moment the disk is full.
#[test]
fn a_full_disk_stops_the_run_and_the_next_one_finishes_the_upgrade() {
    if !may_mount() {
        return;
    }
    let lab = Lab::with(&Inventory::new().control_planes(1).workers(2));
    let runs = lab.state_folder().join("runs");
    fs::create_dir_all(&runs).unwrap();
    let mut stopped = 0;
    // What the run was asked takes 20 KiB of it.
    for room in [36, 48, 64] {
        let copy = tempfile::tempdir().unwrap();
        let command = lab.run_of("playbooks/upgrade.yml", &WORKERS);
        let size = (256 + room) * 1024;
        let command = on_small_disk(&command, &runs, copy.path(), size);
        let run = Ended::of(&running::within(DEADLINE, command));
        assert_eq!(run.code, Some(2), "{room} KiB: {}", run.errors);
        let stop = run.of_kind("stopped");
        let reason = stop[0]["reason"].as_str().unwrap();
        assert_eq!(
            reason,
            "the journal cannot be written: No space left on device; nothing more is changed"
        );
        let journal = only_journal(copy.path());
        // The ballast has made room for the end.
        assert_eq!(journal.events.len(), run.events.len(), "{room} KiB");
        assert_eq!(journal.of_kind("run_finished").len(), 1);
        assert!(
            run.errors
                .contains("the end of the run was recorded all the same"),
            "{}",
            run.errors
        );
        let status = lab.status();
        for host in ["worker1", "worker2"] {
            let state = run.recap(host)["state"].clone();
            let committed = run
                .of_kind("host_committed")
                .iter()
                .any(|event| event["host"] == host);
            let expected = if committed { TARGET } else { BEFORE };
            assert_ne!(state, "rollback_incomplete", "{host}");
            status.assert_serving(host, expected);
        }
        stopped += run.of_kind("undo_recorded").len();
    }
    assert!(
        stopped > 0,
        "the disk was never full in the middle of a change"
    );
    let run = lab.upgrade(&WORKERS);
    run.assert_code(0);
    for host in ["worker1", "worker2"] {
        lab.status().assert_serving(host, TARGET);
    }
}

/// A run on this machine, with a limit on the size of files in units of 512 bytes.
fn limited(folder: &Path, blocks: u32, tasks: &Value) -> Output {
    let state = folder.join("host");
    let host = format!(
        "one ansible_connection=local windlass_state_dir={}\n",
        state.display()
    );
    fs::write(folder.join("hosts"), host).unwrap();
    let play = json!([{"hosts": "one", "gather_facts": false,
        "rollback": {"on": "failure"}, "tasks": tasks}]);
    fs::write(folder.join("play.yml"), play.to_string()).unwrap();
    let run = Command::cargo_bin("windlass").unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -f {blocks}; exec \"$@\""), "sh"])
        .arg(run.get_program())
        .args(["run", "play.yml", "-i", "hosts", "--json"])
        .current_dir(folder)
        .env("WINDLASS_STATE_DIR", folder.join("state"))
        .env("NO_COLOR", "1");
    running::within(DEADLINE, command)
}

#[test]
fn a_run_that_cannot_be_recorded_is_refused_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let tasks = json!([{"name": "Mark", "command": format!("touch {}", mark.display())}]);
    let output = limited(folder.path(), 64, &tasks);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let place = format!("{}/state/runs/", folder.path().display());
    let start = format!("error: the run cannot be recorded, so nothing was touched: {place}");
    assert!(errors.starts_with(&start), "{errors}");
    assert!(errors.trim_end().ends_with(": File too large"), "{errors}");
    assert!(!mark.exists());
    // Nothing that looks like a run is left.
    assert_eq!(
        fs::read_dir(folder.path().join("state/runs"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_journal_that_may_not_grow_stops_the_run_and_the_host_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str| {
        let path = folder.path().join(name);
        json!({"name": format!("Put {name}"), "copy": {"dest": path, "content": "new"}})
    };
    let talk = json!({"name": "Talk", "command": "head -c 30000 /dev/zero", "loop": "{{ range(20) | list }}"});
    let tasks = json!([put("first"), talk, put("second")]);
    let output = limited(folder.path(), 600, &tasks);
    let run = Ended::of(&output);
    run.assert_code(2);
    let reason = run.reason("one");
    assert!(reason.contains("the journal cannot be written"), "{reason}");
    assert!(reason.contains("File too large"), "{reason}");
    assert!(run.events.len() < 40, "the loop goes on in vain");
    assert_eq!(run.recap("one")["state"], "rolled_back");
    run.assert_never_ran("Put second", "one");
    for name in ["first", "second"] {
        assert!(!folder.path().join(name).exists(), "{name}");
    }
    assert!(
        run.errors
            .contains("events are not recorded; make room and run again"),
        "{}",
        run.errors
    );
    let journal = only_journal(&folder.path().join("state/runs"));
    assert_eq!(journal.of_kind("undo_recorded").len(), 1);
    let said = &run.events[..journal.events.len()];
    assert_eq!(journal.events, said, "the beginning, without a gap");
}

/// What a power cut leaves: a last line that is torn, with zeros in place of what was lost; and a bad disk, which damaged
/// the third line. Gives the warning that this deserves.
fn damage(path: &Path) -> String {
    let mut bytes = fs::read(path).unwrap();
    let end = bytes.len() - 9;
    bytes[end..].fill(0);
    bytes.resize(end + 4096, 0);
    // It is none of those that a rollback or a resumed run goes by.
    let third = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let third = third.map(|(at, _)| at).nth(1).unwrap() + 1;
    bytes[third..third + 5].fill(b'#');
    fs::write(path, bytes).unwrap();
    format!("warning: {}:3: the journal is damaged here", path.display())
}

#[test]
fn a_torn_journal_is_good_for_a_rollback_and_damage_is_told() {
    let lab = Lab::with(&Inventory::new().control_planes(1).workers(2));
    let killed = lab.killed_at(&WORKERS, task_starts("Wait until the node"));
    let warning = damage(&lab.journal_file(&killed.id()));

    let list = lab.ok(&["rollback"]);
    assert!(
        list.contains(&killed.id()) && list.contains("1 host") && list.contains("journal damaged"),
        "{list}"
    );
    let arguments = ["rollback", &killed.id(), "-i", lab.inventory()];
    let output = running::within(DEADLINE, lab.command(&arguments));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(errors.starts_with(&warning), "{errors}");
    assert_eq!(
        errors.lines().count(),
        1,
        "a torn end is no damage: {errors}"
    );
    let status = lab.status();
    status.assert_serving("worker1", BEFORE);
    status.assert_serving("worker2", BEFORE);
}

#[test]
fn a_run_with_a_torn_journal_is_gone_on_with_and_damage_is_told() {
    let lab = Lab::with(&Inventory::new().control_planes(1).workers(2));
    let killed = lab.killed_at(&WORKERS, task_starts("Wait until the node"));
    let warning = damage(&lab.journal_file(&killed.id()));
    let output = running::within(DEADLINE, lab.command(&["resume"]));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert_eq!(errors.matches(&warning).count(), 1, "{errors}");
    let status = lab.status();
    status.assert_serving("worker1", TARGET);
    status.assert_serving("worker2", TARGET);
}
