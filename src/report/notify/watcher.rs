//! Knows when something is to be told: at the start, when a host has failed for good, at the end.

use super::notice::FailedHost;
use super::{Couriers, Notice, Occasion};
use crate::event::{Event, HostState, Kind, Status};
use crate::report::failure;
use crate::report::{Reporter, Synopsis};
use indexmap::IndexMap;
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// So many failed hosts are told one by one; the end tells all of them.
const TOLD_ONE_BY_ONE: usize = 20;

/// Tells `couriers` what happens, on these occasions only. Whoever made the couriers finishes them.
pub fn notifier(
    run: &str,
    occasions: Vec<Occasion>,
    couriers: Arc<Mutex<Option<Couriers>>>,
) -> Box<dyn Reporter> {
    let send = move |notice: Notice| {
        let mut couriers = couriers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(couriers) = couriers.as_mut() {
            couriers.send(notice);
        }
    };
    Box::new(Watcher::new(run, occasions, Box::new(send)))
}

struct Watcher {
    synopsis: Synopsis,
    occasions: Vec<Occasion>,
    send: Box<dyn FnMut(Notice) + Send>,
    /// Hosts whose task failed, with why: a `rescue` may still catch it.
    doubtful: IndexMap<String, String>,
    /// Hosts on their way back, with why.
    going_back: IndexMap<String, String>,
    told: HashSet<String>,
}

impl Reporter for Watcher {
    fn event(&mut self, event: &Event) {
        self.synopsis.take(event);
        let at = event.at;
        match &event.kind {
            Kind::RunStarted { .. } => self.tell(|run| Notice::start(run, at)),
            Kind::PlayStarted { .. } | Kind::BatchStarted { .. } | Kind::Stopped { .. } => {
                self.tell_doubtful(at);
            }
            Kind::RunFinished { recap, .. } => {
                for host in recap {
                    let is_fine = matches!(host.state, HostState::Done | HostState::Pending)
                        && host.failed + host.unreachable == 0;
                    if !is_fine {
                        let reason = self.doubtful.shift_remove(&host.host);
                        let reason = host.reason.clone().or(reason).unwrap_or_default();
                        self.tell_failed(at, &host.host, host.state, reason, Vec::new());
                    }
                }
                self.doubtful.clear();
                self.tell(|run| Notice::end(run, at));
            }
            kind => self.host(at, kind),
        }
    }

    fn finish(&mut self) {
        // Told to stop at once, a run has no last event, and its end is told all the same.
        if let (Some(at), None) = (self.synopsis.last, &self.synopsis.end) {
            self.tell(|run| Notice::end(run, at));
        }
    }
}

impl Watcher {
    fn new(run: &str, occasions: Vec<Occasion>, send: Box<dyn FnMut(Notice) + Send>) -> Self {
        Self {
            synopsis: Synopsis::new(run),
            occasions,
            send,
            doubtful: IndexMap::new(),
            going_back: IndexMap::new(),
            told: HashSet::new(),
        }
    }

    fn host(&mut self, at: Timestamp, kind: &Kind) {
        match kind {
            // What fails on the way back is part of the way back.
            Kind::TaskFinished { host, .. } if self.going_back.contains_key(host) => {}
            Kind::TaskFinished { host, result, .. } => match result.status {
                Status::Failed | Status::Unreachable | Status::Unknown => {
                    self.doubtful.insert(host.clone(), failure::message(result));
                }
                Status::Skipped | Status::Aborted => {}
                Status::Ok | Status::Changed | Status::Ignored => {
                    self.doubtful.shift_remove(host);
                }
            },
            Kind::RollbackStarted { host, reason } => {
                self.doubtful.shift_remove(host);
                self.going_back.insert(host.clone(), reason.clone());
            }
            Kind::RollbackFinished {
                host,
                state,
                remaining,
                message,
                ..
            } => {
                let mut reason = self.going_back.shift_remove(host).unwrap_or_default();
                if let Some(message) = message.as_ref().filter(|_| *state != HostState::RolledBack)
                {
                    reason = format!("{reason}; {message}");
                }
                // A rollback that was asked for is no failure as long as it succeeds.
                if self.synopsis.rollback_of.is_none() || *state != HostState::RolledBack {
                    self.tell_failed(at, host, *state, reason, remaining.clone());
                }
            }
            _ => {}
        }
    }

    /// No `rescue` can come any more.
    fn tell_doubtful(&mut self, at: Timestamp) {
        for (host, reason) in std::mem::take(&mut self.doubtful) {
            self.tell_failed(at, &host, HostState::Failed, reason, Vec::new());
        }
    }

    fn tell_failed(
        &mut self,
        at: Timestamp,
        host: &str,
        state: HostState,
        reason: String,
        remaining: Vec<String>,
    ) {
        if self.told.len() >= TOLD_ONE_BY_ONE || !self.told.insert(host.to_owned()) {
            return;
        }
        let host = FailedHost {
            name: host.to_owned(),
            state,
            reason,
            remaining,
        };
        self.tell(|run| Notice::failed(run, at, host));
    }

    fn tell(&mut self, notice: impl FnOnce(&Synopsis) -> Notice) {
        let notice = notice(&self.synopsis);
        if self.occasions.contains(&notice.occasion()) {
            (self.send)(notice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{at, broken, changed, counts, end, failed_run, play, run, task};
    use serde_json::Value;

    fn told(occasions: &[Occasion], kinds: Vec<Kind>) -> Vec<Value> {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let send = move |notice: Notice| {
            let shape = serde_json::to_value(&notice).unwrap();
            heard.lock().unwrap().push(shape);
        };
        let mut watcher = Watcher::new("20260102-a1", occasions.to_vec(), Box::new(send));
        for kind in kinds {
            watcher.event(&at(1_000, kind));
        }
        watcher.finish();
        drop(watcher);
        Arc::into_inner(told).unwrap().into_inner().unwrap()
    }

    fn texts(told: &[Value]) -> Vec<&str> {
        told.iter().map(|it| it["text"].as_str().unwrap()).collect()
    }

    #[test]
    fn start_failure_and_end_are_told_once_each() {
        let told = told(&Occasion::ALL, failed_run());
        insta::assert_snapshot!(serde_json::to_string_pretty(&told).unwrap(), @r#"
        [
          {
            "event": "start",
            "text": "windlass: site.yml on hosts.ini: started (run 20260102-a1, ann on desk)",
            "at": "1970-01-01T00:00:01Z",
            "run": "20260102-a1",
            "playbook": "site.yml",
            "inventory": [
              "hosts.ini"
            ],
            "check": false,
            "user": "ann",
            "controller": "desk"
          },
          {
            "event": "failed",
            "text": "windlass: site.yml on hosts.ini: worker2 failed, rolled back: k3s : restart: non-zero return code (run 20260102-a1, ann on desk)",
            "at": "1970-01-01T00:00:01Z",
            "run": "20260102-a1",
            "playbook": "site.yml",
            "inventory": [
              "hosts.ini"
            ],
            "check": false,
            "user": "ann",
            "controller": "desk",
            "host": {
              "name": "worker2",
              "state": "rolled_back",
              "reason": "k3s : restart: non-zero return code"
            }
          },
          {
            "event": "end",
            "text": "windlass: site.yml on hosts.ini: failed after 4.2 s; 3 hosts: 1 changed, 1 went back, 1 pending; stopped: 1 of 2 hosts of the batch failed, more than 0 % (run 20260102-a1, ann on desk)",
            "at": "1970-01-01T00:00:01Z",
            "run": "20260102-a1",
            "playbook": "site.yml",
            "inventory": [
              "hosts.ini"
            ],
            "check": false,
            "user": "ann",
            "controller": "desk",
            "end": {
              "result": "failed",
              "exit_code": 2,
              "seconds": 4.21,
              "hosts": {
                "total": 3,
                "changed": 1,
                "failed": 0,
                "went_back": 1,
                "pending": 1
              },
              "stopped": "1 of 2 hosts of the batch failed, more than 0 %",
              "recap": [
                {
                  "host": "worker3",
                  "ok": 0,
                  "changed": 0,
                  "unreachable": 0,
                  "failed": 0,
                  "skipped": 0,
                  "rescued": 0,
                  "ignored": 0,
                  "state": "pending",
                  "reason": null
                },
                {
                  "host": "worker1",
                  "ok": 2,
                  "changed": 2,
                  "unreachable": 0,
                  "failed": 0,
                  "skipped": 0,
                  "rescued": 0,
                  "ignored": 0,
                  "state": "done",
                  "reason": null
                },
                {
                  "host": "worker2",
                  "ok": 1,
                  "changed": 1,
                  "unreachable": 0,
                  "failed": 1,
                  "skipped": 0,
                  "rescued": 0,
                  "ignored": 0,
                  "state": "rolled_back",
                  "reason": "k3s : restart: non-zero return code"
                }
              ]
            }
          }
        ]
        "#);
    }

    #[test]
    fn the_end_of_a_run_that_was_cut_short_is_told() {
        let told = told(
            &[Occasion::End],
            vec![run(), play("one", &["a"]), Kind::Interrupted { now: true }],
        );
        assert_eq!(
            texts(&told),
            [
                "windlass: site.yml on hosts.ini: interrupted after 0.0 s; 1 host: 1 pending (run 20260102-a1, ann on desk)"
            ]
        );
        assert_eq!(told[0]["end"]["exit_code"], Value::Null);
    }

    #[test]
    fn only_what_is_asked_for_is_told() {
        let told = told(&[Occasion::Failed], failed_run());
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["event"], "failed");
    }

    #[test]
    fn a_rescued_failure_is_not_told_and_one_without_a_way_back_is_told_when_nothing_can_rescue_it()
    {
        let mut kinds = vec![
            run(),
            play("one", &["a", "b"]),
            task(1, "try", "command", &["a", "b"]),
            broken(1, "a"),
            broken(1, "b"),
            task(2, "rescue", "command", &["b"]),
            changed(2, "b"),
        ];
        assert_eq!(told(&[Occasion::Failed], kinds.clone()).len(), 0);
        kinds.push(play("two", &["b"]));
        let failed = vec![
            crate::event::Counts {
                failed: 1,
                ..counts("a", 0, 0, HostState::Failed)
            },
            counts("b", 2, 1, HostState::Done),
        ];
        kinds.push(end(failed, 2));
        let told = told(&[Occasion::Failed], kinds);
        assert_eq!(
            texts(&told),
            [
                "windlass: site.yml on hosts.ini: a failed, and stays as it is: non-zero return code (rc 1) (run 20260102-a1, ann on desk)"
            ]
        );
    }
}
