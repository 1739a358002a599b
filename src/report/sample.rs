//! Events for the tests of this room: short ways to write a run down.

use super::Options;
use crate::event::{Counts, Event, HostState, Kind, Status, TaskResult};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// No `-v`, no colours, with differences, 60 columns.
pub(super) const OPTIONS: Options = Options {
    verbosity: 0,
    color: false,
    diff: true,
    width: 60,
};

/// `-v` so many times.
pub(super) fn verbose(verbosity: u8) -> Options {
    Options {
        verbosity,
        ..OPTIONS
    }
}

/// Something to write to that a test can read.
#[derive(Debug, Clone, Default)]
pub(super) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the plain reporter writes for these.
pub(super) fn plainly(options: Options, kinds: Vec<Kind>) -> String {
    let page = Page::default();
    let mut reporter = super::plain(options, Box::new(page.clone()));
    for kind in kinds {
        reporter.event(&at(0, kind));
    }
    reporter.finish();
    page.text()
}

/// `kind`, so many milliseconds after the start.
pub(super) fn at(millis: i64, kind: Kind) -> Event {
    Event {
        at: Timestamp::from_millisecond(millis).unwrap(),
        kind,
    }
}

pub(super) fn names(hosts: &[&str]) -> Vec<String> {
    hosts.iter().map(|host| (*host).to_owned()).collect()
}

pub(super) fn run() -> Kind {
    Kind::RunStarted {
        run: "20260102-a1".to_owned(),
        version: 1,
        playbook: "site.yml".to_owned(),
        inventory: names(&["hosts.ini"]),
        check: false,
        user: "ann".to_owned(),
        controller: "desk".to_owned(),
        resumes: None,
    }
}

pub(super) fn play(name: &str, hosts: &[&str]) -> Kind {
    Kind::PlayStarted {
        name: name.to_owned(),
        hosts: names(hosts),
        rollback: true,
        key: "site.yml:1".to_owned(),
    }
}

pub(super) fn batch(number: usize, of: usize, hosts: &[&str]) -> Kind {
    Kind::BatchStarted {
        number,
        of,
        hosts: names(hosts),
    }
}

pub(super) fn task(number: usize, name: &str, action: &str, hosts: &[&str]) -> Kind {
    Kind::TaskStarted {
        task: number,
        name: name.to_owned(),
        path: format!("site.yml:{}", number * 3),
        action: action.to_owned(),
        handler: false,
        hosts: names(hosts),
    }
}

pub(super) fn progress(host: &str, message: &str) -> Kind {
    Kind::TaskProgress {
        task: 1,
        host: host.to_owned(),
        message: message.to_owned(),
    }
}

pub(super) fn result(status: Status, result: Value) -> TaskResult {
    TaskResult {
        status,
        took: Duration::from_millis(300),
        result,
        diff: Vec::new(),
        delegated_to: None,
        verbosity: 1,
    }
}

pub(super) fn done(number: usize, host: &str, result: TaskResult) -> Kind {
    Kind::TaskFinished {
        task: number,
        host: host.to_owned(),
        result,
    }
}

pub(super) fn ok(number: usize, host: &str) -> Kind {
    done(number, host, result(Status::Ok, json!({"changed": false})))
}

pub(super) fn changed(number: usize, host: &str) -> Kind {
    done(
        number,
        host,
        result(Status::Changed, json!({"changed": true})),
    )
}

/// A command that failed with two lines on its standard error.
pub(super) fn broken(number: usize, host: &str) -> Kind {
    let answer = json!({
        "changed": true, "failed": true, "rc": 1, "msg": "non-zero return code",
        "stderr": "Job for k3s.service failed.\nSee \"journalctl -xe\".", "stderr_lines": [], "stdout": "",
    });
    done(number, host, result(Status::Failed, answer))
}

pub(super) fn item(number: usize, host: &str, label: &str, result: TaskResult) -> Kind {
    Kind::ItemFinished {
        task: number,
        host: host.to_owned(),
        label: label.to_owned(),
        result,
    }
}

pub(super) fn counts(host: &str, ok: u32, changed: u32, state: HostState) -> Counts {
    Counts {
        host: host.to_owned(),
        ok,
        changed,
        state,
        ..Counts::default()
    }
}

pub(super) fn end(recap: Vec<Counts>, exit_code: u8) -> Kind {
    Kind::RunFinished {
        recap,
        exit_code,
        took: Duration::from_millis(4_210),
    }
}

/// A run of two batches: the second host fails and goes back, the third is not started.
pub(super) fn failed_run() -> Vec<Kind> {
    let hosts = ["worker1", "worker2", "worker3"];
    let restart = "k3s : restart";
    let reason = "k3s : restart: non-zero return code";
    vec![
        run(),
        play("upgrade workers", &hosts),
        batch(1, 2, &hosts[..2]),
        task(1, "k3s : install binary", "copy", &hosts[..2]),
        changed(1, "worker1"),
        changed(1, "worker2"),
        task(2, restart, "systemd", &hosts[..2]),
        changed(2, "worker1"),
        broken(2, "worker2"),
        Kind::HostCommitted {
            host: "worker1".to_owned(),
        },
        Kind::RollbackStarted {
            host: "worker2".to_owned(),
            reason: reason.to_owned(),
        },
        Kind::RollbackFinished {
            host: "worker2".to_owned(),
            state: HostState::RolledBack,
            undone: names(&["/usr/local/bin/k3s", "service k3s"]),
            remaining: Vec::new(),
            message: None,
            instead: Vec::new(),
        },
        Kind::Stopped {
            reason: "1 of 2 hosts of the batch failed, more than 0 %".to_owned(),
            pending: names(&["worker3"]),
        },
        end(
            vec![
                counts("worker3", 0, 0, HostState::Pending),
                counts("worker1", 2, 2, HostState::Done),
                Counts {
                    failed: 1,
                    reason: Some(reason.to_owned()),
                    ..counts("worker2", 1, 1, HostState::RolledBack)
                },
            ],
            2,
        ),
    ]
}
