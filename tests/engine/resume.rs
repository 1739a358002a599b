//! Runs that are killed, interrupted or fail, and the runs that go on with them.

use crate::support::{Place, Ran};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

/// One host after the other: a change that can be taken back, a note of each time, and a place to be killed at.
const UPGRADE: &str = "
- name: upgrade
  hosts: all
  gather_facts: false
  serial: 1
  rollback: {on: failure}
  tasks:
    - copy: {dest: '{{ place }}/conf', content: new}
    - shell: echo x >>{{ place }}/times
    - name: hold
      shell: while [ -e {{ place }}/hold ]; do sleep 0.05; done
      changed_when: false
    - fail: {msg: broken}
      when: lookup('fileglob', place ~ '/broken')
";

/// A change that notifies, in a play that keeps no undo logs.
const NOTIFIES: &str = "
- name: configure
  hosts: all
  gather_facts: false
  tasks:
    - copy: {dest: '{{ place }}/conf', content: new}
      notify: restart
    - name: hold
      shell: while [ -e {{ place }}/hold ]; do sleep 0.05; done
      changed_when: false
    - copy: {dest: '{{ place }}/last', content: written}
  handlers:
    - name: restart
      shell: cat {{ place }}/last >>{{ place }}/restarts
";

fn place(hosts: &[&str]) -> Place {
    let place = Place::new(hosts);
    for host in hosts {
        fs::write(place.on(host, "conf"), "old").unwrap();
    }
    place
}

/// Holds a run up on a host until it is let go.
fn hold(place: &Place, host: &str) {
    fs::write(place.on(host, "hold"), "").unwrap();
}

fn let_go(place: &Place, host: &str) {
    fs::remove_file(place.on(host, "hold")).unwrap();
}

fn runs(place: &Place) -> Vec<PathBuf> {
    let folder = fs::read_dir(place.state().join("runs"));
    let entries = folder.into_iter().flatten();
    let mut runs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs
}

fn id(run: &std::path::Path) -> String {
    run.file_name().unwrap().to_str().unwrap().to_owned()
}

fn journal(run: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    let events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.map(|event| event["kind"].clone()).collect()
}

/// Waits until the journal of the newest run, which must not be one of `before`, says that the held task started on `host`.
fn held(place: &Place, before: usize, host: &str) -> PathBuf {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        assert!(
            Instant::now() < end,
            "the run does not get to the task that holds it"
        );
        if let Some(run) = runs(place).get(before) {
            let here = |event: &Value| {
                event["event"] == "task_started"
                    && event["name"] == "hold"
                    && event["hosts"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|it| it == host)
            };
            if journal(run).iter().any(here) {
                return run.clone();
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Kills a run outright while it is held on `host`; gives its id.
fn kill(place: &Place, mut child: Child, before: usize, host: &str) -> String {
    let run = held(place, before, host);
    child.kill().unwrap();
    child.wait().unwrap();
    let_go(place, host);
    id(&run)
}

fn resume(place: &Place, more: &[&str]) -> Ran {
    let arguments = [&["--json"], more].concat();
    place.bare("resume", &arguments)
}

fn passed_over(ran: &Ran) -> Vec<String> {
    let hosts = ran
        .all("passed_over")
        .into_iter()
        .flat_map(|event| event["hosts"].as_array().unwrap());
    hosts
        .map(|host| host.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_killed_run_is_gone_on_with_at_the_host_that_it_was_at() {
    let place = place(&["h1", "h2", "h3"]);
    hold(&place, "h2");
    let killed = kill(&place, place.start(UPGRADE), 0, "h2");
    let ran = resume(&place, &[]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(ran.all("run_started")[0]["resumes"], killed.as_str());
    assert_eq!(passed_over(&ran), ["h1"]);
    assert_eq!(ran.all("taken_back")[0]["host"], "h2");
    for (host, times) in [("h1", "x\n"), ("h2", "x\nx\n"), ("h3", "x\n")] {
        assert_eq!(place.read(host, "conf"), "new", "{host}");
        assert_eq!(place.read(host, "times"), times, "{host}");
    }
    let again = resume(&place, &[]);
    assert_eq!(again.code, 0, "{}", again.text);
    assert!(again.text.contains("nothing to resume"), "{}", again.text);
    let named = resume(&place, &[&killed]);
    assert_eq!(named.code, 0, "{}", named.text);
    assert!(named.text.contains("nothing to resume"), "{}", named.text);
}

#[test]
fn a_chain_of_killed_runs_does_each_host_once() {
    let place = place(&["h1", "h2", "h3"]);
    for host in ["h2", "h3"] {
        hold(&place, host);
    }
    let first = kill(&place, place.start(UPGRADE), 0, "h2");
    let second = kill(&place, place.start_bare("resume", &["--json"]), 1, "h3");
    // The first one's name means the whole chain.
    let ran = resume(&place, &[&first]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(ran.all("run_started")[0]["resumes"], second.as_str());
    assert_eq!(passed_over(&ran), ["h1", "h2"]);
    for (host, times) in [("h1", 1), ("h2", 2), ("h3", 2)] {
        assert_eq!(place.read(host, "times").lines().count(), times, "{host}");
        assert_eq!(place.read(host, "conf"), "new", "{host}");
    }
}

#[test]
fn what_a_host_has_committed_counts_also_when_the_journal_does_not_know() {
    let place = place(&["h1", "h2"]);
    hold(&place, "h2");
    let killed = kill(&place, place.start(UPGRADE), 0, "h2");
    // As if the controller had died between the host's commit and its own note of it.
    let path = place
        .state()
        .join("runs")
        .join(&killed)
        .join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let kept = text
        .lines()
        .take_while(|line| !line.contains("host_committed"));
    let kept: String = kept.map(|line| line.to_owned() + "\n").collect();
    assert!(kept.len() < text.len());
    fs::write(&path, kept).unwrap();
    let ran = resume(&place, &[]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(passed_over(&ran), ["h1"]);
    assert_eq!(place.read("h1", "times"), "x\n");
    let told = ran.all("host_passed");
    assert!(
        told.iter().any(|event| event["host"] == "h1"),
        "{}",
        ran.text
    );
}

#[test]
fn handlers_that_were_pending_run_once_at_their_place() {
    let place = place(&["h1", "h2"]);
    hold(&place, "h1");
    kill(&place, place.start(NOTIFIES), 0, "h1");
    assert_eq!(place.read("h1", "restarts"), "");
    let ran = resume(&place, &[]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    for host in ["h1", "h2"] {
        // After the last task, which the handler needs.
        assert_eq!(place.read(host, "restarts"), "written", "{host}");
    }
    assert_eq!(
        ran.counts("h1")[1],
        2,
        "the last file and the handler: {}",
        ran.text
    );
}

#[test]
fn a_failed_host_is_done_again_and_the_command_for_it_is_the_last_line() {
    let place = place(&["h1", "h2", "h3"]);
    fs::write(place.on("h2", "broken"), "").unwrap();
    let failed = place.run(UPGRADE);
    assert_eq!(failed.code, 2, "{}", failed.text);
    let run = failed.all("run_started")[0]["run"].as_str().unwrap();
    let last = failed.text.lines().last().unwrap();
    let expected = format!("to go on: windlass resume {run}");
    assert!(last.starts_with(&expected), "{last}");
    assert_eq!(place.read("h2", "conf"), "old");
    // It is still broken, and the only host of its batch: the last one does not get its turn.
    let ran = resume(&place, &[]);
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(passed_over(&ran), ["h1"]);
    assert_eq!(ran.recap("h3")["state"], "pending");
    fs::remove_file(place.on("h2", "broken")).unwrap();
    let ran = resume(&place, &[]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    for host in ["h1", "h2", "h3"] {
        assert_eq!(place.read(host, "conf"), "new", "{host}");
    }
    assert_eq!(place.read("h1", "times"), "x\n");
}

#[test]
fn an_interrupted_run_is_gone_on_with() {
    let place = place(&["h1", "h2"]);
    hold(&place, "h1");
    let child = place.start(UPGRADE);
    held(&place, 0, "h1");
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    // It must have been heard before the host goes on.
    std::thread::sleep(Duration::from_millis(200));
    let_go(&place, "h1");
    let ended = Ran::of(&child.wait_with_output().unwrap());
    assert_eq!(ended.code, 130, "{}", ended.text);
    let last = ended.text.lines().last().unwrap();
    assert!(last.starts_with("to go on: windlass resume "), "{last}");
    let ran = resume(&place, &[]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    for host in ["h1", "h2"] {
        assert_eq!(place.read(host, "conf"), "new", "{host}");
    }
}

#[test]
fn a_changed_playbook_is_refused_unless_asked_for() {
    let place = place(&["h1", "h2"]);
    place.file("roles/old/tasks/main.yml", "- debug: {msg: old}\n");
    fs::write(place.on("h2", "broken"), "").unwrap();
    assert_eq!(place.run(UPGRADE).code, 2);
    fs::remove_file(place.on("h2", "broken")).unwrap();
    place.file(
        "playbook.yml",
        &format!("{UPGRADE}    - debug: {{msg: more}}\n"),
    );
    place.file("group_vars/all.yml", "x: 1\n");
    fs::remove_file(
        place
            .state()
            .parent()
            .unwrap()
            .join("roles/old/tasks/main.yml"),
    )
    .unwrap();
    let refused = resume(&place, &[]);
    assert_eq!(refused.code, 1, "{}", refused.text);
    for line in [
        "  added   group_vars/all.yml",
        "  changed playbook.yml",
        "  gone    roles/old/tasks/main.yml",
        "--changed",
    ] {
        assert!(refused.text.contains(line), "{line}: {}", refused.text);
    }
    assert_eq!(place.read("h2", "conf"), "old");
    let ran = resume(&place, &["--changed"]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(passed_over(&ran), ["h1"]);
    assert_eq!(place.read("h2", "conf"), "new");
}

#[test]
fn a_host_whose_undo_log_is_gone_is_named_and_the_others_go_on() {
    let place = place(&["h1", "h2", "h3"]);
    // The one that is lost shares its batch, so that it is not all of it that fails.
    let in_twos = UPGRADE.replace("serial: 1", "serial: [1, 2]");
    hold(&place, "h2");
    let killed = kill(&place, place.start(&in_twos), 0, "h2");
    let mut labs = fs::read_dir(place.state().join("lab")).unwrap();
    let lab = labs.next().unwrap().unwrap().path();
    let log = lab.join("hosts/h2/var/lib/windlass/runs").join(&killed);
    fs::remove_dir_all(&log).unwrap();
    let ran = resume(&place, &[]);
    assert_eq!(ran.code, 2, "{}", ran.text);
    let reason = ran.recap("h2")["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("/runs/{killed}")), "{reason}");
    assert!(
        reason.contains("is gone") && reason.contains("conf"),
        "{reason}"
    );
    assert_eq!(place.read("h2", "times"), "x\n", "nothing was done there");
    assert_eq!(place.read("h3", "conf"), "new");
    assert_eq!(passed_over(&ran), ["h1"]);
}

#[test]
fn a_host_that_was_taken_back_since_is_done_again() {
    let place = place(&["h1", "h2"]);
    fs::write(place.on("h2", "broken"), "").unwrap();
    let failed = place.run(UPGRADE);
    let run = failed.all("run_started")[0]["run"].as_str().unwrap();
    let back = place.other("rollback", &[run, "--json"]);
    assert_eq!(back.code, 0, "{}", back.text);
    assert_eq!(place.read("h1", "conf"), "old");
    fs::remove_file(place.on("h2", "broken")).unwrap();
    let ran = resume(&place, &[]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(passed_over(&ran), Vec::<String>::new());
    assert_eq!(place.read("h1", "conf"), "new");
    assert_eq!(place.read("h2", "conf"), "new");
}

#[test]
fn plays_that_only_look_run_for_those_who_have_something_to_do() {
    let looks = format!(
        "
- name: look
  hosts: all
  gather_facts: false
  tasks:
    - shell: echo x >>{{{{ place }}}}/looks
    - set_fact: {{found: '{{{{ inventory_hostname }}}}'}}
{UPGRADE}    - debug: {{msg: '{{{{ found }}}}'}}
"
    );
    let place = place(&["h1", "h2"]);
    hold(&place, "h2");
    kill(&place, place.start(&looks), 0, "h2");
    let ran = resume(&place, &[]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(place.read("h1", "looks"), "x\n");
    assert_eq!(place.read("h2", "looks"), "x\nx\n");
    assert_eq!(ran.said("h2"), ["h2"]);
}

#[test]
fn secret_variables_are_asked_for_again_and_compared() {
    let place = place(&["h1"]);
    fs::write(place.on("h1", "broken"), "").unwrap();
    let given = ["-e", "token=hunter22 kube_version=v1.35.1"];
    let failed = place.run_with(UPGRADE, &given);
    assert_eq!(failed.code, 2, "{}", failed.text);
    let last = failed.text.lines().last().unwrap();
    assert!(last.ends_with(" -e token=..."), "{last}");
    let request = fs::read_to_string(runs(&place)[0].join("request.json")).unwrap();
    assert!(
        request.contains("v1.35.1") && request.contains("token"),
        "{request}"
    );
    assert!(!request.contains("hunter22"), "{request}");
    fs::remove_file(place.on("h1", "broken")).unwrap();
    for (more, says) in [
        (&[][..], "token"),
        (&["-e", "token=hunter23"][..], "token"),
        (
            &["-e", "token=hunter22 kube_version=v1.36.0"][..],
            "kube_version",
        ),
        (&["-e", "token=hunter22 other=1"][..], "other"),
    ] {
        let refused = resume(&place, more);
        assert_eq!(refused.code, 1, "{more:?}: {}", refused.text);
        assert!(refused.text.contains(says), "{}", refused.text);
        assert!(!refused.text.contains("hunter2"), "{}", refused.text);
    }
    let ran = resume(&place, &["-e", "token=hunter22"]);
    assert_eq!(ran.code, 0, "{}", ran.text);
}

#[test]
fn a_run_under_way_an_unknown_one_and_a_check_are_refused() {
    let place = place(&["h1"]);
    hold(&place, "h1");
    let child = place.start(UPGRADE);
    let run = id(&held(&place, 0, "h1"));
    for more in [&[][..], &[run.as_str()][..]] {
        let refused = resume(&place, more);
        assert_eq!(refused.code, 5, "{}", refused.text);
        assert!(refused.text.contains("still under way"), "{}", refused.text);
    }
    let_go(&place, "h1");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    let near = format!("{}x", &run[..run.len() - 1]);
    let refused = resume(&place, &[&near]);
    assert_eq!(refused.code, 1, "{}", refused.text);
    assert!(
        refused.text.contains(&format!("did you mean `{run}`?")),
        "{}",
        refused.text
    );
    let checked = place.run_with(UPGRADE, &["--check"]);
    let run = checked.all("run_started")[0]["run"].as_str().unwrap();
    let refused = resume(&place, &[run]);
    assert_eq!(refused.code, 1, "{}", refused.text);
    assert!(refused.text.contains("changed nothing"), "{}", refused.text);
}

#[test]
fn the_same_run_command_goes_on_where_the_last_one_stopped() {
    let place = place(&["h1", "h2"]);
    fs::write(place.on("h2", "broken"), "").unwrap();
    let first = place.run_with(UPGRADE, &["--resume"]);
    assert_eq!(first.code, 2, "{}", first.text);
    assert_eq!(first.all("run_started")[0]["resumes"], Value::Null);
    fs::remove_file(place.on("h2", "broken")).unwrap();
    let second = place.run_with(UPGRADE, &["--resume"]);
    assert_eq!(second.code, 0, "{}", second.text);
    assert_eq!(
        second.all("run_started")[0]["resumes"],
        first.all("run_started")[0]["run"]
    );
    assert_eq!(passed_over(&second), ["h1"]);
    // That is done: the next one is a run of its own.
    let third = place.run_with(UPGRADE, &["--resume"]);
    assert_eq!(third.code, 0, "{}", third.text);
    assert_eq!(third.all("run_started")[0]["resumes"], Value::Null);
    assert_eq!(place.read("h1", "times"), "x\nx\n");
}

#[test]
fn limits_by_the_last_run_choose_its_hosts() {
    let place = place(&["h1", "h2", "h3"]);
    fs::write(place.on("h2", "broken"), "").unwrap();
    let stops = UPGRADE.replace("serial: 1", "serial: 1\n  max_failures: 0");
    let failed = place.run(&stops);
    assert_eq!(failed.code, 2, "{}", failed.text);
    assert_eq!(failed.state("h3"), "pending");
    let hosts = |limit: &str| {
        let listed = place.other("inventory", &["--limit", limit, "--list"]);
        let found: Value =
            serde_json::from_str(&listed.text).unwrap_or_else(|_| panic!("{}", listed.text));
        let mut names: Vec<String> = found["_meta"]["hostvars"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        names.sort();
        names
    };
    assert_eq!(hosts("@failed"), ["h2"]);
    assert_eq!(hosts("@pending"), ["h2", "h3"]);
    assert_eq!(hosts("@last"), ["h1", "h2", "h3"]);
    assert_eq!(hosts("@last,!@failed"), ["h1", "h3"]);
    assert_eq!(hosts("@pending:&h3"), ["h3"]);
    place.file("failed", "h1\n");
    assert_eq!(hosts("@./failed"), ["h1"]);
    assert_eq!(hosts("@failed"), ["h2"]);
    fs::remove_file(place.on("h2", "broken")).unwrap();
    assert_eq!(place.run_with(&stops, &["--limit", "@pending"]).code, 0);
    let none = place.other("inventory", &["--limit", "@failed"]);
    assert_eq!(none.code, 1, "{}", none.text);
    assert!(none.text.contains("no host failed"), "{}", none.text);
}
