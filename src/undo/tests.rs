//! The scripts, really run under both shells in throwaway folders, with a `systemctl` of the tests' own.

use super::{Entry, RevertReport, StepState, UndoLog};
use crate::event::Phase;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Keeps each unit's state as files, and notes every call.
const SYSTEMCTL: &str = r#"#!/bin/sh
state=$(dirname "$0")/../units
echo "$*" >>"$state/calls"
verb=$1
shift
[ "${1-}" = --runtime ] && shift
case $verb in
  is-system-running) cat "$state/system" 2>/dev/null || echo running ;;
  is-enabled) cat "$state/$1.enabled" 2>/dev/null || { echo not-found; exit 4; } ;;
  is-active) cat "$state/$1.active" 2>/dev/null || { echo inactive; exit 3; } ;;
  enable) echo enabled >"$state/$1.enabled" ;;
  disable|unmask) echo disabled >"$state/$1.enabled" ;;
  mask) echo masked >"$state/$1.enabled" ;;
  restart) [ -e "$state/broken" ] && exit 1; echo active >"$state/$1.active" ;;
  stop) echo inactive >"$state/$1.active" ;;
esac
"#;

/// Names that a careless script would trip over.
const NAMES: [&str; 5] = ["plain", "with space", "it's", "new\nline", "$(x)"];

pub(super) struct Host {
    folder: tempfile::TempDir,
    shell: Vec<&'static str>,
    pub(super) log: UndoLog,
}

impl Host {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(super) fn run(&self, script: &str) -> (i32, String, String) {
        let path = format!("{}:{}", self.text("bin"), std::env::var("PATH").unwrap());
        let output = Command::new(self.shell[0])
            .args(&self.shell[1..])
            .args(["-c", script])
            .env("PATH", path)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    pub(super) fn ok(&self, script: &str) -> String {
        let (status, stdout, stderr) = self.run(script);
        assert_eq!(status, 0, "{:?}: {stdout}{stderr}", self.shell);
        stdout
    }

    fn intent(&self, step: u32, what: &str, entries: &[Entry]) {
        self.ok(&self.log.intent(step, what, entries));
    }

    pub(super) fn revert(&self) -> RevertReport {
        UndoLog::parse_revert(&self.ok(&self.log.revert()))
    }

    pub(super) fn write(&self, name: &str, text: &str, mode: u32) {
        let new = self.path(".new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    fn unit(&self, name: &str, enabled: &str, active: &str) {
        fs::write(self.path("units").join(format!("{name}.enabled")), enabled).unwrap();
        fs::write(self.path("units").join(format!("{name}.active")), active).unwrap();
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.read("units/calls")
            .lines()
            .filter(|line| !line.starts_with("is-") && !line.starts_with("reset-failed"))
            .map(str::to_owned)
            .collect()
    }
}

/// Runs `test` on a fresh host under dash (or whatever `sh` is) and under busybox; for the latter its tools come first.
pub(super) fn on_both(test: impl Fn(&Host)) {
    for shell in [vec!["sh"], vec!["busybox", "sh"]] {
        if Command::new(shell[0]).arg("-c").arg(":").output().is_err() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::create_dir(folder.path().join("units")).unwrap();
        let fake = folder.path().join("bin/systemctl");
        fs::write(&fake, SYSTEMCTL).unwrap();
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
        if shell[0] == "busybox" {
            let applets = "sh stat ln cp mv rm mkdir sed sort tail grep ls cat awk chmod chown";
            let busybox = which("busybox");
            for applet in applets.split(' ') {
                symlink(&busybox, folder.path().join("bin").join(applet)).unwrap();
            }
        }
        let log = UndoLog::new(&format!("{}/var lib", folder.path().display()), "r1");
        test(&Host { folder, shell, log });
    }
}

fn which(program: &str) -> PathBuf {
    std::env::split_paths(&std::env::var("PATH").unwrap())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn files_links_and_absence_come_back_whatever_their_names() {
    on_both(|host| {
        for (name, step) in NAMES.iter().zip(1..) {
            let (file, link, absent) = (
                format!("{name}.f"),
                format!("{name}.l"),
                format!("{name}.a"),
            );
            host.write(&file, "old", 0o640);
            symlink("to/nowhere", host.path(&link)).unwrap();
            host.intent(
                step,
                &format!("change\n{name}"),
                &[
                    Entry::Path(host.text(&file)),
                    Entry::Path(host.text(&link)),
                    Entry::Path(host.text(&absent)),
                ],
            );
            host.write(&file, "new", 0o755);
            fs::remove_file(host.path(&link)).unwrap();
            symlink("elsewhere", host.path(&link)).unwrap();
            fs::create_dir(host.path(&absent)).unwrap();
            host.write(&format!("{absent}/inside"), "x", 0o600);
            host.ok(&host.log.done(step));
        }
        let report = host.revert();
        assert!(report.complete, "{report:?}");
        assert_eq!(report.undone.len(), 5);
        assert_eq!(report.undone[1], "change new line");
        for name in NAMES {
            assert_eq!(host.read(&format!("{name}.f")), "old");
            assert_eq!(host.mode(&format!("{name}.f")), 0o640);
            let target = fs::read_link(host.path(&format!("{name}.l"))).unwrap();
            assert_eq!(target, Path::new("to/nowhere"));
            assert!(!host.path(&format!("{name}.a")).exists());
        }
        assert!(
            names(host.folder.path())
                .iter()
                .all(|name| !name.starts_with(".windlass"))
        );
    });
}

#[test]
fn two_steps_on_one_path_go_back_one_after_the_other() {
    on_both(|host| {
        host.write("f", "one", 0o644);
        host.intent(1, "first", &[Entry::Path(host.text("f"))]);
        host.write("f", "two", 0o600);
        host.intent(2, "second", &[Entry::Path(host.text("f"))]);
        host.write("f", "three", 0o755);
        // Recording again, as after a lost connection, must not take the new file for the old one.
        host.intent(1, "first", &[Entry::Path(host.text("f"))]);
        let report = host.revert();
        assert_eq!(report.undone, ["second", "first"]);
        assert_eq!((host.read("f"), host.mode("f")), ("one".to_owned(), 0o644));
        let again = host.revert();
        assert!(again.complete && again.undone.is_empty(), "{again:?}");
    });
}

#[test]
fn a_step_that_was_recorded_but_never_made_reverts_cleanly() {
    on_both(|host| {
        host.write("f", "old", 0o644);
        fs::create_dir(host.path("d")).unwrap();
        host.write("d/x", "kept", 0o600);
        host.intent(
            1,
            "replace f",
            &[
                Entry::Path(host.text("f")),
                Entry::Path(host.text("missing")),
                Entry::Tree(host.text("d")),
                Entry::Attributes(host.text("f")),
                Entry::Attributes(host.text("missing")),
            ],
        );
        let report = host.revert();
        assert!(report.complete, "{report:?}");
        assert_eq!(host.read("f"), "old");
        assert_eq!(host.read("d/x"), "kept");
        assert!(!host.path("missing").exists());
        let leftovers: Vec<_> = names(host.folder.path());
        assert_eq!(leftovers, ["bin", "d", "f", "units", "var lib"]);
    });
}

#[test]
fn folders_come_back_with_their_attributes_or_with_all_that_was_in_them() {
    on_both(|host| {
        for (name, entry) in [
            ("attributes", Entry::Path as fn(String) -> Entry),
            ("tree", Entry::Tree),
        ] {
            fs::create_dir_all(host.path(name).join("sub dir")).unwrap();
            host.write(&format!("{name}/sub dir/x"), "x", 0o640);
            symlink("x", host.path(name).join("sub dir/l")).unwrap();
            fs::set_permissions(host.path(name), fs::Permissions::from_mode(0o750)).unwrap();
            let step = if name == "tree" { 2 } else { 1 };
            host.intent(step, name, &[entry(host.text(name))]);
        }
        fs::set_permissions(host.path("attributes"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::remove_dir_all(host.path("tree")).unwrap();
        host.write("tree", "a file now", 0o644);
        let report = host.revert();
        assert!(report.complete, "{report:?}");
        assert_eq!((host.mode("attributes"), host.mode("tree")), (0o750, 0o750));
        assert_eq!(host.read("tree/sub dir/x"), "x");
        assert_eq!(host.mode("tree/sub dir/x"), 0o640);
        assert!(host.path("tree/sub dir/l").is_symlink());
    });
}

#[test]
fn services_settle_after_the_files_each_once_as_it_was_first() {
    on_both(|host| {
        host.unit("kubelet", "enabled", "active");
        host.unit("extra", "masked", "inactive");
        host.intent(1, "stop kubelet", &[Entry::Service("kubelet".to_owned())]);
        host.unit("kubelet", "disabled", "inactive");
        host.intent(2, "start extra", &[Entry::Service("extra".to_owned())]);
        host.unit("extra", "enabled", "active");
        host.intent(3, "mask kubelet", &[Entry::Service("kubelet".to_owned())]);
        host.unit("kubelet", "masked", "inactive");
        fs::write(host.path("units/calls"), "").unwrap();
        let report = host.revert();
        assert!(report.complete, "{report:?}");
        assert_eq!(
            host.calls(),
            [
                "unmask kubelet",
                "mask extra",
                "enable kubelet",
                "daemon-reload",
                "restart kubelet",
                "stop extra",
            ]
        );
    });
}

#[test]
fn what_fails_is_named_as_exact_commands_and_can_be_done_later() {
    on_both(|host| {
        host.unit("kubelet", "enabled", "active");
        host.intent(
            1,
            "restart kubelet",
            &[Entry::Service("kubelet".to_owned())],
        );
        fs::write(host.path("units/broken"), "").unwrap();
        let report = host.revert();
        let script = format!("'{}/undo/1.sh'", host.log.folder());
        assert!(!report.complete);
        assert_eq!(
            report.remaining,
            [format!(
                "sh {} settle",
                script.replace("/undo/1.sh'", "'/undo/1.sh")
            )]
        );
        fs::remove_file(host.path("units/broken")).unwrap();
        host.ok(&report.remaining[0]);
        let report = host.revert();
        assert!(report.complete && report.undone.is_empty(), "{report:?}");
    });
}

#[test]
fn services_stay_untouched_when_a_file_does_not_come_back() {
    on_both(|host| {
        host.unit("kubelet", "enabled", "active");
        host.write("f", "old", 0o644);
        host.intent(1, "replace f", &[Entry::Path(host.text("f"))]);
        host.intent(
            2,
            "restart kubelet",
            &[Entry::Service("kubelet".to_owned())],
        );
        fs::write(host.path("units/calls"), "").unwrap();
        fs::remove_file(Path::new(host.log.folder()).join("files/1.1")).unwrap();
        let report = host.revert();
        assert!(!report.complete);
        assert_eq!(report.undone, ["restart kubelet"]);
        assert_eq!(report.remaining.len(), 2, "{report:?}");
        assert!(report.remaining[0].ends_with("/undo/1.sh restore"));
        assert!(report.remaining[1].ends_with("/undo/2.sh settle"));
        assert!(host.calls().is_empty());
    });
}

#[test]
fn commands_run_in_their_phase_and_releases_are_handed_back() {
    on_both(|host| {
        let note = |word: &str| format!("echo \"it's {word}\" >>'{}'", host.text("notes"));
        let command = |phase, word| Entry::Command {
            phase,
            script: note(word),
        };
        host.intent(
            1,
            "drain",
            &[
                command(Phase::Settle, "settled"),
                command(Phase::Restore, "restored"),
                Entry::Release(json!({"uncordon": "node 'a'"})),
                command(Phase::Release, "released"),
            ],
        );
        let report = host.revert();
        assert!(report.complete);
        assert_eq!(
            report.releases,
            [
                json!({"uncordon": "node 'a'"}),
                json!({"command": note("released")})
            ]
        );
        assert_eq!(host.read("notes"), "it's restored\nit's settled\n");
    });
}

#[test]
fn a_commit_keeps_what_was_made_before_it() {
    on_both(|host| {
        assert_eq!(UndoLog::parse_state(&host.ok(&host.log.state())), None);
        assert!(host.revert().complete);
        host.write("f", "one", 0o644);
        host.intent(1, "first", &[Entry::Path(host.text("f"))]);
        host.write("f", "two", 0o644);
        host.ok(&host.log.done(1));
        host.ok(&host.log.commit());
        assert!(
            UndoLog::parse_state(&host.ok(&host.log.state()))
                .unwrap()
                .committed
        );
        host.intent(2, "second", &[Entry::Path(host.text("f"))]);
        host.write("f", "three", 0o644);
        assert_eq!(host.revert().undone, ["second"]);
        assert_eq!(host.read("f"), "two");
        let state = UndoLog::parse_state(&host.ok(&host.log.state())).unwrap();
        let states: Vec<_> = state.steps.iter().map(|step| step.state).collect();
        assert_eq!(states, [StepState::Done, StepState::Undone]);
        assert!(!state.reverted && !state.committed);
        let all = UndoLog::parse_revert(&host.ok(&host.log.revert_all()));
        assert_eq!(all.undone, ["first"]);
        assert_eq!(host.read("f"), "one");
        assert!(
            UndoLog::parse_state(&host.ok(&host.log.state()))
                .unwrap()
                .reverted
        );
    });
}

#[test]
fn only_runs_that_are_over_are_pruned() {
    on_both(|host| {
        let root = host.text("var lib");
        for (number, commit) in [(1, true), (2, false), (3, true), (4, true), (5, true)] {
            let log = UndoLog::new(&root, &format!("r{number}"));
            host.ok(&log.intent(1, "x", &[]));
            let manifest = format!("'{}/manifest'", log.folder());
            if commit {
                host.ok(&log.commit());
            }
            host.ok(&format!("touch -t 20260101000{number} {manifest}"));
        }
        let last = UndoLog::new(&root, "r6");
        host.ok(&last.intent(1, "x", &[]));
        host.ok(&last.commit());
        assert_eq!(names(&host.path("var lib/runs")), ["r2", "r4", "r5", "r6"]);
        let folder = Path::new(last.folder());
        assert_eq!(fs::metadata(folder).unwrap().mode() & 0o777, 0o700);
    });
}

#[test]
fn nothing_is_recorded_when_the_state_cannot_be_kept() {
    on_both(|host| {
        host.write("f", "old", 0o644);
        let log = UndoLog::new(&host.text("f"), "r1");
        let (status, _, stderr) = host.run(&log.intent(1, "x", &[Entry::Path(host.text("f"))]));
        assert_ne!(status, 0);
        assert!(!stderr.is_empty());
    });
}
