//! What a user sees of small runs, to the letter.

use crate::event::{Counts, HostState, Kind, Status, TaskResult};
use crate::report::sample::{
    OPTIONS, Page, at, batch, broken, changed, counts, done, end, failed_run, item, names, ok,
    plainly, play, progress, result, run, task, verbose,
};
use crate::report::{Options, plain};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_run_in_which_a_host_goes_back() {
    insta::assert_snapshot!(plainly(OPTIONS, failed_run()), @r#"

    PLAY [upgrade workers] *************************************

    BATCH [1/2: worker1, worker2] ******************************

    TASK [k3s : install binary] ********************************
    changed: [worker1]
    changed: [worker2]

    TASK [k3s : restart] ***************************************
    changed: [worker1]
    fatal: [worker2]: FAILED! => {"changed": true, "msg": "non-zero return code", "rc": 1, "stderr": "Job for k3s.service failed.\nSee \"journalctl -xe\".", "stdout": ""}
        stderr:
          Job for k3s.service failed.
          See "journalctl -xe".

    ROLLBACK [worker2] *****************************************
    reason: k3s : restart: non-zero return code
    rolled back: [worker2]
      undone:
        /usr/local/bin/k3s
        service k3s

    STOPPED ****************************************************
    reason: 1 of 2 hosts of the batch failed, more than 0 %
    not started: worker3

    PLAY RECAP *************************************************
    worker1                    : ok=2    changed=2    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
    worker2                    : ok=1    changed=1    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0    rolled back
    worker3                    : ok=0    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0    pending

    worker2: rolled back: k3s : restart: non-zero return code
    3 hosts in 4.2 s: 1 done, 1 rolled back, 1 pending
    exit code 2: hosts failed; they were rolled back where the play says so
    "#);
}

#[test]
fn loops_show_their_items_and_end_once() {
    let passed = || result(Status::Changed, json!({"changed": true, "item": "a"}));
    let failed = || {
        result(
            Status::Failed,
            json!({"msg": "no such user", "item": "b", "failed": true}),
        )
    };
    let whole = json!({"msg": "One or more items failed", "changed": true, "results": [1, 2]});
    let text = plainly(
        OPTIONS,
        vec![
            task(1, "users", "user", &["a1", "a2", "a3"]),
            item(1, "a1", "anna", passed()),
            item(1, "a2", "anna", result(Status::Skipped, json!({}))),
            item(1, "a1", "bert", failed()),
            done(1, "a1", result(Status::Failed, whole.clone())),
            done(1, "a2", result(Status::Skipped, json!({"results": []}))),
            item(1, "a3", "bert", failed()),
            done(1, "a3", result(Status::Ignored, whole)),
        ],
    );
    insta::assert_snapshot!(text, @r#"

    TASK [users] ***********************************************
    changed: [a1] => (item=anna)
    skipping: [a2] => (item=anna)
    failed: [a1] (item=bert) => {"item": "b", "msg": "no such user"}
    fatal: [a1]: FAILED! => {"changed": true, "msg": "One or more items failed"}
    failed: [a3] (item=bert) => {"item": "b", "msg": "no such user"}
    fatal: [a3]: FAILED! => {"changed": true, "msg": "One or more items failed"}
    ...ignoring
    "#);
}

#[test]
fn debug_shows_its_message_and_only_at_its_level() {
    let says = |verbosity, answer| TaskResult {
        verbosity,
        ..result(Status::Ok, answer)
    };
    let text = plainly(
        OPTIONS,
        vec![
            task(1, "debug", "debug", &["a1"]),
            done(1, "a1", says(0, json!({"msg": "hello", "changed": false}))),
            task(2, "more", "debug", &["a1"]),
            done(2, "a1", says(1, json!({"msg": "not shown"}))),
            task(3, "a variable", "ansible.builtin.debug", &["a1"]),
            item(
                3,
                "a1",
                "x",
                says(
                    0,
                    json!({"nodes": {"b": 1, "a": [true, null]}, "changed": false}),
                ),
            ),
        ],
    );
    insta::assert_snapshot!(text, @r#"

    TASK [debug] ***********************************************
    ok: [a1] => {
        "msg": "hello"
    }

    TASK [more] ************************************************
    ok: [a1]

    TASK [a variable] ******************************************
    ok: [a1] => (item=x) => {
        "nodes": {
            "a": [
                true,
                null
            ],
            "b": 1
        }
    }
    "#);
}

#[test]
fn every_way_a_task_can_end() {
    let message = |status, text: &str| result(status, json!({"msg": text, "changed": false}));
    let delegated = TaskResult {
        delegated_to: Some("cp1".to_owned()),
        ..result(Status::Ok, json!({}))
    };
    let lost = result(Status::Ignored, json!({"unreachable": true, "msg": "gone"}));
    let text = plainly(
        OPTIONS,
        vec![
            task(1, "probe", "command", &["a1"]),
            done(1, "a1", delegated),
            done(1, "a2", message(Status::Skipped, "no")),
            done(1, "a3", message(Status::Ignored, "no")),
            done(1, "a4", message(Status::Unreachable, "connection refused")),
            done(1, "a5", lost),
            done(1, "a6", message(Status::Unknown, "connection lost")),
            done(1, "a7", message(Status::Aborted, "")),
            Kind::Included {
                what: "tasks/more.yml".to_owned(),
                hosts: names(&["a1", "a2"]),
            },
            Kind::TaskStarted {
                task: 2,
                name: "k3s : restart".to_owned(),
                path: "roles/k3s/handlers/main.yml:2".to_owned(),
                action: "systemd".to_owned(),
                handler: true,
                hosts: names(&["a1"]),
            },
            Kind::TaskRetried {
                task: 2,
                host: "a1".to_owned(),
                left: 2,
            },
            changed(2, "a1"),
            // A result of an earlier task stands under that task's name again.
            ok(1, "a8"),
        ],
    );
    insta::assert_snapshot!(text, @r#"

    TASK [probe] ***********************************************
    ok: [a1 -> cp1]
    skipping: [a2]
    fatal: [a3]: FAILED! => {"changed": false, "msg": "no"}
    ...ignoring
    fatal: [a4]: UNREACHABLE! => {"changed": false, "msg": "connection refused"}
    fatal: [a5]: UNREACHABLE! => {"msg": "gone", "unreachable": true}
    ...ignoring
    fatal: [a6]: UNKNOWN! => {"changed": false, "msg": "connection lost"}
    aborted: [a7]
    included: tasks/more.yml for a1, a2

    RUNNING HANDLER [k3s : restart] ****************************
    FAILED - RETRYING: [a1]: k3s : restart (2 retries left).
    changed: [a1]

    TASK [probe] ***********************************************
    ok: [a8]
    "#);
}

#[test]
fn differences_stand_above_their_line_and_in_colour() {
    let answer = TaskResult {
        diff: vec!["--- before: /etc/a\n+++ after: /etc/a\n@@ -1 +1 @@\n-x\n+y\n".to_owned()],
        ..result(Status::Changed, json!({}))
    };
    let options = |color, diff| Options {
        color,
        diff,
        ..OPTIONS
    };
    let kinds = || vec![done(1, "a1", answer.clone())];
    insta::assert_snapshot!(plainly(options(false, true), kinds()), @"

    TASK [task 1] **********************************************
    --- before: /etc/a
    +++ after: /etc/a
    @@ -1 +1 @@
    -x
    +y

    changed: [a1]
    ");
    let painted = plainly(options(true, true), kinds());
    assert!(
        painted.contains("\u{1b}[31m-x\u{1b}[0m\n\u{1b}[32m+y\u{1b}[0m\n"),
        "{painted:?}"
    );
    assert!(
        painted.contains("\u{1b}[33mchanged: [a1]\u{1b}[0m"),
        "{painted:?}"
    );
    assert!(!plainly(options(false, false), kinds()).contains("+y"));
}

#[test]
fn each_v_adds_something() {
    let kinds = || {
        vec![
            run(),
            Kind::HostConnected {
                host: "a1".to_owned(),
                took: Duration::from_millis(120),
            },
            task(1, "copy", "copy", &["a1"]),
            Kind::UndoRecorded {
                host: "a1".to_owned(),
                step: 3,
                what: "file /etc/a".to_owned(),
            },
            changed(1, "a1"),
            Kind::HostCommitted {
                host: "a1".to_owned(),
            },
        ]
    };
    insta::assert_snapshot!(plainly(verbose(1), kinds()), @r#"
    run 20260102-a1 of site.yml

    TASK [copy] ************************************************
    changed: [a1] => {"changed": true}
      [a1] committed
    "#);
    insta::assert_snapshot!(plainly(verbose(3), kinds()), @r#"
    run 20260102-a1 of site.yml
    <a1> connected in 0.1 s

    TASK [copy] ************************************************
    task path: site.yml:3
      [a1] undo 3: file /etc/a
    changed: [a1] => {
        "changed": true
    }
      [a1] committed
    "#);
}

#[test]
fn progress_is_said_when_it_changes_and_not_too_often() {
    let page = Page::default();
    let mut reporter = plain(OPTIONS, Box::new(page.clone()));
    for (millis, message) in [
        (0, "waiting for budget shop/web"),
        (900, "2 pods left"),
        (3_000, "1 pod left"),
        (9_000, "1 pod left"),
    ] {
        reporter.event(&at(millis, progress("a1", message)));
    }
    assert_eq!(
        page.text(),
        "  [a1] waiting for budget shop/web\n  [a1] 1 pod left\n"
    );
}

#[test]
fn what_a_person_must_do_is_said_at_once_and_at_the_end() {
    let text = plainly(
        OPTIONS,
        vec![
            Kind::Warning {
                host: Some("cp1".to_owned()),
                message: "not cordoned".to_owned(),
            },
            Kind::HostReconnected {
                host: "cp1".to_owned(),
                reason: "reset by peer".to_owned(),
            },
            Kind::RollbackFinished {
                host: "cp1".to_owned(),
                state: HostState::RollbackIncomplete,
                undone: Vec::new(),
                remaining: names(&[
                    "sudo sh /var/lib/windlass/20260102-a1/revert",
                    "kubectl uncordon cp1",
                ]),
                message: Some("the host cannot be reached: timed out".to_owned()),
                instead: Vec::new(),
            },
            end(
                vec![Counts {
                    failed: 1,
                    reason: Some("k3s : restart: timed out".to_owned()),
                    ..counts("cp1", 1, 1, HostState::RollbackIncomplete)
                }],
                3,
            ),
        ],
    );
    insta::assert_snapshot!(text, @"
    [WARNING]: [cp1]: not cordoned
      [cp1] connected again: reset by peer
    rollback incomplete: [cp1]: the host cannot be reached: timed out
      nothing was undone
      to be run by hand on cp1:
        sudo sh /var/lib/windlass/20260102-a1/revert
        kubectl uncordon cp1

    PLAY RECAP *************************************************
    cp1                        : ok=1    changed=1    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0    rollback incomplete

    cp1: rollback incomplete: k3s : restart: timed out
      to be run by hand on cp1:
        sudo sh /var/lib/windlass/20260102-a1/revert
        kubectl uncordon cp1
    1 host in 4.2 s: 1 rollback incomplete
    exit code 3: a rollback is incomplete; a person is needed
    ");
}

#[test]
fn a_run_that_went_well_ends_with_one_line() {
    let text = plainly(
        OPTIONS,
        vec![
            play("nobody", &[]),
            batch(1, 1, &["a1"]),
            end(
                vec![counts(
                    "a-host-with-quite-a-long-name",
                    12,
                    3,
                    HostState::Done,
                )],
                0,
            ),
        ],
    );
    insta::assert_snapshot!(text, @"

    PLAY [nobody] **********************************************
    skipping: no hosts matched

    PLAY RECAP *************************************************
    a-host-with-quite-a-long-name : ok=12   changed=3    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0

    1 host in 4.2 s: 1 done
    ");
}

#[test]
fn a_failed_run_of_fifteen_hosts_ends_on_one_screen() {
    let recap = (0..15)
        .map(|number| Counts {
            reason: (number < 2).then(|| "restart: non-zero return code".to_owned()),
            ..counts(
                &format!("w{number}"),
                1,
                1,
                if number < 2 {
                    HostState::RolledBack
                } else {
                    HostState::Pending
                },
            )
        })
        .collect();
    let text = plainly(OPTIONS, vec![end(recap, 2)]);
    assert!(text.lines().count() <= 24, "{text}");
}

#[test]
fn output_of_a_host_cannot_move_the_cursor() {
    let mut kind = broken(1, "a1");
    if let Kind::TaskFinished { result, .. } = &mut kind {
        result.result["stderr"] = json!("\u{1b}[2J\u{1b}[Hfake\r\nline \u{7}two");
    }
    let text = plainly(OPTIONS, vec![kind]);
    assert!(
        text.contains("    stderr:\n      fake\n      line two\n"),
        "{text}"
    );
    assert!(!text.contains(['\u{1b}', '\r', '\u{7}']), "{text:?}");
}
