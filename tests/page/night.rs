//! The record of a night: an upgrade of so many hosts in batches, written through the types that a real run uses. Some hosts
//! fail and go back, one could not be reached, one needs a person, some had nothing to do, and the last ones were not started.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use windlass::event::{Counts, Event, HostState, Kind, ProbeState, Status, TaskResult};

/// Tasks that look at the host before it is disturbed, and again after it is well: most of a run's results.
const LOOKS: usize = 40;
/// The size of the control plane.
const CONTROL: usize = 3;

/// What becomes of a host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lot {
    Fine,
    UpToDate,
    DrainFails,
    RestartFails,
    WayBackFails,
    Unreachable,
}

struct Night {
    now: Timestamp,
    events: Vec<Event>,
    counts: BTreeMap<String, Counts>,
    task: usize,
    chance: u64,
    wrong: Vec<(String, Lot)>,
}

/// The events of a run over so many hosts; at least ten.
pub(crate) fn events(hosts: usize) -> Vec<Event> {
    let names: Vec<String> = (0..hosts).map(|at| name(at, hosts)).collect();
    let mut night = Night {
        now: "2026-11-21T01:00:04.218Z".parse().unwrap(),
        events: Vec::new(),
        counts: names
            .iter()
            .map(|host| {
                (
                    host.clone(),
                    Counts {
                        host: host.clone(),
                        ..Counts::default()
                    },
                )
            })
            .collect(),
        task: 0,
        chance: 7,
        wrong: Vec::new(),
    };
    night.run(&names);
    night.events
}

fn name(at: usize, of: usize) -> String {
    let width = of.to_string().len();
    if at < CONTROL {
        format!("control-{}", at + 1)
    } else {
        format!(
            "worker-{:0width$}.rack{:02}.example.org",
            at - CONTROL + 1,
            (at - CONTROL) / 24 + 1
        )
    }
}

/// What becomes of the host at this place, so that runs of every size have all there is.
fn lot(at: usize, of: usize) -> Lot {
    let part = |share: usize| of * share / 100;
    match at {
        at if at < CONTROL => Lot::Fine,
        at if of <= 100 && at == part(50) => Lot::Unreachable,
        at if of <= 100 && at == part(60) => Lot::DrainFails,
        at if of <= 100 && at == part(80) => Lot::RestartFails,
        _ if of <= 100 => Lot::Fine,
        at if at == part(55) => Lot::Unreachable,
        at if at == part(70) + 1 => Lot::DrainFails,
        at if at == part(40) => Lot::WayBackFails,
        at if [0, 2, 3].contains(&(at.wrapping_sub(part(84)))) => Lot::RestartFails,
        at if at % 17 == 5 => Lot::UpToDate,
        _ => Lot::Fine,
    }
}

impl Night {
    fn say(&mut self, kind: Kind) {
        self.events.push(Event { at: self.now, kind });
    }

    fn pass(&mut self, millis: u64) {
        self.now += SignedDuration::from_millis(i64::try_from(millis).unwrap());
    }

    /// A number from `low` to `high`, the same in every run.
    fn between(&mut self, low: u64, high: u64) -> u64 {
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + (self.chance >> 33) % (high - low + 1)
    }

    fn run(&mut self, names: &[String]) {
        let began = self.now;
        self.say(Kind::RunStarted {
            run: "20261121-010004-4f1c".to_owned(),
            version: windlass::event::VERSION,
            playbook: "playbooks/upgrade.yml".to_owned(),
            inventory: vec!["inventory/production".to_owned()],
            check: false,
            user: "ann".to_owned(),
            controller: "deploy-1".to_owned(),
            resumes: None,
        });
        self.preflight(names);
        self.stage(names);
        let (control, workers) = names.split_at(CONTROL);
        self.play("Upgrade the control plane, one at a time", control);
        for (at, host) in control.iter().enumerate() {
            self.batch(at + 1, CONTROL, std::slice::from_ref(host), names);
        }
        self.play("Upgrade the kubelets, a few at a time", workers);
        self.workers(names, workers);
        let took = Duration::try_from(self.now.duration_since(began)).unwrap();
        let recap: Vec<Counts> = names.iter().map(|host| self.counts[host].clone()).collect();
        let incomplete = recap
            .iter()
            .any(|it| it.state == HostState::RollbackIncomplete);
        self.say(Kind::RunFinished {
            recap,
            exit_code: if incomplete { 3 } else { 2 },
            took,
        });
    }

    fn play(&mut self, name: &str, hosts: &[String]) {
        self.say(Kind::PlayStarted {
            name: name.to_owned(),
            hosts: hosts.to_vec(),
            rollback: true,
            key: name.to_owned(),
        });
    }

    fn preflight(&mut self, names: &[String]) {
        self.play("Look for what could stop the upgrade", names);
        for host in names {
            let took = Duration::from_millis(self.between(20, 90));
            self.say(Kind::HostConnected {
                host: host.clone(),
                took,
            });
        }
        self.say(Kind::Warning {
            host: Some(names[4].clone()),
            message: "the budget shop/web allows no eviction at the moment".to_owned(),
        });
        for at in 0..6 {
            self.task(
                &format!("preflight : Check {at}"),
                "windlass.preflight",
                names,
                (50, 400),
                Status::Ok,
            );
        }
    }

    fn stage(&mut self, names: &[String]) {
        self.play("Stage the new binaries", names);
        let due = |at: &usize| lot(*at, names.len()) != Lot::UpToDate;
        let (due, there): (Vec<usize>, Vec<usize>) = (0..names.len()).partition(due);
        let called = |places: &[usize]| -> Vec<String> {
            places.iter().map(|at| names[*at].clone()).collect()
        };
        let step = "stage : Stage the new binaries and check them";
        self.task(
            step,
            "windlass.artifact",
            &called(&there),
            (80, 300),
            Status::Ok,
        );
        self.task(
            step,
            "windlass.artifact",
            &called(&due),
            (4_000, 30_000),
            Status::Changed,
        );
    }

    /// Batches of one host, then of a twentieth, then of a tenth of all, until one of them fails.
    fn workers(&mut self, all: &[String], workers: &[String]) {
        let twentieth = (workers.len() / 20).max(1);
        let mut sizes = vec![1, twentieth];
        while sizes.iter().sum::<usize>() < workers.len() {
            sizes.push((workers.len() / 10).max(2));
        }
        let mut rest = workers;
        for (at, size) in sizes.iter().enumerate() {
            let (batch, after) = rest.split_at((*size).min(rest.len()));
            rest = after;
            self.batch(at + 1, sizes.len(), batch, all);
            let bad = self
                .wrong
                .iter()
                .filter(|(host, lot)| batch.contains(host) && *lot == Lot::RestartFails)
                .count();
            if bad > 0 {
                let reason = format!(
                    "{bad} of {} hosts of the batch failed, more than 0 %",
                    batch.len()
                );
                for host in rest {
                    self.counts.get_mut(host).unwrap().state = HostState::Pending;
                }
                self.say(Kind::Stopped {
                    reason,
                    pending: rest.to_vec(),
                });
                return;
            }
            if at == 2 {
                self.probe();
            }
            self.say(Kind::Soaking {
                hosts: batch.to_vec(),
                length: Duration::from_secs(90),
            });
            self.pass(90_000);
        }
    }

    fn probe(&mut self) {
        for (state, answer, bad) in [
            (ProbeState::Bad, "HTTP 503", 1),
            (ProbeState::Good, "HTTP 200", 0),
        ] {
            self.pass(8_000);
            self.say(Kind::ProbeChanged {
                probe: "https://shop.example.org/healthz".to_owned(),
                state,
                answer: answer.to_owned(),
                bad,
            });
        }
    }

    fn batch(&mut self, number: usize, of: usize, hosts: &[String], all: &[String]) {
        self.say(Kind::BatchStarted {
            number,
            of,
            hosts: hosts.to_vec(),
        });
        self.looks(hosts, "Look at");
        let place = |host: &String| all.iter().position(|each| each == host).unwrap();
        let lots: Vec<(String, Lot)> = hosts
            .iter()
            .map(|host| (host.clone(), lot(place(host), all.len())))
            .collect();
        let of_lot = |wanted: Lot| -> Vec<String> {
            lots.iter()
                .filter(|(_, lot)| *lot == wanted)
                .map(|(host, _)| host.clone())
                .collect()
        };
        let gone = of_lot(Lot::Unreachable);
        if !gone.is_empty() {
            let answer = json!({"unreachable": true, "msg": "connect to 10.0.3.17 port 22: connection timed out"});
            self.wrong(
                &gone,
                Lot::Unreachable,
                "drain : Cordon the node",
                "windlass.cordon",
                10_000,
                &answer,
            );
        }
        let mut alive: Vec<String> = lots
            .iter()
            .filter(|(_, lot)| !matches!(lot, Lot::UpToDate | Lot::Unreachable))
            .map(|(host, _)| host.clone())
            .collect();
        if !alive.is_empty() {
            self.upgrade(&mut alive, &lots);
        }
        self.looks(hosts, "Check");
        for host in &alive {
            self.say(Kind::HostCommitted { host: host.clone() });
        }
        self.back(hosts);
    }

    /// Steps that look or have nothing to do.
    fn looks(&mut self, hosts: &[String], verb: &str) {
        let fine: Vec<String> = hosts
            .iter()
            .filter(|host| !self.is_wrong(host))
            .cloned()
            .collect();
        for at in 0..LOOKS {
            let status = if at % 3 == 0 {
                Status::Skipped
            } else {
                Status::Ok
            };
            self.task(
                &format!("binary : {verb} part {at}"),
                "shell",
                &fine,
                (10, 120),
                status,
            );
        }
    }

    fn is_wrong(&self, host: &str) -> bool {
        self.wrong.iter().any(|(each, _)| each == host)
    }

    /// Cordon, drain, swap, restart, gate, uncordon.
    fn upgrade(&mut self, alive: &mut Vec<String>, lots: &[(String, Lot)]) {
        let take = |alive: &mut Vec<String>, lot: Lot| -> Vec<String> {
            let is = |host: &String| lots.iter().any(|(each, its)| each == host && *its == lot);
            let (out, stay) = alive.drain(..).partition(|host| is(host));
            *alive = stay;
            out
        };
        self.task(
            "drain : Cordon the node",
            "windlass.cordon",
            alive,
            (40, 200),
            Status::Changed,
        );
        let stuck = take(alive, Lot::DrainFails);
        let answer = json!({"failed": true, "changed": false, "msg": "3 pods of worker are still there after 300 s",
            "waiting": [{"pod": "shop/web-7f9c5-x2x8p", "reason": "budget shop/web: 0 disruptions allowed"},
                        {"pod": "shop/web-7f9c5-q9wlm", "reason": "budget shop/web: 0 disruptions allowed"},
                        {"pod": "jobs/import-28931", "reason": "still running"}]});
        self.wrong(
            &stuck,
            Lot::DrainFails,
            "drain : Drain the node",
            "windlass.drain",
            300_000,
            &answer,
        );
        self.task(
            "drain : Drain the node",
            "windlass.drain",
            alive,
            (15_000, 170_000),
            Status::Changed,
        );
        self.task(
            "binary : Put kubelet v1.35.1 in place",
            "copy",
            alive,
            (800, 2_600),
            Status::Changed,
        );
        let broken: Vec<String> = [Lot::RestartFails, Lot::WayBackFails]
            .into_iter()
            .flat_map(|lot| take(alive, lot))
            .collect();
        let answer = json!({"failed": true, "changed": true, "rc": 1, "msg": "kubelet did not stay up",
            "stderr": "Job for kubelet.service failed because the control process exited with error code.\n\
                       See \"systemctl status kubelet.service\" and \"journalctl -xeu kubelet.service\" for details.\n",
            "stdout": "E1121 01:41:07.118 7127 run.go:74] \"command failed\" err=\"failed to load kubelet config file, path: \
                       /var/lib/kubelet/config.yaml, error: unknown field \\\"containerLogMaxWorkrs\\\"\"\n"});
        for host in &broken {
            let lot = lots.iter().find(|(each, _)| each == host).unwrap().1;
            self.wrong(
                std::slice::from_ref(host),
                lot,
                "binary : Restart kubelet",
                "ansible.builtin.systemd",
                12_400,
                &answer,
            );
        }
        self.task(
            "binary : Restart kubelet",
            "ansible.builtin.systemd",
            alive,
            (3_000, 14_000),
            Status::Changed,
        );
        self.task(
            "binary : Check that kubelet keeps running",
            "shell",
            alive,
            (10_000, 10_400),
            Status::Ok,
        );
        self.task(
            "release : Wait until the node is healthy at v1.35.1",
            "windlass.gate",
            alive,
            (12_000, 70_000),
            Status::Ok,
        );
        self.task(
            "release : Put the node back in service",
            "windlass.uncordon",
            alive,
            (40, 200),
            Status::Changed,
        );
    }

    /// The way back of those that failed in this batch.
    fn back(&mut self, hosts: &[String]) {
        let wrong: Vec<(String, Lot)> = self
            .wrong
            .iter()
            .filter(|(host, _)| hosts.contains(host))
            .cloned()
            .collect();
        for (host, lot) in wrong {
            if lot == Lot::Unreachable {
                self.counts.get_mut(&host).unwrap().state = HostState::Unreachable;
                continue;
            }
            let reason = self.counts[&host].reason.clone().unwrap();
            self.say(Kind::RollbackStarted {
                host: host.clone(),
                reason,
            });
            let took = self.between(9_000, 41_000);
            self.pass(took);
            let stuck = lot == Lot::WayBackFails;
            let state = if stuck {
                HostState::RollbackIncomplete
            } else {
                HostState::RolledBack
            };
            let swapped = lot != Lot::DrainFails;
            let mut undone = vec!["uncordon the node".to_owned()];
            if swapped {
                undone.insert(0, "replace /usr/local/bin/kubelet".to_owned());
            }
            self.counts.get_mut(&host).unwrap().state = state;
            self.say(Kind::RollbackFinished {
                host: host.clone(),
                state,
                undone: if stuck {
                    vec!["replace /usr/local/bin/kubelet".to_owned()]
                } else {
                    undone
                },
                remaining: if stuck {
                    vec![
                        "systemctl restart kubelet".to_owned(),
                        format!("kubectl uncordon {host}"),
                    ]
                } else {
                    Vec::new()
                },
                message: stuck.then(|| {
                    "kubelet does not start at v1.34.3 either: no space left on device".to_owned()
                }),
                instead: Vec::new(),
            });
        }
    }

    fn start(&mut self, name: &str, action: &str, hosts: &[String]) {
        self.task += 1;
        let role = name.split(" : ").next().unwrap().to_owned();
        self.say(Kind::TaskStarted {
            task: self.task,
            name: name.to_owned(),
            path: format!("playbooks/roles/{role}/tasks/main.yml:{}", name.len()),
            action: action.to_owned(),
            handler: false,
            hosts: hosts.to_vec(),
        });
    }

    /// A task on these hosts at once, each within these milliseconds; it is over when the last host is.
    fn task(
        &mut self,
        name: &str,
        action: &str,
        hosts: &[String],
        millis: (u64, u64),
        status: Status,
    ) {
        if hosts.is_empty() {
            return;
        }
        self.start(name, action, hosts);
        let began = self.now;
        let mut ends: Vec<(u64, &String)> = hosts
            .iter()
            .map(|host| (self.between(millis.0, millis.1), host))
            .collect();
        ends.sort();
        for (took, host) in ends {
            self.now = began + SignedDuration::from_millis(i64::try_from(took).unwrap());
            let counts = self.counts.get_mut(host).unwrap();
            match status {
                Status::Skipped => counts.skipped += 1,
                _ => counts.ok += 1,
            }
            counts.changed += u32::from(status == Status::Changed);
            if status == Status::Changed && action == "copy" {
                self.say(Kind::UndoRecorded {
                    host: host.clone(),
                    step: 1,
                    what: format!("{name}: replace /usr/local/bin/kubelet"),
                });
            }
            let result = answer(action, host, status);
            self.finish(host, status, took, result);
        }
    }

    fn finish(&mut self, host: &str, status: Status, took: u64, result: Value) {
        let task = self.task;
        self.say(Kind::TaskFinished {
            task,
            host: host.to_owned(),
            result: TaskResult {
                status,
                took: Duration::from_millis(took),
                result,
                diff: Vec::new(),
                delegated_to: None,
                verbosity: 1,
            },
        });
    }

    fn wrong(
        &mut self,
        hosts: &[String],
        lot: Lot,
        name: &str,
        action: &str,
        took: u64,
        answer: &Value,
    ) {
        if hosts.is_empty() {
            return;
        }
        self.start(name, action, hosts);
        self.pass(took);
        for host in hosts {
            let status = if lot == Lot::Unreachable {
                Status::Unreachable
            } else {
                Status::Failed
            };
            self.finish(host, status, took, answer.clone());
            let counts = self.counts.get_mut(host).unwrap();
            counts.failed += u32::from(status == Status::Failed);
            counts.unreachable += u32::from(status == Status::Unreachable);
            counts.reason = Some(format!("{name}: {}", answer["msg"].as_str().unwrap()));
            self.wrong.push((host.clone(), lot));
        }
    }
}

/// What a module of this name returns.
fn answer(action: &str, host: &str, status: Status) -> Value {
    let changed = status == Status::Changed;
    match action {
        "windlass.drain" => json!({"changed": changed, "node": host, "deleted": [],
            "pods": ["shop/web-7f9c5-x2x8p", "shop/cache-0", "kube-system/coredns-5d78c-8kq2v"]}),
        "windlass.artifact" => {
            json!({"changed": changed, "dest": "/var/lib/windlass/artifacts/v1.35.1/kubelet", "size": 58_982_400})
        }
        "ansible.builtin.systemd" => {
            json!({"changed": changed, "name": "kubelet", "state": "started"})
        }
        "copy" => {
            json!({"changed": changed, "dest": "/usr/local/bin/kubelet", "checksum": "84939d70e969c06087e63daddc4eee24743e84b2"})
        }
        _ => json!({"changed": changed, "rc": 0, "stdout": "", "stdout_lines": []}),
    }
}
