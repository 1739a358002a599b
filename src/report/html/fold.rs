//! Events become a [`Run`], one after the other. Must not know how a run is shown.

use super::bar::Bar;
use super::host::{Host, Rollback, Span, Step, millis};
use super::output;
use super::run::{Batch, End, Mark, Play, Run, Started};
use crate::event::{Event, HostState, Kind, ProbeState, Status, TaskResult};
use crate::report::failure;
use crate::report::text::one_line;
use serde_json::Value;
use std::time::Duration;

/// A step that changed nothing is told only when it took at least so long.
const SLOW: Duration = Duration::from_secs(1);
/// A note is cut after so many letters.
const NOTE: usize = 300;

impl Run {
    /// Takes in the next event.
    pub(super) fn event(&mut self, event: &Event) {
        let times = self.times.get_or_insert((event.at, event.at));
        times.1 = times.1.max(event.at);
        let at = millis(times.0, event.at);
        match &event.kind {
            Kind::RunStarted {
                run,
                playbook,
                inventory,
                check,
                user,
                controller,
                resumes,
                ..
            } => {
                self.takes_back = (!self.id.is_empty() && self.id != *run).then(|| run.clone());
                if self.id.is_empty() {
                    self.id.clone_from(run);
                }
                self.by = match (user.as_str(), controller.as_str()) {
                    ("", controller) => controller.to_owned(),
                    (user, "") => user.to_owned(),
                    (user, controller) => format!("{user} on {controller}"),
                };
                self.resumes.clone_from(resumes);
                self.playbook.clone_from(playbook);
                self.inventory.clone_from(inventory);
                self.check = *check;
            }
            Kind::PlayStarted { name, hosts, .. } => self.play(at, name, hosts),
            Kind::BatchStarted { number, of, hosts } => self.batch_started(at, *number, *of, hosts),
            Kind::Soaking { hosts, length } => self.soak(at, hosts, *length),
            Kind::TaskStarted {
                task,
                name,
                path,
                action,
                ..
            } => self.task(*task, name, path, action),
            Kind::TaskFinished { task, host, result } => self.result(at, *task, host, result),
            Kind::UndoRecorded { host, what, .. } => self.host(host).undo = Some(what.clone()),
            Kind::RunFinished {
                recap,
                exit_code,
                took,
            } => {
                for counts in recap {
                    let host = self.host(&counts.host);
                    host.state = Some(counts.state);
                    host.counts = counts.clone();
                }
                self.end = Some(End {
                    exit_code: *exit_code,
                    took: *took,
                });
                self.end_soaks(at);
            }
            other => self.aside(at, other),
        }
    }

    /// What happens beside plays and tasks.
    fn aside(&mut self, at: i64, kind: &Kind) {
        match kind {
            Kind::HostReconnected { host, reason } => {
                let note = format!("connected again after: {reason}");
                self.host(host).notes.push((at, note));
            }
            Kind::PassedOver { play, hosts } => {
                for host in hosts {
                    let note = format!("did the play {play} in an earlier run");
                    self.host(host).notes.push((at, note));
                }
            }
            Kind::HostCommitted { host } | Kind::HostPassed { host, .. } => {
                self.host(host).in_flight = false;
                self.reached(at, host);
            }
            Kind::WentBack {
                host,
                run,
                since,
                complete,
            } => {
                let how = if *complete {
                    ""
                } else {
                    "; the way back is incomplete"
                };
                let note = format!("went back by itself since {since}, from run {run}{how}");
                self.host(host).notes.push((at, note));
            }
            Kind::TakenBack { host, run, undone } => {
                let note = format!("run {run} was taken back first: {}", undone.join("; "));
                self.host(host).notes.push((at, note));
            }
            Kind::ProbeChanged {
                probe,
                state,
                answer,
                ..
            } => {
                let text = match state {
                    ProbeState::Good => format!("{probe} is well again: {answer}"),
                    ProbeState::Bad => format!("{probe} is not well: {answer}"),
                    ProbeState::Breached => format!("{probe} is not well for too long: {answer}"),
                };
                self.mark(at, text, false);
            }
            Kind::Interrupted { now } => {
                let text = if *now {
                    "told to stop at once"
                } else {
                    "told to stop"
                };
                self.mark(at, text.to_owned(), true);
            }
            Kind::Stopped { reason, pending } => {
                self.end_soaks(at);
                self.mark(at, reason.clone(), true);
                self.stops.push(reason.clone());
                self.pending.extend(pending.iter().cloned());
                for host in pending {
                    self.host(host);
                }
            }
            Kind::Warning { host, message } => {
                let hosts = self.warnings.entry(one_line(message)).or_default();
                hosts.extend(host.clone());
            }
            other => self.way_back(at, other),
        }
    }

    fn way_back(&mut self, at: i64, kind: &Kind) {
        match kind {
            Kind::RollbackStarted { host, reason } => {
                self.host(host).rollback = Some(Rollback {
                    from: at,
                    until: None,
                    reason: reason.clone(),
                    undone: Vec::new(),
                    remaining: Vec::new(),
                    message: None,
                    instead: Vec::new(),
                });
            }
            Kind::RollbackFinished {
                host,
                state,
                undone,
                remaining,
                message,
                instead,
            } => {
                self.reached(at, host);
                let host = self.host(host);
                let started = host.rollback.take();
                let from = started.as_ref().map_or(at, |it| it.from);
                host.rollback = Some(Rollback {
                    from,
                    until: Some(at),
                    reason: started.map(|it| it.reason).unwrap_or_default(),
                    undone: undone.clone(),
                    remaining: remaining.clone(),
                    message: message.clone(),
                    instead: instead.clone(),
                });
                host.state = Some(*state);
                host.in_flight = false;
                host.add_span(Span {
                    bar: Bar::Rollback,
                    from,
                    until: at,
                });
            }
            // What remains says how far something is, and its end is told.
            _ => {}
        }
    }

    fn mark(&mut self, at: i64, text: String, stop: bool) {
        self.marks.push(Mark { at, text, stop });
    }

    fn host(&mut self, name: &str) -> &mut Host {
        self.hosts
            .entry(name.to_owned())
            .or_insert_with(|| Host::new(name))
    }

    fn play(&mut self, at: i64, name: &str, hosts: &[String]) {
        self.end_soaks(at);
        self.land();
        if hosts.is_empty() {
            return;
        }
        self.plays.push(Play {
            name: one_line(name),
            hosts: hosts.to_vec(),
            of: 1,
            batches: Vec::new(),
            batched: false,
        });
        self.begin(at, 1, hosts);
    }

    fn batch_started(&mut self, at: i64, number: usize, of: usize, hosts: &[String]) {
        self.end_soaks(at);
        self.land();
        let Some(play) = self.plays.last_mut() else {
            return;
        };
        if !play.batched {
            // Until now it looked as if the play went in one go.
            play.batches.clear();
        }
        play.batched = true;
        play.of = of;
        self.begin(at, number, hosts);
    }

    /// A batch begins, with its hosts under way.
    fn begin(&mut self, at: i64, number: usize, hosts: &[String]) {
        for host in hosts {
            self.host(host).in_flight = true;
        }
        if let Some(play) = self.plays.last_mut() {
            play.batches.push(Batch {
                number,
                hosts: hosts.iter().cloned().collect(),
                from: at,
                until: at,
                soak: None,
            });
        }
    }

    /// Nobody is under way any more.
    fn land(&mut self) {
        for host in self.hosts.values_mut() {
            host.in_flight = false;
        }
    }

    fn soak(&mut self, at: i64, hosts: &[String], length: Duration) {
        let end = at + i64::try_from(length.as_millis()).unwrap_or(i64::MAX / 2);
        self.soaking = Some((at, end));
        for host in hosts {
            self.host(host).in_flight = false;
        }
    }

    /// What comes next ends a soak early, where it was cut short.
    fn end_soaks(&mut self, at: i64) {
        let Some((from, until)) = self.soaking.take() else {
            return;
        };
        let until = until.min(at);
        let batch = self.plays.last_mut().and_then(|it| it.batches.last_mut());
        let Some(batch) = batch else { return };
        batch.soak = Some((from, until));
        for name in batch.hosts.clone() {
            let host = self.host(&name);
            if host.state.is_none() {
                host.add_span(Span {
                    bar: Bar::Soak,
                    from,
                    until,
                });
            }
        }
    }

    fn task(&mut self, number: usize, name: &str, path: &str, action: &str) {
        let key = (one_line(name), path.to_owned());
        let entry = self.tasks.entry(key);
        let task = entry.index();
        let known = entry.or_default();
        known.name = one_line(name);
        path.clone_into(&mut known.path);
        let action = action.to_owned();
        self.started.insert(number, Started { task, action });
    }

    /// Something of the current batch ended on a host at this time.
    fn reached(&mut self, at: i64, host: &str) {
        let batch = self.plays.last_mut().and_then(|it| it.batches.last_mut());
        if let Some(batch) = batch
            && batch.hosts.contains(host)
        {
            batch.until = batch.until.max(at);
        }
    }

    fn result(&mut self, at: i64, number: usize, name: &str, result: &TaskResult) {
        if !self.started.contains_key(&number) {
            self.task(number, &format!("task {number}"), "", "");
        }
        let Some(started) = self.started.get(&number).cloned() else {
            return;
        };
        self.reached(at, name);
        self.spend(started.task, name, result.took);
        let place = self.place();
        let bar = Bar::of(&started.action, result);
        let host = self.host(name);
        count(host, result.status);
        let undo = host.undo.take();
        if result.status == Status::Skipped {
            return;
        }
        let took = i64::try_from(result.took.as_millis()).unwrap_or(at);
        host.add_span(Span {
            bar,
            from: (at - took).max(0),
            until: at,
        });
        let changed = result.status == Status::Changed;
        if let Some(place) = place {
            host.worked(place, changed, result.took);
        }
        if let Some(step) = step(at, started.task, result, undo) {
            host.steps.push(step);
        }
    }

    /// The batch that is under way.
    fn place(&self) -> Option<(usize, usize)> {
        let play = self.plays.len().checked_sub(1)?;
        Some((play, self.plays[play].batches.len().checked_sub(1)?))
    }

    fn spend(&mut self, task: usize, host: &str, took: Duration) {
        let Some((_, task)) = self.tasks.get_index_mut(task) else {
            return;
        };
        task.total += took;
        task.runs += 1;
        if took >= task.longest {
            task.longest = took;
            host.clone_into(&mut task.slowest_host);
        }
    }

    /// Called once after the last event: settles what the record leaves open.
    pub(super) fn close(&mut self) {
        let length = self.length();
        self.end_soaks(length);
        if self.end.is_none()
            && let Some(play) = self.plays.last()
        {
            let begun = |host: &String| play.batches.iter().any(|batch| batch.hosts.contains(host));
            let waiting: Vec<String> = play.hosts.iter().filter(|it| !begun(it)).cloned().collect();
            for name in waiting {
                self.host(&name).state.get_or_insert(HostState::Pending);
            }
        }
        let asked_back = self.takes_back.is_some();
        for host in self.hosts.values_mut() {
            host.asked_back = asked_back;
            host.close(length);
        }
    }
}

fn count(host: &mut Host, status: Status) {
    let counts = &mut host.counts;
    match status {
        Status::Ok | Status::Changed if host.state == Some(HostState::Failed) => {
            // The failure before was caught, or the host would not have gone on.
            host.state = None;
            count(host, status);
        }
        Status::Ok => counts.ok += 1,
        Status::Changed => {
            counts.ok += 1;
            counts.changed += 1;
        }
        Status::Skipped => counts.skipped += 1,
        Status::Ignored => {
            counts.ok += 1;
            counts.ignored += 1;
        }
        Status::Failed | Status::Unknown => {
            counts.failed += 1;
            host.state = Some(HostState::Failed);
        }
        Status::Unreachable => {
            counts.unreachable += 1;
            host.state = Some(HostState::Unreachable);
        }
        Status::Aborted => host.state = Some(HostState::Aborted),
    }
}

/// The line that a result is worth, if it is worth one.
fn step(at: i64, task: usize, result: &TaskResult, undo: Option<String>) -> Option<Step> {
    let (note, outputs) = match result.status {
        Status::Skipped => return None,
        Status::Ok if result.took < SLOW => return None,
        Status::Ok | Status::Aborted => (String::new(), Vec::new()),
        Status::Changed => (change(result, undo), Vec::new()),
        Status::Failed | Status::Ignored | Status::Unreachable | Status::Unknown => {
            (failure::message(result), output::of(result))
        }
    };
    Some(Step {
        task,
        status: result.status,
        until: at,
        took: result.took,
        note: shortened(&note),
        outputs,
    })
}

/// What a step changed, in a few words: by the undo log, else by what the result names.
fn change(result: &TaskResult, undo: Option<String>) -> String {
    if let Some(undo) = undo {
        // It begins with the task's name, which is told already.
        return undo.rsplit(": ").next().unwrap_or(&undo).to_owned();
    }
    let entries = &result.result;
    let text = |key: &str| {
        let text = entries.get(key).and_then(Value::as_str).map(one_line);
        text.filter(|text| !text.is_empty())
    };
    let many = |key: &str| entries.get(key).and_then(Value::as_array).map(Vec::len);
    if let Some(pods) = many("pods") {
        let deleted = many("deleted").unwrap_or(0);
        return match deleted {
            0 => format!("{pods} pods evicted"),
            _ => format!("{pods} pods evicted, {deleted} deleted"),
        };
    }
    if let Some(items) = many("results") {
        return format!("{items} items");
    }
    if let (Some(name), Some(state)) = (text("name"), text("state")) {
        return format!("{name} {state}");
    }
    let delegated = result.delegated_to.as_ref();
    let what = text("dest")
        .or_else(|| text("path"))
        .or_else(|| text("msg"));
    match (what, delegated) {
        (Some(what), Some(other)) => format!("{what} (on {other})"),
        (None, Some(other)) => format!("on {other}"),
        (what, None) => what.unwrap_or_default(),
    }
}

fn shortened(note: &str) -> String {
    let note = one_line(note);
    match note.char_indices().nth(NOTE) {
        None => note,
        Some((at, _)) => format!("{}…", &note[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::standing::Standing;
    use crate::report::sample::{
        at, batch, broken, changed, failed_run, names, ok, play, result, run, task,
    };
    use serde_json::json;

    /// These events, one second apart.
    fn folded(kinds: Vec<Kind>) -> Run {
        let mut folded = Run::new("");
        for (second, kind) in (0..).zip(kinds) {
            folded.event(&at(second * 1_000, kind));
        }
        folded.close();
        folded
    }

    #[test]
    fn a_failed_batch_is_told_with_its_way_back_and_those_that_wait() {
        let run = folded(failed_run());
        let standing = |host: &str| run.hosts[host].standing();
        assert_eq!(standing("worker1"), Standing::Changed);
        assert_eq!(standing("worker2"), Standing::RolledBack);
        assert_eq!(standing("worker3"), Standing::Pending);
        let [play] = &run.plays[..] else {
            panic!("{:?}", run.plays)
        };
        let [batch] = &play.batches[..] else {
            panic!("{play:?}")
        };
        assert!(play.batched && play.of == 2);
        assert_eq!((batch.from, batch.until), (2_000, 11_000));
        let back = &run.hosts["worker2"];
        assert_eq!(
            back.rollback.as_ref().map(|it| (it.from, it.until)),
            Some((10_000, Some(11_000)))
        );
        assert_eq!(back.reason(), Some("k3s : restart: non-zero return code"));
        assert_eq!(
            back.failure().map(|step| step.note.as_str()),
            Some("non-zero return code (rc 1)")
        );
        assert_eq!(
            back.failure().map(|step| step.outputs.len()),
            Some(1),
            "stderr"
        );
        assert_eq!(run.stops.len(), 1);
    }

    #[test]
    fn a_task_of_many_batches_is_one_and_its_times_add_up() {
        let mut kinds = vec![run(), play("all", &["a", "b"])];
        for (number, host) in [(1, "a"), (2, "b")] {
            kinds.push(batch(number, 2, &[host]));
            let Kind::TaskStarted {
                name,
                action,
                handler,
                hosts,
                ..
            } = task(number, "Install", "copy", &[host])
            else {
                unreachable!()
            };
            kinds.push(Kind::TaskStarted {
                task: number,
                name,
                path: "site.yml:3".to_owned(),
                action,
                handler,
                hosts,
            });
            kinds.push(changed(number, host));
        }
        let run = folded(kinds);
        assert_eq!(run.tasks.len(), 1);
        assert_eq!(
            (run.tasks[0].runs, run.tasks[0].total),
            (2, Duration::from_millis(600))
        );
        assert_eq!(run.hosts["b"].home(|_| true), Some((0, 1)));
    }

    #[test]
    fn a_soak_ends_when_something_else_begins_and_is_no_host_s_that_failed() {
        let soaking = Kind::Soaking {
            hosts: names(&["a", "b"]),
            length: Duration::from_mins(1),
        };
        let run = folded(vec![
            run(),
            play("all", &["a", "b", "c"]),
            batch(1, 2, &["a", "b"]),
            task(1, "Install", "copy", &["a", "b"]),
            changed(1, "a"),
            broken(1, "b"),
            soaking,
            batch(2, 2, &["c"]),
        ]);
        assert_eq!(run.plays[0].batches[0].soak, Some((6_000, 7_000)));
        let soaks = |host: &str| {
            run.hosts[host]
                .spans
                .iter()
                .filter(|span| span.bar == Bar::Soak)
                .count()
        };
        assert_eq!((soaks("a"), soaks("b")), (1, 0));
        assert_eq!(run.hosts["c"].standing(), Standing::InFlight);
    }

    #[test]
    fn a_failure_that_was_caught_is_no_failure_of_the_host() {
        let run = folded(vec![
            run(),
            play("all", &["a"]),
            task(1, "Try", "command", &["a"]),
            broken(1, "a"),
            task(2, "Rescue", "command", &["a"]),
            ok(2, "a"),
            Kind::HostPassed {
                host: "a".to_owned(),
                play: String::new(),
            },
        ]);
        assert_eq!(run.hosts["a"].standing(), Standing::Unchanged);
        assert_eq!(run.hosts["a"].steps.len(), 1);
        assert_eq!(run.hosts["a"].reason(), None);
    }

    #[test]
    fn a_rollback_is_what_was_asked_for() {
        let mut run = Run::new("20260102-b2");
        for kind in failed_run() {
            run.event(&at(0, kind));
        }
        run.close();
        assert_eq!(run.takes_back.as_deref(), Some("20260102-a1"));
        assert_eq!(run.hosts["worker2"].standing(), Standing::TakenBack);
    }

    #[test]
    fn a_change_is_told_in_a_few_words() {
        let undo = Some("binary : Put k3s in place: replace /usr/local/bin/k3s".to_owned());
        let cases = [
            (json!({"dest": "/a"}), undo, "replace /usr/local/bin/k3s"),
            (
                json!({"pods": ["a", "b"], "deleted": []}),
                None,
                "2 pods evicted",
            ),
            (
                json!({"name": "k3s", "state": "started"}),
                None,
                "k3s started",
            ),
            (
                json!({"results": [1, 2, 3], "msg": "All items completed"}),
                None,
                "3 items",
            ),
            (json!({"dest": "/etc/x"}), None, "/etc/x"),
            (json!({"rc": 0}), None, ""),
        ];
        for (value, undo, expected) in cases {
            assert_eq!(change(&result(Status::Changed, value), undo), expected);
        }
        assert_eq!(shortened(&"ö".repeat(NOTE + 1)).chars().count(), NOTE + 1);
    }
}
