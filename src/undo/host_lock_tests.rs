//! The lock's scripts, really run under both shells.

use super::tests::{Host, on_both};
use super::{Entry, HeldLock, HostLock, LOST_LOCK, LockState, UndoLog};
use crate::holder::Holder;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

fn lock_of(host: &Host, run: &str) -> HostLock {
    let mut holder = Holder::new(run, "ann", "it's $(here)\nor there");
    holder.what = "up grade.yml".to_owned();
    host.log.lock(&holder, &["a,b /etc/k".to_owned()])
}

fn ask(host: &Host, script: &str) -> LockState {
    let (_, output, errors) = host.run(script);
    HostLock::parse(&output, &errors)
}

fn held(state: LockState) -> HeldLock {
    match state {
        LockState::Held(held) => held,
        other => panic!("not held: {other:?}"),
    }
}

fn holder_file(host: &Host) -> PathBuf {
    host.path("var lib/lock/holder")
}

#[test]
fn one_run_has_it_and_the_others_are_told_who() {
    on_both(|host| {
        let (one, two) = (lock_of(host, "r1"), lock_of(host, "r2"));
        assert_eq!(ask(host, &one.look()), LockState::Free);
        let (status, output, _) = host.run(&one.take("echo then\n"));
        assert_eq!((status, output.as_str()), (0, "lock ours\nthen\n"));
        assert_eq!(ask(host, &one.take("")), LockState::Ours, "twice");
        let (status, output, _) = host.run(&two.take("echo then\n"));
        assert!(status != 0 && !output.contains("then"), "{output}");
        let found = held(HostLock::parse(&output, ""));
        assert_eq!(found.run, "r1");
        let holder = found.holder.unwrap();
        assert_eq!(holder.machine, "it's $(here)\nor there");
        assert_eq!(holder.what, "up grade.yml");
        assert_eq!(found.leases, ["a,b /etc/k"]);
        assert!(
            found.age.unwrap() < Duration::from_mins(1),
            "{:?}",
            found.age
        );
        assert!(found.quiet.unwrap() < Duration::from_mins(1));
        host.ok(&two.give_back());
        assert_eq!(held(ask(host, &two.look())).run, "r1", "not its own");
        host.ok(&one.give_back());
        assert_eq!(ask(host, &two.take("")), LockState::Ours);
        let folder = host.path("var lib/lock");
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::metadata(folder).unwrap().mode() & 0o777, 0o700);
    });
}

#[test]
fn of_many_that_come_at_once_one_gets_it() {
    on_both(|host| {
        let states: Vec<LockState> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8)
                .map(|number| {
                    let lock = lock_of(host, &format!("r{number}"));
                    scope.spawn(move || (lock.take(""), lock))
                })
                .collect();
            let scripts: Vec<String> = asking
                .into_iter()
                .map(|each| each.join().unwrap().0)
                .collect();
            let all: String = scripts
                .iter()
                .map(|script| format!("({script}) &\n"))
                .collect();
            let output = host.ok(&format!("{all}wait\n"));
            assert_eq!(output.matches("lock ours").count(), 1, "{output}");
            vec![HostLock::parse(&output, "")]
        });
        assert_eq!(states.len(), 1);
    });
}

#[test]
fn it_is_taken_over_from_the_run_that_was_seen_and_from_no_other() {
    on_both(|host| {
        let (one, two, three) = (
            lock_of(host, "r1"),
            lock_of(host, "r2"),
            lock_of(host, "r3"),
        );
        host.ok(&one.take(""));
        assert_eq!(ask(host, &two.take_over("r1", "")), LockState::Ours);
        // It saw r1, too, but comes too late.
        assert_eq!(held(ask(host, &three.take_over("r1", ""))).run, "r2");
        assert_eq!(held(ask(host, &one.check())).run, "r2");
        assert_eq!(held(ask(host, &three.break_from("r1"))).run, "r2");
        assert_eq!(ask(host, &three.break_from("r2")), LockState::Free);
        assert_eq!(ask(host, &two.check()), LockState::Free);
        let left: Vec<_> = fs::read_dir(host.path("var lib/lock")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    });
}

#[test]
fn one_that_was_killed_before_it_wrote_its_name_is_nobodys() {
    on_both(|host| {
        fs::create_dir_all(host.path("var lib/lock")).unwrap();
        fs::write(holder_file(host), "").unwrap();
        let lock = lock_of(host, "r1");
        assert_eq!(held(ask(host, &lock.look())).run, "");
        assert_eq!(ask(host, &lock.take_over("", "")), LockState::Ours);
    });
}

#[test]
fn after_a_reboot_nobody_can_tell_how_old_it_is() {
    on_both(|host| {
        host.ok(&lock_of(host, "r1").take(""));
        let text = fs::read_to_string(holder_file(host)).unwrap();
        let (rest, _) = text.rsplit_once("taken ").unwrap();
        fs::write(holder_file(host), format!("{rest}taken 12 another-boot\n")).unwrap();
        fs::write(host.path("var lib/lock/alive"), "13 another-boot\n").unwrap();
        let found = held(ask(host, &lock_of(host, "r2").look()));
        assert_eq!((found.age, found.quiet), (None, None));
        assert!(found.holder.is_some());
    });
}

#[test]
fn where_it_cannot_be_written_the_host_says_why() {
    on_both(|host| {
        host.write("file", "not a folder", 0o644);
        let log = UndoLog::new(&host.text("file"), "r1");
        let lock = log.lock(&Holder::new("r1", "ann", "laptop"), &[]);
        let (status, output, errors) = host.run(&lock.take("echo then\n"));
        assert!(status != 0 && !output.contains("then"));
        let LockState::Unusable(why) = HostLock::parse(&output, &errors) else {
            panic!("{output}");
        };
        assert!(why.contains("file"), "{why}");
    });
}

#[test]
fn a_step_is_recorded_only_while_the_lock_is_held() {
    on_both(|host| {
        host.write("f", "old", 0o644);
        let lock = lock_of(host, "r1");
        let log = host.log.clone().under_lock(Some(lock.clone()));
        host.ok(&lock.take(""));
        fs::remove_file(host.path("var lib/lock/alive")).unwrap();
        let entries = [Entry::Path(host.text("f"))];
        let said = host.ok(&log.intent(1, "replace f", &entries));
        assert!(!HostLock::is_lost(&said));
        assert!(host.path("var lib/lock/alive").exists(), "a sign of life");
        host.ok(&lock_of(host, "r2").take_over("r1", ""));
        let (status, said, errors) = host.run(&log.intent(2, "replace f", &entries));
        assert_eq!(status, LOST_LOCK);
        assert!(HostLock::is_lost(&said));
        assert!(errors.contains("run r2 has it now"), "{errors}");
        assert!(!PathBuf::from(log.folder()).join("undo/2.sh").exists());
        // What it did before goes back all the same.
        host.write("f", "new", 0o644);
        assert_eq!(host.revert().undone, ["replace f"]);
    });
}
